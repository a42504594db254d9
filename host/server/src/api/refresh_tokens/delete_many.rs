//! `POST /v1/refresh-tokens/delete`: by ids, by owner, or by a filter; the last two with a preview.

use std::borrow::Cow;
use std::sync::Arc;

use axum::response::Response;
use http::{StatusCode, Uri};
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::{Deletion, Query, RefreshToken, State};
use jeton_runtime::wit::types::Reason;
use serde::Serialize;

use super::super::json::Members;
use super::super::permissions::Caller;
use super::super::problem::Problem;
use super::super::{answered, respond};
use super::delete::{REASONS, end, result_name};
use super::list;
use super::record::{Record, reason_name, reason_named};
use crate::app::App;

/// Tokens that one call of a filter ends: a batch, which ends as a whole or not at all.
const STEP: u32 = 1000;
/// Records that a preview shows.
const SHOWN: usize = 100;

/// What is to be ended.
#[derive(Debug)]
enum Target {
    Ids(Vec<String>),
    Owner(String),
    /// A step of what a query of the list finds.
    Filter(Box<Query>),
}

/// A request that was read.
#[derive(Debug)]
struct Asked {
    target: Target,
    reason: Reason,
    note: Option<String>,
    dry_run: bool,
}

#[derive(Serialize)]
struct Batch<'a> {
    /// One for each id given or found, in their order.
    results: Vec<Outcome<'a>>,
    /// Of a filter alone: where the next step begins. `null`: this was the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Option<String>>,
    /// The live set had no room for so many cuts: the epoch of this number began instead, and every access token is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    advanced_epoch: Option<u64>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    id: &'a str,
    result: &'static str,
}

#[derive(Serialize)]
struct OfOwner<'a> {
    owner: &'a str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advanced_epoch: Option<u64>,
}

#[derive(Serialize)]
struct Preview<'a> {
    /// How many living tokens this step found.
    matched: usize,
    /// The first 100 of them.
    first: Vec<Record<'a>>,
    /// Where the next step begins. `null`: this was the last.
    next: Option<&'a str>,
}

/// Ends what the body names, or shows what that would be.
pub(super) async fn delete(app: &App, caller: Arc<Caller>, members: Members) -> Result<Response, Problem> {
    let Asked { mut target, reason, note, dry_run } = read(members)?;
    if let Target::Filter(query) = &mut target {
        caller.confine(query);
    }
    match target {
        Target::Ids(ids) => {
            let deleted = end(app, caller, ids.clone(), reason, note).await?;
            let results = outcomes(&ids, &deleted.results);
            let body = Batch { results, next: None, advanced_epoch: deleted.advanced_epoch };
            Ok(respond::json(StatusCode::OK, &body))
        }
        Target::Owner(owner) if dry_run => {
            let mut query = Query { owner: Some(owner), ..Query::first(STEP) };
            caller.confine(&mut query);
            preview(app, query).await
        }
        Target::Owner(owner) => end_owner(app, caller, owner, reason, note).await,
        Target::Filter(query) if dry_run => preview(app, *query).await,
        Target::Filter(query) => {
            let (found, next) = living(app, *query).await?;
            let ids: Vec<String> = found.into_iter().map(|token| token.id).collect();
            let deleted = end(app, caller, ids.clone(), reason, note).await?;
            let results = outcomes(&ids, &deleted.results);
            let body = Batch { results, next: Some(next), advanced_epoch: deleted.advanced_epoch };
            Ok(respond::json(StatusCode::OK, &body))
        }
    }
}

async fn end_owner(
    app: &App,
    caller: Arc<Caller>,
    owner: String,
    reason: Reason,
    note: Option<String>,
) -> Result<Response, Problem> {
    let (by, named) = (caller.by().to_owned(), owner.clone());
    let advanced_epoch =
        answered(app.authority.call(Class::Administration, move |call| {
            call.delete_owned(&caller.actor, &owner, reason, note.as_deref())
        }))
        .await?;
    tracing::info!(owner = %named, %by, reason = reason_name(reason), "every refresh token of the owner deleted");
    if let Some(epoch) = advanced_epoch {
        tracing::warn!(%by, epoch, "the live set had no room for the cut: the epoch was advanced, every access token is dead");
    }
    Ok(respond::json(StatusCode::OK, &OfOwner { owner: &named, result: "deleted", advanced_epoch }))
}

async fn preview(app: &App, query: Query) -> Result<Response, Problem> {
    let (found, next) = living(app, query).await?;
    let first = found.iter().take(SHOWN).map(Record::of).collect();
    Ok(respond::json(StatusCode::OK, &Preview { matched: found.len(), first, next: next.as_deref() }))
}

/// What a step of the query finds that has not ended.
async fn living(app: &App, query: Query) -> Result<(Vec<RefreshToken>, Option<String>), Problem> {
    let page = answered(app.authority.call(Class::Reading, move |call| call.list(&query))).await?;
    Ok((page.items.into_iter().filter(|token| token.state != State::Deleted).collect(), page.next))
}

fn outcomes<'a>(ids: &'a [String], results: &[Deletion]) -> Vec<Outcome<'a>> {
    ids.iter().zip(results).map(|(id, result)| Outcome { id, result: result_name(*result) }).collect()
}

/// Whether a request is understood.
pub(in super::super) fn check(members: Members) -> Result<(), Problem> {
    read(members).map(drop)
}

