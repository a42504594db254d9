//! `DELETE /v1/access-tokens/{jti}`: the end of one access token.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, Uri};
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::Deletion;

use super::permissions::Caller;
use super::problem::Problem;
use super::refresh_tokens::why_of;
use super::{answered, refusals};
use crate::app::App;

/// Ends one access token by its `jti`: 204, also the second time and where it had expired. Nothing accepts it when this answers.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    jti: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let Path(jti) = jti.map_err(|_| refusals::NO_SUCH_TOKEN.problem())?;
    let (reason, note) = why_of(&uri)?;
    let (by, named) = (caller.by().to_owned(), jti.clone());
    let deleted = answered(app.authority.call(Class::Administration, move |call| {
        call.delete_access_token(&caller.actor, &jti, reason, note.as_deref())
    }))
    .await?;
    match deleted {
        Deletion::Deleted => tracing::info!(jti = %named, %by, "access token ended"),
        Deletion::AlreadyDeleted => {}
        Deletion::NotFound => return Err(refusals::NO_SUCH_TOKEN.problem()),
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
