//! What the server says of itself in its API document is what it does, as a tool tells that knows nothing but the document.

use std::process::Command;

use jeton_runtime::artifacts;

use crate::support::place::{Place, free_port};
use crate::support::repository;

/// Cases that are drawn of each operation, beside those that follow from its bounds: what takes half a minute in all.
const EXAMPLES: &str = "20";

#[test]
fn every_operation_answers_as_the_api_document_says_whatever_it_is_sent() {
    let place = Place::new();
    let administrator = place.bootstrap();
    let (authority, verifier) = (place.path("authority.wasm"), place.path("verifier.wasm"));
    std::fs::write(&authority, artifacts::AUTHORITY).unwrap();
    std::fs::write(&verifier, artifacts::VERIFIER).unwrap();
    let port = free_port();
    // Two operations have something to give only where there are files of a policy, and where the issuer has a path.
    let launch = place.serve_on(port).arguments(&["--issuer", &format!("http://127.0.0.1:{port}/tokens")]);
    let server = launch.argument("--policy").argument(&authority).argument("--policy").argument(&verifier).start();
    server.hide(&administrator);

    let python = repository("tests/.venv/bin/python");
    assert!(python.exists(), "the Python clients are set up by tests/run");
    let output = Command::new(python)
        .arg(repository("tests/clients/api_document.py"))
        .args(["--max-examples", EXAMPLES, "--no-color"])
        // What it keeps of a run goes with the place.
        .current_dir(place.path(""))
        .env("BASE_URL", format!("http://127.0.0.1:{port}"))
        .env("ISSUER_PATH", "tokens")
        .env("JETON_TOKEN", &administrator)
        .output()
        .unwrap();
    let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{complaints}\n{}", server.log());
    // It made tokens of which this test knows nothing: none of them is in the log.
    let log = server.log();
    assert!(!log.contains("jtn_rt_") && !log.contains("eyJ0eX"), "a token is in the log");
}
