//! `POST /v1/refresh-tokens/{id}/rotate`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{Request, StatusCode};
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::Issued;
use zeroize::Zeroizing;

use super::super::json::Members;
use super::super::permissions::Caller;
use super::super::problem::Problem;
use super::super::{answered, precondition, respond};
use super::id_of;
use super::record::{Record, WithSecret};
use crate::app::App;

/// Replaces the secret: 200 with the record and, this once, the new secret. Without `overlap_seconds` all that the old one gave out is dead.
pub(in super::super) async fn rotate(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    id: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let id = id_of(id)?;
    let generation = precondition::generation(request.headers())?;
    let mut members = Members::read_if_any(request).await?;
    let overlap = members.whole_number("overlap_seconds").unwrap_or(0);
    members.finish()?;
    let by = caller.by().to_owned();
    let rotate =
        move |call: &mut jeton_runtime::AuthorityCall<'_>| call.rotate(&caller.actor, &id, overlap, generation);
    let Issued { secret, token } = answered(app.authority.call(Class::Administration, rotate)).await?;
    tracing::info!(refresh_token = %token.id, %by, overlap, "refresh token rotated");
    let secret = secret.map(Zeroizing::new);
    let rotated = WithSecret { record: Record::of(&token), token: secret.as_ref().map(|secret| secret.as_str()) };
    Ok(respond::with_generation(respond::json(StatusCode::OK, &rotated), token.generation))
}
