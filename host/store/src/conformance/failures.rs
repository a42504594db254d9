//! All or nothing, whatever fails on the way.

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Store, Write};

use super::{Engine, must, put, remove};

/// An engine whose stores can be made to fail.
pub trait Breakable: Engine {
    /// How a store can fail.
    type Way: Copy + std::fmt::Debug;

    /// Every way.
    fn ways(&self) -> Vec<Self::Way>;

    /// Lets a store fail once, at its `step`-th step from now on, counted from 1. A step is whatever the engine can
    /// fail at: a call, a statement, a write to the disk.
    fn break_at(&self, store: &Self::Store, step: u64, way: Self::Way);

    /// The store in working order, restarted if it must be, and whether the failure had struck.
    fn mend(&self, store: Self::Store) -> (Self::Store, bool);
}

/// More steps than a few commits have: an engine that has more would go on for ever.
const MAX_STEPS: u64 = 10_000;
/// Commits that a failure may strike.
const ROUNDS: u8 = 2;
/// Keys that every commit writes.
const KEYS: u8 = 6;
/// The key that is there after odd rounds alone.
const ODD: &[u8] = b"odd";

fn keys() -> Vec<Vec<u8>> {
    (0..KEYS).map(|index| vec![b'k', index]).chain([ODD.to_vec()]).collect()
}

/// A commit whose store fails, at whatever step and in whatever way, is done as a whole or not at all; it is done when
/// that was said; and the store works when it is in order again.
pub fn a_commit_is_all_or_nothing_wherever_it_fails<B: Breakable>(engine: &B) {
    for way in engine.ways() {
        let mut struck = 0;
        while fails_at(engine, struck + 1, way) {
            struck += 1;
            assert!(struck < MAX_STEPS, "{way:?} strikes at each of {struck} steps");
        }
        assert!(struck > 0, "{way:?} strikes nowhere");
    }
}

/// Whether the failure struck.
fn fails_at<B: Breakable>(engine: &B, step: u64, way: B::Way) -> bool {
    let case = format!("{way:?} at step {step}");
    let store = engine.create();
    must(advance(&store, 0), "a commit without a failure");
    let (mut done, mut tried) = (0, 0);

    engine.break_at(&store, step, way);
    for round in 1..=ROUNDS {
        tried = round;
        match advance(&store, round) {
            Ok(()) => done = round,
            Err(CommitError::Unavailable) => break,
            Err(CommitError::Conflict) => panic!("{case}: a commit whose checks hold was a conflict"),
        }
    }

    let (store, has_struck) = engine.mend(store);
    assert!(has_struck || done == ROUNDS, "{case}: a commit failed without a failure");
    let found = look(&store, &case);
    assert!(done <= found.round && found.round <= tried, "{case}: round {done} was done, {} is there", found.round);
    // It must stay so when it is looked at again, and after a restart.
    assert_eq!(look(&store, &case), found, "{case}: the outcome must be settled when the store answers");
    assert_eq!(advance(&store, found.round + 1), Ok(()), "{case}: the store must work when it is in order again");
    let next = look(&store, &case);
    assert!(next.revision > found.revision, "{case}: revisions must grow over a failure");
    if let Some(store) = engine.reopen(store) {
        assert_eq!(look(&store, &case), next, "{case}: a restart must keep what was settled");
    }
    has_struck
}

/// Goes from one round to the next in one commit that checks and changes every key.
fn advance(store: &impl Store, round: u8) -> Result<(), CommitError> {
    let keys = keys();
    let seen = store.read(&keys, Freshness::Latest)?;
    let checks = keys.iter().zip(seen.entries);
    let checks =
        checks.map(|(key, entry)| Check { key: key.clone(), version: entry.map(|entry| entry.version) }).collect();
    // Values that fill pages, so that a commit is more than one write to a disk.
    let value = vec![round; 2000];
    let change =
        |key: &Vec<u8>| -> Write { if key == ODD && round.is_multiple_of(2) { remove(key) } else { put(key, &value) } };
    store.commit(checks, keys.iter().map(change).collect()).map(drop)
}

/// Which round is there, by everything that can be asked.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    round: u8,
    version: u64,
    revision: u64,
}

fn look(store: &impl Store, case: &str) -> Found {
    let page = must(store.scan(b"", None, Direction::Ascending, 100), "a scan of a store in order");
    let first = &page.items[0];
    let (round, version) = (first.value[0], first.version);
    let expected: Vec<Vec<u8>> = keys().into_iter().filter(|key| key != ODD || round % 2 == 1).collect();
    assert!(page.items.iter().map(|item| &item.key).eq(&expected), "{case}: half of a commit added or removed keys");
    for item in &page.items {
        assert_eq!((item.value[0], item.version), (round, version), "{case}: half of a commit is there");
    }
    let snapshot = must(store.read(&expected, Freshness::Latest), "a read of a store in order");
    let read = snapshot.entries.iter().flatten().map(|entry| (entry.value[0], entry.version));
    assert!(read.eq(expected.iter().map(|_| (round, version))), "{case}: a read must see what a scan sees");
    assert_eq!(snapshot.revision, page.revision, "{case}: a read must have the revision of a scan");
    Found { round, version, revision: page.revision }
}
