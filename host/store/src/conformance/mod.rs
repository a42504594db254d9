//! The suite that every engine passes: what the rules rely on, as sentences that panic when they are false.
//!
//! An engine is held to it by a test of its own:
//!
//! ```
//! use jeton_store::{MemoryStore, conformance::{self, Engine}};
//!
//! struct Memory;
//!
//! impl Engine for Memory {
//!     type Store = MemoryStore;
//!
//!     fn create(&self) -> MemoryStore {
//!         MemoryStore::new()
//!     }
//!
//!     fn reopen(&self, _: MemoryStore) -> Option<MemoryStore> {
//!         None
//!     }
//! }
//!
//! conformance::run(&Memory);
//! ```
//!
//! [`run`] runs all of it; each function can also be a test by itself. They take stores that work: an
//! `Unavailable` fails the suite. What holds while a store fails is
//! [`a_commit_is_all_or_nothing_wherever_it_fails`], for engines that a test can break ([`Breakable`]).
#![allow(clippy::panic, clippy::indexing_slicing, reason = "a suite says what an engine does wrong by panicking")]

mod commits;
mod concurrency;
mod failures;
mod history;
mod limits;
mod order;
mod races;

use std::fmt::Debug;

use jeton_policy::store::{Check, CommitError, Entry, Freshness, Store, Write};

pub use self::{
    commits::{
        a_commit_is_all_or_nothing, a_deleted_key_that_comes_back_has_a_new_version, a_key_can_be_required_absent,
        a_read_answers_in_the_order_asked, acknowledged_commits_outlive_a_restart, an_empty_value_is_not_an_absent_one,
        conflicts_are_values_and_leave_nothing, revisions_strictly_grow_and_versions_are_revisions,
    },
    concurrency::{
        acknowledged_commits_are_seen_by_every_later_read, checked_commits_lose_no_update,
        keys_written_together_are_never_seen_apart,
    },
    failures::{Breakable, a_commit_is_all_or_nothing_wherever_it_fails},
    history::latest_is_linearizable,
    limits::{
        the_largest_commit_works_and_a_larger_one_is_refused, the_largest_read_works_and_a_larger_one_is_refused,
        the_largest_scan_works_and_a_larger_one_is_refused, the_largest_value_works_and_a_larger_one_is_refused,
        the_longest_key_works_and_a_longer_one_is_refused,
    },
    order::{
        a_cursor_goes_on_after_its_key, a_limit_cuts_a_page_and_pages_join, a_scan_is_ordered_by_bytes,
        a_scan_keeps_to_its_prefix,
    },
    races::{
        a_check_guards_what_is_not_written, checks_that_hold_do_not_race, of_racing_changes_of_one_version_one_wins,
        of_racing_creations_one_wins,
    },
};

/// How the suite gets at an engine.
pub trait Engine {
    /// What it makes. Shared by threads.
    type Store: Store + Send + Sync;

    /// A store without entries, apart from all others.
    fn create(&self) -> Self::Store;

    /// The same store after a stop and a start. `None` where nothing outlives the process.
    fn reopen(&self, store: Self::Store) -> Option<Self::Store>;
}

/// Runs the whole suite on one engine.
///
/// # Panics
/// With a sentence that says what the engine got wrong.
pub fn run<E: Engine>(engine: &E) {
    a_read_answers_in_the_order_asked(engine);
    an_empty_value_is_not_an_absent_one(engine);
    revisions_strictly_grow_and_versions_are_revisions(engine);
    conflicts_are_values_and_leave_nothing(engine);
    a_commit_is_all_or_nothing(engine);
    a_key_can_be_required_absent(engine);
    a_deleted_key_that_comes_back_has_a_new_version(engine);
    acknowledged_commits_outlive_a_restart(engine);
    a_scan_is_ordered_by_bytes(engine);
    a_scan_keeps_to_its_prefix(engine);
    a_cursor_goes_on_after_its_key(engine);
    a_limit_cuts_a_page_and_pages_join(engine);
    the_longest_key_works_and_a_longer_one_is_refused(engine);
    the_largest_value_works_and_a_larger_one_is_refused(engine);
    the_largest_read_works_and_a_larger_one_is_refused(engine);
    the_largest_scan_works_and_a_larger_one_is_refused(engine);
    the_largest_commit_works_and_a_larger_one_is_refused(engine);
    of_racing_creations_one_wins(engine);
    of_racing_changes_of_one_version_one_wins(engine);
    a_check_guards_what_is_not_written(engine);
    checks_that_hold_do_not_race(engine);
    checked_commits_lose_no_update(engine);
    keys_written_together_are_never_seen_apart(engine);
    acknowledged_commits_are_seen_by_every_later_read(engine);
    latest_is_linearizable(engine);
}

/// A write of a value.
fn put(key: &[u8], value: &[u8]) -> Write {
    Write { key: key.to_vec(), value: Some(value.to_vec()) }
}

/// A write that removes.
fn remove(key: &[u8]) -> Write {
    Write { key: key.to_vec(), value: None }
}

/// A check for a version.
fn at(key: &[u8], version: u64) -> Check {
    Check { key: key.to_vec(), version: Some(version) }
}

/// A check for absence.
fn absent(key: &[u8]) -> Check {
    Check { key: key.to_vec(), version: None }
}

fn must<T, E: Debug>(answer: Result<T, E>, what: &str) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => panic!("{what} failed: {error:?}"),
    }
}

fn commit(store: &impl Store, checks: &[Check], writes: &[Write]) -> u64 {
    must(store.commit(checks.to_vec(), writes.to_vec()), "a commit whose checks hold")
}

fn conflict(store: &impl Store, checks: &[Check], writes: &[Write]) {
    let answer = store.commit(checks.to_vec(), writes.to_vec());
    assert_eq!(answer, Err(CommitError::Conflict), "a commit whose check does not hold must be a conflict");
}

fn entry(store: &impl Store, key: &[u8]) -> Option<Entry> {
    let mut snapshot = must(store.read(&[key.to_vec()], Freshness::Latest), "a read");
    assert_eq!(snapshot.entries.len(), 1, "a read of one key must answer with one entry");
    snapshot.entries.remove(0)
}

fn value(store: &impl Store, key: &[u8]) -> Option<Vec<u8>> {
    entry(store, key).map(|entry| entry.value)
}
