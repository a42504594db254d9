//! What damage does not get past a start, and what a sudden stop leaves.

use std::{fs, os::unix::fs::FileExt, path::Path};

use jeton_policy::store::{Direction, Freshness, Store};
use jeton_store::{OpenError, SqliteStore};
use rusqlite::Connection;

use crate::support::{Place, beside, closed, commit, place, put, refusal, value};

#[test]
fn a_corrupt_header_is_refused() {
    let Place { path, .. } = &closed();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[0xa5; 60], 16).unwrap();
    let error = refusal(path);
    assert!(matches!(error, OpenError::NotADatabase { .. } | OpenError::Damaged { .. }), "{error}");
}

#[test]
fn damage_to_the_live_keys_is_refused() {
    let Place { path, .. } = &closed();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    // Every page but the first two, which hold the schema and a root.
    file.write_all_at(&vec![0xa5; usize::try_from(length).unwrap() - 8192], 8192).unwrap();
    let error = refusal(path);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
}

#[test]
fn a_truncated_database_is_refused() {
    let Place { path, .. } = &closed();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(8192).unwrap();
    let error = refusal(path);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[test]
fn versions_and_revisions_that_cannot_be_are_refused() {
    for doctored in [
        "UPDATE kv SET version = 100000 WHERE key = CAST('live/cut/0007' AS BLOB)",
        "UPDATE kv SET version = 0 WHERE key = CAST('live/cut/0007' AS BLOB)",
        "UPDATE meta SET value = -1",
        "DELETE FROM meta",
        "DROP TABLE meta",
        "DROP TABLE kv",
        "PRAGMA user_version = 0",
    ] {
        let Place { path, .. } = &closed();
        Connection::open(path).unwrap().execute_batch(doctored).unwrap();
        let error = refusal(path);
        assert!(matches!(error, OpenError::Damaged { .. }), "{doctored}: {error:?}");
    }
}

/// Copies the files of a store that is not closed: what a machine that stops at once leaves behind.
fn snapshot(path: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        fs::copy(beside(path, suffix), beside(to, suffix)).unwrap();
    }
}

#[test]
fn what_was_acknowledged_is_found_after_a_sudden_stop() {
    let Place { path, directory } = &place();
    let store = SqliteStore::open(path).unwrap();
    for round in 0..50_u8 {
        commit(&store, &[round], &[round]).unwrap();
    }
    let copy = directory.path().join("copy.db");
    snapshot(path, &copy);
    let found = SqliteStore::open(&copy).unwrap();
    for round in 0..50_u8 {
        assert_eq!(value(&found, &[round]), Ok(Some(vec![round])));
    }
    assert_eq!(found.read(&[], Freshness::Latest).unwrap().revision, 50);
    found.check_integrity().unwrap();
}

#[test]
fn a_torn_log_opens_with_whole_commits_and_all_that_was_copied_back() {
    let Place { path, directory } = &place();
    let store = SqliteStore::open(path).unwrap();
    for round in 0..10_u8 {
        commit(&store, &[0, round], &[round]).unwrap();
    }
    drop(store);
    let store = SqliteStore::open(path).unwrap();
    for round in 0..10_u8 {
        store.commit(vec![], vec![put(&[1, round], b""), put(&[2, round], b"")]).unwrap();
    }
    let whole = fs::metadata(beside(path, "-wal")).unwrap().len();
    for cut in [1, 100, 4_000, 5_000, 20_000, whole - 40, whole] {
        let copy = directory.path().join(format!("cut-{cut}.db"));
        snapshot(path, &copy);
        fs::OpenOptions::new().write(true).open(beside(&copy, "-wal")).unwrap().set_len(whole - cut).unwrap();
        let torn = SqliteStore::open(&copy).unwrap();
        let held = |prefix: u8| torn.scan(&[prefix], None, Direction::Ascending, 100).unwrap().items.len();
        assert_eq!(held(0), 10, "all that was copied back, with {cut} bytes of the log gone");
        assert_eq!(held(1), held(2), "a commit is whole or gone, with {cut} bytes of the log gone");
        assert!(held(1) < 10, "the last commit cannot be whole, with {cut} bytes of the log gone");
        let revision = torn.read(&[], Freshness::Latest).unwrap().revision;
        assert_eq!(usize::try_from(revision).unwrap(), 10 + held(1));
        commit(&torn, b"new", b"").unwrap();
        torn.check_integrity().unwrap();
    }
}

#[test]
fn garbage_in_the_log_is_no_commit() {
    let Place { path, .. } = &closed();
    fs::write(beside(path, "-wal"), vec![0x5a; 40_000]).unwrap();
    let store = SqliteStore::open(path).unwrap();
    assert_eq!(store.read(&[], Freshness::Latest).unwrap().revision, 200);
}

#[test]
fn a_log_without_its_database_is_not_deleted() {
    let Place { path, directory } = &place();
    let store = SqliteStore::open(path).unwrap();
    commit(&store, b"k", b"v").unwrap();
    let copy = directory.path().join("copy.db");
    snapshot(path, &copy);
    for empty in [true, false] {
        if empty {
            fs::write(&copy, b"").unwrap();
        } else {
            fs::remove_file(&copy).unwrap();
        }
        let error = refusal(&copy);
        assert!(matches!(error, OpenError::OrphanedLog { .. }), "{error}");
        assert!(fs::metadata(beside(&copy, "-wal")).unwrap().len() > 0);
    }
    assert!(!copy.exists(), "a refusal creates nothing");
}

#[test]
fn the_whole_check_finds_damage_that_the_start_does_not_look_for() {
    let Place { path, .. } = &place();
    let store = SqliteStore::open(path).unwrap();
    for index in 0..500_u32 {
        commit(&store, format!("token/{index:04}").as_bytes(), &[7; 100]).unwrap();
    }
    store.check_integrity().unwrap();
    drop(store);
    let doctor = Connection::open(path).unwrap();
    doctor.execute("UPDATE kv SET version = 9999 WHERE key = CAST('token/0100' AS BLOB)", []).unwrap();
    drop(doctor);
    let store = SqliteStore::open(path).unwrap();
    let error = store.check_integrity().unwrap_err().to_string();
    assert!(error.contains("1 entries have a version that no commit had"), "{error}");
    drop(store);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.write_all_at(&[0xa5; 4096], length - 4096).unwrap();
    let store = SqliteStore::open(path).unwrap();
    assert!(store.check_integrity().unwrap_err().to_string().contains("damaged"));
}
