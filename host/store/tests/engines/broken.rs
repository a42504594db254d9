//! The suite is held to something too: engines with one flaw each, and the sentence that finds it.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use jeton_store::{
    Fault, FaultyStore, MemoryStore,
    conformance::{self, Breakable, Engine},
};

/// What an engine gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// Reads and scans lag by one commit.
    Lags,
    /// A check of a key that is not written is skipped.
    ChecksOnlyWhatItWrites,
    /// A descending scan gives what `after` names once more.
    RepeatsTheCursor,
    /// A descending scan takes the first items and turns them round.
    TurnsTheFirstPage,
    /// A page is one short of the largest limit.
    CutsTheLargestPage,
    /// A commit of more than is allowed is done.
    KnowsNoLimit,
    /// A commit that fails leaves its first half.
    LeavesHalf,
    /// A commit is acknowledged and lost by a failure.
    LosesWhatItAcknowledged,
}

struct Flawed {
    flaw: Flaw,
    store: FaultyStore<MemoryStore>,
    /// What there was one commit ago, and what that commit wrote.
    before: MemoryStore,
    last: Mutex<Vec<Write>>,
}

impl Store for Flawed {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        if self.flaw == Flaw::Lags { self.before.read(keys, freshness) } else { self.store.read(keys, freshness) }
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        let descending = direction == Direction::Descending;
        let successor = after.map(|after| [after, &[0]].concat());
        let mut page = match self.flaw {
            Flaw::Lags => return self.before.scan(prefix, after, direction, limit),
            Flaw::RepeatsTheCursor if descending => {
                return self.store.scan(prefix, successor.as_deref(), direction, limit);
            }
            Flaw::TurnsTheFirstPage if descending && after.is_none() => {
                let mut page = self.store.scan(prefix, None, Direction::Ascending, limit)?;
                page.items.reverse();
                page
            }
            _ => self.store.scan(prefix, after, direction, limit)?,
        };
        if self.flaw == Flaw::CutsTheLargestPage {
            page.items.truncate(999);
        }
        Ok(page)
    }

    fn commit(&self, mut checks: Vec<Check>, mut writes: Vec<Write>) -> Result<u64, CommitError> {
        match self.flaw {
            Flaw::ChecksOnlyWhatItWrites => {
                checks.retain(|check| writes.iter().any(|write| write.key == check.key));
            }
            Flaw::KnowsNoLimit => writes.truncate(32_768 - checks.len()),
            _ => {}
        }
        let answer = self.store.commit(checks, writes.clone());
        match (self.flaw, answer) {
            (Flaw::Lags, Ok(_)) => {
                let last = mem::replace(&mut *self.last.lock().unwrap(), writes);
                if !last.is_empty() {
                    self.before.commit(vec![], last)?;
                }
                answer
            }
            (Flaw::LeavesHalf, Err(CommitError::Unavailable)) => {
                writes.truncate(writes.len() / 2);
                let _left = self.store.inner().commit(vec![], writes);
                answer
            }
            (Flaw::LosesWhatItAcknowledged, Err(CommitError::Unavailable)) => {
                Ok(self.store.inner().read(&[], Freshness::Latest)?.revision + 1)
            }
            _ => answer,
        }
    }
}

impl Engine for Flaw {
    type Store = Flawed;

    fn create(&self) -> Flawed {
        Flawed {
            flaw: *self,
            store: FaultyStore::new(MemoryStore::new()),
            before: MemoryStore::new(),
            last: Mutex::default(),
        }
    }

    fn reopen(&self, _: Flawed) -> Option<Flawed> {
        None
    }
}

impl Breakable for Flaw {
    type Way = Fault;

    fn ways(&self) -> Vec<Fault> {
        vec![Fault::Refused]
    }

    fn break_at(&self, store: &Flawed, step: u64, way: Fault) {
        store.store.plan(step, way);
    }

    fn mend(&self, store: Flawed) -> (Flawed, bool) {
        let has_struck = store.store.has_struck();
        (store, has_struck)
    }
}

#[test]
fn the_suite_finds_each_flaw() {
    type Case = fn(&Flaw);
    let cases: [(Flaw, Case); 8] = [
        (Flaw::Lags, conformance::latest_is_linearizable),
        (Flaw::ChecksOnlyWhatItWrites, conformance::a_check_guards_what_is_not_written),
        (Flaw::RepeatsTheCursor, conformance::a_cursor_goes_on_after_its_key),
        (Flaw::TurnsTheFirstPage, conformance::a_limit_cuts_a_page_and_pages_join),
        (Flaw::CutsTheLargestPage, conformance::the_largest_scan_works_and_a_larger_one_is_refused),
        (Flaw::KnowsNoLimit, conformance::the_largest_commit_works_and_a_larger_one_is_refused),
        (Flaw::LeavesHalf, conformance::a_commit_is_all_or_nothing_wherever_it_fails),
        (Flaw::LosesWhatItAcknowledged, conformance::a_commit_is_all_or_nothing_wherever_it_fails),
    ];
    for (flaw, case) in cases {
        assert!(catch_unwind(AssertUnwindSafe(|| case(&flaw))).is_err(), "the suite does not find: {flaw:?}");
    }
}
