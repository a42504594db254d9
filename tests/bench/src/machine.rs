//! What the figures were taken on.

use std::{fs, process::Command};

use crate::report::Report;

/// Writes the head of the page.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let cores = std::thread::available_parallelism()?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib: u64 = memory.split_whitespace().nth(1).unwrap_or("0").parse()?;
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output()?.stdout;
    let rustc = Command::new("rustc").arg("--version").output()?.stdout;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    report.title("Figures");
    report.text("Written by `cargo run --release -p jeton-bench`; do not edit. Medians of one run, compared in turns. The machine is shared, so ratios say more than times.");
    report.text(&format!(
        "{cpu}, {cores} cores, {} GiB; {}; after commit {}.",
        kib / 1024 / 1024,
        text(rustc),
        text(commit)
    ));
    Ok(())
}
