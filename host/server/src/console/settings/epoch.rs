//! The epoch, and the order that begins the next one: every access token that is out dies with it.

use std::sync::Arc;

use axum::{body::Body, extract::State, response::Response};
use http::{Request, StatusCode};
use jeton_runtime::{
    Class,
    wit::epochs::{Epoch, EpochReason, EpochRefusal},
};
use serde::Serialize;

use super::{
    super::page::{Visit, distance, written},
    PATH,
};
use crate::{
    algorithm::Algorithm,
    app::{App, now},
};

/// The current epoch, in words.
#[derive(Serialize)]
pub(super) struct Shown {
    /// Whoever ends it types it.
    number: u64,
    began: String,
    ago: String,
    reason: &'static str,
    by: String,
    alg: &'static str,
    kid: String,
}

impl Shown {
    pub(super) fn of(epoch: &Epoch) -> Self {
        let reason = match epoch.reason {
            EpochReason::First => "the first of this authority",
            EpochReason::Boot => "the authority started",
            EpochReason::Order => "an order",
            EpochReason::LiveSetFull => "there was no room for another cut",
        };
        Self {
            number: epoch.number,
            began: written(epoch.began_at),
            ago: distance(epoch.began_at, now()),
            reason,
            by: epoch.by.clone(),
            alg: Algorithm::from(epoch.alg).name(),
            kid: epoch.kid.clone(),
        }
    }
}

/// The epoch in force.
pub(in crate::console) async fn current(app: &App, visit: &Visit) -> Result<Epoch, Response> {
    match app.authority.call(Class::Administration, |call| call.current_epoch()).await {
        Ok(Ok(epoch)) => Ok(epoch),
        _ => Err(visit.busy()),
    }
}

/// Begins the next epoch, where the number of the present one was typed: who typed that of an earlier one saw an earlier page.
pub(in crate::console) async fn advance(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let Some(caller) = visit.caller().cloned() else { return Err(visit.busy()) };
    let epoch = current(&app, &visit).await?;
    if form.text("confirm").trim() != epoch.number.to_string() {
        let sentence = format!("Nothing was done: type the number of the epoch, {}, to end it.", epoch.number);
        return Err(visit.trouble(StatusCode::BAD_REQUEST, &sentence));
    }
    let by = caller.by().to_owned();
    match app.authority.call(Class::Administration, move |call| call.advance(&caller.actor, None)).await {
        Ok(Ok(epoch)) => {
            tracing::info!(%by, epoch = epoch.number, "the epoch was advanced");
            Ok(visit.go(&format!("{PATH}?done=epoch"), None))
        }
        Ok(Err(EpochRefusal::NotBegun | EpochRefusal::Unavailable)) | Err(_) => Err(visit.busy()),
    }
}
