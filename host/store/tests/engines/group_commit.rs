//! Commits that wait share one sync, and nothing else.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Store};
use jeton_store::{CommitObserver, Committed, SqliteStore};
use tempfile::TempDir;

use crate::support::{commit, eventually, put, value};

/// Holds the writer from a commit below `live/` until it is let go.
struct Hold {
    entered: mpsc::SyncSender<()>,
    release: mpsc::Receiver<()>,
    panics: bool,
}

impl CommitObserver for Hold {
    fn committed(&mut self, _: &[Committed]) {
        self.entered.send(()).unwrap();
        self.release.recv().unwrap();
        assert!(!self.panics, "this observer panics on purpose");
    }

    fn outcome_unknown(&mut self) {}
}

struct Held {
    store: Arc<SqliteStore>,
    first: thread::JoinHandle<Result<u64, CommitError>>,
    release: mpsc::Sender<()>,
    _directory: TempDir,
}

/// A store whose writer is busy with a first commit.
fn held(panics: bool) -> Held {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&directory.path().join("jeton.db")).unwrap());
    let (entered, has_entered) = mpsc::sync_channel(1);
    let (release, released) = mpsc::channel();
    store.observe(Box::new(Hold { entered, release: released, panics }));
    let own = Arc::clone(&store);
    let first = thread::spawn(move || commit(&*own, b"live/hold", b""));
    has_entered.recv().unwrap();
    Held { store, first, release, _directory: directory }
}

#[test]
fn fifty_commits_that_wait_share_one_sync() {
    let held = held(false);
    let before = held.store.statistics().groups();
    let waiting: Vec<_> = (0..50_u8)
        .map(|index| {
            let store = Arc::clone(&held.store);
            thread::spawn(move || commit(&*store, &[index], b"x"))
        })
        .collect();
    eventually("queueing 50 commits", || held.store.waiting() == 50);
    held.release.send(()).unwrap();
    let mut revisions: Vec<u64> = waiting.into_iter().map(|waiting| waiting.join().unwrap().unwrap()).collect();
    revisions.sort_unstable();
    let first = held.first.join().unwrap().unwrap();
    assert_eq!(revisions, (first + 1..=first + 50).collect::<Vec<u64>>(), "each has a revision of its own");
    assert_eq!(held.store.statistics().groups(), before + 1, "one group, one sync");
    assert_eq!(held.store.statistics().commits(), 51);
    assert_eq!(held.store.waiting(), 0);
    let versions: Vec<u64> =
        held.store.scan(b"", None, Direction::Ascending, 60).unwrap().items.iter().map(|item| item.version).collect();
    assert_eq!(versions.len(), 51);
}

#[test]
fn a_conflict_in_a_group_fails_alone_and_sees_the_writes_before_it() {
    let held = held(false);
    // Only one of these can find the key absent, whatever their order; the others write keys of their own.
    let racing: Vec<_> = (0..10_u8)
        .map(|index| {
            let store = Arc::clone(&held.store);
            let absent = Check { key: b"once".to_vec(), version: None };
            thread::spawn(move || store.commit(vec![absent], vec![put(b"once", &[index]), put(&[index], b"won")]))
        })
        .collect();
    let plain: Vec<_> = (100..110_u8)
        .map(|index| {
            let store = Arc::clone(&held.store);
            thread::spawn(move || commit(&*store, &[index], b"x"))
        })
        .collect();
    eventually("queueing 20 commits", || held.store.waiting() == 20);
    held.release.send(()).unwrap();
    let outcomes: Vec<_> = racing.into_iter().map(|racing| racing.join().unwrap()).collect();
    for plain in plain {
        plain.join().unwrap().expect("a commit beside a conflict");
    }
    let winners: Vec<usize> = outcomes.iter().enumerate().filter(|(_, won)| won.is_ok()).map(|(at, _)| at).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(CommitError::Conflict))));
    let winner = u8::try_from(winners[0]).unwrap();
    assert_eq!(value(&*held.store, b"once"), Ok(Some(vec![winner])));
    for index in (0..10_u8).filter(|index| *index != winner) {
        assert_eq!(value(&*held.store, &[index]), Ok(None), "a conflict left something");
    }
    let statistics = held.store.statistics();
    assert_eq!((statistics.groups(), statistics.commits(), statistics.conflicts()), (2, 12, 9));
}

#[test]
fn a_lone_commit_is_a_group_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("jeton.db")).unwrap();
    for round in 0..20_u8 {
        commit(&store, b"k", &[round]).unwrap();
    }
    assert_eq!((store.statistics().groups(), store.statistics().commits()), (20, 20));
    assert_eq!(store.statistics().errors(), 0);
}

/// Five commits that are queued behind the one that is held.
fn five_waiting(held: &Held) -> Vec<thread::JoinHandle<Result<u64, CommitError>>> {
    let waiting = (0..5_u8)
        .map(|index| {
            let store = Arc::clone(&held.store);
            thread::spawn(move || commit(&*store, &[index], b"x"))
        })
        .collect();
    eventually("queueing 5 commits", || held.store.waiting() == 5);
    waiting
}

#[test]
fn closing_finishes_the_commits_that_wait() {
    let held = held(false);
    let waiting = five_waiting(&held);
    let store = Arc::clone(&held.store);
    let closing = thread::spawn(move || store.close());
    held.release.send(()).unwrap();
    closing.join().unwrap();
    for waiting in waiting {
        waiting.join().unwrap().expect("a commit that was sent before the close");
    }
    assert_eq!(commit(&*held.store, b"late", b""), Err(CommitError::Unavailable));
    assert!(held.store.read(&[], Freshness::Latest).is_err(), "a closed store answers nothing");
}

#[test]
fn an_observer_that_panics_closes_the_store_and_leaves_nobody_waiting() {
    let held = held(true);
    let waiting = five_waiting(&held);
    held.release.send(()).unwrap();
    assert_eq!(held.first.join().unwrap(), Err(CommitError::Unavailable), "it was not acknowledged");
    for waiting in waiting {
        assert_eq!(waiting.join().unwrap(), Err(CommitError::Unavailable));
    }
    eventually("closing the store", || held.store.read(&[], Freshness::Latest).is_err());
    assert_eq!(commit(&*held.store, b"late", b""), Err(CommitError::Unavailable));
}
