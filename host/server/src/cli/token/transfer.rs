//! `jeton token export` and `jeton token import`: refresh tokens as JSON lines, hashes instead of secrets.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::PathBuf,
};

use http::Method;
use serde_json::{Value, json};

use crate::{
    cli::{CliError, output, progress::Progress, remote::Remote},
    client::Administrator,
};

pub(in crate::cli) const EXPORT_HELP: &str = "\
Example:
  jeton token export > tokens.jsonl

Every refresh token is a line, dead ones too, parents before their children. Secrets are not in it: nobody has them but their
bearers. Their SHA-256 digests are, so that an import keeps the bearers' tokens good: keep the file as you keep the data.
Access tokens, and secrets that are taken for the rest of an overlap, do not travel.";

pub(in crate::cli) const IMPORT_HELP: &str = "\
Examples:
  jeton token import tokens.jsonl
  jeton token export | JETON_URL=https://new.example JETON_TOKEN=$NEW jeton token import -

Each line is taken whole or not at all; one that is refused is named, and the others go on. The same import again does no harm:
what is there already is left as it is.";

/// Tokens of a call: the most that the authority takes and gives at once.
const AT_ONCE: usize = 1000;
/// Bytes of lines of a call: below what the authority reads of a body.
const BYTES_AT_ONCE: usize = 3 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    remote: Remote,
}

impl Export {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let administrator = self.remote.administrator()?;
        let (mut cursor, mut count, progress) = (None::<String>, 0_usize, Progress::counting());
        loop {
            let mut query = form_urlencoded::Serializer::new(format!("limit={AT_ONCE}"));
            if let Some(cursor) = &cursor {
                query.append_pair("cursor", cursor);
            }
            let page = administrator.call(Method::GET, &format!("/v1/export?{}", query.finish()), None)?;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            progress.beside(|| items.iter().try_for_each(output::json))?;
            progress.more(items.len());
            count = count.saturating_add(items.len());
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                drop(progress);
                output::note(&format!("{} exported.", output::refresh_tokens(count)));
                return Ok(());
            }
        }
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Import {
    /// JSON lines of `jeton token export`; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// How many were imported, were there already and were refused, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Import {
    pub(super) fn run(&self) -> Result<(), CliError> {
        let (lines, progress): (Box<dyn BufRead>, Progress) = if self.file.as_os_str() == "-" {
            (Box::new(std::io::stdin().lock()), Progress::counting())
        } else {
            let unreadable = |error| CliError::Usage(format!("cannot read `{}`: {error}", self.file.display()));
            let file = File::open(&self.file).map_err(unreadable)?;
            let bytes = file.metadata().map_err(unreadable)?.len();
            (Box::new(BufReader::new(file)), Progress::of_bytes(bytes))
        };
        let counts_bytes = self.file.as_os_str() != "-";
        let administrator = self.remote.administrator()?;
        let mut import = Running { administrator, batch: Vec::new(), bytes: 0, tally: Tally::default(), progress };
        for (number, line) in (1_usize..).zip(lines.lines()) {
            let line = line.map_err(|error| CliError::Failed(format!("cannot read line {number}: {error}")))?;
            // With the end of the line.
            import.progress.more(if counts_bytes { line.len().saturating_add(1) } else { 1 });
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str::<Value>(&line) {
                Ok(item) if line.len() <= BYTES_AT_ONCE => import.take(number, item, line.len())?,
                Ok(_) => import.refuse(number, "it is longer than any token"),
                Err(_) => import.refuse(number, "it is not JSON: the file may have been cut in the middle"),
            }
        }
        import.send()?;
        let Running { tally, progress, .. } = import;
        drop(progress);
        tally.tell(self.json)
    }
}

/// An import under way.
struct Running {
    administrator: Administrator,
    /// Lines that were not sent yet, with their numbers.
    batch: Vec<(usize, Value)>,
    bytes: usize,
    tally: Tally,
    progress: Progress,
}

#[derive(Default)]
struct Tally {
    imported: usize,
    already_there: usize,
    refused: usize,
}

impl Running {
    fn take(&mut self, number: usize, item: Value, bytes: usize) -> Result<(), CliError> {
        if self.batch.len() >= AT_ONCE || self.bytes.saturating_add(bytes) > BYTES_AT_ONCE {
            self.send()?;
        }
        self.batch.push((number, item));
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    fn send(&mut self) -> Result<(), CliError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let (numbers, items): (Vec<usize>, Vec<Value>) = std::mem::take(&mut self.batch).into_iter().unzip();
        self.bytes = 0;
        let answer = self.administrator.call(Method::POST, "/v1/import", Some(&json!({ "items": items })))?;
        let results = answer.get("results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if results.len() != numbers.len() {
            return Err(CliError::Failed("the answer does not say what became of every line".to_owned()));
        }
        for (number, result) in numbers.into_iter().zip(results) {
            let text = |name| result.get(name).and_then(Value::as_str).unwrap_or_default();
            match text("result") {
                "imported" => self.tally.imported = self.tally.imported.saturating_add(1),
                "already-there" => self.tally.already_there = self.tally.already_there.saturating_add(1),
                "differs" => self.refuse(number, "a token of this id is there, and it is another"),
                _ => self.refuse(number, text("detail")),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, number: usize, why: &str) {
        self.progress.note(&format!("line {number}: {why}"));
        self.tally.refused = self.tally.refused.saturating_add(1);
    }
}

impl Tally {
    fn tell(&self, as_json: bool) -> Result<(), CliError> {
        let Self { imported, already_there, refused } = self;
        if as_json {
            output::json(&json!({ "imported": imported, "already_there": already_there, "refused": refused }))?;
        }
        output::note(&format!(
            "{} imported, {already_there} there already, {refused} refused.",
            output::refresh_tokens(*imported)
        ));
        if *refused == 0 { Ok(()) } else { Err(CliError::Failed(format!("{refused} lines were refused"))) }
    }
}
