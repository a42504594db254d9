//! What is opened, what is refused, and who may look at it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use jeton_policy::store::{Freshness, Store};
use jeton_store::{OpenError, SqliteStore};
use rusqlite::Connection;

use crate::support::{Place, beside, closed, commit, place, refusal};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn its_files_are_the_owners_alone() {
    let Place { path, .. } = &place();
    let store = SqliteStore::open(path).unwrap();
    commit(&store, b"k", b"v").unwrap();
    store.read(&[], Freshness::Latest).unwrap();
    for file in [path.clone(), beside(path, "-wal"), beside(path, "-shm")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_file_that_others_could_read_is_taken_from_them() {
    let Place { path, .. } = &closed();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(path).unwrap();
    commit(&store, b"k", b"v").unwrap();
    assert_eq!(mode(path), 0o600);
    assert_eq!(mode(&beside(path, "-wal")), 0o600);
}

#[test]
fn a_closed_store_leaves_one_file() {
    let Place { directory, .. } = &closed();
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["jeton.db"]);
}

#[test]
fn an_empty_file_becomes_a_store() {
    let Place { path, .. } = &place();
    fs::write(path, b"").unwrap();
    let store = SqliteStore::open(path).unwrap();
    commit(&store, b"k", b"v").unwrap();
}

#[test]
fn a_relative_path_works_and_is_never_taken_for_a_uri() {
    let Place { directory, .. } = &place();
    let odd = directory.path().join("file:odd?mode=memory");
    let store = SqliteStore::open(&odd).unwrap();
    commit(&store, b"k", b"v").unwrap();
    assert!(odd.exists());
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let text = "a".repeat(10_000);
    for contents in ["x", "not a database, but longer than a header, and longer still: 0123456789 0123456789", &text] {
        let Place { path, .. } = &place();
        fs::write(path, contents).unwrap();
        let error = refusal(path);
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
        assert!(error.to_string().contains("choose another data directory"), "{error}");
        assert_eq!(fs::read_to_string(path).unwrap(), contents);
    }
    let Place { directory, .. } = &place();
    assert!(matches!(refusal(directory.path()), OpenError::NotADatabase { .. }), "a directory is no database");
}

#[test]
fn the_database_of_another_application_is_refused_and_left_alone() {
    for id in [0_i64, 0x1234_5678] {
        let Place { path, .. } = &place();
        let other = Connection::open(path).unwrap();
        other.execute_batch("CREATE TABLE theirs (x)").unwrap();
        other.pragma_update(None, "application_id", id).unwrap();
        drop(other);
        let before = fs::read(path).unwrap();
        match refusal(path) {
            OpenError::OtherApplication { found, .. } => assert_eq!(found, id),
            error => panic!("{error}"),
        }
        assert_eq!(fs::read(path).unwrap(), before);
    }
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let Place { path, .. } = &closed();
    let newer = Connection::open(path).unwrap();
    newer.pragma_update(None, "user_version", 42).unwrap();
    drop(newer);
    let error = refusal(path);
    assert!(matches!(error, OpenError::NewerSchema { found: 42, known: 2, .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("42") && said.contains("versions up to 2"), "{said}");
    assert!(said.contains("run a Jeton at least as new") && said.contains("backup"), "{said}");
}

#[test]
fn a_store_that_is_marked_read_only_is_refused() {
    let Place { path, .. } = &closed();
    fs::set_permissions(path, fs::Permissions::from_mode(0o400)).unwrap();
    let error = refusal(path);
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("is read-only: let the user that runs Jeton write"), "{error}");
    assert_eq!(mode(path), 0o400);
}

#[test]
fn a_directory_that_is_marked_read_only_is_refused() {
    let Place { path, directory } = &closed();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let error = refusal(path);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
}

#[test]
fn a_missing_directory_is_said() {
    let Place { directory, .. } = &place();
    let error = refusal(&directory.path().join("none/jeton.db"));
    assert!(matches!(error, OpenError::File { action: "create", .. }), "{error}");
}
