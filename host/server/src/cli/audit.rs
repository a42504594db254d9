//! `jeton audit`: who did what, and whether the log of it is whole.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
};

use http::Method;
use jeton_store::audit::{Checker, Head, Report, Start, shown, written};
use serde_json::{Value, json};

use super::{
    CliError, expiry,
    output::{self, Rows},
    remote::{self, Remote},
    stopped_store,
};
use crate::{
    config::{DEFAULT_DATA, ServeOptions},
    local_socket::{self, AuditLines},
};

const VERIFY_HELP: &str = "\
Examples:
  jeton audit verify                          the log of the store in ./jeton-data, beside a running `jeton serve` or without one
  jeton audit verify audit.jsonl              a file of `jeton audit export` or of `jeton serve --audit-file`

Every entry has the hash of the one before, so that a changed, missing or moved one is found and named. Standard output has the
head: the number of the last entry and its hash, such as 4711:9f2b... Keep it elsewhere, and give it as --head later: then nobody
who can write the data can have rewritten what was there, or cut it off.
Exit status: 0 whole, 1 not.";

const EXPORT_HELP: &str = "\
Examples:
  jeton audit export > audit.jsonl
  jeton audit export --since -30d --act refresh-token | jq -r '[.at, .actor, .act] | @tsv'
  jeton audit export --data /var/lib/jeton > audit.jsonl     on the authority's machine, without a token

An entry is a line of JSON. With a filter, lines are missing on purpose, and `jeton audit verify` says so.
JETON_TOKEN holds a refresh token with the scope jeton:read or jeton:admin.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// The last entries, newest first
    #[command(after_help = remote::HELP)]
    List(List),
    /// Entries as JSON lines, oldest first
    #[command(after_help = EXPORT_HELP)]
    Export(Export),
    /// Say whether the log, or a file of entries, is whole, and if not, what is wrong with it
    #[command(after_help = VERIFY_HELP)]
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
pub(super) struct Filter {
    /// Who: the id of a refresh token, a subject, `machine`, `policy`
    #[arg(long)]
    actor: Option<String>,
    /// What: an act such as refresh-token.delete, or the part before its dot
    #[arg(long)]
    act: Option<String>,
    /// Whom or what it was about: the id of a refresh token, a `jti`, an owner, an account
    #[arg(long)]
    target: Option<String>,
    /// From then on: 2027-01-31, 2027-01-31T12:00:00Z, -30d
    #[arg(long, value_name = "TIME", value_parser = expiry::moment, allow_hyphen_values = true)]
    since: Option<String>,
    /// Until before then
    #[arg(long, value_name = "TIME", value_parser = expiry::moment, allow_hyphen_values = true)]
    until: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    filter: Filter,
    /// How many
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// JSON lines instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    filter: Filter,
    /// Only entries behind this one
    #[arg(long, value_name = "SEQ", default_value = "0")]
    after: u64,
    /// Read the store in this directory, on the authority's own machine; filters do not go with it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["actor", "act", "target", "since", "until"])]
    data: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// JSON lines; `-` is standard input [default: the log of the store]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// An entry that must be there: its number, a colon and its hash
    #[arg(long, value_name = "SEQ:HASH")]
    head: Option<Head>,
    /// JSON instead of a line
    #[arg(long)]
    json: bool,
    /// Data directory of the authority [default: ./jeton-data]
    #[arg(long, env = "JETON_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The TOML file that `jeton serve` is given: it may say where the data lie
    #[arg(long, env = "JETON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(),
            Self::Export(command) => command.run(),
            Self::Verify(command) => command.run(),
        }
    }
}

/// Entries of a page at most.
const AT_ONCE: u64 = 1000;

impl Filter {
    /// Asks page by page for entries; `each` says whether to go on.
    fn ask(
        &self,
        remote: &Remote,
        (mut after, newest_first): (Option<u64>, bool),
        mut each: impl FnMut(&[Value]) -> Result<bool, CliError>,
    ) -> Result<(), CliError> {
        let administrator = remote.administrator()?;
        loop {
            let mut query = form_urlencoded::Serializer::new(format!("limit={AT_ONCE}&newest_first={newest_first}"));
            let filters = [
                ("actor", &self.actor),
                ("act", &self.act),
                ("target", &self.target),
                ("since", &self.since),
                ("until", &self.until),
            ];
            for (name, value) in filters {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
            if let Some(after) = after {
                query.append_pair("after", &after.to_string());
            }
            let page = administrator.call(Method::GET, &format!("/v1/audit?{}", query.finish()), None)?;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let goes_on = each(items)?;
            after = page.get("next").and_then(Value::as_u64);
            if after.is_none() || !goes_on {
                return Ok(());
            }
        }
    }
}

impl List {
    fn run(self) -> Result<(), CliError> {
        let mut left = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut rows = Rows::new(&["SEQ", "AT", "ACTOR", "ACT", "OUTCOME", "WHAT"]);
        self.filter.ask(&self.remote, (None, true), |items| {
            let shown = items.get(..left).unwrap_or(items);
            left = left.saturating_sub(shown.len());
            if self.json {
                shown.iter().try_for_each(|item| output::line(&text(item)))?;
            } else {
                rows.page(shown.iter().map(row).collect())?;
            }
            Ok(left > 0)
        })?;
        if self.json { Ok(()) } else { Ok(rows.finish()?) }
    }
}

/// A line as it was written.
fn text(item: &Value) -> String {
    item.as_object().map(written).unwrap_or_default()
}

/// An entry as people read it. Nothing in it is obeyed by a terminal.
fn row(item: &Value) -> Vec<String> {
    let member = |name: &str| match item.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => shown(text),
        Some(other) => shown(&other.to_string()),
    };
    let about = ["id", "targets", "owner", "jti", "name", "code", "changed", "reason", "count", "from", "network"];
    let about = about.iter().filter_map(|name| match item.get(*name)? {
        Value::Array(items) if items.len() > 1 => Some(format!("{name}={} of them", items.len())),
        Value::Array(items) => Some(format!("{name}={}", shown(items.first()?.as_str()?))),
        _ => Some(format!("{name}={}", member(name))),
    });
    let about = about.collect::<Vec<_>>().join(" ");
    vec![member("seq"), member("at"), member("actor"), member("act"), member("outcome"), about]
}

