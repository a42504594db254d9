//! `GET /v1/self`: what the presented access token is.

use std::sync::Arc;

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use jeton_runtime::wit::verification::Claims;
use serde::Serialize;

use super::permissions::Caller;
use super::{respond, time};
use crate::app::now;

/// The claims under the names and in the forms of RFC 9068, and when it ends in the forms of this API.
#[derive(Serialize)]
struct Body<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    client_id: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
    scope: String,
    lin: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    net: &'a [String],
    expires_at: String,
    /// Seconds left.
    expires_in: u64,
}

/// Answers any living access token about itself.
pub(super) async fn show(Extension(caller): Extension<Arc<Caller>>) -> Response {
    respond::json(StatusCode::OK, &body(&caller.claims, now()))
}

fn body(claims: &Claims, now: u64) -> Body<'_> {
    Body {
        iss: &claims.issuer,
        aud: &claims.audience,
        sub: &claims.subject,
        client_id: &claims.client_id,
        iat: claims.issued_at,
        exp: claims.expires_at,
        jti: &claims.jti,
        scope: claims.scopes.join(" "),
        lin: &claims.lineage,
        net: &claims.networks,
        expires_at: time::to_rfc3339(claims.expires_at),
        expires_in: claims.expires_at.saturating_sub(now),
    }
}
