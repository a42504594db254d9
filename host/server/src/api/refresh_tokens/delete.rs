//! `DELETE /v1/refresh-tokens/{id}` and `POST /v1/refresh-tokens/delete`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode, Uri};
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::{Deleted, Deletion};
use jeton_runtime::wit::types::Reason;
use serde::Serialize;

use super::super::json::Members;
use super::super::permissions::Caller;
use super::super::problem::Problem;
use super::super::{answered, query, refusals, respond};
use super::record::{reason_name, reason_named};
use crate::app::App;

const REASONS: &str = "a reason is `deleted`, `compromised`, `superseded`, `unused` or `owner-left`";

/// Ends one token: 204, also the second time. Nothing accepts what it gave out when this answers.
pub(in super::super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let id = super::id_of(id)?;
    let form = query::parse(&uri, &["reason", "note"])?;
    let reason = match query::one(&form, "reason")? {
        None => Reason::Deleted,
        Some(name) => reason_named(&name).ok_or_else(|| Problem::field("reason-unknown", "reason", REASONS))?,
    };
    let note = query::one(&form, "note")?;
    let deleted = end(&app, caller, vec![id], reason, note).await?;
    match deleted.results.first() {
        Some(Deletion::Deleted | Deletion::AlreadyDeleted) => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(Deletion::NotFound) | None => Err(refusals::NO_SUCH_TOKEN.problem()),
    }
}

#[derive(Serialize)]
struct Batch<'a> {
    /// One for each id given, in their order.
    results: Vec<Outcome<'a>>,
    /// The live set had no room for so many cuts: the epoch of this number began instead, and every access token is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    advanced_epoch: Option<u64>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    id: &'a str,
    result: &'static str,
}

/// Ends many tokens at once: all that are known, or none.
pub(in super::super) async fn delete_batch(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (ids, reason, note) = read(Members::read(request).await?)?;
    let deleted = end(&app, caller, ids.clone(), reason, note).await?;
    let results =
        ids.iter().zip(&deleted.results).map(|(id, result)| Outcome { id, result: result_name(*result) }).collect();
    Ok(respond::json(StatusCode::OK, &Batch { results, advanced_epoch: deleted.advanced_epoch }))
}

async fn end(
    app: &App,
    caller: Arc<Caller>,
    ids: Vec<String>,
    reason: Reason,
    note: Option<String>,
) -> Result<Deleted, Problem> {
    let by = caller.claims.client_id.clone();
    let named = ids.clone();
    let deleted = answered(
        app.authority
            .call(Class::Administration, move |call| call.delete(&caller.actor, &ids, reason, note.as_deref())),
    )
    .await?;
    for (id, _) in named.iter().zip(&deleted.results).filter(|(_, result)| matches!(result, Deletion::Deleted)) {
        tracing::info!(refresh_token = %id, %by, reason = reason_name(reason), "refresh token deleted");
    }
    if let Some(epoch) = deleted.advanced_epoch {
        tracing::warn!(%by, epoch, "the live set had no room for the cuts: the epoch was advanced, every access token is dead");
    }
    Ok(deleted)
}

fn read(mut members: Members) -> Result<(Vec<String>, Reason, Option<String>), Problem> {
    if !members.has("ids") {
        members.refuse::<()>("ids", "it is missing");
    }
    let ids = members.texts("ids");
    let reason = match members.text("reason").map(|name| reason_named(&name)) {
        None => Reason::Deleted,
        Some(Some(reason)) => reason,
        Some(None) => members.refuse("reason", REASONS).unwrap_or(Reason::Deleted),
    };
    let note = members.text("note");
    members.finish()?;
    // Missing ids were refused above.
    Ok((ids.unwrap_or_default(), reason, note))
}

fn result_name(deletion: Deletion) -> &'static str {
    match deletion {
        Deletion::Deleted => "deleted",
        Deletion::AlreadyDeleted => "already-deleted",
        Deletion::NotFound => "not-found",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn batch(json: &str) -> Result<(Vec<String>, Reason, Option<String>), Problem> {
        read(Members::parse(json.as_bytes()).unwrap())
    }

    #[test]
    fn a_batch_says_which_and_may_say_why() {
        let Ok((ids, reason, note)) = batch(r#"{"ids":["a","a"],"reason":"compromised","note":"found in a log"}"#)
        else {
            panic!()
        };
        assert_eq!(ids, ["a", "a"]);
        assert!(matches!(reason, Reason::Compromised));
        assert_eq!(note.as_deref(), Some("found in a log"));
        let Ok((_, reason, note)) = batch(r#"{"ids":[]}"#) else { panic!() };
        assert!(matches!(reason, Reason::Deleted));
        assert_eq!(note, None);
    }

    #[test]
    fn a_batch_that_does_not_say_so_is_refused() {
        for json in [
            r#"{}"#,
            r#"{"ids":"a"}"#,
            r#"{"ids":[1]}"#,
            r#"{"ids":null}"#,
            r#"{"ids":["a"],"reason":"expired"}"#,
            r#"{"ids":["a"],"reason":1}"#,
            r#"{"ids":["a"],"why":"x"}"#,
        ] {
            assert!(batch(json).is_err(), "{json}");
        }
    }
}
