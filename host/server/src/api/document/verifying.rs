//! What APIs, gateways and edges ask.

use http::Method;
use serde_json::json;

use super::operation::{BEARER_OR_BASIC, Op};
use super::schema::{Said, either, must, named, number, open_object, text, text_of, whole};
use super::{BASIC, BEARER};
use crate::api::limits::PRESENTED_TOKEN_BYTES;
use crate::api::live::MAX_WAIT_SECONDS;
use crate::api::oauth_error::OAuthCode;
use crate::api::problem::ProblemKind;

const TAG: &str = super::VERIFYING;

/// Every method that forward-auth is asked with.
pub(super) const ANY_METHOD: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

/// What is answered before the router is asked, and so has no row in the table of permissions.
#[cfg(test)]
pub(super) fn hot() -> impl Iterator<Item = (String, Method)> {
    let paths = ["/forward-auth", "/forward-auth/{path}"];
    let checks = paths.into_iter().flat_map(|path| ANY_METHOD.map(|method| (path.to_owned(), method)));
    checks.chain([("/oauth2/introspect".to_owned(), Method::POST)])
}

/// All of them.
pub(super) fn operations() -> Vec<Op> {
    let checks = ANY_METHOD.into_iter().flat_map(|method| [check(method.clone(), false), check(method, true)]);
    [introspect(), live(), preflight()].into_iter().chain(checks).collect()
}

fn introspect() -> Op {
    let body = open_object([must("token", "The access token that is asked about", text_of(1, PRESENTED_TOKEN_BYTES))]);
    Op::new(Method::POST, "/oauth2/introspect", TAG, "introspect", "Ask what an access token is")
        .says("RFC 7662. The caller shows an access token with `jeton:introspect` or `jeton:admin`, or as the password of HTTP Basic a refresh token with one of these, or the very token that it asks about. Refresh tokens are `{\"active\": false}`.")
        .needs(&BEARER_OR_BASIC)
        .takes_form(body.into(), json!({ "token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9..." }))
        .gives_such_as(200, "What it is, or that it is not alive", named("Introspection"), json!({ "active": false }))
        .errs(&[
            OAuthCode::InvalidRequest,
            OAuthCode::InvalidToken,
            OAuthCode::InsufficientScope,
            OAuthCode::TooManyRequests,
            OAuthCode::TemporarilyUnavailable,
        ])
        .gives_nothing(401, "The credential that was shown is not accepted; without a body where nothing was shown")
        .with_header(401, "WWW-Authenticate", "The challenge (RFC 6750 section 3)")
}

/// The operation ids of forward-auth: one for each method, without and with a path below.
fn check_name(method: &Method, is_below: bool) -> &'static str {
    match (method.as_str(), is_below) {
        ("GET", false) => "forwardAuthGet",
        ("GET", true) => "forwardAuthBelowGet",
        ("HEAD", false) => "forwardAuthHead",
        ("HEAD", true) => "forwardAuthBelowHead",
        ("POST", false) => "forwardAuthPost",
        ("POST", true) => "forwardAuthBelowPost",
        ("PUT", false) => "forwardAuthPut",
        ("PUT", true) => "forwardAuthBelowPut",
        ("PATCH", false) => "forwardAuthPatch",
        ("PATCH", true) => "forwardAuthBelowPatch",
        ("DELETE", false) => "forwardAuthDelete",
        ("DELETE", true) => "forwardAuthBelowDelete",
        ("OPTIONS", false) => "forwardAuthOptions",
        ("OPTIONS", true) => "forwardAuthBelowOptions",
        (_, false) => "forwardAuthTrace",
        (_, true) => "forwardAuthBelowTrace",
    }
}

fn check(method: Method, is_below: bool) -> Op {
    let path = if is_below { "/forward-auth/{path}" } else { "/forward-auth" };
    let name = check_name(&method, is_below);
    let op = Op::new(method, path, TAG, name, "The check that gateways make, with any method")
        .says("Every scope and audience that is demanded, in the query string or by the gateway's header, is required. A body is not looked at.")
        .needs(&[Some(BEARER)])
        .query("scope", "Scopes that are needed, separated by spaces; may come more than once", text())
        .query("audience", "Whom the token must be for; may come more than once", text())
        .header("X-Jeton-Require-Scope", "The same as `scope`; the gateway overwrites what its clients send", text())
        .header("X-Jeton-Require-Audience", "The same as `audience`", text())
        .gives_nothing(200, "The token is alive, and good for this")
        .with_header(200, "X-Jeton-Subject", "Its `sub`")
        .with_header(200, "X-Jeton-Client", "Its `client_id`")
        .with_header(200, "X-Jeton-Scope", "Its scopes, separated by spaces")
        .with_header(200, "X-Jeton-Expires", "Its `exp`")
        .gives_nothing(401, "It is not, or there is none")
        .with_header(401, "WWW-Authenticate", "The challenge (RFC 6750 section 3)")
        .gives_nothing(403, "It is alive, but lacks a scope")
        .with_header(403, "WWW-Authenticate", "The challenge, with the scopes that are needed")
        .gives_nothing(503, "There is no verdict")
        .with_header(503, "Retry-After", "Seconds");
    if is_below {
        op.path("path", "What the gateway appends; it may hold slashes", text().min_length(Some(1)))
    } else {
        op
    }
}

fn live() -> Op {
    let answer: Said = either([named("LiveSet"), named("LiveChange")]);
    Op::new(Method::GET, "/v1/live", TAG, "liveSet", "The live set, or what has changed in it")
        .says("All that verifying needs. Public, unless one waits: that needs the scope `jeton:live` or `jeton:admin`, as an access token or as a refresh token that is the password of HTTP Basic, where the operator has not opened it (`--live-open`).")
        .needs(&[None, Some(BEARER), Some(BASIC)])
        .query("after", "The sequence that the caller holds; without: everything is told", number())
        .query("epoch", "Of which epoch that is", number())
        .query("wait", "Seconds to wait for something new", whole(0, MAX_WAIT_SECONDS))
        .header("If-None-Match", "The `ETag` of the live set that the caller holds", text())
        .gives(200, "The live set, or a change that leads from what the caller holds to it", answer)
        .with_header(200, "ETag", "Of a whole live set: weak")
        .gives_nothing(304, "The caller holds it already; it renews no lease")
        .strict_query()
        .refuses(ProblemKind::InvalidInput, &[
            "not-a-number", "wait-out-of-range", "epoch-without-after", "authorization-malformed",
        ])
        .refuses(ProblemKind::Unauthenticated, &["token-missing", "invalid-token"])
        .refuses(ProblemKind::InsufficientScope, &["insufficient-scope"])
        .refuses(ProblemKind::TooManyRequests, &["too-many-polls", "too-many-bad-credentials"])
        .refuses(ProblemKind::Unavailable, &["unavailable", "too-many-polls"])
}

fn preflight() -> Op {
    Op::new(Method::OPTIONS, "/v1/live", TAG, "liveSetPreflight", "What a browser asks before it sends `Authorization`")
        .gives_nothing(204, "Pages of any origin may ask")
        .with_header(204, "Access-Control-Allow-Origin", "`*`")
        .with_header(204, "Access-Control-Allow-Methods", "`GET, HEAD`")
        .with_header(204, "Access-Control-Allow-Headers", "What they may send")
}
