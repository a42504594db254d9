//! What is asked of the figures' command in words that it does not know.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::process::Command;

#[test]
fn a_word_that_is_no_figure_is_refused_with_those_that_are() {
    for (words, known) in [
        (&["speed"][..], "scale"),
        (&["scale", "speed"], "cascade"),
        (&["people", "speed"], "guesses"),
        (&["http", "speed"], "no single figures"),
        (&["http", "--against", "speed"], "no run of speed is kept"),
    ] {
        let said = Command::new(env!("CARGO_BIN_EXE_jeton-bench")).args(words).output().unwrap();
        let error = String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success() && error.contains(known), "{words:?}: {error}");
    }
}

#[test]
fn a_directory_is_filled_with_as_many_refresh_tokens_as_are_asked_for_each_with_all_that_it_is_found_by() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let make = || Command::new(env!("CARGO_BIN_EXE_jeton-bench")).arg("make").arg(&data).arg("2500").output().unwrap();
    let said = make();
    let told = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && told.contains("has 2500 refresh tokens more"), "{told}");
    let database = rusqlite::Connection::open(data.join("jeton.db")).unwrap();
    for (from, until) in ["token", "name", "unused", "expires", "holder"].map(|of| (format!("{of}/"), format!("{of}0")))
    {
        let sql = "SELECT count(*) FROM kv WHERE key >= ?1 AND key < ?2";
        let count: u32 = database.query_row(sql, (from.as_bytes(), until.as_bytes()), |row| row.get(0)).unwrap();
        assert_eq!(count, 2500, "{from}");
    }
    drop(database);
    let _owner = jeton::data_dir::DataDir::open(&data).unwrap();
    let refused = make();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("in use by process"));
}
