//! Every refusal has its answer: status, code and field.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
use super::*;
use http::header::RETRY_AFTER;
use serde_json::Value;

/// Status, code and field as the caller sees them.
fn seen(refusal: impl Refusal) -> (u16, String, Option<String>) {
    let response = refusal.row().problem().response();
    let status = response.status().as_u16();
    assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 503);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (status, text(&body["code"]), body.get("errors").map(|errors| text(&errors[0]["field"])))
}

fn expect(refusal: impl Refusal, status: u16, code: &str, field: &str) {
    assert_eq!(seen(refusal), (status, code.to_owned(), (!field.is_empty()).then(|| field.to_owned())));
}

#[test]
fn every_refusal_to_issue_has_its_answer() {
    use IssueRefusal as R;
    for (refusal, status, code, field) in [
        (R::NameEmpty, 400, "name-empty", "name"),
        (R::NameTooLong, 400, "name-too-long", "name"),
        (R::NameHasControlCharacter, 400, "name-has-control-character", "name"),
        (R::NameHasOuterSpace, 400, "name-has-outer-space", "name"),
        (R::ExpiryInThePast, 400, "expiry-in-the-past", "expires_at"),
        (R::ExpiryOutOfRange, 400, "expiry-out-of-range", "expires_at"),
        (R::ExpiryBeyondParent, 400, "expiry-beyond-parent", "expires_at"),
        (R::TooManyScopes, 400, "too-many-scopes", "scopes"),
        (R::ScopeMalformed, 400, "scope-malformed", "scopes"),
        (R::ScopesTooLong, 400, "scopes-too-long", "scopes"),
        (R::ScopeUnknown, 400, "scope-unknown", "scopes"),
        (R::ScopeBeyondParent, 400, "scope-beyond-parent", "scopes"),
        (R::ScopeBeyondActor, 403, "scope-beyond-actor", "scopes"),
        (R::ParentMalformed, 400, "parent-malformed", "parent"),
        (R::ParentNotFound, 400, "parent-not-found", "parent"),
        (R::ParentEnded, 409, "parent-ended", "parent"),
        (R::TooDeep, 400, "too-deep", "parent"),
        (R::OwnerMalformed, 400, "owner-malformed", "owner"),
        (R::AccessTtlOutOfRange, 400, "access-ttl-out-of-range", "access_ttl"),
        (R::NameTaken, 409, "name-taken", "name"),
        (R::ExpiryBeyondMaximum, 400, "expiry-beyond-maximum", "expires_at"),
        (R::NeverNotAllowed, 400, "never-not-allowed", "never"),
        (R::ScopeNotInCatalogue, 400, "scope-not-in-catalogue", "scopes"),
        (R::DelegationNotAllowed, 409, "delegation-not-allowed", "parent"),
        (R::AccessTtlBeyondSettings, 400, "access-ttl-beyond-settings", "access_ttl"),
        (R::NotBeforeOutOfRange, 400, "not-before-out-of-range", "not_before"),
        (R::NetworkMalformed, 400, "network-malformed", "networks"),
        (R::TooManyNetworks, 400, "too-many-networks", "networks"),
        (R::NetworkBeyondParent, 400, "network-beyond-parent", "networks"),
        (R::AudienceMalformed, 400, "audience-malformed", "audiences"),
        (R::TooManyAudiences, 400, "too-many-audiences", "audiences"),
        (R::AudienceBeyondParent, 400, "audience-beyond-parent", "audiences"),
        (R::MaxExchangesOutOfRange, 400, "max-exchanges-out-of-range", "max_exchanges"),
        (R::IdempotencyKeyMalformed, 400, "idempotency-key-malformed", "Idempotency-Key"),
        (R::IdempotencyKeyReused, 422, "idempotency-key-reused", "Idempotency-Key"),
        (R::HouseRuleOnName, 400, "house-rule-on-name", "name"),
        (R::HouseRuleOnExpiry, 400, "house-rule-on-expiry", "expires_at"),
        (R::HouseRuleOnScopes, 400, "house-rule-on-scopes", "scopes"),
        (R::HouseRule, 409, "house-rule", ""),
        (R::ClockBehind, 503, "clock-behind", ""),
        (R::Unavailable, 503, "unavailable", ""),
    ] {
        expect(refusal, status, code, field);
    }
}

