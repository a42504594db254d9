//! `GET /v1/notices`: what somebody should know before it hurts.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::limits::PAGE_ITEMS;
use super::permissions::Caller;
use super::problem::Problem;
use super::{query, respond};
use crate::app::App;
use crate::notices::kept::{Found, Query};

/// Notices of a page at most.
pub(super) const MAX_ITEMS: u32 = 1000;

/// A page of them, newest first. Whoever sees her own tokens alone sees what is about them alone.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut asked = read(&uri)?;
    asked.owner = caller.confined_to().map(str::to_owned);
    let found = tokio::task::spawn_blocking(move || app.notices.ask(&asked)).await;
    let Found { notices, next } = found.ok().and_then(Result::ok).ok_or_else(Problem::unavailable)?;
    let items: Vec<Value> = notices.iter().map(crate::notices::notice::Notice::shown).collect();
    Ok(respond::json(StatusCode::OK, &json!({ "items": items, "next": next.map(|next| next.to_string()) })))
}

fn read(uri: &Uri) -> Result<Query, Problem> {
    let form = query::parse(uri, &["kind", "limit", "cursor"])?;
    let kind = query::one(&form, "kind")?.map(|word| word.parse());
    let kind = kind.transpose().map_err(|sentence: String| Problem::field("kind-unknown", "kind", sentence))?;
    let number = |name: &'static str| -> Result<Option<Option<u64>>, Problem> {
        let digits = query::one(&form, name)?;
        Ok(digits.map(|text| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))))
    };
    let limit = match number("limit")? {
        None => Some(PAGE_ITEMS),
        Some(limit) => {
            limit.and_then(|limit| u32::try_from(limit).ok()).filter(|limit| (1..=MAX_ITEMS).contains(limit))
        }
    };
    let before = match number("cursor")? {
        Some(None) => return Err(Problem::field("cursor-invalid", "cursor", "it is the `next` of an earlier page")),
        cursor => cursor.flatten(),
    };
    let limit = limit.ok_or_else(|| Problem::field("limit-out-of-range", "limit", "a page has 1 to 1000 items"))?;
    Ok(Query { kind, owner: None, before, limit })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use crate::notices::notice::Kind;

    #[test]
    fn what_is_no_query_is_refused() {
        let query = |query: &str| read(&format!("/v1/notices?{query}").parse().unwrap()).map_err(|error| error.code());
        let asked = query("kind=backup-old&limit=1000&cursor=7").unwrap();
        assert_eq!((asked.kind, asked.limit, asked.before), (Some(Kind::BackupOld), 1000, Some(7)));
        assert_eq!(query("").unwrap().limit, 50);
        for (text, code) in [
            ("kind=other", "kind-unknown"),
            ("limit=0", "limit-out-of-range"),
            ("limit=1001", "limit-out-of-range"),
            ("limit=+5", "limit-out-of-range"),
            ("cursor=x", "cursor-invalid"),
            ("owner=alice", "unknown-parameter"),
        ] {
            assert_eq!(query(text).err(), Some(code), "{text}");
        }
    }
}
