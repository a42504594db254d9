//! Where notices stand: in the store, out of the policy's reach, each under its number, with what is still to be sent.
//!
//! | key behind the fence | holds |
//! | --- | --- |
//! | `notice/kept/` and a number | a [`Notice`] |
//! | `notice/send/`, a letter for where to, and its number | how often it was tried ([`Pending`]) |
//! | `notice/marks` | how far everything was looked through ([`Marks`]) |
//!
//! A notice is written in the commit that moves the mark past what it tells of: it is told once, across every stop and crash.
//! One thread alone writes here.

use std::sync::Arc;

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Unavailable, Write};
use jeton_store::audit::{AuditLog, Entry};
use minicbor::{Decode, Encode};

use super::{
    marks::Marks,
    notice::{Kind, Notice},
};
use crate::fence;

/// Notices kept at most: some megabytes. Beyond them the oldest go, sent or not.
pub const MAX_KEPT: u64 = 10_000;
/// How long they are kept: a quarter of a year, in seconds.
const KEPT_FOR: u64 = 90 * 24 * 60 * 60;
/// Notices that are taken away in one step.
const MAX_GONE: u32 = 500;
/// Notices that one page looks at: some milliseconds.
const MAX_EXAMINED: u64 = 5000;
/// Items of one scan.
const AT_ONCE: u32 = 500;

const KEPT: &[u8] = b"notice/kept/";
const SEND: &[u8] = b"notice/send/";
const MARKS: &[u8] = b"notice/marks";

/// Where a notice goes beside the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// A webhook.
    Webhook,
    /// Mail.
    Mail,
}

impl Channel {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Webhook, Self::Mail];

    /// What it is called.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Mail => "mail",
        }
    }

    /// Its place in [`Channel::ALL`].
    pub(crate) const fn place(self) -> usize {
        self as usize
    }

    fn prefix(self) -> Vec<u8> {
        let letter: &[u8] = match self {
            Self::Webhook => b"w",
            Self::Mail => b"m",
        };
        [&[fence::OWN], SEND, letter].concat()
    }
}

/// A notice that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Pending {
    /// How often it was tried in vain.
    #[n(0)]
    pub attempts: u32,
    /// When it is tried next, in Unix seconds.
    #[n(1)]
    pub next_at: u64,
}

/// A notice, and what is to carry it away from when on.
pub type Told = (Notice, Vec<(Channel, Pending)>);

/// What is asked of the notices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Those of this kind.
    pub kind: Option<Kind>,
    /// Those about tokens of this owner, and no others.
    pub owner: Option<String>,
    /// Those before this number: where an earlier page ended.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// Notices that were found, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// They.
    pub notices: Vec<Notice>,
    /// Where the next page begins. `None`: there is none.
    pub next: Option<u64>,
}

/// The notices in a store. Everything here waits for the disk.
#[derive(Clone)]
pub struct Kept {
    store: Arc<dyn AuditLog>,
}

