//! What scripts and their libraries call.

use http::Method;
use jeton_policy::authority::MAX_AUDIENCE_LENGTH;
use serde_json::json;
use utoipa::openapi::schema::ObjectBuilder;

use super::operation::Op;
use super::schema::{
    Said, either, from, jti, like, list, may, must, name, named, object, one_of, open_object, refresh_token, text,
    text_of,
};
use crate::api::limits::PRESENTED_TOKEN_BYTES;
use crate::api::oauth_error::OAuthCode;
use crate::api::token_exchange;

const TAG: &str = super::OAUTH;

/// All of them.
pub(super) fn operations() -> Vec<Op> {
    vec![
        token(),
        dpa_token(),
        revoke(),
        metadata("/.well-known/oauth-authorization-server"),
        metadata_of_a_path(),
        key_set(),
    ]
}

fn presented() -> ObjectBuilder {
    text_of(1, PRESENTED_TOKEN_BYTES)
}

fn resource() -> ObjectBuilder {
    text_of(1, MAX_AUDIENCE_LENGTH).examples(["https://reports.example"])
}

/// RFC 6749 section 6.
fn refresh_grant() -> ObjectBuilder {
    open_object([
        must("grant_type", "", one_of(["refresh_token"])),
        must("refresh_token", "The refresh token", presented()),
        may("scope", "A subset of its scopes, separated by spaces; without: all", text()),
        may("resource", "Whom the access token shall be for (RFC 8707); one", resource()),
    ])
}

/// RFC 8693 section 2.1.
fn exchange_grant() -> ObjectBuilder {
    let kinds = || one_of(token_exchange::TYPES.map(|(name, _)| name));
    open_object([
        must("grant_type", "", one_of([token_exchange::GRANT])),
        must("subject_token", "What is presented", presented()),
        must("subject_token_type", "What that is", kinds()),
        may("requested_token_type", "What is wanted; without: an access token", kinds()),
        may("scope", "A subset of its scopes, separated by spaces", text()),
        may("resource", "Whom it shall be for; one, or `audience`", resource()),
        may("audience", "The same", resource()),
        may("name", "Of a refresh token: its name", name()),
        may("expires_in", "Of a refresh token: seconds until it expires, in digits", like("^[0-9]+$")),
    ])
}

fn access_token(token_type: &'static str) -> ObjectBuilder {
    object([
        must("access_token", "A JWT (RFC 9068)", text()),
        must("token_type", "", one_of([token_type])),
        must("expires_in", "Seconds that it lives, at least", from(0)),
        must("scope", "Its scopes, separated by spaces", text()),
        must("jti", "Its id", jti()),
        may("refresh_expires_in", "Seconds that the refresh token lives; absent: for ever", from(0)),
        may("refresh_token", "The successor of the one that was sent, where each use replaces it", refresh_token()),
    ])
}

fn exchanged() -> ObjectBuilder {
    object([
        must("access_token", "The token, whatever it is", text()),
        must("issued_token_type", "What it is", one_of(token_exchange::TYPES.map(|(name, _)| name))),
        must("token_type", "`N_A`: a refresh token", one_of(["Bearer", "N_A"])),
        may("expires_in", "Seconds that it lives; absent: for ever", from(0)),
        must("scope", "Its scopes, separated by spaces", text()),
        may("jti", "Of an access token", jti()),
        must("client_id", "The refresh token's id", text()),
        may("refresh_token", "The successor of the subject token, where each use replaces it", refresh_token()),
    ])
}

/// An answer of the token endpoint, as it looks.
fn example(token_type: &str) -> serde_json::Value {
    json!({
        "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9...", "token_type": token_type, "expires_in": 899,
        "scope": "reports:read", "jti": "0".repeat(55), "refresh_expires_in": 7_775_999,
    })
}

fn granting(op: Op) -> Op {
    op.errs(&[
        OAuthCode::InvalidRequest,
        OAuthCode::InvalidGrant,
        OAuthCode::InvalidScope,
        OAuthCode::InvalidTarget,
        OAuthCode::UnsupportedGrantType,
        OAuthCode::TooManyRequests,
        OAuthCode::TemporarilyUnavailable,
    ])
}

