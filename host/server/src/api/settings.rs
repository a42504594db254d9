//! `/v1/settings`: how long tokens live where nothing else is said.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode};
use jeton_runtime::Class;
use jeton_runtime::wit::configuration::{Settings, SettingsChange};
use serde_json::json;

use super::json::Members;
use super::permissions::Caller;
use super::problem::Problem;
use super::{answered, respond};
use crate::app::App;

/// `GET`: those in force, in seconds.
pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    answered(app.authority.call(Class::Administration, |call| call.settings())).await.map(answer)
}

/// `PATCH`: changes those that are given and answers with those in force after it.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let mut members = Members::read(request).await?;
    let change = SettingsChange {
        access_token_expiration: members.whole_number("access_token_expiration"),
        refresh_token_expiration: members.whole_number("refresh_token_expiration"),
        ..SettingsChange::default()
    };
    members.finish()?;
    let by = caller.claims.client_id.clone();
    let settings = answered(
        app.authority.call(Class::Administration, move |call| call.set_settings(&caller.actor, &change, None, false)),
    )
    .await?;
    tracing::info!(%by, access = settings.access_token_expiration, refresh = settings.refresh_token_expiration, "settings changed");
    Ok(answer(settings))
}

fn answer(settings: Settings) -> Response {
    let body = json!({
        "access_token_expiration": settings.access_token_expiration,
        "refresh_token_expiration": settings.refresh_token_expiration,
    });
    respond::json(StatusCode::OK, &body)
}
