//! `jeton token delete`.

use std::io::BufRead;

use http::Method;
use serde_json::{Map, Value, json};

use super::{check_id, many};
use crate::{
    cli::{CliError, output, progress::Progress, remote::Remote},
    client::Administrator,
};

pub(super) const HELP: &str = "\
Examples:
  jeton token delete 7lpW51ZSEDuhUKTqgdJrVL --reason compromised --note \"found in a log\"
  jeton token list --state expired --json | jq -r .id | jeton token delete -
  jeton token delete --owner alice@example.com --note \"left the house\"
  jeton token delete --filter \"state=expired&name=test-\" --dry-run

A filter is a query string of GET /v1/refresh-tokens. With --owner or --filter it is asked first; --yes answers for scripts.

JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine.";

/// Ids of one call: the most that the authority takes.
const BATCH: usize = 1000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// Ids; `-` reads them from standard input, one a line
    #[arg(required_unless_present_any = ["owner", "filter"], conflicts_with_all = ["owner", "filter"], value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    many: many::Many,
    /// Why [default: deleted]
    #[arg(long, value_name = "CODE", value_parser = ["deleted", "compromised", "superseded", "unused", "owner-left"])]
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
        if let Some(what) = self.many.what() {
            let administrator = self.remote.administrator()?;
            return many::Job { administrator, what, why: self.why(), json: self.json }.run(&self.many);
        }
        let ids = all_ids(&self.ids, std::io::stdin().lock())?;
        let administrator = self.remote.administrator()?;
        let mut rows = output::Rows::new(&["ID", "RESULT"]);
        let (mut done, mut unknown) = (0_usize, 0_usize);
        let progress = Progress::of(ids.len());
        for batch in ids.chunks(BATCH) {
            let results = self.end(&administrator, batch, &progress).map_err(|error| match error {
                CliError::Failed(sentence) if done > 0 => {
                    CliError::Failed(format!("{sentence}. The first {done} of {} ids were done before", ids.len()))
                }
                error => error,
            })?;
            unknown = unknown.saturating_add(
                results.iter().filter(|result| result.get("result") == Some(&json!("not-found"))).count(),
            );
            done = done.saturating_add(batch.len());
            progress.more(batch.len());
            progress.beside(|| {
                if self.json {
                    return results.iter().try_for_each(output::json);
                }
                let member = |result: &Value, name| {
                    result.get(name).map(|value| output::member(name, value)).unwrap_or_default()
                };
                rows.page(results.iter().map(|result| vec![member(result, "id"), member(result, "result")]).collect())
            })?;
        }
        drop(progress);
        if unknown > 0 { Err(CliError::Failed(format!("{unknown} of {} ids are unknown", ids.len()))) } else { Ok(()) }
    }

    /// Reason and note, as they are sent.
    fn why(&self) -> Map<String, Value> {
        let optional = [("reason", &self.reason), ("note", &self.note)];
        optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))).collect()
    }

    /// Ends a batch: one result for each id.
    fn end(&self, administrator: &Administrator, ids: &[String], progress: &Progress) -> Result<Vec<Value>, CliError> {
        let mut body = Map::from_iter([("ids".to_owned(), json!(ids))]);
        body.extend(self.why());
        let mut answer = administrator.call(Method::POST, "/v1/refresh-tokens/delete", Some(&Value::Object(body)))?;
        if let Some(epoch) = answer.get("advanced_epoch") {
            progress.note(&format!(
                "So many were deleted of late that the epoch was advanced instead, to {epoch}: every access token is dead, of other refresh tokens too."
            ));
        }
        match answer.get_mut("results").map(Value::take) {
            Some(Value::Array(results)) if results.len() == ids.len() => Ok(results),
            _ => Err(CliError::Failed("the answer does not have a result for each id".to_owned())),
        }
    }
}

/// The ids given, with those on standard input in the place of `-`. Nothing is deleted where one of them is none.
pub(super) fn all_ids(given: &[String], stdin: impl BufRead) -> Result<Vec<String>, CliError> {
    let (mut ids, mut stdin) = (Vec::new(), Some(stdin));
    for id in given {
        if id != "-" {
            check_id(id)?;
            ids.push(id.clone());
            continue;
        }
        for (number, line) in (1_usize..).zip(stdin.take().into_iter().flat_map(BufRead::lines)) {
            let line = line.map_err(|error| CliError::Failed(format!("cannot read standard input: {error}")))?;
            let id = line.trim();
            if !id.is_empty() {
                check_id(id).map_err(|error| CliError::Usage(format!("standard input, line {number}: {error}")))?;
                ids.push(id.to_owned());
            }
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbb";

    fn read(given: &[&str], stdin: &str) -> Result<Vec<String>, CliError> {
        all_ids(&given.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>(), stdin.as_bytes())
    }

    #[test]
    fn ids_come_from_arguments_and_where_a_dash_stands_from_standard_input() {
        assert_eq!(read(&[A], "").unwrap(), [A]);
        assert_eq!(read(&["-"], &format!("{A}\r\n\n  {B}\n")).unwrap(), [A, B]);
        assert_eq!(read(&[B, "-", B, "-"], A).unwrap(), [B, A, B]);
        assert!(read(&["-"], "").unwrap().is_empty());
    }

    #[test]
    fn a_line_that_is_no_id_is_named_by_its_number() {
        let refusal = read(&["-"], &format!("{A}\njtn_rt_secret\n")).unwrap_err();
        let CliError::Usage(sentence) = refusal else { unreachable!("{refusal}") };
        assert!(sentence.contains("line 2") && !sentence.contains("secret"), "{sentence}");
    }
}
