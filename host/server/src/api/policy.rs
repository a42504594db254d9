//! `/v1/policy`: the policy in force, and the order to load the files of `--policy` anew.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode};
use jeton_runtime::Member;
use jeton_runtime::audit::Origin;
use serde_json::{Value, json};

use super::json::Members;
use super::permissions::Caller;
use super::problem::{Problem, ProblemKind};
use super::{respond, time};
use crate::app::App;
use crate::policy_files::{Loaded, PolicyFileError};
use crate::policy_orders::Order;
use crate::serve;

/// So long an order is waited for: less than any request may take. A policy with the engine of a language in it is compiled and tried
/// for longer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// `GET /v1/policy`.
pub(super) async fn show(State(app): State<Arc<App>>) -> Response {
    respond::json(StatusCode::OK, &shown(&app))
}

/// `POST /v1/policy`: what SIGHUP does, with an answer. Its body may be empty; `{"sha256"}` is what one of the files must be.
/// It takes seconds, since what the files hold is tried first; where it takes more than [`ANSWERED_WITHIN`] the answer is 202, the order
/// goes on, and what came of it is the `last_order` of [`show`].
pub(super) async fn load(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let mut members = Members::read_if_any(request).await?;
    let expected = members.text("sha256").and_then(|digest| {
        let is_one = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_one { Some(digest) } else { members.refuse("sha256", "it must be 64 hexadecimal digits in lower case") }
    });
    members.finish()?;
    let order = Arc::clone(&app);
    let by = caller.by().to_owned();
    let origin = Origin::current().unwrap_or_default();
    let load = move || origin.during_blocking(|| serve::load_policy(&order, expected.as_deref(), &by));
    let ordered = tokio::task::spawn_blocking(load);
    let (status, loaded) = match tokio::time::timeout(ANSWERED_WITHIN, ordered).await {
        Ok(done) => {
            let loaded = done.map_err(|_| Problem::unavailable())?;
            (StatusCode::OK, loaded.map_err(|error| problem(&error))?)
        }
        Err(_) => (StatusCode::ACCEPTED, Loaded::Unchanged),
    };
    let mut answer = shown(&app);
    if let Some(members) = answer.as_object_mut() {
        members.insert("replaced".to_owned(), json!(loaded == Loaded::Replaced));
    }
    Ok(respond::json(status, &answer))
}

/// The sentence says what is wrong with the file, which administrators may know.
fn problem(error: &PolicyFileError) -> Problem {
    match error {
        PolicyFileError::NotRecorded(_) => Problem::unavailable(),
        _ => Problem::new(ProblemKind::Conflict, error.code(), error.to_string()),
    }
}

/// The policy in force as `/v1` shows it.
fn shown(app: &App) -> Value {
    let standing = app.authority.in_force().standing();
    let [authority, verifier] = &standing.members;
    let last = standing.last_rollback.map(|last| {
        let [authority, verifier] = &last.members;
        json!({ "at": moment(last.at), "reason": last.reason, "authority": member(authority), "verifier": member(verifier) })
    });
    let [authority_failures, verifier_failures] = standing.failures;
    json!({
        "authority": member(authority),
        "verifier": member(verifier),
        "loaded_at": moment(standing.loaded_at),
        "loads": standing.swaps,
        "rollbacks": standing.rollbacks,
        "last_rollback": last,
        "failures": { "authority": authority_failures, "verifier": verifier_failures },
        "last_order": app.policy_files.last_order().as_ref().map(order),
    })
}

fn order(order: &Order) -> Value {
    let refusal = order.ended.as_ref().and_then(|ended| ended.refusal.as_ref());
    json!({
        "begun_at": moment(order.begun_at),
        "ended_at": order.ended.as_ref().map(|ended| moment(ended.at)),
        "refusal": refusal.map(|(code, detail)| json!({ "code": code, "detail": detail })),
    })
}

fn member(member: &Member) -> Value {
    json!({ "sha256": member.sha256, "shipped": member.is_shipped })
}

fn moment(at: SystemTime) -> String {
    time::to_rfc3339(at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
