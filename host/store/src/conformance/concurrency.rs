//! What callers may rely on while others are at work.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    thread,
};

use jeton_policy::store::{CommitError, Direction, Freshness, Store};

use super::{Engine, absent, at, commit, entry, must, put, value};

/// Threads that write at once.
const WRITERS: u64 = 8;
/// What each of them does.
const ROUNDS: u64 = 40;

fn number(value: &[u8]) -> u64 {
    u64::from_be_bytes(must(value.try_into(), "reading a number back"))
}

/// Threads add to one key, each with a check of what it read: the sum is exact, and no two commits share a revision.
pub fn checked_commits_lose_no_update<E: Engine>(engine: &E) {
    let store = engine.create();
    let add = || -> u64 {
        loop {
            let found = entry(&store, b"sum");
            let sum = found.as_ref().map_or(0, |entry| number(&entry.value)) + 1;
            let check = found.map_or(absent(b"sum"), |entry| at(b"sum", entry.version));
            match store.commit(vec![check], vec![put(b"sum", &sum.to_be_bytes())]) {
                Ok(revision) => return revision,
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => panic!("a checked commit failed"),
            }
        }
    };
    let mut revisions = BTreeSet::new();
    thread::scope(|scope| {
        let writers: Vec<_> =
            (0..WRITERS).map(|_| scope.spawn(|| (0..ROUNDS).map(|_| add()).collect::<Vec<u64>>())).collect();
        for writer in writers {
            let Ok(own) = writer.join() else { panic!("a writer panicked") };
            assert!(own.is_sorted(), "revisions that one caller is told must grow");
            revisions.extend(own);
        }
    });
    let total = WRITERS * ROUNDS;
    assert_eq!(value(&store, b"sum"), Some(total.to_be_bytes().to_vec()), "no addition may be lost or made twice");
    assert_eq!(revisions.len() as u64, total, "no two commits may have the same revision");
    assert_eq!(
        entry(&store, b"sum").map(|entry| entry.version),
        revisions.last().copied(),
        "the last version must be the greatest revision"
    );
}

/// Two keys that every commit writes together have the same value and version in every read and scan.
pub fn keys_written_together_are_never_seen_apart<E: Engine>(engine: &E) {
    let store = engine.create();
    commit(&store, &[], &[put(b"pair/left", b""), put(b"pair/right", b"")]);
    let done = AtomicBool::new(false);
    let keys = [b"pair/left".to_vec(), b"pair/right".to_vec()];
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2_u64)
            .map(|writer| {
                let store = &store;
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let mark = (writer * ROUNDS + round).to_be_bytes();
                        commit(store, &[], &[put(b"pair/left", &mark), put(b"pair/right", &mark)]);
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(SeqCst) {
                    let snapshot = must(store.read(&keys, Freshness::Latest), "a read among writers");
                    assert_eq!(snapshot.entries[0], snapshot.entries[1], "a read must see one moment");
                    let page = must(store.scan(b"pair/", None, Direction::Ascending, 2), "a scan among writers");
                    assert_eq!(
                        (&page.items[0].value, page.items[0].version),
                        (&page.items[1].value, page.items[1].version),
                        "a scan must see one moment"
                    );
                    for (revision, version) in [
                        (snapshot.revision, snapshot.entries[0].as_ref().map_or(0, |entry| entry.version)),
                        (page.revision, page.items[0].version),
                    ] {
                        assert!(revision >= last, "revisions that one caller sees must not go back");
                        assert_eq!(version, revision, "the revision must be of the same moment as the entries");
                        last = revision;
                    }
                }
            });
        }
        let failed = writers.into_iter().any(|writer| writer.join().is_err());
        done.store(true, SeqCst);
        assert!(!failed, "a writer panicked");
    });
}

/// What was acknowledged to one caller is seen by every read of another that begins later.
pub fn acknowledged_commits_are_seen_by_every_later_read<E: Engine>(engine: &E) {
    let store = engine.create();
    let acknowledged = AtomicU64::new(0);
    let at_revision = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 1..=WRITERS * ROUNDS {
                let revision = commit(&store, &[], &[put(b"round", &round.to_be_bytes())]);
                at_revision.store(revision, SeqCst);
                acknowledged.store(round, SeqCst);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(SeqCst) {
                    let known = acknowledged.load(SeqCst);
                    let revision = at_revision.load(SeqCst);
                    let snapshot = must(store.read(&[b"round".to_vec()], Freshness::Latest), "a read");
                    let seen = snapshot.entries[0].as_ref().map_or(0, |entry| number(&entry.value));
                    assert!(seen >= known, "a read must see round {known}, acknowledged before it, not {seen}");
                    assert!(snapshot.revision >= revision, "a read's revision must be at least the acknowledged one");
                    let page = must(store.scan(b"round", None, Direction::Ascending, 1), "a scan");
                    assert!(page.revision >= revision, "a scan's revision must be at least the acknowledged one");
                }
            });
        }
        let failed = writer.join().is_err();
        done.store(true, SeqCst);
        assert!(!failed, "the writer panicked");
    });
}