#[test]
fn every_refusal_to_edit_or_rotate_has_its_answer() {
    expect(EditRefusal::NotFound, 404, "no-such-token", "");
    expect(EditRefusal::Ended, 409, "ended", "");
    expect(EditRefusal::GenerationDiffers, 412, "generation-differs", "");
    expect(EditRefusal::ScopeBeyondActor, 403, "scope-beyond-actor", "");
    expect(EditRefusal::NoteTooLong, 400, "note-too-long", "note");
    expect(EditRefusal::NoteHasControlCharacter, 400, "note-has-control-character", "note");
    expect(EditRefusal::Invalid(IssueRefusal::NetworkBeyondParent), 400, "network-beyond-parent", "networks");
    expect(EditRefusal::ClockBehind, 503, "clock-behind", "");
    expect(EditRefusal::Unavailable, 503, "unavailable", "");
    expect(RotateRefusal::NotFound, 404, "no-such-token", "");
    expect(RotateRefusal::NotActive, 409, "not-active", "");
    expect(RotateRefusal::GenerationDiffers, 412, "generation-differs", "");
    expect(RotateRefusal::ScopeBeyondActor, 403, "scope-beyond-actor", "");
    expect(RotateRefusal::OverlapOutOfRange, 400, "overlap-out-of-range", "overlap_seconds");
    expect(RotateRefusal::OverlapNotOver, 409, "overlap-not-over", "overlap_seconds");
    expect(RotateRefusal::ClockBehind, 503, "clock-behind", "");
    expect(RotateRefusal::Unavailable, 503, "unavailable", "");
}

#[test]
fn every_other_refusal_under_v1_has_its_answer() {
    expect(ShowRefusal::NotFound, 404, "no-such-token", "");
    expect(ShowRefusal::Unavailable, 503, "unavailable", "");
    expect(ListRefusal::LimitOutOfRange, 400, "limit-out-of-range", "limit");
    expect(ListRefusal::NameTooLong, 400, "name-too-long", "name");
    expect(ListRefusal::OwnerMalformed, 400, "owner-malformed", "owner");
    expect(ListRefusal::CursorInvalid, 400, "cursor-invalid", "cursor");
    expect(ListRefusal::Unavailable, 503, "unavailable", "");
    expect(DeleteRefusal::TooMany, 400, "too-many", "ids");
    expect(DeleteRefusal::ScopeBeyondActor, 403, "scope-beyond-actor", "");
    expect(DeleteRefusal::NoteTooLong, 400, "note-too-long", "note");
    expect(DeleteRefusal::NoteHasControlCharacter, 400, "note-has-control-character", "note");
    expect(DeleteRefusal::Unavailable, 503, "unavailable", "");
    expect(DeleteRefusal::ReasonReserved, 400, "reason-reserved", "reason");
    expect(DeleteRefusal::OwnerMalformed, 400, "owner-malformed", "owner");
    expect(DeleteRefusal::OwnerNotFound, 404, "no-such-owner", "");
    expect(DeleteRefusal::JtiMalformed, 400, "jti-malformed", "jti");
    expect(ExplainRefusal::Malformed, 400, "malformed", "");
    expect(ExplainRefusal::NotFound, 404, "no-such-token", "");
    expect(ExplainRefusal::Unavailable, 503, "unavailable", "");
    expect(
        SettingsRefusal::AccessTokenExpirationOutOfRange,
        400,
        "access-token-expiration-out-of-range",
        "access_token_expiration",
    );
    expect(
        SettingsRefusal::RefreshTokenExpirationOutOfRange,
        400,
        "refresh-token-expiration-out-of-range",
        "refresh_token_expiration",
    );
    expect(SettingsRefusal::Unavailable, 503, "unavailable", "");
    expect(EpochRefusal::NotBegun, 503, "not-begun", "");
    expect(EpochRefusal::Unavailable, 503, "unavailable", "");
    expect(CallError::Overloaded, 503, "overloaded", "");
    expect(CallError::Failed, 503, "failed", "");
}

#[test]
fn a_row_can_be_about_the_member_that_was_sent() {
    let row = IssueRefusal::ExpiryOutOfRange.row().about("expires_at", "expires_in");
    assert_eq!(row.field, Some("expires_in"));
    assert_eq!(IssueRefusal::NameEmpty.row().about("expires_at", "expires_in").field, Some("name"));
}

#[test]
fn every_refusal_at_the_oauth_endpoints_has_its_answer() {
    for (refusal, code) in [
        (ExchangeRefusal::InvalidGrant, OAuthCode::InvalidGrant),
        (ExchangeRefusal::InvalidScope, OAuthCode::InvalidScope),
        (ExchangeRefusal::ClockBehind, OAuthCode::TemporarilyUnavailable),
        (ExchangeRefusal::Unavailable, OAuthCode::TemporarilyUnavailable),
    ] {
        assert_eq!(exchange(refusal).code(), code);
    }
    assert_eq!(revoke(RevokeRefusal::Unavailable).code(), OAuthCode::TemporarilyUnavailable);
}
