//! `jeton exchange` and `jeton verify`.

use serde_json::Value;

use crate::{
    runner::{DONE, Desk, FAILED, USAGE, run},
    support::place::Place,
};

#[test]
fn a_refresh_token_comes_from_the_environment_or_from_standard_input() {
    let desk = Desk::new();
    let mut piped = desk.command(&["exchange"]);
    let from_input = run(piped.env_remove("JETON_TOKEN"), &format!("\n{}\r\n", desk.admin));
    // The note of a command that only hands a token on would stand in every log.
    assert_eq!((from_input.code, from_input.stderr.as_str()), (DONE, ""));
    assert!(desk.server.lets_in(from_input.stdout.strip_suffix('\n').unwrap()));
    // Where the environment has one, standard input is not waited for.
    let from_environment = run(&mut desk.command(&["exchange"]), "hunter2").done();
    assert!(desk.server.lets_in(from_environment.trim_end()));
}

#[test]
fn an_exchange_can_be_narrowed_and_shown_whole() {
    let desk = Desk::new();
    let made = desk.create(&["--name", "reports", "--scope", "reports:read reports:write"]);
    let exchange = |arguments: &[&str]| {
        let arguments = [&["exchange"], arguments].concat();
        run(desk.command(&arguments).env("JETON_TOKEN", made["token"].as_str().unwrap()), "")
    };
    let answer: Value = serde_json::from_str(&exchange(&["--json"]).done()).unwrap();
    assert_eq!(answer["scope"], "reports:read reports:write");
    assert_eq!(answer["token_type"], "Bearer");
    let narrow: Value = serde_json::from_str(&exchange(&["--json", "--scope", "reports:read"]).done()).unwrap();
    assert_eq!(narrow["scope"], "reports:read");
    exchange(&["--scope", "jeton:admin"]).refused(FAILED, &["scope"]);
}

#[test]
fn what_is_no_refresh_token_is_not_sent() {
    let place = Place::new();
    let exchange = |input: &str| run(&mut place.jeton(&["exchange"]), input);
    exchange("").refused(USAGE, &["JETON_TOKEN or on standard input"]);
    exchange("one\ntwo").refused(USAGE, &["nothing else beside it"]);
    exchange("hunter2").refused(USAGE, &["79 characters"]);
}

#[test]
fn a_living_access_token_shows_its_claims_and_a_dead_one_exits_with_1() {
    let desk = Desk::new();
    let token = desk.run(&["exchange"]).done();
    // It needs no administrator.
    let verify = |input: &str| run(desk.command(&["verify"]).env_remove("JETON_TOKEN"), input);
    let claims: Value = serde_json::from_str(&verify(&token).done()).unwrap();
    assert_eq!(claims["scope"], "jeton:admin");
    assert!(claims["expires_in"].as_u64().unwrap() <= 900);
    desk.run(&["epoch", "advance"]).done();
    verify(&token).refused(FAILED, &["the access token is not alive"]);
    verify("junk").refused(FAILED, &["the access token is not alive"]);
}

#[test]
fn what_is_no_access_token_at_all_is_bad_usage() {
    let place = Place::new();
    let verify = |input: &str| run(&mut place.jeton(&["verify"]), input);
    verify("").refused(USAGE, &["an access token is expected on standard input"]);
    verify("a.b.c\nd.e.f\n").refused(USAGE, &["nothing else beside it"]);
    verify(&format!("jtn_rt_{}", "0".repeat(72))).refused(USAGE, &["that is a refresh token", "jeton exchange"]);
}
