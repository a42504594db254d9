//! `jeton policy check`.

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use jeton_kit::{Counts, Description, Kind, Outcome, Report, Tried};
use serde_json::{Value, json};

use super::super::{CliError, output};

pub(super) const HELP: &str = "\
The component is run in a sandbox, over a store in memory and a clock of the kit's own: nothing of yours is touched.
A component of the verifier world is held to the cases of that world, an authority to those of both.
  jeton policy export policies
  jeton policy check policies/jeton-authority.wasm
Exit status: 0 every case holds, 1 one does not, 2 bad usage.";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Check {
    /// A WebAssembly component
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    file: Option<PathBuf>,
    /// Say what the cases are, and try none
    #[arg(long)]
    list: bool,
    /// JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.file {
            Some(file) => check(&file, self.json),
            None => list(self.json),
        }
    }
}

fn check(file: &Path, as_json: bool) -> Result<(), CliError> {
    let bytes = fs::read(file).map_err(|error| super::failed(file, error))?;
    let mut progress = Progress::new();
    let report = jeton_kit::check(&bytes, &mut |tried| progress.tell(tried));
    progress.end();
    let report = report.map_err(|error| super::failed(file, error))?;
    if as_json {
        output::json(&document(&report))?
    } else {
        table(&report)?
    }
    if report.holds() { Ok(()) } else { Err(CliError::Failed(format!("`{}`: {}", file.display(), count(&report)))) }
}

/// Every case, then how many there are of each outcome.
fn table(report: &Report) -> Result<(), CliError> {
    let row = |tried: &Tried| {
        let what = match &tried.outcome {
            Outcome::Held => String::new(),
            Outcome::Broken(what) | Outcome::Narrowed(what) | Outcome::NotTried(what) => what.clone(),
        };
        vec![tried.outcome.to_string(), tried.case.id.clone(), what]
    };
    let mut rows = output::Rows::new(&["RESULT", "CASE", "WHAT HAPPENED"]);
    rows.page(report.tried.iter().map(row).collect())?;
    rows.finish()?;
    Ok(output::line(&format!("\n{}", count(report)))?)
}

fn count(report: &Report) -> String {
    let Counts { held, broken, narrowed, not_tried } = report.counts();
    let all = held + broken + narrowed + not_tried;
    let some = |number: usize, what: &str| if number > 0 { format!(", {number} {what}") } else { String::new() };
    let narrowed = some(narrowed, "could not be shown for rules of the house, which should bind fewer tokens");
    let not_tried = some(not_tried, "were not tried");
    format!("{all} cases of the {} world: {held} hold, {broken} do not{narrowed}{not_tried}", world(report.world))
}

fn document(report: &Report) -> Value {
    let case = |tried: &Tried| {
        let (outcome, what) = match &tried.outcome {
            Outcome::Held => ("held", None),
            Outcome::Broken(what) => ("broken", Some(what)),
            Outcome::Narrowed(what) => ("narrowed", Some(what)),
            Outcome::NotTried(what) => ("not-tried", Some(what)),
        };
        let mut case = described(&tried.case);
        if let Some(members) = case.as_object_mut() {
            members.insert("outcome".to_owned(), json!(outcome));
            members.insert("what".to_owned(), json!(what));
        }
        case
    };
    let Counts { held, broken, narrowed, not_tried } = report.counts();
    json!({
        "world": world(report.world),
        "held": held, "broken": broken, "narrowed": narrowed, "not_tried": not_tried,
        "cases": report.tried.iter().map(case).collect::<Vec<_>>(),
    })
}

fn list(as_json: bool) -> Result<(), CliError> {
    let cases = jeton_kit::cases();
    if as_json {
        return Ok(output::json(&Value::Array(cases.iter().map(described).collect()))?);
    }
    let row = |case: &Description| vec![case.id.clone(), worlds(case.world).to_owned(), case.holds.clone()];
    let mut rows = output::Rows::new(&["CASE", "OF", "WHAT MUST HOLD"]);
    rows.page(cases.iter().map(row).collect())?;
    Ok(rows.finish()?)
}

fn described(case: &Description) -> Value {
    json!({"id": case.id, "world": world(case.world), "holds": case.holds})
}

fn world(kind: Kind) -> &'static str {
    match kind {
        Kind::Authority => "authority",
        Kind::Verifier => "verifier",
    }
}

/// The worlds that a case is for.
fn worlds(kind: Kind) -> &'static str {
    match kind {
        Kind::Authority => "authority",
        Kind::Verifier => "both",
    }
}

/// What is being tried, for people who wait: what is broken, at once, and on a terminal how far it is.
struct Progress {
    tried: usize,
    is_watched: bool,
}

impl Progress {
    fn new() -> Self {
        Self { tried: 0, is_watched: std::io::stderr().is_terminal() }
    }

    fn tell(&mut self, tried: &Tried) {
        self.tried += 1;
        if let Outcome::Broken(what) = &tried.outcome {
            self.clear();
            output::note(&format!("{}: {what}", tried.case.id));
        }
        if self.is_watched {
            self.clear();
            let _ = write!(std::io::stderr(), "{} cases tried", self.tried);
        }
    }

    fn end(&self) {
        self.clear();
    }

    /// Removes the line that says how far it is.
    fn clear(&self) {
        if self.is_watched {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}