impl Export {
    fn run(self) -> Result<(), CliError> {
        let mut count = 0_usize;
        if let Some(data) = &self.data {
            each_page(data, self.after, |lines| {
                count = count.saturating_add(lines.lines.len());
                lines.lines.iter().try_for_each(|line| Ok(output::line(line)?))
            })?;
        } else {
            self.filter.ask(&self.remote, (Some(self.after), false), |items| {
                items.iter().try_for_each(|item| output::line(&text(item)))?;
                count = count.saturating_add(items.len());
                Ok(true)
            })?;
        }
        output::note(&format!("{count} entries exported."));
        Ok(())
    }
}

impl Verify {
    fn run(self) -> Result<(), CliError> {
        let mut checked = Checked { checker: Checker::new(), wanted: self.head, has_wanted: false };
        let head = match &self.file {
            Some(path) if path.as_os_str() == "-" => {
                checked.all(std::io::stdin().lock())?;
                None
            }
            Some(path) => {
                let unreadable = |error| CliError::Usage(format!("cannot read `{}`: {error}", path.display()));
                checked.all(File::open(path).map_err(unreadable)?)?;
                None
            }
            None => {
                let file = super::options_of_file(self.config.as_deref())?;
                let options = ServeOptions { data: self.data, ..ServeOptions::default() }.or(file);
                let data = options.data.unwrap_or_else(|| DEFAULT_DATA.into());
                Some(each_page(&data, 0, |lines| {
                    lines.lines.iter().for_each(|line| checked.line(line.as_bytes()));
                    Ok(())
                })?)
            }
        };
        checked.tell(head, self.json)
    }
}

/// A check under way.
struct Checked {
    checker: Checker,
    wanted: Option<Head>,
    has_wanted: bool,
}

impl Checked {
    fn all(&mut self, lines: impl Read) -> Result<(), CliError> {
        for line in BufReader::new(lines).split(b'\n') {
            self.line(&line.map_err(|error| CliError::Failed(format!("cannot read the lines: {error}")))?);
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) {
        if let Some(wanted) = self.wanted {
            let members: Value = serde_json::from_slice(line).unwrap_or_default();
            let said = members.get("seq").and_then(Value::as_u64).zip(members.get("hash").and_then(Value::as_str));
            self.has_wanted =
                self.has_wanted || said.is_some_and(|(seq, hash)| format!("{seq}:{hash}") == wanted.to_string());
        }
        self.checker.line(line);
    }

    fn tell(self, head: Option<u64>, as_json: bool) -> Result<(), CliError> {
        let Report { start, head, lines, findings } = self.checker.finish(head);
        if as_json {
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            let head = head.map(|head| head.to_string());
            let whole = findings.is_empty() && (self.wanted.is_none() || self.has_wanted);
            output::json(&json!({ "whole": whole, "entries": lines, "head": head, "findings": findings }))?;
        }
        for finding in &findings {
            output::note(&finding.to_string());
        }
        if !findings.is_empty() {
            return Err(CliError::Failed("the audit log is not whole".to_owned()));
        }
        if let Some(wanted) = self.wanted.filter(|_| !self.has_wanted) {
            return Err(CliError::Failed(format!(
                "entry {} is not there with that hash: what was there was rewritten, or cut off",
                wanted.seq
            )));
        }
        let Some((head, (first, how))) = head.zip(start) else {
            output::note("There are no entries.");
            return Ok(());
        };
        let how = match how {
            Start::First => "from the first one on".to_owned(),
            Start::Sealed => format!("from {first} on; what came before was pruned, and is sealed"),
            Start::Part => format!("from {first} on: this is a part of a log"),
        };
        output::note(&format!("{lines} entries are whole, {how}."));
        if as_json { Ok(()) } else { Ok(output::line(&head.to_string())?) }
    }
}

/// Goes through the log of the store in `data`, beside a running server or without one; gives the number of its last entry.
pub(super) fn each_page(
    data: &Path,
    after: u64,
    mut each: impl FnMut(&AuditLines) -> Result<(), CliError>,
) -> Result<u64, CliError> {
    if !data.exists() {
        return Err(CliError::Usage(format!("there is no data directory `{}`", data.display())));
    }
    let failed = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
    let mut through = |ask: &dyn Fn(u64) -> Result<Option<AuditLines>, CliError>| -> Result<Option<u64>, CliError> {
        let mut after = after;
        loop {
            let Some(page) = ask(after)? else { return Ok(None) };
            each(&page)?;
            match page.last {
                Some(seq) => after = seq,
                None => return Ok(Some(page.head)),
            }
        }
    };
    let by_socket = |after| local_socket::audit_lines_via(data, after).map_err(|error| failed(&error));
    match through(&by_socket)? {
        Some(head) => Ok(head),
        None => stopped_store::read(data, |store| {
            let read = |after| local_socket::lines_of(store, after).map(Some).map_err(|error| failed(&error));
            Ok(through(&read)?.unwrap_or_default())
        }),
    }
}
