//! Rules of a house's own, laid over an authority: `jeton policy compose`, and what comes of it in a server.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use jeton_runtime::artifacts;
use serde_json::{Value, json};

use crate::policies::{order, put};
use crate::support::administrator::Administrator;
use crate::support::http::Request;
use crate::support::place::Place;
use crate::support::server::Launch;

/// Where `tests/second-language` has put what it made of `docs/examples/house-js`.
const HOUSE: &str = "JETON_TEST_HOUSE";

/// A ceiling for what compiles and tries an engine of another language, on a machine that has much else to do.
const LOADED_WITHIN: Duration = Duration::from_secs(900);

/// Seconds that a token of the house's lives at most.
const LONGEST: i64 = 30 * 86_400;

fn compose(place: &Place, layer: &Path, arguments: &[&str]) -> Output {
    place
        .jeton(&["policy", "compose"])
        .arg(layer)
        .args(arguments)
        .arg("--out")
        .arg(place.path("policy.wasm"))
        .output()
        .unwrap()
}

/// Lays one over the other, and gives where the whole is, and what was said.
fn composed(place: &Place, layer: &[u8], below: Option<&[u8]>) -> (PathBuf, String) {
    put(&place.path("layer.wasm"), layer);
    let below = below.map(|below| {
        put(&place.path("below.wasm"), below);
        place.path("below.wasm").to_str().unwrap().to_owned()
    });
    let over: Vec<&str> = below.iter().flat_map(|below| ["--over", below]).collect();
    let output = compose(place, &place.path("layer.wasm"), &[&over[..], &["--force"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (place.path("policy.wasm"), String::from_utf8(output.stdout).unwrap())
}

fn serve(place: &Place, policy: &Path) -> Launch {
    place.serve().argument("--policy").argument(policy)
}

#[test]
fn a_layer_takes_over_what_it_exports_and_all_else_stays_the_authoritys() {
    let place = Place::new();
    let admin = place.bootstrap();
    // The shipped verifier exports one interface of the nine, and imports nothing.
    let (policy, said) = composed(&place, artifacts::VERIFIER, None);
    assert!(said.starts_with("jeton:policy/verification@0.1.0 is the layer's\n"), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
    let composed = artifacts::inspect(&std::fs::read(&policy).unwrap()).unwrap();
    let shipped = artifacts::inspect(artifacts::AUTHORITY).unwrap();
    let sorted = |mut names: Vec<String>| {
        names.retain(|name| !name.starts_with("jeton:policy/below-"));
        names.sort();
        names
    };
    assert_eq!(sorted(composed.imports), sorted(shipped.imports));
    assert_eq!(sorted(composed.exports), sorted(shipped.exports));

    // It has two memories, and holds every case.
    let server = serve(&place, &policy).start();
    let administrator = Administrator::enter(&server, &admin);
    let job = administrator.create_named(&server, "nightly job");
    let token = server.access_token(&job.token);
    assert!(server.lets_in(&token));
    administrator.delete(&server, &job.id);
    assert!(!server.lets_in(&token));
    server.stop();
}

#[test]
fn what_is_no_layer_is_refused_and_nothing_is_written_over() {
    let place = Place::new();
    let said = |layer: &[u8], arguments: &[&str]| {
        put(&place.path("layer.wasm"), layer);
        let output = compose(&place, &place.path("layer.wasm"), arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (layer, words) in [
        (&b"#!/bin/sh\n"[..], "not WebAssembly"),
        (artifacts::ENVOY_FILTER, "a core WebAssembly module, not a component"),
        (b"\0asm\x0d\0\x01\0", "a layer exports at least one of jeton:policy/"),
    ] {
        let (code, log) = said(layer, &[]);
        assert!(code == Some(1) && log.contains(words), "{log}");
        assert!(!place.path("policy.wasm").exists());
    }
    put(&place.path("policy.wasm"), b"kept");
    let (code, log) = said(artifacts::VERIFIER, &[]);
    assert!(code == Some(1) && log.contains("say --force to write over it"), "{log}");
    assert_eq!(std::fs::read(place.path("policy.wasm")).unwrap(), b"kept");
}

/// What is refused, in the words that the administrator reads.
fn refused(
    administrator: &Administrator,
    server: &crate::support::server::Server,
    request: &Value,
) -> (String, String) {
    let request = Request::json("POST", "/v1/refresh-tokens", request);
    let problem = administrator.send(server, request).expect(400).json();
    let field = problem["errors"][0]["field"].as_str().unwrap().to_owned();
    assert!(problem["detail"].as_str().unwrap().contains("a rule of this house"), "{problem}");
    (problem["code"].as_str().unwrap().to_owned(), field)
}

fn seconds(moment: &Value) -> i64 {
    moment.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
#[allow(clippy::print_stdout, reason = "how long it takes is told to whoever asks for it")]
#[ignore = "tests/second-language makes the component first, of 340 MB of packages"]
fn a_house_policy_in_javascript_holds_every_case_and_decides_issue_and_exchange() {
    let place = Place::new();
    let admin = place.bootstrap();
    let layer = std::fs::read(std::env::var_os(HOUSE).expect("tests/second-language sets it")).unwrap();
    let begun = Instant::now();
    let (policy, said) = composed(&place, &layer, None);
    println!("composed in {:?}: {} bytes", begun.elapsed(), std::fs::metadata(&policy).unwrap().len());
    for interface in ["refresh-tokens", "exchange"] {
        assert!(said.contains(&format!("jeton:policy/{interface}@0.1.0 is the layer's")), "{said}");
    }
    // The engine of the language asks for nothing.
    let lent = artifacts::inspect(artifacts::AUTHORITY).unwrap().imports;
    let composed = artifacts::inspect(&std::fs::read(&policy).unwrap()).unwrap();
    assert!(composed.imports.iter().all(|import| lent.contains(import)), "{:?}", composed.imports);

    let begun = Instant::now();
    let checked = place.jeton(&["policy", "check", "--json"]).arg(&policy).output().unwrap();
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    println!("checked in {:?}: {} cases", begun.elapsed(), report["held"]);
    let cases = report["cases"].as_array().unwrap();
    let broken: Vec<&Value> = cases.iter().filter(|case| case["outcome"] != "held").collect();
    assert!(broken.is_empty() && checked.status.success(), "{broken:#?}");

    // What was there before the rules: one that keeps them, one that breaks them, one that they do not bind.
    put(&place.path("served.wasm"), artifacts::AUTHORITY);
    let server = serve(&place, &place.path("served.wasm")).start();
    let administrator = Administrator::enter(&server, &admin);
    let of = |name: &str| administrator.create(&server, &json!({ "name": name, "scopes": ["prod:write"] }));
    let (good, odd) = (of("payments/ledger"), of("my laptop"));
    let free = administrator.create_named(&server, "nightly job");
    for token in [&good, &odd, &free] {
        server.exchange(&token.token).expect(200);
    }

    // They come into force while it serves.
    let component = std::fs::read(&policy).unwrap();
    put(&place.path("served.wasm"), &component);
    let begun = Instant::now();
    let ordered = administrator.send(&server, order(&component));
    assert!([200, 202].contains(&ordered.status), "{}", ordered.text());
    let mut loaded = ordered.json();
    while loaded["last_order"]["ended_at"].is_null() {
        assert!(begun.elapsed() < LOADED_WITHIN, "{loaded}");
        std::thread::sleep(Duration::from_secs(1));
        loaded = administrator.send(&server, Request::get("/v1/policy")).expect(200).json();
    }
    println!("loaded in {:?}", begun.elapsed());
    assert_eq!(loaded["last_order"]["refusal"], Value::Null, "{loaded}");
    assert_eq!(loaded["authority"]["sha256"], artifacts::digest(&component), "{loaded}");
    server.exchange(&good.token).expect(200);
    server.exchange(&free.token).expect(200);
    assert_eq!(server.exchange(&odd.token).expect(400).json()["error"], "invalid_grant");

    let wish = |name: &str, expires: Value| {
        let mut wish = json!({ "name": name, "scopes": ["prod:write", "reports"] });
        wish.as_object_mut().unwrap().extend(expires.as_object().unwrap().clone());
        wish
    };
    let on_expiry = ("house-rule-on-expiry".to_owned(), "expires_at".to_owned());
    let on_name = ("house-rule-on-name".to_owned(), "name".to_owned());
    assert_eq!(refused(&administrator, &server, &wish("my laptop", json!({}))), on_name);
    assert_eq!(refused(&administrator, &server, &wish("payments/", json!({}))), on_name);
    assert_eq!(
        refused(&administrator, &server, &wish("payments/ledger", json!({ "expires_at": "2999-01-01T00:00:00Z" }))),
        on_expiry
    );
    let never = Request::json("POST", "/v1/refresh-tokens", &wish("payments/ledger", json!({ "never": true })));
    assert_eq!(administrator.send(&server, never).expect(400).json()["code"], "house-rule-on-expiry");

    // Nothing said is thirty days, an edit cannot make more of them, and what is not bound is as it was.
    let made = administrator.create(&server, &wish("data/import", json!({})));
    let shown = administrator.show(&server, &made.id);
    assert_eq!(seconds(&shown["expires_at"]) - seconds(&shown["created_at"]), LONGEST);
    let edit = |id: &str, change: Value| {
        administrator.send(&server, Request::json("PATCH", &format!("/v1/refresh-tokens/{id}"), &change))
    };
    let later = edit(&made.id, json!({ "expires_at": "2999-01-01T00:00:00Z" })).expect(400).json();
    assert_eq!(later["code"], "house-rule-on-expiry");
    assert_eq!(edit(&made.id, json!({ "name": "mine" })).expect(400).json()["code"], "house-rule-on-name");
    assert_eq!(edit(&free.id, json!({ "scopes": ["prod:write"] })).expect(400).json()["code"], "house-rule-on-name");
    edit(&made.id, json!({ "name": "data/export" })).expect(200);
    edit(&odd.id, json!({ "name": "data/laptop" })).expect(200);
    server.exchange(&odd.token).expect(200);
    administrator.create(&server, &json!({ "name": "for ever", "never": true }));

    // The one rule is the verifier's, and that is the shipped one.
    let token = server.access_token(&made.token);
    assert!(server.lets_in(&token));
    administrator.delete(&server, &made.id);
    assert!(!server.lets_in(&token));
    server.refuses(&made.token);
    let begun = Instant::now();
    const EXCHANGES: u32 = 200;
    (0..EXCHANGES).for_each(|_| drop(server.exchange(&good.token).expect(200)));
    println!("an exchange takes {:?}, one after the other", begun.elapsed() / EXCHANGES);
    server.stop();
}
