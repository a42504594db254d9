//! What hot operations cost in native instructions, as callgrind counts them on the processor that it plays: the same on every
//! machine, where time is not. What changes a cost here says so by changing its number, in the same commit. The component's own
//! instructions are counted in fuel, by the tests of the runtime.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

use std::process::Command;

/// Each operation, with what it costs.
const COSTS: [(&str, u64); 10] = [
    ("issue", 36_451),
    ("exchange", 298_146),
    ("verify, for the first time", 374_028),
    ("verify, verified before", 407),
    ("verify, malformed", 247),
    ("verify, of another's signature", 349_134),
    ("introspect, both verified before", 1_092),
    ("load, of one cut", 77_495),
    ("verify, cut", 465),
    ("verify, expired", 399),
];

/// In a hundred: what a change of a library may add or take without a word. The count itself is exact, and as each crate is one unit
/// for the compiler, code that is changed elsewhere moves it hardly.
const TOLERANCE: u64 = 2;

#[test]
fn the_hot_operations_cost_the_instructions_that_are_written_down() {
    let names = Command::new(env!("CARGO_BIN_EXE_jeton-bench")).arg("count").output().unwrap();
    let names = String::from_utf8(names.stdout).unwrap();
    let seen: Vec<(&str, u64)> = names.lines().map(|name| (name, instructions(name))).collect();
    let written = |name: &str| COSTS.iter().find(|(known, _)| *known == name).map(|(_, cost)| *cost);
    let others: Vec<String> = seen
        .iter()
        .filter(|(name, cost)| written(name).is_none_or(|known| cost.abs_diff(known) * 100 > known * TOLERANCE))
        .map(|(name, cost)| format!("(\"{name}\", {cost}), not {:?}", written(name)))
        .collect();
    assert!(others.is_empty() && seen.len() == COSTS.len(), "these cost something else:\n{}", others.join("\n"));
}

/// How many instructions an operation takes.
fn instructions(operation: &str) -> u64 {
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*counted_part*", "--callgrind-out-file=/dev/null"])
        .args([env!("CARGO_BIN_EXE_jeton-bench"), "count", operation])
        .output();
    let counted = counted.unwrap_or_else(|error| panic!("valgrind is needed, and tests/run installs it: {error}"));
    let said = String::from_utf8_lossy(&counted.stderr);
    assert!(counted.status.success(), "{said}");
    let total = said.lines().find_map(|line| line.split_once("Collected : ")).unwrap().1;
    total.trim().parse().unwrap()
}