impl Kept {
    /// Those in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn AuditLog>) -> Self {
        Self { store }
    }

    /// A page of them, newest first. It may hold fewer than were asked for, and go on all the same.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn ask(&self, query: &Query) -> Result<Found, Unavailable> {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let (mut notices, mut before, mut examined) = (Vec::new(), query.before, 0_u64);
        loop {
            let after = before.map(key_of);
            let page = self.store.scan(&kept_prefix(), after.as_deref(), Direction::Descending, AT_ONCE)?;
            let is_last = u32::try_from(page.items.len()).is_ok_and(|count| count < AT_ONCE);
            for item in page.items {
                if notices.len() == limit || examined == MAX_EXAMINED {
                    return Ok(Found { notices, next: before });
                }
                examined = examined.saturating_add(1);
                before = number_of(&item.key);
                let notice = Notice::read(&item.value).ok_or(Unavailable)?;
                if query.lets_through(&notice) {
                    notices.push(notice);
                }
            }
            if is_last {
                return Ok(Found { notices, next: None });
            }
        }
    }

    /// How far everything was looked through; `None`: nothing was ever looked at.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn marks(&self) -> Result<Option<Marks>, Unavailable> {
        let entry = self.store.read(&[marks_key()], Freshness::Latest)?.entries.pop().flatten();
        entry.map(|entry| Marks::read(&entry.value).ok_or(Unavailable)).transpose()
    }

    /// Writes notices, to be sent by these channels, together with the marks that they moved. All or nothing.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn tell(&self, marks: &mut Marks, told: &[Told]) -> Result<(), Unavailable> {
        let mut moved = marks.clone();
        let mut writes = Vec::new();
        for (notice, channels) in told {
            let number = moved.next;
            moved.next = number.saturating_add(1);
            writes.push(Write { key: key_of(number), value: Some(notice.to_stored()) });
            writes.extend(channels.iter().map(|(channel, pending)| put(*channel, number, *pending)));
        }
        let oldest = moved.next.saturating_sub(MAX_KEPT);
        for number in moved.oldest..oldest {
            writes.extend(gone(number));
        }
        moved.oldest = moved.oldest.max(oldest);
        writes.push(Write { key: marks_key(), value: Some(moved.to_stored()) });
        self.store.commit(Vec::new(), writes).map_err(unavailable)?;
        *marks = moved;
        Ok(())
    }

    /// Takes a bounded number of notices away that are too old at `now`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn prune(&self, marks: &mut Marks, now: u64) -> Result<(), Unavailable> {
        let items = self.store.scan(&kept_prefix(), None, Direction::Ascending, MAX_GONE)?.items;
        let is_old = |value: &[u8]| Notice::read(value).is_none_or(|notice| notice.at.saturating_add(KEPT_FOR) < now);
        let old: Vec<u64> =
            items.iter().take_while(|item| is_old(&item.value)).filter_map(|item| number_of(&item.key)).collect();
        let Some(last) = old.last() else { return Ok(()) };
        let mut moved = Marks { oldest: last.saturating_add(1), ..marks.clone() };
        moved.oldest = moved.oldest.max(marks.oldest);
        let mut writes: Vec<Write> = old.iter().flat_map(|number| gone(*number)).collect();
        writes.push(Write { key: marks_key(), value: Some(moved.to_stored()) });
        self.store.commit(Vec::new(), writes).map_err(unavailable)?;
        *marks = moved;
        Ok(())
    }

    /// What is to be sent by a channel, oldest first, with its number; at most `limit`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn pending(&self, channel: Channel, limit: u32) -> Result<Vec<(u64, Pending)>, Unavailable> {
        let items = self.store.scan(&channel.prefix(), None, Direction::Ascending, limit)?.items;
        let read = |item: jeton_policy::store::Item| {
            Some((number_of(&item.key)?, minicbor::decode::<Pending>(&item.value).ok()?))
        };
        items.into_iter().map(|item| read(item).ok_or(Unavailable)).collect()
    }

    /// The notices of these numbers, as far as they are still there.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn get(&self, numbers: &[u64]) -> Result<Vec<Option<Notice>>, Unavailable> {
        let keys: Vec<Vec<u8>> = numbers.iter().map(|number| key_of(*number)).collect();
        let entries = self.store.read(&keys, Freshness::Latest)?.entries;
        Ok(entries.into_iter().map(|entry| Notice::read(&entry?.value)).collect())
    }

    /// Notes what became of sending: tried again later, or done with (`None`). What the audit log is to tell of it goes with it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn sent(
        &self,
        channel: Channel,
        outcome: &[(u64, Option<Pending>)],
        entries: Vec<Entry>,
    ) -> Result<(), Unavailable> {
        let write = |(number, pending): &(u64, Option<Pending>)| match pending {
            Some(pending) => put(channel, *number, *pending),
            None => Write { key: send_key(channel, *number), value: None },
        };
        let writes = outcome.iter().map(write).collect();
        self.store.commit_recorded(Vec::<Check>::new(), writes, entries).map_err(unavailable).map(drop)
    }

    /// Takes away what was to be sent by a channel that there is no more; gives whether there is more of it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn abandon(&self, channel: Channel) -> Result<bool, Unavailable> {
        let items = self.store.scan(&channel.prefix(), None, Direction::Ascending, AT_ONCE)?.items;
        if items.is_empty() {
            return Ok(false);
        }
        let writes = items.into_iter().map(|item| Write { key: item.key, value: None }).collect();
        self.store.commit(Vec::new(), writes).map_err(unavailable).map(|_| true)
    }
}

impl Query {
    fn lets_through(&self, notice: &Notice) -> bool {
        let owner = notice.token.as_ref().and_then(|token| token.owner.as_ref());
        self.kind.is_none_or(|kind| notice.kind == kind)
            && self.owner.as_ref().is_none_or(|wanted| owner == Some(wanted))
    }
}

/// Nobody else writes here, so that a conflict is as odd as a failure: what was to be written is written later.
fn unavailable(_: CommitError) -> Unavailable {
    Unavailable
}

fn put(channel: Channel, number: u64, pending: Pending) -> Write {
    // Writing into memory cannot fail.
    Write { key: send_key(channel, number), value: Some(minicbor::to_vec(pending).unwrap_or_default()) }
}

fn gone(number: u64) -> impl Iterator<Item = Write> {
    let keys = Channel::ALL.map(|channel| send_key(channel, number));
    keys.into_iter().chain([key_of(number)]).map(|key| Write { key, value: None })
}

fn marks_key() -> Vec<u8> {
    [&[fence::OWN], MARKS].concat()
}

