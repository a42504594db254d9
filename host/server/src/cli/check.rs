//! `jeton check`: whether a store, or a backup, is whole.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    sync::Arc,
};

use jeton_policy::{authority, store::Direction};
use jeton_store::{
    SqliteReader,
    audit::{AuditLog as _, Checker, MAX_LINES, Report},
};

use serde_json::json;

use super::{CliError, output};
use crate::{
    config::{DEFAULT_DATA, ServeOptions},
    data_dir::database_in,
    fence::Fenced,
};

pub(super) const HELP: &str = "\
Examples:
  jeton check                     the store in ./jeton-data, beside a running `jeton serve` or without one
  jeton check jeton.backup

It reads everything: that the file is sound, that every value can be read, that every refresh token is found by each of its indexes
and nothing else is, and that the audit log is whole. It takes about as long as reading the file some three times does, and changes nothing.
Exit status: 0 whole, 1 not.";

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// A backup [default: the store]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// JSON instead of sentences
    #[arg(long)]
    json: bool,
    /// Data directory of the authority [default: ./jeton-data]
    #[arg(long, env = "JETON_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The TOML file that `jeton serve` is given: it may say where the data lie
    #[arg(long, env = "JETON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Check {
    pub(super) fn run(self) -> Result<(), CliError> {
        let path = match self.file {
            Some(file) => file,
            None => {
                let file = super::options_of_file(self.config.as_deref())?;
                let options = ServeOptions { data: self.data, ..ServeOptions::default() }.or(file);
                database_in(&options.data.unwrap_or_else(|| DEFAULT_DATA.into()))
            }
        };
        let found = of(&Arc::new(SqliteReader::open(&path).map_err(failed)?))?;
        if self.json {
            output::json(&json!({
                "whole": found.wrong.is_empty(), "findings": found.wrong, "refresh_tokens": found.tokens, "keys": found.keys,
                "unknown_keys": found.unknown, "audit_entries": found.entries,
            }))?;
        } else {
            found.wrong.iter().try_for_each(|finding| output::line(finding))?;
        }
        if found.wrong.is_empty() {
            output::note(&format!(
                "It is whole: {} refresh tokens, dead ones too, {} keys, {} entries of the audit log.",
                found.tokens, found.keys, found.entries
            ));
            if found.unknown > 0 {
                output::note(&format!("{} keys are of kinds that the shipped policy does not write.", found.unknown));
            }
            return Ok(());
        }
        Err(failed(format!("`{}` is not whole: restore a backup that is", path.display())))
    }
}

/// What a check found.
pub(super) struct Found {
    pub(super) wrong: Vec<String>,
    pub(super) tokens: u64,
    keys: u64,
    unknown: u64,
    entries: u64,
}

/// Checks all of a store.
pub(super) fn of(reader: &Arc<SqliteReader>) -> Result<Found, CliError> {
    let unavailable = |_| failed("it cannot be read");
    let mut wrong = reader.inspect().map_err(failed)?;
    let watched = io::stderr().is_terminal();
    let mut progress = |keys: u64| {
        if watched && keys.is_multiple_of(100_000) {
            output::note(&format!("{keys} keys so far."));
        }
    };
    // What is the host's own has no part in what the policy wrote.
    let checked = authority::check(&Fenced::new(Arc::clone(reader)), &mut progress).map_err(unavailable)?;
    let told = u64::try_from(checked.findings.len()).unwrap_or(u64::MAX);
    wrong.extend(checked.findings);
    if checked.wrong > told {
        wrong.push(format!("and {} more", checked.wrong.saturating_sub(told)));
    }
    let (mut checker, mut after, mut head) = (Checker::new(), None, 0);
    loop {
        let page = reader.audit_lines(after, Direction::Ascending, MAX_LINES).map_err(unavailable)?;
        head = page.head.max(head);
        let Some(last) = page.lines.last().map(|line| line.seq) else { break };
        after = Some(last);
        page.lines.iter().for_each(|line| checker.line(line.text.as_bytes()));
    }
    let Report { lines, findings, .. } = checker.finish(Some(head));
    wrong.extend(findings.iter().map(|finding| format!("audit log: {finding}")));
    Ok(Found { wrong, tokens: checked.tokens, keys: checked.keys, unknown: checked.unknown, entries: lines })
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}
