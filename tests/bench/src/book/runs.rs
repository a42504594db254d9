//! The runs that were made of the book: a line of JSON each, oldest first, so that a change can be held against what was.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::book::machine::Machine;

/// One run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The last commit before it.
    pub(crate) commit: String,
    /// Unix time of its end.
    pub(crate) at: u64,
    pub(crate) machine: Machine,
    /// By the names of the targets.
    pub(crate) figures: BTreeMap<String, f64>,
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("runs.jsonl")
}

/// All runs that are kept.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn kept() -> anyhow::Result<Vec<Run>> {
    let text = fs::read_to_string(path()).context("the runs that are kept")?;
    text.lines().map(|line| serde_json::from_str(line).context("a run that is kept")).collect()
}

/// The last run of a commit, whose name may be cut short.
///
/// # Errors
/// When there is none; the error names those that there are.
pub(crate) fn of(commit: &str) -> anyhow::Result<Run> {
    let runs = kept()?;
    let names: Vec<&str> = runs.iter().map(|run| run.commit.as_str()).collect();
    let found = runs.iter().rfind(|run| run.commit.starts_with(commit) || commit.starts_with(&run.commit));
    found.cloned().with_context(|| format!("no run of {commit} is kept: there are runs of {}", names.join(", ")))
}

/// The first run that is kept: what was before anything was done.
///
/// # Errors
/// When none is.
pub(crate) fn first() -> anyhow::Result<Run> {
    kept()?.into_iter().next().context("a run is kept")
}

/// Keeps a run.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn keep(run: &Run) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path())?;
    writeln!(file, "{}", serde_json::to_string(run)?).context("the run cannot be kept")
}
