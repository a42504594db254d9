//! The verifier for Node and for Python, installed from the packages that are made of it, with the binary's own components: before
//! the real server, before a feed that lies, with every verdict of `tests/vectors`; and the
//! authority of `docs/examples` in both languages. The tests themselves are in `tests/edges`,
//! `host/node/test` and `host/python/tests`.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::support::repository;

#[test]
fn edges_give_the_authoritys_verdicts_and_a_deletion_reaches_them() {
    python(&["-m", "unittest", "-v", "test_truth"]);
}

#[test]
fn edges_are_not_deceived_by_a_feed_that_lies() {
    python(&["-m", "unittest", "-v", "test_lies"]);
}

#[test]
fn node_deno_and_bun_give_every_verdict_and_hear_of_a_deletion() {
    python(&["-m", "unittest", "-v", "test_runtimes"]);
}

#[test]
fn a_page_in_chromium_gives_every_verdict_and_hears_of_a_deletion() {
    python(&["-m", "unittest", "-v", "test_browser"]);
}

#[test]
fn an_authority_embedded_in_python_and_in_node_gives_the_same() {
    python(&["-m", "unittest", "-v", "test_embedding"]);
}

#[test]
fn the_package_for_node_gives_every_verdict() {
    packages();
    run(Command::new("npm").arg("test").current_dir(repository("host/node")));
}

#[test]
fn the_package_for_python_gives_every_verdict_and_its_types_hold() {
    packages();
    let library = repository("host/python");
    let site = repository("tests/edges/.built/site");
    let python = repository("tests/.venv/bin/python");
    run(Command::new(&python)
        .args(["-m", "unittest", "discover", "-s", "tests"])
        .env("PYTHONPATH", site)
        .current_dir(&library));
    run(Command::new(&python).args(["-m", "mypy"]).current_dir(&library));
}

/// Runs Python in `tests/edges`, once the packages are there.
fn python(arguments: &[&str]) {
    packages();
    run(edges().args(arguments));
}

/// What judges the steps of a file in Node and in Python, by the packages.
pub(crate) fn judges(steps: &Path) -> [Command; 2] {
    let mut node = Command::new("node");
    node.arg("differential.mjs").arg(steps).current_dir(repository("tests/edges/project"));
    let mut python = edges();
    python.arg("differential.py").arg(steps).env("PYTHONPATH", repository("tests/edges/.built/site"));
    [node, python]
}

/// Makes and installs the packages, once for all tests.
pub(crate) fn packages() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        run(edges().arg("packages.py"));
    });
}

fn edges() -> Command {
    let python = repository("tests/.venv/bin/python");
    assert!(python.exists(), "the packages for Python and Node are set up by tests/run");
    let mut command = Command::new(python);
    command.current_dir(repository("tests/edges")).env("JETON", env!("CARGO_BIN_EXE_jeton"));
    command
}

fn run(command: &mut Command) {
    let output = command.output().expect("the command starts");
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{command:?}\n{}{}", said[0], said[1]);
}
