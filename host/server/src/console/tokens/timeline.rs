//! What happened to a token: from the audit log where whoever asks may read it, else from its record.

use jeton_policy::store::{Direction, Unavailable};
use jeton_runtime::wit::refresh_tokens::RefreshToken;
use jeton_store::audit::{AuditLog, MAX_LINES};
use serde::Serialize;
use serde_json::Value;

use super::Moment;
use crate::api::{reason_name, time::from_rfc3339};

/// Lines that one page looks at: some tens of milliseconds.
const MAX_EXAMINED: usize = 5000;
/// What a token begins with.
const BEGINNINGS: [&str; 3] = ["created", "imported", "issued by the holder of the one above"];
/// The clock may have gone back by so much between two lines.
const SLACK: u64 = 60;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Event {
    pub(super) seconds: u64,
    what: String,
    by: String,
    from: String,
    note: String,
}

/// What happened, the latest first.
pub(super) struct Timeline {
    pub(super) events: Vec<Event>,
    /// The line before which the search goes on; `None`: it went as far back as the token.
    pub(super) next: Option<u64>,
}

impl Timeline {
    /// With the beginning as the record tells it, where the log, which is kept for a time, goes back less far.
    pub(super) fn with_beginning(mut self, token: &RefreshToken) -> Self {
        let is_told = self.events.iter().any(|event| BEGINNINGS.contains(&event.what.as_str()));
        if self.next.is_none() && !is_told {
            self.events.extend(of_record(token).pop());
        }
        self
    }
}

/// As a page shows it.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    moment: Moment,
    #[serde(flatten)]
    event: Event,
}

impl From<Event> for Shown {
    fn from(event: Event) -> Self {
        Self { moment: Moment::of(event.seconds), event }
    }
}

/// What the log tells of a token, from before the line `before` on backwards. No index leads there, so a page looks at a bounded number
/// of lines, and at none that is older than the token.
///
/// # Errors
/// [`Unavailable`].
pub(super) fn told(log: &dyn AuditLog, token: &RefreshToken, before: Option<u64>) -> Result<Timeline, Unavailable> {
    let mut found = Timeline { events: Vec::new(), next: before };
    let mut examined = 0_usize;
    loop {
        let page = log.audit_lines(found.next, Direction::Descending, MAX_LINES)?;
        let is_last = page.lines.len() < usize::try_from(MAX_LINES).unwrap_or(usize::MAX);
        examined = examined.saturating_add(page.lines.len());
        for line in page.lines {
            if line.at.saturating_add(SLACK) < token.created_at {
                return Ok(Timeline { next: None, ..found });
            }
            found.next = Some(line.seq);
            // Only what names it is worth reading.
            if line.text.contains(&token.id) {
                found.events.extend(event(&line.text, &token.id));
            }
        }
        if is_last {
            return Ok(Timeline { next: None, ..found });
        }
        if examined >= MAX_EXAMINED {
            return Ok(found);
        }
    }
}

/// What the record itself tells.
pub(super) fn of_record(token: &RefreshToken) -> Vec<Event> {
    let event = |seconds, what: String, by: &str, note: Option<&String>| Event {
        seconds,
        what,
        by: by.to_owned(),
        from: String::new(),
        note: note.cloned().unwrap_or_default(),
    };
    let ended = token.ending.as_ref().map(|ending| {
        event(ending.at, format!("ended ({})", reason_name(ending.reason)), &ending.by, ending.note.as_ref())
    });
    let disabled =
        token.disabled.as_ref().map(|ending| event(ending.at, "disabled".to_owned(), &ending.by, ending.note.as_ref()));
    let created = event(token.created_at, "created".to_owned(), &token.created_by, None);
    ended.into_iter().chain(disabled).chain([created]).collect()
}

/// What a line tells of the token; `None` where it only mentions it.
fn event(text: &str, id: &str) -> Option<Event> {
    let line: Value = serde_json::from_str(text).ok()?;
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let names = |list: &str| {
        let ids = line.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        ids.iter().any(|one| one.as_str() == Some(id))
    };
    if !names("targets") && !names("clients") {
        return None;
    }
    let outcome = Some(text("outcome")).filter(|outcome| outcome != "done" && !outcome.is_empty());
    let refused = outcome.map(|outcome| format!(" ({outcome})")).unwrap_or_default();
    Some(Event {
        seconds: from_rfc3339(&text("at")).ok()?,
        what: format!("{}{refused}", what(&line)),
        by: text("actor"),
        from: text("from"),
        note: text("note"),
    })
}

