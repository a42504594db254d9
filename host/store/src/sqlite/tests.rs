//! What needs a hand inside: commits that fail at a chosen moment, and schemas of other versions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use std::{path::PathBuf, sync::mpsc};

use rusqlite::ffi;
use tempfile::TempDir;

use super::*;
use crate::observe::Committed;

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jeton.db");
    (directory, path)
}

fn commit(store: &SqliteStore, key: &[u8], value: &[u8]) -> Result<u64, CommitError> {
    store.commit(vec![], vec![Write { key: key.to_vec(), value: Some(value.to_vec()) }])
}

fn value(store: &SqliteStore, key: &[u8]) -> Option<Vec<u8>> {
    let snapshot = store.read(&[key.to_vec()], Freshness::Latest).unwrap();
    snapshot.entries[0].clone().map(|entry| entry.value)
}

fn failure(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// Says what it hears, and whether another thread could read meanwhile.
struct Telling {
    heard: mpsc::Sender<&'static str>,
    store: Arc<SqliteStore>,
}

impl CommitObserver for Telling {
    fn committed(&mut self, _: &[Committed]) {
        self.heard.send("committed").unwrap();
    }

    fn outcome_unknown(&mut self) {
        let own = self.store.read(&[], Freshness::Latest).is_ok();
        let store = Arc::clone(&self.store);
        let others = thread::spawn(move || store.read(&[], Freshness::Latest).is_ok()).join().unwrap();
        self.heard.send(if own && !others { "unknown, others wait" } else { "unknown, but not alone" }).unwrap();
    }
}

fn observed() -> (TempDir, Arc<SqliteStore>, mpsc::Receiver<&'static str>) {
    let (directory, path) = place();
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    let (heard, hears) = mpsc::channel();
    store.observe(Box::new(Telling { heard, store: Arc::clone(&store) }));
    (directory, store, hears)
}

#[test]
fn a_commit_that_took_effect_and_failed_is_unknown_and_shows_only_after_the_observer_was_told() {
    let (_directory, store, hears) = observed();
    commit(&store, b"live/k", b"1").unwrap();
    *store.shared.seam.after.lock() = Some(failure(ffi::SQLITE_IOERR_FSYNC));
    assert_eq!(commit(&store, b"live/k", b"2"), Err(CommitError::Unavailable));
    assert_eq!(hears.try_iter().collect::<Vec<_>>(), ["committed", "unknown, others wait"]);
    assert_eq!(value(&store, b"live/k"), Some(b"2".to_vec()));
    assert_eq!(commit(&store, b"live/k", b"3"), Ok(3));
    assert_eq!(store.statistics().groups(), 2);
    assert!(store.statistics().errors() >= 1);
    store.close();
}

#[test]
fn a_full_disk_before_commit_takes_no_effect_and_keeps_the_store_open() {
    let (_directory, store, hears) = observed();
    commit(&store, b"live/k", b"1").unwrap();
    *store.shared.seam.before.lock() = Some(failure(ffi::SQLITE_FULL));
    assert_eq!(commit(&store, b"live/k", b"2"), Err(CommitError::Unavailable));
    assert_eq!(value(&store, b"live/k"), Some(b"1".to_vec()));
    assert_eq!(commit(&store, b"live/k", b"3"), Ok(2), "a rolled-back group leaves no gap");
    assert_eq!(hears.try_iter().collect::<Vec<_>>(), ["committed", "committed"]);
    assert_eq!(store.statistics().errors(), 1);
    store.close();
}

#[test]
fn an_input_error_before_commit_opens_the_store_anew() {
    let (_directory, store, hears) = observed();
    *store.shared.seam.before.lock() = Some(failure(ffi::SQLITE_IOERR));
    assert_eq!(commit(&store, b"live/k", b"1"), Err(CommitError::Unavailable));
    assert_eq!(hears.try_iter().collect::<Vec<_>>(), ["unknown, others wait"]);
    assert_eq!(value(&store, b"live/k"), None);
    store.close();
}

#[test]
fn a_database_that_vanished_is_not_replaced_by_an_empty_one() {
    let (directory, store, _hears) = observed();
    commit(&store, b"k", b"1").unwrap();
    *store.shared.seam.after.lock() = Some(failure(ffi::SQLITE_IOERR_FSYNC));
    let path = directory.path().join("jeton.db");
    std::fs::rename(&path, directory.path().join("elsewhere.db")).unwrap();
    assert_eq!(commit(&store, b"k", b"2"), Err(CommitError::Unavailable));
    assert_eq!(store.read(&[], Freshness::Latest), Err(Unavailable));
    assert_eq!(commit(&store, b"k", b"3"), Err(CommitError::Unavailable));
    assert!(!path.exists());
    store.close();
}

#[test]
fn a_real_page_limit_rolls_a_group_back_and_the_store_works_on() {
    let (_directory, path) = place();
    let mut connection = open::writer(&path, Absent::Create, schema::MIGRATIONS).unwrap();
    connection.pragma_update_and_check(None, "max_page_count", 20, |_row| Ok(())).unwrap();
    let transaction = connection.transaction().unwrap();
    let full = (0..100_u8).find_map(|index| schema::put(&transaction, &[index], &[index; 4096], 1).err()).unwrap();
    assert_eq!(full.sqlite_error_code(), Some(ErrorCode::DiskFull));
    drop(transaction);
    assert!(connection.is_autocommit());
    schema::put(&connection, b"small", b"1", 1).unwrap();
}

const NEXT: &[&str] = &[
    schema::MIGRATIONS[0],
    schema::MIGRATIONS[1],
    "CREATE TABLE extra (x INTEGER) STRICT; INSERT INTO extra VALUES (7);",
];
const BROKEN: &[&str] = &[
    schema::MIGRATIONS[0],
    schema::MIGRATIONS[1],
    "CREATE TABLE extra (x INTEGER) STRICT; CREATE TABLE kv (x INTEGER);",
];

fn version(path: &Path) -> i64 {
    Connection::open(path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn an_older_schema_is_migrated_and_keeps_its_entries() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    commit(&store, b"k", b"v").unwrap();
    drop(store);
    assert_eq!(version(&path), 2);
    let store = SqliteStore::open_with(&path, NEXT).unwrap();
    assert_eq!(value(&store, b"k"), Some(b"v".to_vec()));
    assert_eq!(commit(&store, b"k", b"w"), Ok(2));
    drop(store);
    assert_eq!(version(&path), 3);
    let x: i64 = Connection::open(&path).unwrap().query_row("SELECT x FROM extra", [], |row| row.get(0)).unwrap();
    assert_eq!(x, 7);
    let Err(newer) = SqliteStore::open(&path) else { panic!("an older Jeton opened it") };
    assert!(matches!(newer, OpenError::NewerSchema { found: 3, known: 2, .. }), "{newer}");
}

#[test]
fn a_new_store_goes_through_every_migration() {
    let (_directory, path) = place();
    drop(SqliteStore::open_with(&path, NEXT).unwrap());
    assert_eq!(version(&path), 3);
    drop(SqliteStore::open_with(&path, NEXT).unwrap());
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    commit(&store, b"k", b"v").unwrap();
    drop(store);
    assert!(SqliteStore::open_with(&path, BROKEN).is_err());
    assert_eq!(version(&path), 2);
    let connection = Connection::open(&path).unwrap();
    assert!(connection.prepare("SELECT x FROM extra").is_err(), "half of a migration stayed");
    drop(connection);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(value(&store, b"k"), Some(b"v".to_vec()));
}
