//! What several operations speak of: the named schemas of the document.

use jeton_policy::authority::ACCESS_TOKEN_EXPIRATION;
use jeton_policy::live::{LEASE, MAX_CUTS};
use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{ComponentsBuilder, RefOr};

use super::schema::{
    Member, Said, either, from, id, jti, like, list, list_of, list_or_null, may, moment, must, named, named_or_null,
    object, one_of, open_object, or_null, refresh_token, text, texts, truth, whole,
};
use crate::algorithm::Algorithm;
use crate::api::oauth_error::OAuthCode;
use crate::api::problem::ProblemKind;
use crate::api::refresh_tokens::{EVERY_REASON, STATES, reason_name};
use crate::notices::notice::Kind;

/// Of the epoch, and of what is signed under it.
fn algorithm() -> ObjectBuilder {
    one_of(Algorithm::ALL.map(Algorithm::name))
}

/// SHA-256 in lower-case hexadecimal.
pub(super) fn sha256() -> ObjectBuilder {
    like("^[0-9a-f]{64}$")
}

/// All of them.
pub(super) fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    let all: [(&str, Said); 19] = [
        ("Problem", problem().into()),
        ("OAuthError", oauth_error().into()),
        ("RefreshToken", object(record()).into()),
        ("RefreshTokenWithSecret", object(with_secret()).examples([example_with_secret()]).into()),
        ("RefreshTokenPage", page(named("RefreshToken"), or_null(text())).into()),
        ("Settings", settings().into()),
        ("Epoch", epoch().into()),
        ("PolicyMember", policy_member().into()),
        ("Policy", object(policy()).into()),
        ("Explanation", explanation().into()),
        ("Claims", claims().into()),
        ("AuditEntry", audit_entry().into()),
        ("Notice", notice().into()),
        ("ExportedToken", exported_token().into()),
        ("Ending", ending().into()),
        ("LiveSet", live_set().into()),
        ("LiveChange", live_change().into()),
        ("KeySet", key_set().into()),
        ("Introspection", introspection()),
    ];
    all.into_iter().fold(components, |components, (name, schema)| components.schema(name, schema))
}

fn problem() -> ObjectBuilder {
    let error = object([
        must("field", "The member, parameter or header that breaks a rule", text()),
        must("detail", "The rule", text()),
    ]);
    let kinds: Vec<String> = ProblemKind::ALL.into_iter().map(ProblemKind::uri).collect();
    object([
        must("type", "The kind", one_of(kinds.iter().map(String::as_str))),
        must("title", "The kind, in words", text()),
        must("status", "The status of the answer", whole(400, 503)),
        must("detail", "What is wrong, in a sentence; what was sent is never repeated", text()),
        must("code", "What is wrong, in a word that does not change", text()),
        may("errors", "What breaks which rule", list(error)),
    ])
    .description(Some("A problem (RFC 9457)"))
    .examples([json!({
        "type": "urn:jeton:problem:invalid-input", "title": "The input breaks a rule", "status": 400,
        "detail": "a name has at most 200 characters", "code": "name-too-long",
        "errors": [{ "field": "name", "detail": "a name has at most 200 characters" }],
    })])
}

fn oauth_error() -> ObjectBuilder {
    object([
        must("error", "What is wrong, in a word", one_of(OAuthCode::ALL.map(OAuthCode::as_str))),
        must("error_description", "For whoever reads the client's log", text()),
    ])
    .description(Some("An error (RFC 6749 section 5.2)"))
    .examples([json!({ "error": "invalid_grant", "error_description": "the refresh token is not good" })])
}