fn kept_prefix() -> Vec<u8> {
    [&[fence::OWN], KEPT].concat()
}

/// Numbers stand in their order.
fn key_of(number: u64) -> Vec<u8> {
    [kept_prefix().as_slice(), &number.to_be_bytes()].concat()
}

fn send_key(channel: Channel, number: u64) -> Vec<u8> {
    [channel.prefix().as_slice(), &number.to_be_bytes()].concat()
}

fn number_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use crate::notices::notice::About;
    use jeton_store::MemoryStore;

    const DAY: u64 = 24 * 60 * 60;

    fn kept() -> (Kept, Marks) {
        (Kept::new(Arc::new(MemoryStore::new())), Marks::new(0))
    }

    fn notice(kind: Kind, at: u64, owner: &str) -> Notice {
        let about = About { id: at.to_string(), name: "job".to_owned(), owner: Some(owner.to_owned()) };
        Notice::new(kind, at, String::new()).about(about)
    }

    fn tell(kept: &Kept, marks: &mut Marks, count: u64) {
        let pending = Pending { attempts: 0, next_at: 0 };
        let one = |at: u64| {
            let kind = if at.is_multiple_of(2) { Kind::TokenExpiring } else { Kind::BackupOld };
            let owner = if at.is_multiple_of(3) { "alice" } else { "bob" };
            (notice(kind, at, owner), vec![(Channel::Webhook, pending)])
        };
        for first in (0..count).step_by(500) {
            let told: Vec<_> = (first..count.min(first + 500)).map(one).collect();
            kept.tell(marks, &told).unwrap();
        }
    }

    fn times(found: &Found) -> Vec<u64> {
        found.notices.iter().map(|notice| notice.at).collect()
    }

    #[test]
    fn pages_join_newest_first_and_hold_what_was_asked_for() {
        let (kept, mut marks) = kept();
        tell(&kept, &mut marks, 30);
        let mut query =
            Query { kind: Some(Kind::TokenExpiring), owner: Some("alice".to_owned()), before: None, limit: 2 };
        let mut seen = Vec::new();
        loop {
            let found = kept.ask(&query).unwrap();
            seen.extend(times(&found));
            let Some(next) = found.next else { break };
            query.before = Some(next);
        }
        assert_eq!(seen, [24, 18, 12, 6, 0]);
        assert_eq!(times(&kept.ask(&Query { limit: 3, ..Query::default() }).unwrap()), [29, 28, 27]);
    }

    #[test]
    fn a_bounded_number_is_kept_and_looked_at_and_what_went_is_not_sent() {
        let (kept, mut marks) = kept();
        tell(&kept, &mut marks, MAX_KEPT + 700);
        assert_eq!((marks.oldest, marks.next), (700, MAX_KEPT + 700));
        assert_eq!(kept.pending(Channel::Webhook, 1).unwrap().first().map(|(number, _)| *number), Some(700));
        assert_eq!(kept.get(&[699, 700]).unwrap().iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
        let nobody = Query { owner: Some("nobody".to_owned()), limit: 10, ..Query::default() };
        let found = kept.ask(&nobody).unwrap();
        assert_eq!((found.notices.len(), found.next), (0, Some(MAX_KEPT + 700 - MAX_EXAMINED)));
        let found = kept.ask(&Query { before: found.next, ..nobody }).unwrap();
        assert!(found.next.is_none() || found.next == Some(700));
    }

    #[test]
    fn what_is_old_goes_step_by_step_and_the_numbers_go_on() {
        let (kept, mut marks) = kept();
        tell(&kept, &mut marks, 1200);
        let now = 1100 + KEPT_FOR + 1;
        for _ in 0..4 {
            kept.prune(&mut marks, now).unwrap();
        }
        assert_eq!((marks.oldest, kept.marks().unwrap().unwrap().oldest), (1101, 1101));
        assert_eq!(kept.pending(Channel::Webhook, 1000).unwrap().len(), 99);
        kept.prune(&mut marks, now + 10 * DAY).unwrap();
        assert_eq!(times(&kept.ask(&Query { limit: 10, ..Query::default() }).unwrap()), [0; 0]);
        kept.tell(&mut marks, &[(notice(Kind::BackupOld, now, "bob"), Vec::new())]).unwrap();
        assert_eq!(marks.next, 1201);
    }

    #[test]
    fn what_a_channel_was_to_send_goes_with_it() {
        let (kept, mut marks) = kept();
        tell(&kept, &mut marks, 600);
        assert!(kept.abandon(Channel::Webhook).unwrap() && kept.abandon(Channel::Webhook).unwrap());
        assert!(!kept.abandon(Channel::Webhook).unwrap());
        assert_eq!(kept.pending(Channel::Webhook, 10).unwrap(), []);
    }
}
