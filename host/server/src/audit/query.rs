//! What is asked of the log: a page of the entries that a filter lets through.

use jeton_policy::store::{Direction, Unavailable};
use jeton_store::audit::{AuditLog, Line, MAX_LINES};
use serde_json::Value;

/// Lines that one page looks at: some tens of milliseconds. It may hold fewer than were asked for, and go on all the same.
const MAX_EXAMINED: usize = 5000;

/// A filter, and where in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Goes on behind this entry.
    pub after: Option<u64>,
    /// From the last entry to the first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: u32,
    /// Who.
    pub actor: Option<String>,
    /// What: the whole name of an act, or what stands before a dot in it.
    pub act: Option<String>,
    /// Whom or what it was about: the id of a refresh token, a `jti`, an owner, an account.
    pub target: Option<String>,
    /// From this moment on (Unix seconds).
    pub since: Option<u64>,
    /// Until before this one.
    pub until: Option<u64>,
}

/// Entries that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In the order asked for.
    pub lines: Vec<Line>,
    /// Behind which entry to go on; `None`: there are no more now.
    pub next: Option<u64>,
}

impl Query {
    /// Asks a log.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn ask(&self, log: &dyn AuditLog) -> Result<Found, Unavailable> {
        let direction = if self.newest_first { Direction::Descending } else { Direction::Ascending };
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut found = Found { lines: Vec::new(), next: self.after };
        let mut examined = 0_usize;
        loop {
            let page = log.audit_lines(found.next, direction, MAX_LINES)?;
            let is_last = page.lines.len() < usize::try_from(MAX_LINES).unwrap_or(usize::MAX);
            examined = examined.saturating_add(page.lines.len());
            for line in page.lines {
                if found.lines.len() == limit {
                    return Ok(found);
                }
                found.next = Some(line.seq);
                if self.lets_through(&line) {
                    found.lines.push(line);
                }
            }
            if is_last {
                return Ok(Found { next: None, ..found });
            }
            if examined >= MAX_EXAMINED {
                return Ok(found);
            }
        }
    }

    /// Whether the filter lets a line through.
    #[must_use]
    pub fn lets_through(&self, line: &Line) -> bool {
        if self.since.is_some_and(|since| line.at < since) || self.until.is_some_and(|until| line.at >= until) {
            return false;
        }
        if self.actor.is_none() && self.act.is_none() && self.target.is_none() {
            return true;
        }
        // What is not in the text is in no member of it: most lines need not be read.
        if self.target.as_ref().is_some_and(|wanted| is_plain(wanted) && !line.text.contains(wanted.as_str())) {
            return false;
        }
        let members: Value = serde_json::from_str(&line.text).unwrap_or_default();
        let text = |name| members.get(name).and_then(Value::as_str).unwrap_or_default();
        let (actor, act) = (text("actor"), text("act"));
        self.actor.as_ref().is_none_or(|wanted| actor == wanted || text("subject") == wanted)
            && self.act.as_ref().is_none_or(|wanted| {
                act.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
            && self.target.as_ref().is_none_or(|wanted| is_about(&members, wanted))
    }
}

/// Members that say whom or what an act was about.
const TARGETS: [&str; 6] = ["targets", "clients", "id", "jti", "owner", "account"];

fn is_about(members: &Value, wanted: &str) -> bool {
    TARGETS.iter().filter_map(|name| members.get(name)).any(|member| match member {
        Value::String(text) => text == wanted,
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(wanted)),
        _ => false,
    })
}

/// Whether a text stands in JSON as it is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use jeton_store::{MemoryStore, audit::Entry};

    fn log() -> MemoryStore {
        let log = MemoryStore::new();
        for number in 1..=12_000_u64 {
            let (actor, act) =
                if number.is_multiple_of(6000) { ("alice", "epoch.advance") } else { ("bob", "token.edit") };
            log.commit_recorded(vec![], vec![], vec![Entry::new(number, actor, act, "done")]).unwrap();
        }
        log
    }

    fn numbers(found: &Found) -> Vec<u64> {
        found.lines.iter().map(|line| line.seq).collect()
    }

    #[test]
    fn pages_join_in_either_direction_and_cursors_stay_good_while_entries_come_in() {
        let log = log();
        let mut query = Query { limit: 1000, ..Query::default() };
        let mut seen = Vec::new();
        loop {
            let found = query.ask(&log).unwrap();
            seen.extend(numbers(&found));
            log.commit_recorded(vec![], vec![], vec![]).unwrap();
            let Some(next) = found.next else { break };
            query.after = Some(next);
        }
        assert!(seen.into_iter().eq(1..=12_000));
        let newest = Query { newest_first: true, limit: 2, ..Query::default() };
        let found = newest.ask(&log).unwrap();
        assert_eq!((numbers(&found), found.next), (vec![12_000, 11_999], Some(11_999)));
        log.commit_recorded(vec![], vec![], vec![Entry::new(1, "bob", "x", "done")]).unwrap();
        assert_eq!(numbers(&Query { after: found.next, ..newest }.ask(&log).unwrap()), [11_998, 11_997]);
    }

    #[test]
    fn whom_an_act_was_about_is_found_whichever_member_says_so() {
        let log = MemoryStore::new();
        let entry = |name: &str, value: Value| Entry::new(0, "bob", "x.y", "done").with(name, value);
        let entries = vec![
            entry("targets", vec!["a", "b"].into()),
            entry("account", "b".into()),
            entry("note", "b".into()),
            entry("owner", "b \"c\"".into()),
        ];
        log.commit_recorded(vec![], vec![], entries).unwrap();
        let of = |target: &str| {
            numbers(&Query { target: Some(target.to_owned()), limit: 10, ..Query::default() }.ask(&log).unwrap())
        };
        assert_eq!((of("a"), of("b"), of("b \"c\""), of("c")), (vec![1], vec![1, 2], vec![4], vec![]));
    }

    #[test]
    fn a_filter_narrows_by_who_what_and_when_and_a_page_looks_at_a_bounded_number() {
        let log = log();
        let mut query = Query { limit: 10, actor: Some("alice".to_owned()), ..Query::default() };
        let first = query.ask(&log).unwrap();
        assert_eq!((numbers(&first), first.next), (vec![], Some(5000)));
        query.after = first.next;
        let second = query.ask(&log).unwrap();
        assert_eq!((numbers(&second), second.next), (vec![6000], Some(10_000)));
        let of = |query: Query| {
            numbers(&Query { after: Some(5990), limit: 1000, until: Some(6003), ..query }.ask(&log).unwrap())
        };
        assert_eq!(of(Query { act: Some("epoch".to_owned()), ..Query::default() }), [6000]);
        assert_eq!(of(Query { act: Some("epoch.advance".to_owned()), ..Query::default() }), [6000]);
        assert_eq!(of(Query { act: Some("epoch.adv".to_owned()), ..Query::default() }), [0; 0]);
        assert_eq!(of(Query { since: Some(5999), ..Query::default() }), [5999, 6000, 6001, 6002]);
    }
}