/// The members of a record.
fn record() -> Vec<Member> {
    vec![
        must("id", "Its id: no secret", id()),
        must("name", "What it is called", text()),
        must("owner", "Whose it is", or_null(text())),
        must("parent", "What it descends from", or_null(text())),
        must("depth", "How many it descends from", from(0)),
        must("scopes", "What it is good for", texts()),
        must("state", "As it, or anything above it, makes it", one_of(STATES.map(|(name, _)| name))),
        must("created_at", "When it was made", moment()),
        must("created_by", "By whom: a refresh token's id, an account, `machine` or `holder`", text()),
        must("expires_at", "`null`: never", or_null(moment())),
        must("access_ttl", "Seconds that its access tokens live", access_ttl()),
        must("not_before", "From when on it is exchanged", or_null(moment())),
        must("networks", "From where alone it is exchanged", texts()),
        must("networks_in_access_tokens", "Whether its access tokens hold there alone, too", truth()),
        must("audiences", "Whom its access tokens are for", texts()),
        must("max_exchanges", "How often it is exchanged", or_null(from(1))),
        must("exchanges_left", "How often still", or_null(from(0))),
        must("may_delegate", "Whether its holder may issue refresh tokens under it", truth()),
        must("rotates_on_use", "Whether each exchange replaces it", truth()),
        must("superseded_until", "Until when the secret before the last rotation is taken", or_null(moment())),
        must("last_used_at", "`null`: never, or unknown", or_null(moment())),
        must("last_used_from", "From which address", or_null(text())),
        must("exchange_count", "How often it was exchanged", from(0)),
        must("last_used_certain", "Whether no crash can have lost a use", truth()),
        must("generation", "Raised by every administrative change: its `ETag`", from(1)),
        may("disabled_at", "Since when it is disabled", moment()),
        may("disabled_by", "By whom", text()),
        may("ended_at", "When it ended", or_null(moment())),
        may("ended_by", "By whom; `null`: by time", or_null(text())),
        may("reason", "Why it ended", one_of(EVERY_REASON.map(reason_name).into_iter().chain(["expired"]))),
        may("note", "Why it was disabled, or ended, in somebody's words", or_null(text())),
    ]
}

fn with_secret() -> Vec<Member> {
    let mut members = record();
    members.push(may("token", "The refresh token itself: here, once, and nowhere again", refresh_token()));
    members
}

fn access_ttl() -> ObjectBuilder {
    let bounds = ACCESS_TOKEN_EXPIRATION;
    whole(bounds.start().0, bounds.end().0)
}

/// A record as one is made.
pub(super) fn example_record() -> serde_json::Value {
    json!({
        "id": "7mH7s6lg79RIaS3eD7phsT", "name": "nightly job", "owner": "alice@example.com", "parent": null, "depth": 0,
        "scopes": ["reports:read"], "state": "active", "created_at": "2027-01-31T12:00:00Z", "created_by": "machine",
        "expires_at": "2027-05-01T12:00:00Z", "access_ttl": 900, "not_before": null, "networks": [],
        "networks_in_access_tokens": false, "audiences": [], "max_exchanges": null, "exchanges_left": null,
        "may_delegate": false, "rotates_on_use": false, "superseded_until": null, "last_used_at": null,
        "last_used_from": null, "exchange_count": 0, "last_used_certain": true, "generation": 1,
    })
}

fn example_with_secret() -> serde_json::Value {
    let mut record = example_record();
    if let Some(members) = record.as_object_mut() {
        // Not a secret scanner's find: its form alone.
        members.insert("token".to_owned(), format!("jtn_rt_{}", "0".repeat(72)).into());
    }
    record
}

/// A page of these.
pub(super) fn page(item: Said, next: ObjectBuilder) -> ObjectBuilder {
    object([
        must("items", "May be fewer than `limit`, or none, and go on all the same", list(item)),
        must("next", "Where the next page begins; `null`: there is none", next),
    ])
}

