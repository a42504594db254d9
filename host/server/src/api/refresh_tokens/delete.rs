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

use super::super::json::Members;
use super::super::permissions::Caller;
use super::super::problem::Problem;
use super::super::{answered, query, refusals};
use super::delete_many;
use super::record::{reason_name, reason_named};
use crate::app::App;

/// What an administrator may give.
pub(super) const REASONS: &str = "a reason is `deleted`, `compromised`, `superseded`, `unused` or `owner-left`";

/// Ends one token: 204, also the second time. Nothing accepts what it gave out when this answers.
pub(in super::super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let id = super::id_of(id)?;
    let (reason, note) = why_of(&uri)?;
    let deleted = end(&app, caller, vec![id], reason, note).await?;
    match deleted.results.first() {
        Some(Deletion::Deleted | Deletion::AlreadyDeleted) => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(Deletion::NotFound) | None => Err(refusals::NO_SUCH_TOKEN.problem()),
    }
}

/// The reason and the note in a query: `?reason=CODE&note=`.
pub(in super::super) fn why_of(uri: &Uri) -> Result<(Reason, Option<String>), Problem> {
    let form = query::parse(uri, &["reason", "note"])?;
    let reason = match query::one(&form, "reason")? {
        None => Reason::Deleted,
        Some(name) => reason_named(&name).ok_or_else(|| Problem::field("reason-unknown", "reason", REASONS))?,
    };
    Ok((reason, query::one(&form, "note")?))
}

/// Ends many tokens: those of a list of ids, all of an owner, or those that a filter finds.
pub(in super::super) async fn delete_batch(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    delete_many::delete(&app, caller, Members::read(request).await?).await
}

/// Ends tokens by their ids, and logs each that ended.
pub(super) async fn end(
    app: &App,
    caller: Arc<Caller>,
    ids: Vec<String>,
    reason: Reason,
    note: Option<String>,
) -> Result<Deleted, Problem> {
    let by = caller.by().to_owned();
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

/// How a result is written.
pub(super) fn result_name(deletion: Deletion) -> &'static str {
    match deletion {
        Deletion::Deleted => "deleted",
        Deletion::AlreadyDeleted => "already-deleted",
        Deletion::NotFound => "not-found",
    }
}
