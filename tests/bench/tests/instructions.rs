//! What hot operations cost in native instructions, as callgrind counts them on the processor that it plays: the same on every
//! machine, where time is not. What changes a cost here says so by changing its number, in the same commit. The component's own
//! instructions are counted in fuel, by the tests of the runtime.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::{fs, path::Path, process::Command};

/// Each operation, with what it costs.
const COSTS: [(&str, u64); 0] = [];

/// In a hundred: what a change of a library may add or take without a word.
const TOLERANCE: u64 = 2;

#[test]
fn the_hot_operations_cost_the_instructions_that_are_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("counts");
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*counted_part*", "--dump-after=*counted_part*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .args([env!("CARGO_BIN_EXE_jeton-bench"), "count"])
        .output()
        .expect("valgrind is needed: tests/run installs it");
    let error = String::from_utf8_lossy(&counted.stderr);
    assert!(counted.status.success(), "{error}");
    let names = String::from_utf8(counted.stdout).unwrap();
    let seen: Vec<(&str, u64)> =
        names.lines().enumerate().map(|(place, name)| (name, instructions(&out, place + 1))).collect();
    let written = |name: &str| COSTS.iter().find(|(known, _)| *known == name).map(|(_, cost)| *cost);
    let others: Vec<String> = seen
        .iter()
        .filter(|(name, cost)| written(name).is_none_or(|known| cost.abs_diff(known) * 100 > known * TOLERANCE))
        .map(|(name, cost)| format!("(\"{name}\", {cost}), not {:?}", written(name)))
        .collect();
    assert!(others.is_empty() && seen.len() == COSTS.len(), "these cost something else:\n{}", others.join("\n"));
}

/// What the dump of this number counted.
fn instructions(out: &Path, number: usize) -> u64 {
    let dump = fs::read_to_string(format!("{}.{number}", out.display())).unwrap();
    let total = dump.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    total.trim().parse().unwrap()
}
