//! `jeton user`: on a stopped store and beside a running server, with the same words.

use serde_json::Value;

use crate::{
    runner::{FAILED, USAGE, run},
    support::place::Place,
};

/// The accounts, as machines read them.
fn people(list: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let one = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        (text(&value, "name"), text(&value, "role"), text(&value, "state"))
    };
    list.lines().map(one).collect()
}

#[test]
fn accounts_are_made_and_changed_beside_a_running_server_as_without_one() {
    let place = Place::new();
    let user =
        |arguments: &[&str]| run(place.jeton(&[&["user"], arguments].concat()).env("JETON_DATA", place.data()), "");
    let listed = || people(&user(&["list", "--json"]).done());
    let one = |name: &str, role: &str, state: &str| (name.to_owned(), role.to_owned(), state.to_owned());
    let acts = |suffix: &str| {
        let (alice, bob) = (format!("alice{suffix}"), format!("bob{suffix}"));
        let code = user(&["add", &alice, "--role", "admin"]).done();
        assert_eq!(code.trim_end().len(), 19, "{code}");
        user(&["add", &alice, "--role", "viewer"]).refused(FAILED, &["there is an account of this name"]);
        user(&["add", &bob, "--role", "member", "--may-grant", "orders:read stock"]).done();
        user(&["disable", &bob]).done();
        let waits = "waits for a password";
        assert_eq!(listed(), [one(&alice, "admin", waits), one(&bob, "member", "disabled")]);
        user(&["enable", &bob]).done();
        user(&["role", &bob, "--role", "operator"]).done();
        assert_eq!(listed(), [one(&alice, "admin", waits), one(&bob, "operator", waits)]);
        assert_ne!(user(&["reset", &alice]).done(), code);
        user(&["remove", &bob]).done();
        user(&["remove", &bob]).refused(FAILED, &["there is no account of this name"]);
        user(&["add", &bob, "--role", "member", "--may-grant", "jeton:admin"]).refused(FAILED, &["outside `jeton:`"]);
        user(&["add", "a b", "--role", "member"]).refused(FAILED, &["letters, digits"]);
        user(&["remove", &alice]).done();
    };
    acts("");
    let server = place.serve().start();
    acts("2");
    drop(server);
    assert!(listed().is_empty());
    user(&["add", "alice"]).refused(USAGE, &["--role"]);
}
