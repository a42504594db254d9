//! `GET /v1/refresh-tokens`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::{Query, Sort, Span};
use serde::Serialize;

use super::super::limits::PAGE_ITEMS;
use super::super::permissions::Caller;
use super::super::problem::Problem;
use super::super::refusals::Refusal as _;
use super::super::{query, respond};
use super::record::{Record, state_named};
use crate::app::App;

#[derive(Serialize)]
struct Page<'a> {
    items: Vec<Record<'a>>,
    /// The cursor of the next page. `null`: there is none.
    next: Option<&'a str>,
}

/// A page of records. It may hold fewer than `limit` and still have a `next`.
pub(in super::super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut query = read(&uri)?;
    caller.confine(&mut query);
    // Where one of the two is too long, it is the longer one.
    let length = |text: &Option<String>| text.as_ref().map(|text| text.chars().count());
    let too_long = if length(&query.name) >= length(&query.name_contains) { "name" } else { "name_contains" };
    let page = match app.authority.call(Class::Reading, move |call| call.list(&query)).await {
        Ok(Ok(page)) => page,
        Ok(Err(refusal)) => return Err(refusal.row().about("name", too_long).problem()),
        Err(error) => return Err(error.row().problem()),
    };
    let body = Page { items: page.items.iter().map(Record::of).collect(), next: page.next.as_deref() };
    Ok(respond::json(StatusCode::OK, &body))
}

/// Everything that a list can be asked for.
const PARAMETERS: [&str; 15] = [
    "state",
    "name",
    "name_contains",
    "owner",
    "parent",
    "created_from",
    "created_until",
    "expires_from",
    "expires_until",
    "last_used_from",
    "last_used_until",
    "never_used",
    "sort",
    "limit",
    "cursor",
];

/// The query of a list.
pub(in super::super) fn read(uri: &Uri) -> Result<Query, Problem> {
    let form = query::parse(uri, &PARAMETERS)?;
    let state = match query::one(&form, "state")? {
        None => None,
        Some(name) => Some(state_named(&name).ok_or_else(unknown_state)?),
    };
    let limit = match query::one(&form, "limit")? {
        None => PAGE_ITEMS,
        Some(digits) => read_limit(&digits)?,
    };
    let (sort, descending) = match query::one(&form, "sort")? {
        None => (None, false),
        Some(text) => sort_named(&text).map(|(sort, descending)| (Some(sort), descending)).ok_or_else(unknown_sort)?,
    };
    let span =
        |from, until| Ok::<_, Problem>(Span { from: query::moment(&form, from)?, until: query::moment(&form, until)? });
    Ok(Query {
        state,
        name: query::one(&form, "name")?,
        name_contains: query::one(&form, "name_contains")?,
        owner: query::one(&form, "owner")?,
        parent: query::one(&form, "parent")?,
        created: span("created_from", "created_until")?,
        expires: span("expires_from", "expires_until")?,
        last_used: span("last_used_from", "last_used_until")?,
        never_used: query::truth(&form, "never_used")?,
        sort,
        descending,
        limit,
        cursor: query::one(&form, "cursor")?,
    })
}

/// `name`, or `-name` for the other way round.
fn sort_named(text: &str) -> Option<(Sort, bool)> {
    let (name, descending) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    let sort = match name {
        "created" => Sort::Created,
        "name" => Sort::Name,
        "expires" => Sort::Expires,
        "last_used" => Sort::LastUsed,
        _ => return None,
    };
    Some((sort, descending))
}

fn unknown_sort() -> Problem {
    let rule =
        "a list is sorted by `name`, `created`, `expires` or `last_used`, with a `-` in front the other way round";
    Problem::field("sort-unknown", "sort", rule)
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
        let query = query(
            "state=expired&name=night+ly%2B&name_contains=x&owner=o&parent=p&limit=1000&cursor=c&never_used=true&sort=-last_used\
             &created_from=1970-01-01T00:00:01Z&expires_until=1970-01-01T01:00:02%2B01:00&last_used_from=1970-01-01T00:00:03Z",
        )
        .unwrap();
        assert_eq!((query.limit, query.state, query.never_used), (1000, Some(TokenState::Expired), true));
        let texts = [query.name, query.name_contains, query.owner, query.parent, query.cursor].map(Option::unwrap);
        assert_eq!(texts, ["night ly+", "x", "o", "p", "c"]);
        assert_eq!((query.created.from, query.created.until), (Some(1), None));
        assert_eq!((query.expires.from, query.expires.until, query.last_used.from), (None, Some(2), Some(3)));
        assert_eq!((query.sort, query.descending), (Some(Sort::LastUsed), true));
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
            ("sort=age", "sort-unknown"),
            ("sort=--name", "sort-unknown"),
            ("never_used=1", "neither-true-nor-false"),
            ("created_from=2027-01-31", "time-malformed"),
        ] {
            assert_eq!(query(text).err(), Some(code), "{text}");
        }
    }
}
