//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jeton_runtime::{CallError, Class};
use serde::Serialize;
use serde_json::json;

use super::respond;
use crate::app::{App, verifier};

/// Seconds that the clock may be behind before nothing is minted: the policy's own bound.
const CLOCK_TOLERANCE: u64 = 10;

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> Response {
    respond::json(StatusCode::OK, &json!({ "status": "ok" }))
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    checks: Checks,
    /// What to do, where only people can do it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

/// Where the clock is behind.
const CLOCK_ADVICE: &str = "nothing is minted until the machine's clock has caught up: set it right, or, if it is right now, run `jeton clock accept`";

#[derive(Serialize)]
struct Checks {
    store: &'static str,
    policy: &'static str,
    live_set: &'static str,
    clock: &'static str,
}

/// `GET /readyz`: 200 where store, policy and live set are good, 503 otherwise.
/// A clock that is behind leaves 200, since verification goes on; what is minted is answered with 503 by itself.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let checks = check(&app).await;
    let ready = [checks.store, checks.policy, checks.live_set].iter().all(|check| *check == "ok");
    let (status, word) = if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "unready") };
    let advice = (checks.clock == "behind").then_some(CLOCK_ADVICE);
    respond::json(status, &Readiness { status: word, checks, advice })
}

/// One call that reads the store through the policy shows both at once.
async fn check(app: &App) -> Checks {
    let (store, authority, clock) = match app.authority.call(Class::Administration, |call| call.read_clock()).await {
        Ok(Ok(clock)) if clock.behind_by > CLOCK_TOLERANCE => ("ok", "ok", "behind"),
        Ok(Ok(_)) => ("ok", "ok", "ok"),
        Ok(Err(_)) => ("unavailable", "ok", "unknown"),
        Err(CallError::Overloaded) => ("unknown", "overloaded", "unknown"),
        Err(CallError::Failed) => ("unknown", "failed", "unknown"),
    };
    let policy = if verifier::in_service() { authority } else { "out-of-service" };
    // A full disk is read as well as ever: what counts then is how the last commit went.
    let store = if app.metrics.store_is_failing() { "unavailable" } else { store };
    let live_set = if app.live.is_current() { "ok" } else { "unavailable" };
    Checks { store, policy, live_set, clock }
}
