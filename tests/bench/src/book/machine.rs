//! What the figures were taken on.

use std::{fs, process::Command};

use serde::{Deserialize, Serialize};

/// A machine, and the compiler on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory_gib: u64,
    rustc: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> anyhow::Result<Self> {
        let cpu = fs::read_to_string("/proc/cpuinfo")?;
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let memory = fs::read_to_string("/proc/meminfo")?;
        let kib: u64 = memory.split_whitespace().nth(1).unwrap_or("0").parse()?;
        Ok(Self {
            cpu: cpu.map_or("unknown", |(_, name)| name).to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: kib / 1024 / 1024,
            rustc: said_by(Command::new("rustc").arg("--version"))?,
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}, {} cores, {} GiB; {}", self.cpu, self.cores, self.memory_gib, self.rustc)
    }
}

/// The last commit, and whether something was changed since.
pub(crate) fn commit() -> anyhow::Result<String> {
    said_by(
        Command::new("git")
            .args(["describe", "--always", "--exclude=*", "--dirty", "--abbrev=10"])
            .current_dir(env!("CARGO_MANIFEST_DIR")),
    )
}

fn said_by(command: &mut Command) -> anyhow::Result<String> {
    Ok(String::from_utf8_lossy(&command.output()?.stdout).trim().to_owned())
}
