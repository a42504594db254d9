//! `/v1/explain`: why a token is dead or alive. For administrators alone; asking changes nothing.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode, Uri};
use jeton_runtime::Class;
use jeton_runtime::wit::explanations::{Cause, Explanation, Subject};
use serde::Serialize;
use serde_json::Value;

use super::json::Members;
use super::problem::Problem;
use super::refresh_tokens::{Record, reason_name};
use super::time::to_rfc3339;
use super::{answered, epoch, query, respond};
use crate::app::App;

/// `GET /v1/explain?token_id=` or `?jti=`.
pub(super) async fn by_id(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let form = query::parse(&uri, &["token_id", "jti"])?;
    let subject = match (query::one(&form, "token_id")?, query::one(&form, "jti")?) {
        (Some(id), None) => Subject::TokenId(id),
        (None, Some(jti)) => Subject::Jti(jti),
        _ => return Err(Problem::field("one-subject", "token_id", "ask about one: `token_id` or `jti`")),
    };
    explain(&app, subject).await
}

/// `POST /v1/explain` with the token itself, which is repeated nowhere.
pub(super) async fn by_token(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, Problem> {
    let mut members = Members::read(request).await?;
    if !members.has("token") {
        members.refuse::<()>("token", "it is missing");
    }
    let token = members.text("token");
    members.finish()?;
    explain(&app, Subject::Token(token.unwrap_or_default())).await
}

async fn explain(app: &App, subject: Subject) -> Result<Response, Problem> {
    let explained = answered(app.authority.call(Class::Administration, move |call| call.explain(&subject))).await?;
    Ok(respond::json(StatusCode::OK, &Explained::of(&explained)))
}

/// An explanation. Members about a death are absent of what is alive.
#[derive(Serialize)]
struct Explained<'a> {
    alive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// What is to blame: the id of a refresh token, an owner, a `jti`, or the number of an epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    /// The epoch in force, where `cause` is `epoch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<Value>,
    client_id: Option<&'a str>,
    jti: Option<&'a str>,
    issued_at: Option<String>,
    expires_at: Option<String>,
    chain: Vec<Record<'a>>,
}

impl<'a> Explained<'a> {
    fn of(explained: &'a Explanation) -> Self {
        let ending = explained.ending.as_ref();
        Self {
            alive: explained.alive,
            cause: explained.cause.map(cause_name),
            since: explained.since.map(to_rfc3339),
            link: explained.link.as_deref(),
            by: ending.map(|ending| ending.by.as_str()),
            reason: ending.map(|ending| reason_name(ending.reason)),
            note: ending.and_then(|ending| ending.note.as_deref()),
            epoch: explained.epoch.as_ref().map(epoch::shown),
            client_id: explained.client_id.as_deref(),
            jti: explained.jti.as_deref(),
            issued_at: explained.issued_at.map(to_rfc3339),
            expires_at: explained.expires_at.map(to_rfc3339),
            chain: explained.chain.iter().map(Record::of).collect(),
        }
    }
}

fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Epoch => "epoch",
        Cause::NotYetValid => "not-yet-valid",
        Cause::Expired => "expired",
        Cause::Cut => "cut",
        Cause::Disabled => "disabled",
        Cause::Ended => "ended",
        Cause::NotBefore => "not-before",
        Cause::UsedUp => "used-up",
        Cause::Unknown => "unknown",
        Cause::WrongSecret => "wrong-secret",
    }
}