fn settings() -> ObjectBuilder {
    let seconds = || from(1);
    object([
        must("access_token_expiration", "Seconds that an access token lives where its refresh token does not say", seconds()),
        must("access_token_minimum", "The least that a refresh token may say", seconds()),
        must("access_token_maximum", "The most", seconds()),
        must("refresh_token_expiration", "Seconds that a refresh token lives where nothing else is said", seconds()),
        must("refresh_token_maximum", "The most that one lives; `null`: any time", or_null(seconds())),
        must("never_allowed", "Whether a new one may be without an end", truth()),
        must("unique_names", "Whether a new one must have a name of its own", truth()),
        must("scopes", "The scopes that exist beside the `jeton:` ones; `null`: any", list_or_null(texts())),
        must("delegation_levels", "How many levels a new one may lie below another", from(0)),
        must("holder_delegation", "Whether holders may issue refresh tokens under theirs", truth()),
        must("tombstone_retention", "Seconds that is kept what remains of dead ones", seconds()),
    ])
    .examples([json!({
        "access_token_expiration": 900, "access_token_minimum": 1, "access_token_maximum": 86400,
        "refresh_token_expiration": 7_776_000, "refresh_token_maximum": null, "never_allowed": true, "unique_names": false,
        "scopes": null, "delegation_levels": 8, "holder_delegation": true, "tombstone_retention": 34_560_000,
    })])
}

fn epoch() -> ObjectBuilder {
    object([
        must("number", "Epochs only grow", from(0)),
        must("began_at", "When it began", moment()),
        must("reason", "Why", one_of(["first", "boot", "order", "live-set-full"])),
        must("by", "By whom", text()),
        must("kid", "RFC 7638 thumbprint of its public key", text()),
        must("alg", "What its tokens are signed with", algorithm()),
    ])
    .examples([json!({
        "number": 1_801_396_800, "began_at": "2027-01-31T12:00:00Z", "reason": "boot", "by": "machine",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "alg": "EdDSA",
    })])
}

fn policy_member() -> ObjectBuilder {
    object([
        must("sha256", "Of the component", sha256()),
        must("shipped", "Whether it is the one that this server carries", truth()),
    ])
}

/// The members of what is said of the policy in force.
pub(super) fn policy() -> Vec<Member> {
    let rollback = object([
        must("at", "When", moment()),
        must("reason", "Why", text()),
        must("authority", "", named("PolicyMember")),
        must("verifier", "", named("PolicyMember")),
    ]);
    let refusal = object([must("code", "In one word", text()), must("detail", "In a sentence", text())]);
    let order = object([
        must("begun_at", "When", moment()),
        must("ended_at", "`null`: the policy is still being tried", or_null(moment())),
        must("refusal", "Why nothing was loaded", either([refusal.into(), super::schema::null().into()])),
    ]);
    let failures = object([must("authority", "", from(0)), must("verifier", "", from(0))]);
    vec![
        must("authority", "Decides on issuing, exchange and revocation", named("PolicyMember")),
        must("verifier", "Decides whether an access token is alive", named("PolicyMember")),
        must("loaded_at", "Since when it is in force", moment()),
        must("loads", "How often a policy was put in force since the start", from(0)),
        must("rollbacks", "How often one was taken out of service again", from(0)),
        must("last_rollback", "The last time", either([rollback.into(), super::schema::null().into()])),
        must("failures", "Calls that failed since it is in force", failures),
        must(
            "last_order",
            "The last order to load the files of `--policy` anew",
            either([order.into(), super::schema::null().into()]),
        ),
    ]
}

