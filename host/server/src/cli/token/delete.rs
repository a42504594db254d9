//! `jeton token delete`.

use std::io::{BufRead as _, IsTerminal as _};

use http::Method;
use serde_json::{Map, Value, json};

use super::check_id;
use crate::cli::{CliError, output, remote::Remote};

/// Ids of one call: the most that the authority takes.
const BATCH: usize = 1000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// Ids; `-` reads them from standard input, one a line
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Why
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Why, in your own words
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// JSON, a result a line, instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Delete {
    pub(super) fn run(self) -> Result<(), CliError> {
        let ids = self.all_ids()?;
        let administrator = self.remote.administrator()?;
        let (mut rows, mut unknown, mut done) = (Vec::new(), 0_usize, 0_usize);
        for batch in ids.chunks(BATCH) {
            let mut body = Map::from_iter([("ids".to_owned(), json!(batch))]);
            let optional = [("reason", &self.reason), ("note", &self.note)];
            body.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
            let answer = administrator.call(Method::POST, "/v1/refresh-tokens/delete", Some(&Value::Object(body)))?;
            for result in answer.get("results").and_then(Value::as_array).into_iter().flatten() {
                let member = |name: &str| result.get(name).map(output::text).unwrap_or_default();
                if member("result") == "not-found" {
                    unknown = unknown.saturating_add(1);
                }
                if self.json {
                    output::json(result)?;
                } else {
                    rows.push(vec![member("id"), member("result")]);
                }
            }
            done = done.saturating_add(batch.len());
            if ids.len() > BATCH && std::io::stderr().is_terminal() {
                eprintln!("{done} of {} done", ids.len());
            }
        }
        if !self.json {
            output::table(&["ID", "RESULT"], rows)?;
        }
        if unknown > 0 { Err(CliError::Failed(format!("{unknown} of {} ids are unknown", ids.len()))) } else { Ok(()) }
    }

    fn all_ids(&self) -> Result<Vec<String>, CliError> {
        let mut ids = Vec::new();
        for id in &self.ids {
            if id != "-" {
                check_id(id)?;
                ids.push(id.clone());
                continue;
            }
            for line in std::io::stdin().lock().lines() {
                let line = line.map_err(|error| CliError::Failed(format!("cannot read standard input: {error}")))?;
                if !line.trim().is_empty() {
                    check_id(line.trim())?;
                    ids.push(line.trim().to_owned());
                }
            }
        }
        Ok(ids)
    }
}
