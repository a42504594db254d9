//! The page of the audit log: who did what, whom it was about, and whether the log can be trusted.
//!
//! | to change | go to |
//! | --- | --- |
//! | what can be asked for | `asked` |
//! | what an entry is called | `words` |
//! | how an entry is told | `line` |
//! | what is handed out as a file | `export` |

mod asked;
mod export;
mod line;
mod words;

use std::sync::Arc;

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use jeton_policy::store::{Direction, Unavailable};
use jeton_store::audit::{AuditLog, Line};
use serde::Serialize;
use serde_json::Value;

use super::{
    page::{Frame, Page, Visit, written},
    span,
};
use crate::{app::App, audit::query::Found};
use asked::Asked;
pub(super) use export::file;

/// The page's path.
const PATH: &str = "/console/audit";
/// Entries of a page: a screen or two.
const ENTRIES: u32 = 50;

#[derive(Serialize)]
struct Log {
    frame: Frame,
    trouble: Option<String>,
    asked: Asked,
    is_filtered: bool,
    acts: Vec<words::Choices>,
    entries: Vec<line::Entry>,
    older: Option<String>,
    is_newest: bool,
    chain: Chain,
    parts: Vec<export::Part>,
}

impl Page for Log {
    const TEMPLATE: &'static str = "console/audit.html";
}

/// How the log stands.
#[derive(Serialize)]
struct Chain {
    /// Number and hash of the last entry, as `jeton audit verify --head` takes them.
    head: String,
    last: u64,
    first: u64,
    first_at: String,
    /// Everything before the first was taken away, and an entry seals it.
    is_pruned: bool,
    kept_for: String,
}

/// What the page is made of: all of one look at the log.
struct Seen {
    found: Found,
    first: Option<Line>,
    last: Option<Line>,
    head: u64,
}

/// The page.
pub(super) async fn show(State(app): State<Arc<App>>, visit: Visit, uri: Uri) -> Result<Response, Response> {
    let asked = Asked::of(uri.query().unwrap_or_default());
    let (query, trouble) = match asked.query(ENTRIES) {
        Ok(query) => (Some(query), None),
        // A misspelt filter shows nothing, and never everything.
        Err(trouble) => (None, Some(trouble)),
    };
    let log = Arc::clone(app.audit.log());
    let seen = tokio::task::spawn_blocking(move || {
        let found = query.map(|query| query.ask(log.as_ref())).transpose()?;
        look(log.as_ref(), found.unwrap_or(Found { lines: Vec::new(), next: None }))
    });
    let Ok(Ok(seen)) = seen.await else { return Err(visit.busy()) };
    let status = if trouble.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let administers = visit.caller().is_some_and(|caller| caller.may_administer());
    let retention = app.audit.retention().0.map_or_else(|| "for good".to_owned(), span::told);
    Ok(visit.page(status, "Audit log", |frame| Log {
        frame,
        trouble,
        is_filtered: asked.is_filtered(),
        acts: words::choices(&asked.act),
        entries: seen.found.lines.iter().map(|line| line::Entry::of(line, administers)).collect(),
        older: seen.found.next.map(|next| asked.link(&[("after", &next.to_string())])),
        is_newest: asked.after.is_empty(),
        parts: export::parts(&asked, seen.first.as_ref().map_or(0, |line| line.seq), seen.head),
        chain: Chain::of(&seen, retention),
        asked,
    }))
}

fn look(log: &dyn AuditLog, found: Found) -> Result<Seen, Unavailable> {
    let mut first = log.audit_lines(None, Direction::Ascending, 1)?.lines;
    let mut last = log.audit_lines(None, Direction::Descending, 1)?;
    Ok(Seen { found, first: first.pop(), head: last.head, last: last.lines.pop() })
}

impl Chain {
    fn of(seen: &Seen, kept_for: String) -> Self {
        let hash = |line: &Line| {
            let members: Value = serde_json::from_str(&line.text).unwrap_or_default();
            members.get("hash").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let first = seen.first.as_ref().map_or(0, |line| line.seq);
        Self {
            head: seen.last.as_ref().map(|line| format!("{}:{}", line.seq, hash(line))).unwrap_or_default(),
            last: seen.head,
            first,
            first_at: seen.first.as_ref().map(|line| written(line.at)).unwrap_or_default(),
            is_pruned: first > 1,
            kept_for,
        }
    }
}
