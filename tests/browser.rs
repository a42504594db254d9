//! The console in Chromium, with hands and eyes: the stories are in `tests/browser`, each with a server of its own.

use std::process::Command;

use crate::people::first_code;
use crate::support::{place::Place, repository, server::Server};

#[test]
fn a_token_is_made_copied_used_and_deleted_click_by_click() {
    story("story.mjs");
}

#[test]
fn the_console_is_used_by_the_keyboard_alone() {
    story("keyboard.mjs");
}

#[test]
fn the_console_is_used_without_a_script() {
    story("without_script.mjs");
}

#[test]
fn every_page_fits_a_narrow_window_by_day_and_by_night_and_keeps_nobody_out() {
    story("looks.mjs");
}

fn story(file: &str) {
    let place = Place::new();
    let admin = place.bootstrap();
    let server = place.serve().start();
    server.hide(&admin);
    run(file, &place, &server, Some(&admin));
}

/// Tells a story in a browser before this server, and looks for what was secret in it in the server's output.
pub(crate) fn tell(file: &str, place: &Place, server: &Server) {
    run(file, place, server, None);
}

fn run(file: &str, place: &Place, server: &Server, admin: Option<&str>) {
    let secrets = place.path("secrets");
    let mut node = Command::new("node");
    node.args(["--test", file])
        .current_dir(repository("tests/browser"))
        .env("JETON_URL", format!("http://127.0.0.1:{}", server.port))
        .env("JETON_FIRST_CODE", first_code(server))
        .env("JETON_ADMIN", admin.unwrap_or_default())
        .env("JETON_SECRETS", &secrets);
    // Pictures for the documents, where they are asked for.
    if let Some(folder) = std::env::var_os("JETON_TEST_PICTURES") {
        node.env("JETON_PICTURES", repository(".").join(folder));
    }
    let output = node.output().expect("node starts");
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{}{}\n{}", said[0], said[1], server.log());
    let secrets = std::fs::read_to_string(&secrets).expect("a story tells its secrets");
    assert!(!secrets.is_empty(), "a story tells its secrets");
    secrets.lines().for_each(|secret| server.hide(secret));
}
