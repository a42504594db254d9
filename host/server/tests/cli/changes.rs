//! Edit, disable, enable, rotate, and tokens that each use replaces.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::runner::{DONE, Desk, Ended, FAILED, USAGE, run};

fn id(token: &Value) -> &str {
    token["id"].as_str().unwrap()
}

fn secret(token: &Value) -> &str {
    token["token"].as_str().unwrap()
}

/// What `jeton exchange` does with this token.
fn exchange(desk: &Desk, token: &str, arguments: &[&str]) -> Ended {
    desk.server.hide(token);
    run(desk.command(&[&["exchange"], arguments].concat()).env("JETON_TOKEN", token), "")
}

#[test]
fn a_token_is_made_with_all_that_ties_it_down_and_edited_member_by_member() {
    let desk = Desk::new();
    let bound =
        ["--name", "vendor", "--network", "192.0.2.0/24", "--audience", "https://a.example", "--max-exchanges", "100"];
    let more = ["--not-before", "2027-01-31", "--bind-access-tokens", "--may-delegate", "--expires", "never"];
    let made = desk.create(&[&bound[..], &more].concat());
    assert_eq!((&made["networks"], &made["audiences"]), (&json!(["192.0.2.0/24"]), &json!(["https://a.example"])));
    assert_eq!((&made["max_exchanges"], &made["not_before"]), (&json!(100), &json!("2027-01-31T00:00:00Z")));
    assert_eq!((&made["networks_in_access_tokens"], &made["may_delegate"]), (&json!(true), &json!(true)));

    let edit = |arguments: &[&str]| desk.run(&[&["token", "edit", id(&made), "--json"], arguments].concat());
    let edited: Value = serde_json::from_str(
        &edit(&["--network", "any", "--audience", "any", "--max-exchanges", "any", "--not-before", "any"]).done(),
    )
    .unwrap();
    assert_eq!(
        (&edited["networks"], &edited["not_before"], &edited["generation"]),
        (&json!([]), &Value::Null, &json!(2))
    );
    edit(&["--name", "renamed", "--generation", "1"]).refused(FAILED, &["changed meanwhile"]);
    assert!(edit(&["--name", "renamed", "--generation", "2"]).done().contains("\"renamed\""));
    edit(&["--network", "192.0.2.1/24"]).refused(FAILED, &["(`networks`)"]);
    edit(&[]).refused(USAGE, &["nothing is to change"]);
    assert!(desk.run(&["token", "edit", id(&made), "--scope", "a"]).done().contains("scopes"), "people get a table");
}

#[test]
fn tokens_are_disabled_and_enabled_and_one_that_is_refused_keeps_the_others_from_nothing() {
    let desk = Desk::new();
    let (one, other) = (desk.create(&["--name", "one"]), desk.create(&["--name", "other"]));
    let unknown = "0".repeat(22);
    let ended = desk.run(&["token", "disable", id(&one), &unknown, id(&other), "--note", "may have leaked"]);
    assert_eq!(ended.code, FAILED, "{ended:?}");
    assert_eq!(ended.stdout.matches("disabled").count(), 2, "{ended:?}");
    assert!(ended.stderr.contains(&unknown) && ended.stderr.contains("1 of 3 were refused"), "{ended:?}");
    exchange(&desk, secret(&one), &[]).refused(FAILED, &["JETON_TOKEN was deleted, disabled or used up"]);
    assert!(desk.run(&["token", "show", id(&one)]).done().contains("may have leaked"));

    let ids = format!("{}\n{}\n", id(&one), id(&other));
    let enabled = run(&mut desk.command(&["token", "enable", "-", "--json"]), &ids).done();
    let states = enabled.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone());
    assert_eq!(states.collect::<Vec<_>>(), [json!("active"), json!("active")]);
    exchange(&desk, secret(&one), &[]).done();
}

#[test]
fn a_rotated_tokens_new_string_alone_stands_on_standard_output() {
    let desk = Desk::new();
    let made = desk.create(&["--name", "nightly job"]);
    let rotated = desk.run(&["token", "rotate", id(&made), "--overlap", "1h"]);
    assert_eq!(rotated.code, DONE, "{rotated:?}");
    let new = rotated.stdout.strip_suffix('\n').unwrap().to_owned();
    assert_eq!(new.len(), 79, "{rotated:?}");
    assert!(rotated.stderr.contains("`nightly job`") && rotated.stderr.contains("works until 2"), "{rotated:?}");
    assert!(!rotated.stderr.contains(&new), "{rotated:?}");
    for token in [secret(&made), &new] {
        exchange(&desk, token, &[]).done();
    }
    desk.run(&["token", "rotate", id(&made), "--overlap", "8d"]).refused(FAILED, &["604800"]);
    desk.run(&["token", "rotate", id(&made), "--overlap", "1h"]).refused(FAILED, &["not over"]);
    let at_once = desk.run(&["token", "rotate", id(&made), "--json"]).done();
    let newest: Value = serde_json::from_str(&at_once).unwrap();
    for token in [secret(&made), &new] {
        exchange(&desk, token, &[]).refused(FAILED, &["not good"]);
    }
    exchange(&desk, secret(&newest), &[]).done();
}

#[test]
fn a_token_that_each_use_replaces_says_how_its_successor_is_kept() {
    let desk = Desk::new();
    let made = desk.create(&["--name", "rotating", "--rotate-on-use"]);
    let plain = exchange(&desk, secret(&made), &[]);
    assert_eq!(plain.code, DONE, "{plain:?}");
    assert!(plain.stderr.contains("jeton exchange --json") && plain.stderr.contains("30 s"), "{plain:?}");
    assert!(!plain.stderr.contains("jtn_rt_") && !plain.stdout.contains("jtn_rt_"), "{plain:?}");
    let answer: Value = serde_json::from_str(&exchange(&desk, secret(&made), &["--json"]).done()).unwrap();
    let successor = answer["refresh_token"].as_str().unwrap();
    assert!(exchange(&desk, successor, &["--json"]).done().contains("refresh_token"));
}

#[test]
fn an_exchange_asks_for_a_resource() {
    let desk = Desk::new();
    let made = desk.create(&["--name", "n", "--audience", "https://a.example", "--audience", "https://b.example"]);
    let audience = |arguments: &[&str]| {
        let access = exchange(&desk, secret(&made), arguments).done();
        let payload = access.split('.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
        serde_json::from_slice::<Value>(&claims).unwrap()["aud"].clone()
    };
    assert_eq!(audience(&[]), "https://a.example");
    assert_eq!(audience(&["--resource", "https://b.example"]), "https://b.example");
    exchange(&desk, secret(&made), &["--resource", "https://c.example"]).refused(FAILED, &["resource"]);
}

#[test]
fn creating_under_a_key_makes_nothing_twice() {
    let desk = Desk::new();
    let create = || desk.run(&["token", "create", "--name", "once", "--idempotency-key", "deploy-17"]);
    create().done();
    create().refused(FAILED, &["was made before under this key", "jeton token rotate "]);
    assert_eq!(desk.run(&["token", "list", "--name", "once", "--json"]).done().lines().count(), 1);
}
