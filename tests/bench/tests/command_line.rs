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
