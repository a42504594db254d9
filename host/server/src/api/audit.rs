//! `GET /v1/audit`: who did what.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, Uri};

use super::limits::PAGE_ITEMS;
use super::problem::Problem;
use super::{query, respond};
use crate::app::App;
use crate::audit::query::{Found, Query};

/// Entries at most.
pub(super) const MAX_ITEMS: u32 = 1000;

/// A page of entries. `next` is the number of the entry behind which the next page begins.
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let asked = read(&uri)?;
    let found = tokio::task::spawn_blocking(move || asked.ask(app.audit.log().as_ref())).await;
    let found = found.ok().and_then(Result::ok).ok_or_else(Problem::unavailable)?;
    Ok(respond::json_bytes(StatusCode::OK, Bytes::from(written(&found)), HeaderValue::from_static("no-store")))
}

/// Each line as it was written, so that whoever keeps the answer can check it.
fn written(found: &Found) -> String {
    let lines: Vec<&str> = found.lines.iter().map(|line| line.text.as_str()).collect();
    let next = found.next.map_or_else(|| "null".to_owned(), |next| next.to_string());
    format!("{{\"items\":[{}],\"next\":{next}}}", lines.join(","))
}

fn read(uri: &Uri) -> Result<Query, Problem> {
    let form = query::parse(uri, &["after", "limit", "actor", "act", "target", "since", "until", "newest_first"])?;
    let number = |name: &'static str| -> Result<Option<u64>, Problem> {
        let Some(digits) = query::one(&form, name)? else { return Ok(None) };
        let number = if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None };
        number.map(Some).ok_or_else(|| Problem::field("number-malformed", name, "it is a whole number"))
    };
    let limit = number("limit")?.unwrap_or(u64::from(PAGE_ITEMS));
    let limit = u32::try_from(limit).ok().filter(|limit| (1..=MAX_ITEMS).contains(limit));
    Ok(Query {
        after: number("after")?,
        newest_first: query::truth(&form, "newest_first")?,
        limit: limit.ok_or_else(|| Problem::field("limit-out-of-range", "limit", "a page has 1 to 1000 items"))?,
        actor: query::one(&form, "actor")?,
        act: query::one(&form, "act")?,
        target: query::one(&form, "target")?,
        since: query::moment(&form, "since")?,
        until: query::moment(&form, "until")?,
    })
}
