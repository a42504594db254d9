//! The API document is true: Schemathesis asks a real server for everything that it says, and for what it forbids, one by one and in
//! sequences, and finds no answer that is not in it.

use std::process::Command;

use crate::support::place::Place;
use crate::support::repository;

/// Cases of an operation where they are drawn: with those that follow from the document alone, some thousands in all.
const EXAMPLES: &str = "10";

#[test]
fn every_answer_that_schemathesis_gets_is_documented_and_every_operation_has_a_good_one() {
    let place = Place::new();
    let admin = place.bootstrap();
    let components = place.path("components");
    let exported = place.jeton(&["policy", "export"]).arg(&components).output().unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    // A policy to load again, and an issuer with a path, whose metadata stand at a path of their own.
    let launch = place.serve().argument("--policy").argument(&components.join("jeton-verifier.wasm"));
    let server = launch.arguments(&["--issuer", "https://tokens.example/auth"]).start();
    let python = repository("tests/.venv/bin/python");
    assert!(python.exists(), "the Python clients are set up by tests/run");
    let output = Command::new(python)
        .arg(repository("tests/clients/api_document.py"))
        .args(["--max-examples", EXAMPLES])
        .env("BASE_URL", format!("http://127.0.0.1:{}", server.port))
        .env("JETON_TOKEN", &admin)
        .env("ISSUER_PATH", "auth")
        .current_dir(place.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", said.lines().rev().take(20).collect::<Vec<_>>().join("\n"));
    assert!(server.lets_in(&server.access_token(&admin)), "the runner's token was spared");
}
