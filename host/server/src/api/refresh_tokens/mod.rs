//! `/v1/refresh-tokens`.

pub(super) mod create;
mod delete;
pub(super) mod delete_many;
pub(super) mod edit;
mod expiry;
pub(super) mod list;
mod record;
mod rotate;

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use jeton_runtime::Class;

pub(super) use create::create;
pub(super) use delete::{delete, delete_batch, why_of};
pub(super) use edit::edit;
pub(super) use list::list;
pub(super) use record::{EVERY_REASON, GIVEN_REASONS, Record, STATES, every_reason_named};
pub(crate) use record::{reason_name, reason_named};
pub(super) use rotate::rotate;

use super::permissions::Caller;
use super::problem::Problem;
use super::{answered, refusals, respond};
use crate::app::App;

/// `GET /v1/refresh-tokens/{id}`: one record, dead or alive, with its generation as `ETag`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = id_of(id)?;
    let token = answered(app.authority.call(Class::Administration, move |call| call.show(&id))).await?;
    if !caller.may_see(token.owner.as_deref()) {
        return Err(refusals::NO_SUCH_TOKEN.problem());
    }
    Ok(respond::with_generation(respond::json(StatusCode::OK, &Record::of(&token)), token.generation))
}

/// A path segment that is no text names nothing.
fn id_of(id: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    id.map(|Path(id)| id).map_err(|_| refusals::NO_SUCH_TOKEN.problem())
}
