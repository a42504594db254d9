//! `/v1/epoch`: the authority's current life, and the order that ends it.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode};
use jeton_runtime::Class;
use jeton_runtime::wit::epochs::{Epoch, EpochReason};
use serde_json::{Value, json};

use super::json::Members;
use super::permissions::Caller;
use super::problem::Problem;
use super::{answered, respond, time};
use crate::algorithm::Algorithm;
use crate::app::App;

/// `GET /v1/epoch`.
pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    answered(app.authority.call(Class::Administration, |call| call.current_epoch())).await.map(|epoch| answer(&epoch))
}

/// `POST /v1/epoch/advance`: every access token is dead when this answers, the caller's own too. Its body may be empty;
/// `{"alg"}` chooses what the new epoch signs with, which is otherwise that of the one before.
pub(super) async fn advance(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let mut members = Members::read_if_any(request).await?;
    let alg = members.text("alg").and_then(|name| {
        let algorithm = Algorithm::of_name(&name);
        algorithm.or_else(|| members.refuse("alg", format!("it must be {}", Algorithm::NAMES)))
    });
    members.finish()?;
    let by = caller.by().to_owned();
    let epoch = answered(
        app.authority.call(Class::Administration, move |call| call.advance(&caller.actor, alg.map(Into::into))),
    )
    .await?;
    tracing::info!(%by, epoch = epoch.number, alg = Algorithm::from(epoch.alg).name(), "the epoch was advanced");
    Ok(answer(&epoch))
}

fn answer(epoch: &Epoch) -> Response {
    respond::json(StatusCode::OK, &shown(epoch))
}

/// An epoch as `/v1` shows it.
pub(super) fn shown(epoch: &Epoch) -> Value {
    let reason = match epoch.reason {
        EpochReason::First => "first",
        EpochReason::Boot => "boot",
        EpochReason::Order => "order",
        EpochReason::LiveSetFull => "live-set-full",
    };
    json!({
        "number": epoch.number,
        "began_at": time::to_rfc3339(epoch.began_at),
        "reason": reason,
        "by": epoch.by,
        "kid": epoch.kid,
        "alg": Algorithm::from(epoch.alg).name(),
    })
}
