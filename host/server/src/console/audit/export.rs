//! Entries as a file of JSON lines, each as it was written, so that whoever keeps it can check it.

use std::sync::Arc;

use axum::{body::Body, extract::State, response::Response};
use bytes::Bytes;
use http::{
    HeaderValue, StatusCode, Uri,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};
use jeton_policy::store::{Direction, Unavailable};
use jeton_store::audit::{AuditLog, MAX_LINES};
use serde::Serialize;

use super::{super::page::dress, Asked, PATH, Visit};
use crate::{app::App, audit::query::Query};

/// Entries that a file is made of at most: some megabytes, in memory until the browser has them.
const FILE: u64 = 10_000;
/// Files that the page offers: the newest. `jeton audit export` writes the whole log, however long it is.
const FILES: usize = 10;

/// A file that the page offers.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Part {
    link: String,
    first: u64,
    last: u64,
}

/// The files that a log is handed out in, the newest first.
pub(super) fn parts(asked: &Asked, first: u64, head: u64) -> Vec<Part> {
    let mut all = Vec::new();
    let mut last = head;
    while last >= first && last > 0 && all.len() < FILES {
        let after = (last - 1) / FILE * FILE;
        let filter = asked.written(&[("after", &after.to_string())]);
        all.push(Part { link: format!("{PATH}/export?{filter}"), first: first.max(after.saturating_add(1)), last });
        last = after;
    }
    all
}

/// The entries behind `after`, oldest first, that the filter lets through.
pub(in crate::console) async fn file(
    State(app): State<Arc<App>>,
    visit: Visit,
    uri: Uri,
) -> Result<Response, Response> {
    let asked = Asked::of(uri.query().unwrap_or_default());
    let query = match asked.query(1) {
        Ok(query) => query,
        Err(trouble) => return Err(visit.trouble(StatusCode::BAD_REQUEST, &trouble)),
    };
    let log = Arc::clone(app.audit.log());
    let after = query.after.unwrap_or_default();
    let read = tokio::task::spawn_blocking(move || read(log.as_ref(), &query, after)).await;
    let Ok(Ok(text)) = read else { return Err(visit.busy()) };
    let name = format!("attachment; filename=\"jeton-audit-{}.jsonl\"", after.saturating_add(1));
    let mut response = Response::new(Body::from(Bytes::from(text)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl; charset=utf-8"));
    // Digits and letters of ours alone.
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    dress(&mut response);
    Ok(response)
}

fn read(log: &dyn AuditLog, query: &Query, after: u64) -> Result<String, Unavailable> {
    let (mut text, mut at) = (String::new(), after);
    let end = after.saturating_add(FILE);
    loop {
        let page = log.audit_lines(Some(at), Direction::Ascending, MAX_LINES)?;
        let count = page.lines.len();
        for line in page.lines {
            if line.seq > end {
                return Ok(text);
            }
            at = line.seq;
            if query.lets_through(&line) {
                text.push_str(&line.text);
                text.push('\n');
            }
        }
        if u32::try_from(count).is_ok_and(|count| count < MAX_LINES) {
            return Ok(text);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use jeton_store::{MemoryStore, audit::Entry};

    use super::*;

    #[test]
    fn the_files_cover_the_log_and_each_entry_is_in_one() {
        let of = |first, head| {
            parts(&Asked::default(), first, head).iter().map(|part| (part.first, part.last)).collect::<Vec<_>>()
        };
        assert_eq!(of(0, 0), []);
        assert_eq!(of(1, 1), [(1, 1)]);
        assert_eq!(of(1, 10_000), [(1, 10_000)]);
        assert_eq!(of(1, 20_001), [(20_001, 20_001), (10_001, 20_000), (1, 10_000)]);
        assert_eq!(of(9_999, 10_005), [(10_001, 10_005), (9_999, 10_000)]);
        assert_eq!(of(1, 1_000_000).len(), FILES);
        let link = parts(&Asked::of("actor=a+b&after=3"), 1, 5).remove(0).link;
        assert_eq!(link, "/console/audit/export?actor=a+b&after=0");
    }

    #[test]
    fn a_file_has_the_lines_as_they_were_written_and_ends_where_the_next_begins() {
        let log = MemoryStore::new();
        for number in 1..=FILE + 2 {
            let actor = if number.is_multiple_of(5_000) { "alice" } else { "bob" };
            log.commit_recorded(vec![], vec![], vec![Entry::new(number, actor, "x.y", "done")]).unwrap();
        }
        let whole = read(&log, &Query::default(), 0).unwrap();
        assert_eq!(whole.lines().count(), 10_000);
        let first = log.audit_lines(None, Direction::Ascending, 1).unwrap().lines.remove(0).text;
        assert_eq!(whole.lines().next(), Some(first.as_str()));
        assert_eq!(read(&log, &Query::default(), FILE).unwrap().lines().count(), 2);
        let of_alice = Query { actor: Some("alice".to_owned()), ..Query::default() };
        assert_eq!(read(&log, &of_alice, 0).unwrap().lines().count(), 2);
    }
}
