//! What a check guards against when callers are exactly simultaneous.

use std::{sync::Barrier, thread};

use jeton_policy::store::{Check, CommitError, Store, Write};

use super::{Engine, absent, at, commit, entry, put, remove, value};

/// Commits that race for one thing.
const RACERS: u8 = 8;
/// How often they race.
const ROUNDS: u32 = 20;

/// Sends a commit from each of several threads at the same moment. The answers, in the order of the racers.
fn race<S: Store + Sync>(store: &S, commits: Vec<(Vec<Check>, Vec<Write>)>) -> Vec<Result<u64, CommitError>> {
    let line = Barrier::new(commits.len());
    thread::scope(|scope| {
        let racers: Vec<_> = commits
            .into_iter()
            .map(|(checks, writes)| {
                scope.spawn(|| {
                    line.wait();
                    store.commit(checks, writes)
                })
            })
            .collect();
        let ends = racers.into_iter().map(|racer| racer.join());
        ends.map(|end| end.unwrap_or_else(|_| panic!("a racer panicked"))).collect()
    })
}

/// The only racer that won, with its revision. All others must have met a conflict.
fn winner(answers: &[Result<u64, CommitError>]) -> (usize, u64) {
    let won: Vec<(usize, u64)> =
        answers.iter().enumerate().filter_map(|(racer, answer)| Some((racer, (*answer).ok()?))).collect();
    assert_eq!(won.len(), 1, "exactly one of the racing commits must win: {answers:?}");
    let others = answers.iter().filter(|answer| **answer == Err(CommitError::Conflict)).count();
    assert_eq!(others + 1, answers.len(), "who lost must be told so: {answers:?}");
    won[0]
}

/// Of creations of one key at once, one wins; the others leave nothing, whatever else they write.
pub fn of_racing_creations_one_wins<E: Engine>(engine: &E) {
    let store = engine.create();
    for round in 0..ROUNDS {
        let key = round.to_be_bytes();
        let mark = |racer: u8| [key.as_slice(), &[racer]].concat();
        let creation = |racer: u8| (vec![absent(&key)], vec![put(&key, &[racer]), put(&mark(racer), b"")]);
        let (won, revision) = winner(&race(&store, (0..RACERS).map(creation).collect()));
        for racer in 0..RACERS {
            let is_winner = usize::from(racer) == won;
            assert_eq!(entry(&store, &mark(racer)).is_some(), is_winner, "a lost creation must leave nothing");
            if is_winner {
                assert_eq!(value(&store, &key), Some(vec![racer]), "the winner's value must stand");
            }
        }
        assert_eq!(entry(&store, &key).map(|entry| entry.version), Some(revision), "the version is the winner's");
    }
}

/// Of changes that rest on one version, be they writes or removals, one wins.
pub fn of_racing_changes_of_one_version_one_wins<E: Engine>(engine: &E) {
    let store = engine.create();
    for _ in 0..ROUNDS {
        let seen = commit(&store, &[], &[put(b"k", b"seen")]);
        let change = |racer: u8| {
            let write = if racer.is_multiple_of(2) { remove(b"k") } else { put(b"k", &[racer]) };
            (vec![at(b"k", seen)], vec![write])
        };
        let (won, _) = winner(&race(&store, (0..RACERS).map(change).collect()));
        let expected = u8::try_from(won).ok().filter(|racer| racer % 2 == 1).map(|racer| vec![racer]);
        assert_eq!(value(&store, b"k"), expected, "what the winner wrote must stand");
    }
}

/// A check guards a key that its commit does not write: of two commits that each change what the other one checks, one
/// wins.
pub fn a_check_guards_what_is_not_written<E: Engine>(engine: &E) {
    let store = engine.create();
    for _ in 0..ROUNDS {
        let seen = commit(&store, &[], &[put(b"left", b"1"), put(b"right", b"1")]);
        let both = vec![at(b"left", seen), at(b"right", seen)];
        let one_each = vec![(both.clone(), vec![remove(b"left")]), (both, vec![remove(b"right")])];
        winner(&race(&store, one_each));
        let left = [b"left".as_slice(), b"right"].iter().filter(|key| entry(&store, key).is_some()).count();
        assert_eq!(left, 1, "two commits must not both rest on what they take from each other");
    }
}

/// Commits that check absence of the same key, and do not write it, do not stand in one another's way.
pub fn checks_that_hold_do_not_race<E: Engine>(engine: &E) {
    let store = engine.create();
    let own = |racer: u8| (vec![absent(b"none")], vec![put(&[racer], b"")]);
    let mut revisions: Vec<u64> = race(&store, (0..RACERS).map(own).collect())
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|error| panic!("a commit whose check holds failed: {error}")))
        .collect();
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(revisions.len(), usize::from(RACERS), "each racer must have a revision of its own");
}
