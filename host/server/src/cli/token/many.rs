//! `jeton token delete --owner` and `--filter`: a preview, a question, and then step by step.

use std::io::IsTerminal as _;

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    cli::{CliError, output, progress::Progress},
    client::Administrator,
};

const PATH: &str = "/v1/refresh-tokens/delete";

/// Which tokens, where not by their ids.
#[derive(Debug, clap::Args)]
pub(super) struct Many {
    /// All of this owner; what is issued to them afterwards lives
    #[arg(long, value_name = "OWNER", conflicts_with = "filter")]
    owner: Option<String>,
    /// Those that this query string finds
    #[arg(long, value_name = "QUERY")]
    filter: Option<String>,
    /// Only show how many, and the first 100
    #[arg(long, conflicts_with = "ids")]
    dry_run: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

/// One order to end many.
pub(super) struct Job {
    pub(super) administrator: Administrator,
    pub(super) what: (&'static str, String),
    pub(super) why: Map<String, Value>,
    pub(super) json: bool,
}

impl Many {
    /// The member of the request that says which.
    pub(super) fn what(&self) -> Option<(&'static str, String)> {
        let owner = self.owner.clone().map(|owner| ("owner", owner));
        owner.or_else(|| self.filter.clone().map(|filter| ("filter", filter)))
    }
}

impl Job {
    pub(super) fn run(&self, many: &Many) -> Result<(), CliError> {
        let mut progress = None;
        if many.dry_run || !many.yes {
            let (matched, first) = self.preview()?;
            if many.dry_run {
                output::note(&format!("{} would end.", output::refresh_tokens(matched)));
                return self.show(&first);
            }
            output::note(&format!(
                "{} would end, and everything that descends from them.",
                output::refresh_tokens(matched)
            ));
            confirm()?;
            progress = usize::try_from(matched).ok().map(Progress::of);
        }
        let progress = progress.unwrap_or_else(Progress::counting);
        let mut cursor = None;
        let mut done = 0_usize;
        loop {
            let answer = self.call(cursor.as_deref(), false).map_err(|error| match error {
                CliError::Failed(sentence) if done > 0 => {
                    CliError::Failed(format!("{sentence}. The first {done} were ended before"))
                }
                error => error,
            })?;
            if let Some(epoch) = answer.get("advanced_epoch") {
                progress.note(&format!(
                    "There was no room for so many cuts: the epoch was advanced, to {epoch}, and every access token is dead."
                ));
            }
            let results = answer.get("results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            done = done.saturating_add(results.len());
            progress.more(results.len());
            if self.json {
                progress.beside(|| results.iter().try_for_each(output::json))?;
            }
            cursor = answer.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        drop(progress);
        if let ("owner", owner) = (self.what.0, &self.what.1) {
            output::note(&format!("Everything of {owner} has ended."));
        } else {
            output::note(&format!("{} ended.", output::refresh_tokens(done)));
        }
        Ok(())
    }

    /// How many would end, and the first of them.
    fn preview(&self) -> Result<(u64, Vec<Value>), CliError> {
        let (mut matched, mut first, mut cursor) = (0_u64, Vec::new(), None::<String>);
        loop {
            let answer = self.call(cursor.as_deref(), true)?;
            matched = matched.saturating_add(answer.get("matched").and_then(Value::as_u64).unwrap_or(0));
            if first.len() < 100 {
                first.extend(answer.get("first").and_then(Value::as_array).cloned().unwrap_or_default());
                first.truncate(100);
            }
            cursor = answer.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                return Ok((matched, first));
            }
        }
    }

    fn show(&self, first: &[Value]) -> Result<(), CliError> {
        if self.json {
            return Ok(first.iter().try_for_each(output::json)?);
        }
        let mut rows = output::Rows::new(&["ID", "NAME", "STATE", "OWNER"]);
        let row = |token: &Value| {
            let member = |name| token.get(name).map(|value| output::member(name, value)).unwrap_or_default();
            ["id", "name", "state", "owner"].map(member).to_vec()
        };
        Ok(rows.page(first.iter().map(row).collect())?)
    }

    fn call(&self, cursor: Option<&str>, dry_run: bool) -> Result<Value, CliError> {
        let (member, value) = &self.what;
        let mut body = Map::from_iter([((*member).to_owned(), json!(value))]);
        body.extend(cursor.map(|cursor| ("cursor".to_owned(), json!(cursor))));
        if dry_run {
            body.insert("dry_run".to_owned(), json!(true));
        } else {
            body.extend(self.why.clone());
        }
        Ok(self.administrator.call(Method::POST, PATH, Some(&Value::Object(body)))?)
    }
}

/// Asks the person at the terminal; a script says `--yes`.
fn confirm() -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage("nobody is there to ask: look with --dry-run, then say --yes".to_owned()));
    }
    output::note("Type `yes` to go on.");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| CliError::Failed(format!("cannot read standard input: {error}")))?;
    if answer.trim() == "yes" { Ok(()) } else { Err(CliError::Failed("nothing was ended".to_owned())) }
}