fn read(mut members: Members) -> Result<Asked, Problem> {
    let named = ["ids", "owner", "filter"].map(|name| members.has(name));
    if named.iter().filter(|named| **named).count() != 1 {
        members.refuse::<()>("ids", "give exactly one of `ids`, `owner` and `filter`");
    }
    let (ids, owner, filter) = (members.texts("ids"), members.text("owner"), members.text("filter"));
    let cursor = members.text("cursor");
    let dry_run = members.flag("dry_run");
    let by_default = if owner.is_some() { Reason::OwnerLeft } else { Reason::Deleted };
    let reason = match members.text("reason").map(|name| reason_named(&name)) {
        None => by_default,
        Some(Some(reason)) => reason,
        Some(None) => members.refuse("reason", REASONS).unwrap_or(by_default),
    };
    let note = members.text("note");
    if dry_run && ids.is_some() {
        members.refuse::<()>("dry_run", "it goes with `owner` or `filter`: ids say what they are");
    }
    if cursor.is_some() && filter.is_none() && !(dry_run && owner.is_some()) {
        members.refuse::<()>("cursor", "it goes with `filter`, or with the preview of `owner`");
    }
    members.finish()?;
    let target = match (ids, owner, filter) {
        (Some(ids), ..) => Target::Ids(ids),
        (None, Some(owner), _) if cursor.is_none() => Target::Owner(owner),
        (None, Some(owner), _) => Target::Filter(Box::new(Query { owner: Some(owner), cursor, ..Query::first(STEP) })),
        (None, None, filter) => Target::Filter(Box::new(query_of(&filter.unwrap_or_default(), cursor)?)),
    };
    Ok(Asked { target, reason, note, dry_run })
}

/// The query that a filter is: the parameters of the list, in the form of its query string, so that exactly what was looked at
/// there is ended here. A filter that narrows nothing would end everything, and is refused; so is a parameter without a value, which the
/// list passes over, and which tells here of a script whose variable was empty.
fn query_of(filter: &str, cursor: Option<String>) -> Result<Query, Problem> {
    let malformed = |detail| Problem::field("filter-malformed", "filter", detail);
    let uri: Uri = format!("/?{filter}")
        .parse()
        .map_err(|_| malformed("a filter is a query string of `GET /v1/refresh-tokens`"))?;
    let query = list::read(&uri)?;
    let beside = form_urlencoded::parse(filter.as_bytes()).any(|(name, _)| matches!(&*name, "limit" | "cursor"));
    if beside {
        return Err(malformed("`limit` and `cursor` are no part of a filter"));
    }
    if form_urlencoded::parse(filter.as_bytes()).any(|(_, value)| value.is_empty()) {
        return Err(malformed("each parameter of a filter has a value"));
    }
    let narrows =
        |(name, value): (Cow<'_, str>, Cow<'_, str>)| name != "sort" && (name != "never_used" || value == "true");
    if !form_urlencoded::parse(filter.as_bytes()).any(narrows) {
        return Err(malformed("a filter narrows something"));
    }
    Ok(Query { limit: STEP, cursor, ..query })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn asked(json: &str) -> Result<Asked, Problem> {
        read(Members::parse(json.as_bytes()).unwrap())
    }

    #[test]
    fn a_batch_says_which_and_may_say_why() {
        let Ok(Asked { target: Target::Ids(ids), reason, note, dry_run: false }) =
            asked(r#"{"ids":["a","a"],"reason":"compromised","note":"found in a log"}"#)
        else {
            panic!()
        };
        assert_eq!(ids, ["a", "a"]);
        assert!(matches!(reason, Reason::Compromised));
        assert_eq!(note.as_deref(), Some("found in a log"));
        let Ok(Asked { reason, note, .. }) = asked(r#"{"ids":[]}"#) else { panic!() };
        assert!(matches!(reason, Reason::Deleted));
        assert_eq!(note, None);
    }

    #[test]
    fn a_filter_is_what_the_list_takes_and_an_owner_has_a_reason_of_their_own() {
        let Ok(Asked { target: Target::Filter(query), dry_run: true, .. }) =
            asked(r#"{"filter":"state=expired&name=night","dry_run":true,"cursor":"c"}"#)
        else {
            panic!()
        };
        assert_eq!((query.state, query.name.as_deref()), (Some(State::Expired), Some("night")));
        assert_eq!((query.limit, query.cursor.as_deref()), (STEP, Some("c")));
        let Ok(Asked { target: Target::Owner(owner), reason, .. }) = asked(r#"{"owner":"alice"}"#) else { panic!() };
        assert_eq!((owner.as_str(), matches!(reason, Reason::OwnerLeft)), ("alice", true));
    }

    #[test]
    fn what_does_not_say_so_is_refused() {
        for json in [
            r#"{}"#,
            r#"{"ids":"a"}"#,
            r#"{"ids":[1]}"#,
            r#"{"ids":null}"#,
            r#"{"ids":["a"],"owner":"alice"}"#,
            r#"{"ids":["a"],"dry_run":true}"#,
            r#"{"ids":["a"],"cursor":"c"}"#,
            r#"{"ids":["a"],"reason":"expired"}"#,
            r#"{"ids":["a"],"reason":"reuse-detected"}"#,
            r#"{"ids":["a"],"reason":1}"#,
            r#"{"ids":["a"],"why":"x"}"#,
            r#"{"filter":""}"#,
            r#"{"filter":"stat=active"}"#,
            r#"{"filter":"state=active&state=expired"}"#,
            r#"{"filter":"state=active&limit=5"}"#,
            r#"{"filter":"name=%zz"}"#,
            r#"{"filter":"owner="}"#,
            r#"{"filter":"owner"}"#,
            r#"{"filter":"owner=&state=active"}"#,
            r#"{"filter":"never_used=false"}"#,
            r#"{"filter":"sort=name"}"#,
            r#"{"owner":"alice","cursor":"c"}"#,
        ] {
            assert!(asked(json).is_err(), "{json}");
        }
    }
}
