//! What there is to be told: one bounded step through the tokens, the audit log and the clock.

use jeton_policy::store::Unavailable;
use jeton_runtime::wit::refresh_tokens::{Page, Query, RefreshToken, Sort, Span, State};
use jeton_store::audit::{Line, Lines, MAX_LINES};
use serde_json::Value;

use super::{
    marks::{Marks, Walk},
    notice::{About, Kind, Notice},
};
use crate::{
    api::time::to_rfc3339,
    console::page::{distance, written},
};

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// How long before its expiry a token is told of, and how long before it the next stage begins: time to plan, to act, to hurry.
/// Which stages a token passes, its life decides: one that lives two days is told of on the last.
pub(super) const STAGES: [(u64, u64); 3] = [(DAY, 0), (3 * DAY, DAY), (14 * DAY, 3 * DAY)];
/// After so long without an exchange nobody seems to need a token.
pub(super) const UNUSED_FOR: u64 = 30 * DAY;
/// Without a backup for so long: a week is what most houses can make good by hand.
pub(super) const BACKUP_STAGES: [u64; 3] = [7 * DAY, 30 * DAY, 90 * DAY];
/// A reuse that is so old when the log is first read is history.
const HISTORY: u64 = 7 * DAY;
/// Tokens of a page: as much as one call of the policy should take from whoever waits for it.
const PAGE: u32 = 500;
/// Beyond this the policy mints nothing.
const TOLERATED_STEP_BACK: u64 = 10;
/// What a clock gains at once without having been set: no more than this.
const LEAP: u64 = 5 * 60;

/// Where it is looked.
pub trait Source {
    /// A page of tokens. `None`: the cursor is not taken any more.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn tokens(&self, query: Query) -> Result<Option<Page>, Unavailable>;

    /// A token, dead or alive.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn token(&self, id: &str) -> Result<Option<About>, Unavailable>;

    /// The lines of the audit log behind this one.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn audit(&self, after: u64) -> Result<Lines, Unavailable>;

    /// How many seconds the clock is behind a time that was already reached.
    fn clock_behind(&self) -> u64;
}

/// What one step found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// What is to be told.
    pub notices: Vec<Notice>,
    /// There is more to be looked through at once.
    pub more: bool,
}

/// Looks one step on at `now`, and moves the marks: they and what was found are one commit. `leap`: how far the clock went ahead by
/// itself since the last step.
///
/// # Errors
/// [`Unavailable`]; the marks are not to be kept then.
pub fn look(source: &impl Source, marks: &mut Marks, now: u64, leap: u64) -> Result<Looked, Unavailable> {
    let mut looked = Looked::default();
    let is_behind = clock(source, marks, now, leap, &mut looked);
    let caught_up = audit(source, marks, now, &mut looked)?;
    // By a clock that is wrong, nothing can be said of what is soon or long ago.
    if is_behind {
        return Ok(looked);
    }
    expiring(source, marks, now, &mut looked)?;
    unused(source, marks, now, &mut looked)?;
    if caught_up {
        backups(marks, now, &mut looked);
    }
    Ok(looked)
}

fn clock(source: &impl Source, marks: &mut Marks, now: u64, leap: u64, looked: &mut Looked) -> bool {
    let behind = source.clock_behind();
    let is_behind = behind > TOLERATED_STEP_BACK;
    if is_behind && !marks.clock_told {
        let sentence = format!(
            "The machine's clock is {behind} s behind a time that was already reached: nothing is minted until it has caught up. \
             Set it right; if it is right now and was wrong before, run `jeton clock accept` on the machine."
        );
        looked.notices.push(Notice::new(Kind::ClockOdd, now, sentence));
    }
    marks.clock_told = is_behind;
    if leap > LEAP {
        let sentence = format!(
            "The machine's clock went {leap} s ahead at once. If it is right now, nothing is to be done; if not, set it right soon: \
             what expires by a wrong clock has expired."
        );
        looked.notices.push(Notice::new(Kind::ClockOdd, now, sentence));
    }
    is_behind
}

/// Reads on in the audit log; gives whether it was read to its end.
fn audit(source: &impl Source, marks: &mut Marks, now: u64, looked: &mut Looked) -> Result<bool, Unavailable> {
    let lines = source.audit(marks.audit)?.lines;
    for line in &lines {
        marks.audit = line.seq;
        // Most lines are neither, and reading one costs more than looking for a word in it.
        if line.text.contains("\"refresh-token.reuse\"") {
            reuse(source, line, now, looked)?;
        } else if line.text.contains("\"store.backup\"") || line.text.contains("\"store.restore\"") {
            backup(line, marks);
        }
    }
    let caught_up = lines.len() < usize::try_from(MAX_LINES).unwrap_or(usize::MAX);
    looked.more |= !caught_up;
    Ok(caught_up)
}

fn members(line: &Line) -> Value {
    serde_json::from_str(&line.text).unwrap_or_default()
}

fn reuse(source: &impl Source, line: &Line, now: u64, looked: &mut Looked) -> Result<(), Unavailable> {
    let members = members(line);
    if members.get("act").and_then(Value::as_str) != Some("refresh-token.reuse")
        || line.at.saturating_add(HISTORY) < now
    {
        return Ok(());
    }
    let ids = members.get("targets").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for id in ids {
        let unknown = || About { id: id.to_owned(), name: id.to_owned(), owner: None };
        let about = source.token(id)?.unwrap_or_else(unknown);
        let sentence = format!(
            "A secret of the refresh token `{}` that had been replaced was presented again on {} UTC: it was stolen, or a script \
             kept an old one. The token has ended, and everything that it gave out is dead. `jeton audit list --act \
             refresh-token.reuse` says from where it came; make another token once you know.",
            about.name,
            written(line.at)
        );
        looked.notices.push(Notice::new(Kind::ReuseDetected, now, sentence).about(about));
    }
    Ok(())
}