/// An act in a page's words.
fn what(line: &Value) -> String {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    let reason = || Some(text("reason")).filter(|reason| !reason.is_empty() && *reason != "deleted");
    let because = || reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
    match text("act") {
        "refresh-token.create" => "created".to_owned(),
        "refresh-token.delegate" => "issued by the holder of the one above".to_owned(),
        "refresh-token.import" => "imported".to_owned(),
        "refresh-token.edit" => {
            let changed = line.get("changed").and_then(Value::as_object);
            let names: Vec<String> =
                changed.into_iter().flat_map(|changed| changed.keys()).map(|name| name.replace('_', " ")).collect();
            format!("changed: {}", names.join(", "))
        }
        "refresh-token.disable" => "disabled".to_owned(),
        "refresh-token.enable" => "enabled".to_owned(),
        "refresh-token.rotate" => match line.get("overlap").and_then(Value::as_u64) {
            Some(overlap) if overlap > 0 => format!("rotated, with an overlap of {overlap} seconds"),
            _ => "rotated at once".to_owned(),
        },
        "refresh-token.delete" => format!("deleted{}", because()),
        "owner.delete" => format!("deleted with all of its owner{}", because()),
        "refresh-token.reuse" => "ended: a spent string was presented again".to_owned(),
        "token.revoke" => "given back by its holder".to_owned(),
        "access-token.delete" => format!("one of its access tokens revoked{}", because()),
        act => act.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use jeton_store::{MemoryStore, audit::Entry};
    use serde_json::json;

    use super::{super::tree::tests::token, *};

    fn log(lines: u64) -> MemoryStore {
        let log = MemoryStore::new();
        let (id, made) = (token().id, token().created_at);
        let about = |act: &str, at| Entry::new(at, "root", act, "done").with("targets", json!([id]));
        log.commit_recorded(vec![], vec![], vec![about("refresh-token.import", made - 3600)]).unwrap();
        log.commit_recorded(vec![], vec![], vec![about("refresh-token.create", made)]).unwrap();
        for number in 0..lines {
            log.commit_recorded(vec![], vec![], vec![Entry::new(made + number, "bob", "epoch.advance", "done")])
                .unwrap();
        }
        let edit = about("refresh-token.edit", made + lines).with("changed", json!({"access_ttl": 5, "name": "x"}));
        let mention = Entry::new(made + lines, "eve", "refresh-token.create", "done").with("parent", id.as_str());
        log.commit_recorded(vec![], vec![], vec![edit.with("note", "why").with("from", "192.0.2.7"), mention]).unwrap();
        log
    }

    #[test]
    fn the_log_tells_what_happened_to_this_token_since_it_was_made_and_no_more() {
        let timeline = told(&log(3), &token(), None).unwrap();
        let told: Vec<&str> = timeline.events.iter().map(|event| event.what.as_str()).collect();
        assert_eq!(told, ["changed: access ttl, name", "created"]);
        assert_eq!(timeline.next, None);
        let edited = timeline.events.first().unwrap();
        assert_eq!((edited.by.as_str(), edited.note.as_str(), edited.from.as_str()), ("root", "why", "192.0.2.7"));
    }

    #[test]
    fn a_long_log_is_looked_through_in_bounded_steps() {
        let log = log(8000);
        let first = told(&log, &token(), None).unwrap();
        assert_eq!(first.events.len(), 1);
        let second = told(&log, &token(), first.next).unwrap();
        assert_eq!((first.next.is_some(), second.events.len(), second.next), (true, 1, None));
    }

    #[test]
    fn the_record_tells_when_it_was_made_where_the_log_does_not_go_back_so_far() {
        let told = |log: &MemoryStore| {
            let timeline = told(log, &token(), None).unwrap().with_beginning(&token());
            timeline.events.into_iter().map(|event| event.what).collect::<Vec<_>>()
        };
        assert_eq!(told(&MemoryStore::new()), ["created"]);
        assert_eq!(told(&log(0)), ["changed: access ttl, name", "created"]);
        let events = of_record(&token());
        assert_eq!(events.len(), 1);
        assert!(events.iter().any(|event| event.what == "created" && event.by == "machine"));
    }

    #[test]
    fn every_act_has_its_words() {
        for (act, words) in [
            (json!({"act": "refresh-token.rotate", "overlap": 3600}), "rotated, with an overlap of 3600 seconds"),
            (json!({"act": "refresh-token.rotate", "overlap": 0}), "rotated at once"),
            (json!({"act": "refresh-token.delete", "reason": "compromised"}), "deleted (compromised)"),
            (json!({"act": "refresh-token.delete", "reason": "deleted"}), "deleted"),
            (json!({"act": "something.new"}), "something.new"),
        ] {
            assert_eq!(what(&act), words);
        }
    }
}
