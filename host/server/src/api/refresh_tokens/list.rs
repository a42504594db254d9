//! `GET /v1/refresh-tokens`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::Query;
use serde::Serialize;

use super::super::limits::PAGE_ITEMS;
use super::super::problem::Problem;
use super::super::{answered, query, respond};
use super::record::{Record, state_named};
use crate::app::App;

#[derive(Serialize)]
struct Page<'a> {
    items: Vec<Record<'a>>,
    /// The cursor of the next page. `null`: there is none.
    next: Option<&'a str>,
}

/// A page of records. It may hold fewer than `limit` and still have a `next`.
pub(in super::super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let query = read(&uri)?;
    let page = answered(app.authority.call(Class::Administration, move |call| call.list(&query))).await?;
    let body = Page { items: page.items.iter().map(Record::of).collect(), next: page.next.as_deref() };
    Ok(respond::json(StatusCode::OK, &body))
}

/// The query of a list.
pub(super) fn read(uri: &Uri) -> Result<Query, Problem> {
    let form = query::parse(uri, &["state", "name", "owner", "limit", "cursor"])?;
    let state = match query::one(&form, "state")? {
        None => None,
        Some(name) => Some(state_named(&name).ok_or_else(unknown_state)?),
    };
    let limit = match query::one(&form, "limit")? {
        None => PAGE_ITEMS,
        Some(digits) => read_limit(&digits)?,
    };
    Ok(Query {
        state,
        name: query::one(&form, "name")?,
        owner: query::one(&form, "owner")?,
        cursor: query::one(&form, "cursor")?,
        ..Query::first(limit)
    })
}

/// Digits alone: `+5` is no number here. Whether it is in range the policy says.
fn read_limit(digits: &str) -> Result<u32, Problem> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { digits.parse().ok() } else { None };
    number.ok_or_else(|| Problem::field("limit-out-of-range", "limit", "a page has 1 to 1000 items"))
}

fn unknown_state() -> Problem {
    Problem::field("state-unknown", "state", "a state is `active`, `disabled`, `expired` or `deleted`")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use jeton_runtime::wit::refresh_tokens::State as TokenState;

    fn query(query: &str) -> Result<Query, &'static str> {
        read(&format!("/v1/refresh-tokens?{query}").parse().unwrap()).map_err(|problem| problem.code())
    }

    #[test]
    fn nothing_said_means_the_first_fifty() {
        let query = query("").unwrap();
        assert_eq!((query.limit, query.state, query.name, query.owner, query.cursor), (50, None, None, None, None));
    }

    #[test]
    fn every_filter_is_understood() {
        let query = query("state=expired&name=night+ly%2B&owner=o&limit=1000&cursor=c").unwrap();
        assert_eq!((query.limit, query.state), (1000, Some(TokenState::Expired)));
        assert_eq!(
            (query.name.as_deref(), query.owner.as_deref(), query.cursor.as_deref()),
            (Some("night ly+"), Some("o"), Some("c"))
        );
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for (text, code) in [
            ("state=Active", "state-unknown"),
            ("state=gone", "state-unknown"),
            ("limit=ten", "limit-out-of-range"),
            ("limit=-1", "limit-out-of-range"),
            ("limit=%2B5", "limit-out-of-range"),
            ("limit=5.0", "limit-out-of-range"),
            ("limit=4294967296", "limit-out-of-range"),
            ("limit=5&limit=5", "malformed-query"),
            ("name=%zz", "malformed-query"),
            ("name=%00", "malformed-query"),
            ("name=%ff", "malformed-query"),
            ("stat=active", "unknown-parameter"),
        ] {
            assert_eq!(query(text).err(), Some(code), "{text}");
        }
    }
}