fn explanation() -> ObjectBuilder {
    let causes = [
        "epoch",
        "not-yet-valid",
        "expired",
        "cut",
        "disabled",
        "ended",
        "not-before",
        "used-up",
        "unknown",
        "wrong-secret",
    ];
    object([
        must("alive", "Whether it is", truth()),
        may("cause", "Where it is dead", one_of(causes)),
        may("since", "Since when it is dead", moment()),
        may(
            "link",
            "What is to blame: the id of a refresh token, an owner, a `jti`, or the number of an epoch",
            text(),
        ),
        may("by", "Who ended it", text()),
        may("reason", "Why", one_of(EVERY_REASON.map(reason_name))),
        may("note", "Why, in somebody's words", text()),
        may("epoch", "The epoch in force, where `cause` is `epoch`", named("Epoch")),
        must("client_id", "The refresh token that it is, or came from", or_null(text())),
        must("jti", "Of an access token", or_null(text())),
        must("issued_at", "When it was made", or_null(moment())),
        must("expires_at", "When it expires or expired; by its `jti` alone, at the latest", or_null(moment())),
        must("chain", "The refresh token and what it descends from, nearest first", list(named("RefreshToken"))),
    ])
}

fn claims() -> ObjectBuilder {
    object([
        must("iss", "The authority", text()),
        must("aud", "Whom it is for", text()),
        must("sub", "The owner, else the refresh token's id", text()),
        must("client_id", "The refresh token's id", text()),
        must("iat", "When it was minted (Unix time)", from(0)),
        must("exp", "When it ends (Unix time)", from(0)),
        must("jti", "Its own id", jti()),
        must("scope", "Its scopes, separated by spaces", text()),
        must("lin", "What it descends from, nearest first", texts()),
        may("net", "The networks that it is bound to", texts()),
        must("expires_at", "When it ends", moment()),
        must("expires_in", "Seconds left", from(0)),
    ])
}

fn audit_entry() -> ObjectBuilder {
    open_object([
        must("seq", "Its number", from(1)),
        must("at", "When", moment()),
        must("actor", "Who", text()),
        must("act", "What", text()),
        must("outcome", "`done`, or how it was refused", text()),
        must("prev", "The hash of the entry before", sha256()),
        must("hash", "Its own", sha256()),
    ])
    .description(Some("Who did what. What else there is depends on the act"))
    .examples([json!({
        "act": "refresh-token.delete", "actor": "7mH7s6lg79RIaS3eD7phsT", "at": "2027-01-31T12:00:00Z", "from": "192.0.2.7",
        "hash": "9f2b0d4f7c1e6a5b8d3c2f1e0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b", "outcome": "done",
        "prev": "04c1a2b3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f", "reason": "compromised", "request": "17",
        "seq": 4711, "targets": ["7mH7s6lg79RIaS3eD7phsU"],
    })])
}

fn notice() -> ObjectBuilder {
    let about = object([
        must("id", "Its id", id()),
        must("name", "What it is called", text()),
        must("owner", "Whose it is", or_null(text())),
    ]);
    object([
        must("id", "Its own id: the same in every delivery", text()),
        must("kind", "What it is", one_of(Kind::ALL.map(Kind::word))),
        must("at", "When it was made", moment()),
        must("token", "The refresh token that it is about", either([about.into(), super::schema::null().into()])),
        must("expires_at", "When that ends", or_null(moment())),
        must("sentence", "What there is to do", text()),
    ])
}

fn ending() -> ObjectBuilder {
    object([
        must("at", "When", moment()),
        must("by", "By whom", text()),
        must("reason", "Why", one_of(EVERY_REASON.map(reason_name))),
        must("note", "Why, in somebody's words", or_null(text())),
    ])
}

