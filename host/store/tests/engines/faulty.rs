//! The store that fails on purpose fails where and how it was told to.

use jeton_policy::store::{CommitError, Direction, Freshness, Store, Unavailable};
use jeton_store::{Fault, FaultyStore, MemoryStore};

use crate::support::{commit, put, value};

#[test]
fn a_refused_operation_takes_no_effect_and_the_next_one_works() {
    let store = FaultyStore::failing(MemoryStore::new(), 2, Fault::Refused);
    commit(&store, b"a", b"1").unwrap();
    assert_eq!(commit(&store, b"a", b"2"), Err(CommitError::Unavailable));
    assert_eq!(value(&store, b"a"), Ok(Some(b"1".to_vec())));
    commit(&store, b"a", b"3").unwrap();
    assert!(store.has_struck() && !store.crashed());
    assert_eq!(store.operations(), 4);
}

#[test]
fn a_lost_answer_hides_a_commit_that_took_effect() {
    let store = FaultyStore::failing(MemoryStore::new(), 1, Fault::AnswerLost);
    assert_eq!(commit(&store, b"a", b"1"), Err(CommitError::Unavailable));
    assert_eq!(value(&store, b"a"), Ok(Some(b"1".to_vec())));
}

#[test]
fn a_lost_answer_hides_a_conflict_too() {
    let store = FaultyStore::failing(MemoryStore::new(), 2, Fault::AnswerLost);
    let revision = commit(&store, b"a", b"1").unwrap();
    let stale = jeton_policy::store::Check { key: b"a".to_vec(), version: Some(revision + 1) };
    assert_eq!(store.commit(vec![stale], vec![put(b"a", b"2")]), Err(CommitError::Unavailable));
    assert_eq!(value(&store, b"a"), Ok(Some(b"1".to_vec())));
}

#[test]
fn after_a_crash_everything_is_unavailable_and_a_restart_finds_what_took_effect() {
    for (fault, left) in [(Fault::CrashBefore, None), (Fault::CrashAfter, Some(b"1".to_vec()))] {
        let store = FaultyStore::failing(MemoryStore::new(), 1, fault);
        assert_eq!(commit(&store, b"a", b"1"), Err(CommitError::Unavailable));
        assert!(store.crashed());
        assert_eq!(commit(&store, b"b", b"1"), Err(CommitError::Unavailable));
        assert_eq!(store.read(&[], Freshness::Recent), Err(Unavailable));
        assert_eq!(store.scan(b"", None, Direction::Ascending, 1), Err(Unavailable));
        let found = store.into_inner();
        assert_eq!(value(&found, b"a"), Ok(left), "{fault:?}");
        assert_eq!(value(&found, b"b"), Ok(None), "{fault:?}");
    }
}

#[test]
fn reads_and_scans_are_operations_like_commits() {
    for fault in Fault::ALL {
        let store = FaultyStore::failing(MemoryStore::new(), 2, fault);
        store.read(&[], Freshness::Latest).unwrap();
        assert_eq!(store.scan(b"", None, Direction::Ascending, 1), Err(Unavailable));
        assert_eq!(store.read(&[], Freshness::Latest).is_err(), store.crashed());
    }
}

#[test]
fn a_fault_can_be_planned_for_later() {
    let store = FaultyStore::new(MemoryStore::new());
    commit(&store, b"a", b"1").unwrap();
    store.plan(2, Fault::Refused);
    commit(&store, b"a", b"2").unwrap();
    assert!(!store.has_struck());
    assert_eq!(commit(&store, b"a", b"3"), Err(CommitError::Unavailable));
    commit(store.inner(), b"a", b"4").unwrap();
    assert_eq!(value(&store, b"a"), Ok(Some(b"4".to_vec())));
}
