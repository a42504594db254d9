//! `jeton login`: a token that is kept, used, and given to nobody else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::runner::{DONE, Desk, FAILED, USAGE, run};

/// Where the session of a desk is kept.
fn place(desk: &Desk) -> PathBuf {
    desk.place.path("config").join("jeton/session.json")
}

/// A command without a token or a URL in the environment.
fn plain(desk: &Desk, arguments: &[&str]) -> Command {
    desk.place.jeton(arguments)
}

fn log_in(desk: &Desk) {
    let ended = run(&mut plain(desk, &["login", "--url", &desk.url()]), &format!("{}\n", desk.admin));
    assert_eq!((ended.code, ended.stdout.as_str()), (DONE, ""), "{ended:?}");
    assert!(ended.stderr.contains("jeton:admin") && !ended.stderr.contains(&desk.admin), "{ended:?}");
}

#[test]
fn who_has_logged_in_needs_no_token_and_no_url_in_the_environment() {
    let desk = Desk::new();
    run(&mut plain(&desk, &["epoch", "show"]), "").refused(USAGE, &["JETON_TOKEN is not set", "jeton login"]);
    log_in(&desk);
    let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place(&desk)), 0o600);
    let epoch: Value = serde_json::from_str(&run(&mut plain(&desk, &["epoch", "show", "--json"]), "").done()).unwrap();
    assert_eq!(epoch["alg"], "EdDSA");
    run(&mut plain(&desk, &["server", "health"]), "").done();
    // What the environment says goes first.
    let nobody = format!("jtn_rt_{}", "0".repeat(72));
    let other = run(plain(&desk, &["epoch", "show"]).env("JETON_TOKEN", nobody), "");
    other.refused(FAILED, &["not good"]);
}

#[test]
fn a_session_is_for_one_authority() {
    let (desk, other) = (Desk::new(), Desk::new());
    log_in(&desk);
    let elsewhere = run(&mut plain(&desk, &["epoch", "show", "--url", &other.url()]), "");
    elsewhere.refused(USAGE, &["logged in at", "JETON_TOKEN"]);
    run(&mut plain(&desk, &["epoch", "show", "--url", &desk.url()]), "").done();
    // What asks for nothing that needs a token is asked of whomever it is said.
    run(&mut plain(&desk, &["server", "health", "--url", &other.url()]), "").done();
}

#[test]
fn a_session_that_others_can_read_is_refused() {
    let desk = Desk::new();
    log_in(&desk);
    std::fs::set_permissions(place(&desk), std::fs::Permissions::from_mode(0o644)).unwrap();
    run(&mut plain(&desk, &["epoch", "show"]), "").refused(USAGE, &["chmod 600", "log in with another"]);
    log_in(&desk);
    run(&mut plain(&desk, &["epoch", "show"]), "").done();
}

#[test]
fn what_is_no_good_refresh_token_is_not_kept() {
    let desk = Desk::new();
    let login = |token: &str| run(&mut plain(&desk, &["login", "--url", &desk.url()]), token);
    login("").refused(USAGE, &["standard input"]);
    login("hunter2").refused(USAGE, &["79 characters"]);
    login(&format!("jtn_rt_{}", "0".repeat(72))).refused(FAILED, &["not good"]);
    let rotating = desk.create(&["--name", "rotating", "--rotate-on-use"]);
    let ended = login(rotating["token"].as_str().unwrap());
    assert_eq!(ended.code, FAILED, "{ended:?}");
    assert!(ended.stdout.starts_with("jtn_rt_") && ended.stderr.contains("successor"), "{ended:?}");
    assert!(!place(&desk).exists());
}

#[test]
fn who_logs_out_may_end_the_token_as_well() {
    let desk = Desk::new();
    run(&mut plain(&desk, &["logout"]), "").done();
    log_in(&desk);
    assert!(run(&mut plain(&desk, &["logout"]), "").done().is_empty());
    assert!(!place(&desk).exists());
    desk.run(&["epoch", "show"]).done();
    log_in(&desk);
    run(&mut plain(&desk, &["logout", "--revoke"]), "").done();
    desk.run(&["epoch", "show"]).refused(FAILED, &["not good"]);
}