fn backup(line: &Line, marks: &mut Marks) {
    let members = members(line);
    let act = members.get("act").and_then(Value::as_str);
    if matches!(act, Some("store.backup" | "store.restore")) {
        marks.backup_at = marks.backup_at.max(Some(line.at));
        marks.backup_stages = 0;
    }
}

fn backups(marks: &mut Marks, now: u64, looked: &mut Looked) {
    let since = marks.backup_at.unwrap_or(marks.began);
    let age = now.saturating_sub(since);
    let stages = BACKUP_STAGES.iter().filter(|stage| age >= **stage).count();
    let stages = u32::try_from(stages).unwrap_or_default();
    if stages <= marks.backup_stages {
        return;
    }
    marks.backup_stages = stages;
    let said = match marks.backup_at {
        Some(at) => format!("The last backup was made {}, on {} UTC.", distance(at, now), written(at)),
        None => format!("No backup was made in the {} days since notices are kept.", age / DAY),
    };
    let sentence =
        format!("{said} Run `jeton backup FILE` on the machine, best from a timer, and keep the file elsewhere.");
    looked.notices.push(Notice::new(Kind::BackupOld, now, sentence));
}

fn expiring(source: &impl Source, marks: &mut Marks, now: u64, looked: &mut Looked) -> Result<(), Unavailable> {
    marks.expiring.resize(STAGES.len(), Walk::default());
    for (walk, (lead, next_lead)) in marks.expiring.iter_mut().zip(STAGES) {
        let stretch = (now.saturating_add(next_lead), now.saturating_add(lead));
        let Some((from, until)) = walk.stretch(stretch, stretch.0) else { continue };
        let query =
            Query { expires: Span { from: Some(from), until: Some(until) }, sort: Some(Sort::Expires), ..walked(walk) };
        step(source, walk, query, looked, |met| match met {
            Met::Token(token) => expires(token, now),
            Met::Beyond(count) => {
                let sentence = format!(
                    "{count} more refresh tokens expire from {} to {} UTC: see `jeton token list --state active --expires-from {} \
                     --expires-until {}`.",
                    written(from),
                    written(until),
                    to_rfc3339(from),
                    to_rfc3339(until)
                );
                Notice::new(Kind::TokenExpiring, now, sentence)
            }
        })?;
    }
    Ok(())
}

fn expires(token: &RefreshToken, now: u64) -> Notice {
    let at = token.expires_at.unwrap_or(now);
    let sentence = format!(
        "The refresh token `{}` expires {}, on {} UTC, and what uses it is refused from then on. Give it more time with `jeton token \
         edit {} --expires 90d`, or hand out another one.",
        token.name,
        distance(at, now),
        written(at),
        token.id
    );
    Notice { expires_at: token.expires_at, ..Notice::new(Kind::TokenExpiring, now, sentence).about(about(token)) }
}

fn unused(source: &impl Source, marks: &mut Marks, now: u64, looked: &mut Looked) -> Result<(), Unavailable> {
    let until = now.saturating_sub(UNUSED_FOR);
    let walk = &mut marks.unused;
    let Some((from, until)) = walk.stretch((0, until), until) else { return Ok(()) };
    let created = Span { from: Some(from), until: Some(until) };
    let query = Query { created, never_used: true, ..walked(walk) };
    step(source, walk, query, looked, |met| match met {
        Met::Token(token) => never_used(token, now),
        Met::Beyond(count) => {
            let sentence = format!(
                "{count} more refresh tokens that were made before {} UTC were never used: see `jeton token list --state active \
                 --never-used --created-until {}`.",
                written(until),
                to_rfc3339(until)
            );
            Notice::new(Kind::TokenNeverUsed, now, sentence)
        }
    })
}

fn never_used(token: &RefreshToken, now: u64) -> Notice {
    let doubt = if token.last_use_certain { "" } else { " (a crash may have lost one)" };
    let sentence = format!(
        "The refresh token `{}` was made {}, and no exchange of it is known{doubt}. If nobody needs it, delete it: `jeton token \
         delete {}`.",
        token.name,
        distance(token.created_at, now),
        token.id
    );
    Notice { expires_at: token.expires_at, ..Notice::new(Kind::TokenNeverUsed, now, sentence).about(about(token)) }
}

/// What a walk meets: a token, or at its end how many were not told of by themselves.
enum Met<'a> {
    Token(&'a RefreshToken),
    Beyond(u64),
}

/// One page on.
fn step(
    source: &impl Source,
    walk: &mut Walk,
    query: Query,
    looked: &mut Looked,
    tell: impl Fn(Met<'_>) -> Notice,
) -> Result<(), Unavailable> {
    let Some(page) = source.tokens(query)? else {
        // Better a token twice than one never: another policy reads no cursor of this one's.
        walk.cursor = None;
        looked.more = true;
        return Ok(());
    };
    for token in &page.items {
        if walk.meet() {
            looked.notices.push(tell(Met::Token(token)));
        }
    }
    match walk.turn(page.next) {
        None => looked.more = true,
        Some(0) => {}
        Some(beyond) => looked.notices.push(tell(Met::Beyond(beyond))),
    }
    Ok(())
}

/// The query of a walk's next page, without what it goes by.
fn walked(walk: &Walk) -> Query {
    Query { state: Some(State::Active), cursor: walk.cursor.clone(), ..Query::first(PAGE) }
}

fn about(token: &RefreshToken) -> About {
    About { id: token.id.clone(), name: token.name.clone(), owner: token.owner.clone() }
}

#[cfg(test)]
mod tests;
