//! `jeton policy check`: what it says of a policy that is in order, and of one that is not.

use std::fs;

use serde_json::Value;

use crate::{
    runner::{DONE, Ended, FAILED, USAGE, run},
    support::place::Place,
};

/// A place with the exported components.
fn exported() -> Place {
    let place = Place::new();
    run(&mut place.jeton(&["policy", "export", "."]), "").done();
    place
}

fn check(place: &Place, arguments: &[&str]) -> Ended {
    run(&mut place.jeton(&[&["policy", "check"], arguments].concat()), "")
}

#[test]
fn a_policy_that_is_in_order_holds_every_case_and_the_table_names_each() {
    let place = exported();
    let table = check(&place, &["jeton-verifier.wasm"]).done();
    assert!(table.contains(" holds   live-replay"), "{table}");
    let last = table.lines().last().unwrap();
    assert!(last.contains("of the verifier world") && last.ends_with("0 do not"), "{last}");
    assert!(!table.contains("BROKEN"), "{table}");

    let json: Value = serde_json::from_str(&check(&place, &["jeton-authority.wasm", "--json"]).done()).unwrap();
    assert_eq!((&json["world"], &json["broken"], &json["not_tried"]), (&"authority".into(), &0.into(), &0.into()));
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(json["held"], cases.len());
    assert!(cases.iter().any(|case| case["id"] == "cascade-grandparent" && case["outcome"] == "held"), "{json}");
}

#[test]
fn a_policy_that_is_broken_is_refused_with_what_happened() {
    let place = exported();
    let mut component = fs::read(place.path("jeton-verifier.wasm")).unwrap();
    // A verifier that knows no algorithm of ours: its every verdict is a refusal.
    let names: Vec<usize> =
        component.windows(5).enumerate().filter(|(_, at)| at == b"EdDSA").map(|(at, _)| at).collect();
    names.into_iter().for_each(|at| component[at + 4] = b'B');
    fs::write(place.path("mine.wasm"), component).unwrap();
    let ended = check(&place, &["mine.wasm"]);
    assert_eq!(ended.code, FAILED, "{ended:?}");
    assert!(ended.stdout.contains(" BROKEN  verdict-a-good-token-is-accepted"), "{ended:?}");
    assert!(ended.stderr.contains("verdict-a-good-token-is-accepted: "), "{ended:?}");
    assert!(ended.stderr.contains("`mine.wasm`: ") && ended.stderr.contains(" do not"), "{ended:?}");
    let json: Value = serde_json::from_str(&check(&place, &["mine.wasm", "--json"]).stdout).unwrap();
    let broken = json["cases"].as_array().unwrap().iter().find(|case| case["outcome"] == "broken").unwrap();
    assert!(broken["what"].as_str().is_some_and(|what| !what.is_empty()), "{broken}");
}

#[test]
fn what_is_no_component_is_refused_before_anything_is_tried() {
    let place = exported();
    fs::write(place.path("script"), "#!/bin/sh").unwrap();
    check(&place, &["script"]).refused(FAILED, &["`script`", "not WebAssembly"]);
    check(&place, &["none.wasm"]).refused(FAILED, &["`none.wasm`"]);
    check(&place, &[]).refused(USAGE, &["FILE"]);
    check(&place, &["--list", "script"]).refused(USAGE, &["--list"]);
}

#[test]
fn the_cases_are_listed_with_what_must_hold() {
    let place = Place::new();
    let listed = check(&place, &["--list"]);
    assert_eq!(listed.code, DONE, "{listed:?}");
    assert!(listed.stdout.contains("cascade-grandparent"), "{listed:?}");
    let json: Value = serde_json::from_str(&check(&place, &["--list", "--json"]).done()).unwrap();
    assert!(json.as_array().unwrap().iter().all(|case| case["holds"].as_str().is_some_and(|holds| !holds.is_empty())));
}