fn exported_token() -> ObjectBuilder {
    let last_use = object([
        must("at", "When", moment()),
        must("from", "From which address", or_null(text())),
        must("count", "How often", from(0)),
    ]);
    object([
        must("id", "Its id, which it keeps", id()),
        must("name", "What it is called", text()),
        must("created_at", "When it was made", moment()),
        must("created_by", "By whom", text()),
        must("expires_at", "`null`: never; it must be said", or_null(moment())),
        may("owner", "Whose it is", or_null(text())),
        may("parent", "What it descends from", or_null(text())),
        may("scopes", "What it is good for", texts()),
        may("access_ttl", "Seconds that its access tokens live", or_null(from(1))),
        may("not_before", "From when on it is exchanged", or_null(moment())),
        may("networks", "From where alone it is exchanged", texts()),
        may("networks_in_access_tokens", "Whether its access tokens hold there alone, too", truth()),
        may("audiences", "Whom its access tokens are for", texts()),
        may("max_exchanges", "How often it is exchanged", or_null(from(1))),
        may("exchanges_left", "How often still", or_null(from(0))),
        may("may_delegate", "Whether its holder may issue refresh tokens under it", truth()),
        may("rotates_on_use", "Whether each exchange replaces it", truth()),
        may("secret_sha256", "Of its secret; `null`: it has ended", or_null(sha256())),
        may("last_use", "When it was used last", either([last_use.into(), super::schema::null().into()])),
        may("disabled", "Since when it is disabled", named_or_null("Ending")),
        may("ended", "When it ended", named_or_null("Ending")),
    ])
}

/// Of a cut: SHA-256 of an id, cut to 16 bytes, in base64url.
fn cuts() -> utoipa::openapi::schema::ArrayBuilder {
    list_of(like("^[0-9A-Za-z_-]{22}$"), MAX_CUTS)
}

fn live_set() -> ObjectBuilder {
    let key = object([
        must("number", "Epochs only grow", from(0)),
        must("alg", "What its tokens are signed with", algorithm()),
        must("kid", "RFC 7638 thumbprint", text()),
        may("x", "Of EdDSA and ES256", text()),
        may("y", "Of ES256", text()),
        may("e", "Of RS256", text()),
        may("n", "Of RS256", text()),
    ]);
    object([
        must("issuer", "The authority", text()),
        must("sequence", "Only grows within an epoch", from(0)),
        must("base", "Of a change alone", super::schema::null()),
        must("as_of", "The authority's time (Unix time)", from(0)),
        must(
            "lease_seconds",
            "How long it may be gone by, from the moment that it was asked for",
            whole(LEASE.0, LEASE.0),
        ),
        must("epoch", "The epoch in force", key),
        must("cuts", "Everything that descends from these is dead", cuts()),
        must("dropped", "Of a change alone", list_of(text(), 0)),
    ])
}

fn live_change() -> ObjectBuilder {
    object([
        must("sequence", "The one that it leads to", from(0)),
        must("base", "The one that it starts from", from(0)),
        must("as_of", "The authority's time (Unix time)", from(0)),
        must("epoch", "Of which epoch", object([must("number", "Its number", from(0))])),
        must("cuts", "What came", cuts()),
        must("dropped", "What went", cuts()),
    ])
}

fn key_set() -> ObjectBuilder {
    let key = object([
        must("kty", "", one_of(["OKP", "EC", "RSA"])),
        must("alg", "", algorithm()),
        must("use", "", one_of(["sig"])),
        must("kid", "RFC 7638 thumbprint", text()),
        may("crv", "", one_of(["Ed25519", "P-256"])),
        may("x", "", text()),
        may("y", "", text()),
        may("e", "", text()),
        may("n", "", text()),
    ]);
    object([must("keys", "The key of the epoch in force", list_of(key, 1))])
}

fn introspection() -> RefOr<Schema> {
    let inactive = object([must("active", "", truth().enum_values(Some([false])))]);
    let active = object([
        must("active", "", super::schema::only_true()),
        must("scope", "Its scopes, separated by spaces", text()),
        must("client_id", "The refresh token's id", text()),
        must("sub", "The owner, else the refresh token's id", text()),
        must("aud", "Whom it is for", text()),
        must("iss", "The authority", text()),
        must("exp", "When it ends (Unix time)", from(0)),
        must("iat", "When it was minted (Unix time)", from(0)),
        must("jti", "Its own id", jti()),
        may("net", "The networks that it is bound to; told, and not judged", texts()),
        must("token_type", "", one_of(["Bearer"])),
    ]);
    either([active.into(), inactive.into()])
}