fn token() -> Op {
    let body: Said = either([refresh_grant().into(), exchange_grant().into()]);
    let answer = either([access_token("Bearer").into(), exchanged().into()]);
    let op = Op::new(Method::POST, "/oauth2/token", TAG, "token", "Exchange a refresh token for an access token")
        .says("RFC 6749 section 6, and token exchange (RFC 8693). There is no client authentication: `Authorization` and unknown parameters are passed over. What is wrong with a grant is never said.")
        .takes_form(body, json!({ "grant_type": "refresh_token", "refresh_token": format!("jtn_rt_{}", "0".repeat(72)) }))
        .gives_such_as(200, "The access token, or what was exchanged", answer, example("Bearer"));
    granting(op)
}

fn dpa_token() -> Op {
    let op = Op::new(Method::POST, "/iwc/api/security/oauth/token", TAG, "dpaToken", "The same, as scripts for DPA call it")
        .says("Only the refresh grant. Where the operator allows it (`--dpa-query-tokens`), the parameters may stand in the query string of a request whose body says nothing.")
        .takes_form(refresh_grant().into(), json!({ "grant_type": "refresh_token", "refresh_token": format!("jtn_rt_{}", "0".repeat(72)) }))
        .gives_such_as(200, "The access token", access_token("bearer").into(), example("bearer"));
    granting(op)
}

fn revoke() -> Op {
    let body = open_object([must("token", "A refresh or access token", presented())]);
    Op::new(Method::POST, "/oauth2/revoke", TAG, "revoke", "End a token that one holds")
        .says("RFC 7009: possession is authority. `token_type_hint` is not needed.")
        .takes_form(body.into(), json!({ "token": format!("jtn_rt_{}", "0".repeat(72)) }))
        .gives_nothing(200, "Nothing accepts it any more; also of unknown and dead ones")
        .errs(&[OAuthCode::InvalidRequest, OAuthCode::TemporarilyUnavailable])
}

fn metadata(path: &'static str) -> Op {
    let name = if path.contains('{') { "metadataOfAPath" } else { "metadata" };
    let uri = || text();
    let schema = object([
        must("issuer", "This authority", uri()),
        must("token_endpoint", "", uri()),
        must("token_endpoint_auth_methods_supported", "", list(text())),
        must("revocation_endpoint", "", uri()),
        must("revocation_endpoint_auth_methods_supported", "", list(text())),
        must("introspection_endpoint", "", uri()),
        must("introspection_endpoint_auth_methods_supported", "", list(text())),
        must("jwks_uri", "", uri()),
        must("jeton_live_endpoint", "Where edges follow what is revoked", uri()),
        must("grant_types_supported", "", list(text())),
        must("response_types_supported", "None: there is no authorization endpoint", list(text())),
        must("scopes_supported", "", list(text())),
        must("jeton_verifier_sha256", "Which verifier judges here", super::components::sha256()),
    ]);
    Op::new(Method::GET, path, TAG, name, "What a client can find out by itself")
        .says("RFC 8414. May be kept for a minute.")
        .gives(200, "The metadata", schema.into())
}

fn metadata_of_a_path() -> Op {
    metadata("/.well-known/oauth-authorization-server/{issuer_path}")
        .says("RFC 8414 section 3.1: of an issuer with a path, which stands behind the well-known one.")
        .path("issuer_path", "The path of the issuer; it may hold slashes", text_of(1, MAX_AUDIENCE_LENGTH))
        .refuses(crate::api::problem::ProblemKind::NotFound, &["no-such-path"])
}

fn key_set() -> Op {
    Op::new(Method::GET, "/.well-known/jwks.json", TAG, "keySet", "The public key of the epoch in force")
        .says("RFC 7517. May be kept for a minute: for so long after an advance, a client that knows nothing but this accepts what the epoch before has signed.")
        .gives(200, "The key set", named("KeySet"))
        .refuses(crate::api::problem::ProblemKind::Unavailable, &["unavailable"])
}
