//! The store in memory: for tests, and for embedders that need nothing to outlive the process.

use std::{
    collections::BTreeMap,
    ops::Bound,
    thread::{self, ThreadId},
};

use jeton_policy::store::{
    Check, CommitError, Direction, Entry, Freshness, Item, Page, Snapshot, Store, Unavailable, Write,
};
use parking_lot::{Mutex, RwLock};

use crate::{
    announced::Announced,
    audit::{AuditLog, Entry as AuditEntry, Line, Lines, MAX_LINES, Tip},
    bounds,
    observe::{CommitObserver, Committed},
    range::Range,
};

/// A store that ends with the process. It never fails, so its only `Unavailable` is for calls out of bounds.
#[derive(Default)]
pub struct MemoryStore {
    held: RwLock<Held>,
    /// Held through a whole commit: observers hear of commits in the order of their revisions, and `held` is free
    /// while they read.
    commits: Mutex<Option<Box<dyn CommitObserver>>>,
    /// Whose commit that is: its observer reads on that thread, and may see what no other may yet.
    committer: Mutex<Option<ThreadId>>,
    announced: Announced,
}

#[derive(Default)]
struct Held {
    entries: BTreeMap<Vec<u8>, Entry>,
    revision: u64,
    audit: BTreeMap<u64, Line>,
    tip: Option<Tip>,
}

impl MemoryStore {
    /// An empty store at revision 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `observer` hear of every commit that is acknowledged after this returns. It replaces an earlier one.
    pub fn observe(&self, observer: Box<dyn CommitObserver>) {
        *self.commits.lock() = Some(observer);
    }

    /// Waits until what was read at `revision` may be shown.
    fn shown<T>(&self, read: T, revision: u64) -> Result<T, Unavailable> {
        let is_observing = *self.committer.lock() == Some(thread::current().id());
        if is_observing || self.announced.wait(revision) { Ok(read) } else { Err(Unavailable) }
    }
}

impl Store for MemoryStore {
    fn read(&self, keys: &[Vec<u8>], _freshness: Freshness) -> Result<Snapshot, Unavailable> {
        bounds::enforce(bounds::read(keys))?;
        let held = self.held.read();
        let entries = keys.iter().map(|key| held.entries.get(key).cloned()).collect();
        let revision = held.revision;
        drop(held);
        self.shown(Snapshot { entries, revision }, revision)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        bounds::enforce(bounds::scan(prefix, after, limit))?;
        let range = Range::of(prefix, after, direction);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let held = self.held.read();
        let items = if range.is_empty() {
            // A map panics at a range that ends before it begins.
            Vec::new()
        } else {
            let to = range.to.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let found = held.entries.range::<[u8], _>((Bound::Included(range.from.as_slice()), to)).map(item);
            match direction {
                Direction::Ascending => found.take(limit).collect(),
                Direction::Descending => found.rev().take(limit).collect(),
            }
        };
        let revision = held.revision;
        drop(held);
        self.shown(Page { items, revision }, revision)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.commit_recorded(checks, writes, Vec::new())
    }
}

impl AuditLog for MemoryStore {
    fn commit_recorded(
        &self,
        checks: Vec<Check>,
        writes: Vec<Write>,
        entries: Vec<AuditEntry>,
    ) -> Result<u64, CommitError> {
        bounds::enforce(bounds::commit(&checks, &writes))?;
        let mut observer = self.commits.lock();
        let _observing = Observing::by_this_thread(self);
        let mut held = self.held.write();
        let revision = held.apply(&checks, &writes)?;
        held.record(entries);
        drop(held);
        if let (Some(observer), Some(committed)) = (observer.as_mut(), Committed::new(revision, writes)) {
            observer.committed(&[committed]);
        }
        Ok(revision)
    }

    fn audit_lines(&self, after: Option<u64>, direction: Direction, limit: u32) -> Result<Lines, Unavailable> {
        let limit = usize::try_from(limit.min(MAX_LINES)).unwrap_or(usize::MAX);
        let held = self.held.read();
        let lines = match direction {
            Direction::Ascending => {
                let after = (Bound::Excluded(after.unwrap_or(0)), Bound::Unbounded);
                held.audit.range(after).map(|(_, line)| line.clone()).take(limit).collect()
            }
            Direction::Descending => {
                held.audit.range(..after.unwrap_or(u64::MAX)).rev().map(|(_, line)| line.clone()).take(limit).collect()
            }
        };
        Ok(Lines { lines, head: held.tip.map_or(0, |tip| tip.seq) })
    }

    fn prune_audit(&self, through: u64, seal: AuditEntry) -> Result<u64, CommitError> {
        let _one_at_a_time = self.commits.lock();
        let _observing = Observing::by_this_thread(self);
        let mut held = self.held.write();
        let revision = held.apply(&[], &[])?;
        if let Some(gone) = held.audit.get(&through).map(|line| Tip::of(through, Some(&line.text)))
            && held.tip.is_some_and(|tip| through < tip.seq)
        {
            held.audit = held.audit.split_off(&through.saturating_add(1));
            held.record(vec![gone.sealing(seal)]);
        }
        Ok(revision)
    }
}

/// A commit, from before it shows until the observer has heard of it, however that ends.
struct Observing<'a>(&'a MemoryStore);

impl<'a> Observing<'a> {
    fn by_this_thread(store: &'a MemoryStore) -> Self {
        *store.committer.lock() = Some(thread::current().id());
        Self(store)
    }
}

impl Drop for Observing<'_> {
    fn drop(&mut self) {
        *self.0.committer.lock() = None;
        self.0.announced.announce(self.0.held.read().revision);
    }
}

fn item((key, entry): (&Vec<u8>, &Entry)) -> Item {
    Item { key: key.clone(), value: entry.value.clone(), version: entry.version }
}

impl Held {
    fn record(&mut self, entries: Vec<AuditEntry>) {
        let tip = self.tip.get_or_insert(Tip::START);
        for entry in entries {
            let line = tip.seal(entry);
            self.audit.insert(line.seq, line);
        }
    }

    fn apply(&mut self, checks: &[Check], writes: &[Write]) -> Result<u64, CommitError> {
        let holds = |check: &Check| self.entries.get(&check.key).map(|entry| entry.version) == check.version;
        if !checks.iter().all(holds) {
            return Err(CommitError::Conflict);
        }
        let revision = self.revision.checked_add(1).ok_or(CommitError::Unavailable)?;
        for write in writes {
            match &write.value {
                Some(value) => {
                    self.entries.insert(write.key.clone(), Entry { value: value.clone(), version: revision });
                }
                None => {
                    self.entries.remove(&write.key);
                }
            }
        }
        self.revision = revision;
        Ok(revision)
    }
}
