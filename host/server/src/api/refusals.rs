//! The one table from the policy's refusals to HTTP answers.

use http::StatusCode;
use jeton_runtime::CallError;
use jeton_runtime::wit::configuration::SettingsRefusal;
use jeton_runtime::wit::epochs::EpochRefusal;
use jeton_runtime::wit::exchange::{ExchangeRefusal, RevokeRefusal, TokenExchangeRefusal};
use jeton_runtime::wit::explanations::ExplainRefusal;
use jeton_runtime::wit::refresh_tokens::{
    DeleteRefusal, EditRefusal, IssueRefusal, ListRefusal, RotateRefusal, ShowRefusal,
};
use jeton_runtime::wit::transfer::{ExportRefusal, ImportRefusal};

use super::oauth_error::{OAuthCode, OAuthError};
use super::problem::{Problem, ProblemKind};

/// How one refusal of an administrative call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    kind: ProblemKind,
    code: &'static str,
    field: Option<&'static str>,
    /// Names the rule and its limit.
    sentence: &'static str,
}

/// A refusal that has a row in this table.
pub(crate) trait Refusal: Copy {
    /// Its row.
    fn row(self) -> Row;
}

impl Row {
    /// The answer.
    pub(super) fn problem(self) -> Problem {
        match self.field {
            Some(field) => Problem::new(self.kind, self.code, self.sentence).about(field, self.sentence),
            None => Problem::new(self.kind, self.code, self.sentence),
        }
    }

    /// The member that breaks the rule.
    pub(crate) fn field(self) -> Option<&'static str> {
        self.field
    }

    /// The status that it is answered with.
    pub(crate) fn status(self) -> StatusCode {
        self.kind.status()
    }

    /// Its kind.
    pub(super) fn kind(self) -> ProblemKind {
        self.kind
    }

    /// The refusal by name.
    pub(super) fn code(self) -> &'static str {
        self.code
    }

    /// The rule alone, for whoever does not come by `/v1`.
    pub(crate) fn sentence(self) -> &'static str {
        self.sentence
    }

    /// The same row about the member that was really sent, where one rule covers two members.
    pub(super) fn about(self, member: &'static str, sent: &'static str) -> Row {
        Row { field: self.field.map(|field| if field == member { sent } else { field }), ..self }
    }
}

impl Refusal for IssueRefusal {
    fn row(self) -> Row {
        match self {
            Self::NameEmpty => field("name-empty", "name", "a name has at least 1 character"),
            Self::NameTooLong => field("name-too-long", "name", "a name has at most 200 characters"),
            Self::NameHasControlCharacter => {
                field("name-has-control-character", "name", "a name has no control characters")
            }
            Self::NameHasOuterSpace => {
                field("name-has-outer-space", "name", "a name neither begins nor ends with a space")
            }
            Self::NameTaken => Row {
                kind: ProblemKind::Conflict,
                ..field(
                    "name-taken",
                    "name",
                    "names are unique here, and another token that has not ended has this one",
                )
            },
            Self::ExpiryInThePast => field("expiry-in-the-past", "expires_at", "an expiry lies in the future"),
            Self::ExpiryOutOfRange => {
                field("expiry-out-of-range", "expires_at", "an expiry is at most 9999-12-31T23:59:59Z")
            }
            Self::ExpiryBeyondParent => {
                field("expiry-beyond-parent", "expires_at", "a token expires no later than its parent")
            }
            Self::ExpiryBeyondMaximum => field(
                "expiry-beyond-maximum",
                "expires_at",
                "a token lives no longer than the setting `refresh_token_maximum`",
            ),
            Self::NeverNotAllowed => {
                field("never-not-allowed", "never", "the setting `never_allowed` wants every token to expire")
            }
            Self::TooManyScopes => field("too-many-scopes", "scopes", "a token has at most 64 scopes"),
            Self::ScopeMalformed => field(
                "scope-malformed",
                "scopes",
                "a scope has 1 to 128 visible ASCII characters other than the double quote and the backslash",
            ),
            Self::ScopesTooLong => field(
                "scopes-too-long",
                "scopes",
                "the scopes of a token, with a space between each two, have at most 1024 bytes",
            ),
            Self::ScopeUnknown => field(
                "scope-unknown",
                "scopes",
                "the scopes that begin with `jeton:` are `jeton:admin`, `jeton:read`, `jeton:introspect` and `jeton:live`",
            ),
            Self::ScopeNotInCatalogue => field(
                "scope-not-in-catalogue",
                "scopes",
                "the scopes that exist are those of the setting `scopes`, and the `jeton:` ones",
            ),
            Self::ScopeBeyondParent => {
                field("scope-beyond-parent", "scopes", "a token has no scope that its parent lacks")
            }
            Self::ScopeBeyondActor => Row {
                kind: ProblemKind::InsufficientScope,
                ..field("scope-beyond-actor", "scopes", "nobody grants a `jeton:` scope that they lack")
            },
            Self::ParentMalformed => {
                field("parent-malformed", "parent", "the id of a refresh token has 22 characters of base62")
            }
            Self::ParentNotFound => field("parent-not-found", "parent", "there is no refresh token of this id"),
            Self::ParentEnded => Row {
                kind: ProblemKind::Conflict,
                ..field(
                    "parent-ended",
                    "parent",
                    "the parent, or something that it descends from, has ended, has expired or is disabled",
                )
            },
            Self::TooDeep => field(
                "too-deep",
                "parent",
                "a token has at most 8 levels above it, or as many as the setting `delegation_levels` says",
            ),
            Self::DelegationNotAllowed => Row {
                kind: ProblemKind::Conflict,
                ..field("delegation-not-allowed", "parent", "nothing may be issued under this token by its holder")
            },
            Self::OwnerMalformed => field(
                "owner-malformed",
                "owner",
                "an owner has 1 to 200 visible ASCII characters and does not look like a token id",
            ),
            Self::AccessTtlOutOfRange => {
                field("access-ttl-out-of-range", "access_ttl", "access tokens live 1 to 86400 seconds")
            }
            Self::AccessTtlBeyondSettings => field(
                "access-ttl-beyond-settings",
                "access_ttl",
                "access tokens live as long as the settings `access_token_minimum` and `access_token_maximum` allow",
            ),
            Self::NotBeforeOutOfRange => {
                field("not-before-out-of-range", "not_before", "a token is good from before its expiry on")
            }
            Self::NetworkMalformed => field(
                "network-malformed",
                "networks",
                "a network is an address and a prefix length without bits beyond it, such as 192.0.2.0/24 or 2001:db8::/32; IPv4 is written as IPv4",
            ),
            Self::TooManyNetworks => field("too-many-networks", "networks", "a token has at most 8 networks"),
            Self::NetworkBeyondParent => {
                field("network-beyond-parent", "networks", "a token has no network that is not within its parent's")
            }
            Self::AudienceMalformed => field(
                "audience-malformed",
                "audiences",
                "an audience is an absolute URI without fragment, of at most 200 visible ASCII characters",
            ),
            Self::TooManyAudiences => field("too-many-audiences", "audiences", "a token has at most 8 audiences"),
            Self::AudienceBeyondParent => {
                field("audience-beyond-parent", "audiences", "a token has no audience that its parent lacks")
            }
            Self::MaxExchangesOutOfRange => field(
                "max-exchanges-out-of-range",
                "max_exchanges",
                "a token is exchanged 1 to 1000000000 times, or any number of times",
            ),
            Self::IdempotencyKeyMalformed => field(
                "idempotency-key-malformed",
                "Idempotency-Key",
                "an idempotency key has 1 to 255 visible ASCII characters",
            ),
            Self::IdempotencyKeyReused => Row {
                kind: ProblemKind::Unprocessable,
                ..field(
                    "idempotency-key-reused",
                    "Idempotency-Key",
                    "this key was used within the last 24 hours for another request",
                )
            },
            Self::HouseRuleOnName => field(
                "house-rule-on-name",
                "name",
                "a rule of this house does not allow this name for such a token: who keeps its policy knows which",
            ),
            Self::HouseRuleOnExpiry => field(
                "house-rule-on-expiry",
                "expires_at",
                "a rule of this house does not allow this expiry for such a token: who keeps its policy knows which",
            ),
            Self::HouseRuleOnScopes => field(
                "house-rule-on-scopes",
                "scopes",
                "a rule of this house does not allow these scopes for such a token: who keeps its policy knows which",
            ),
            Self::HouseRule => Row {
                kind: ProblemKind::Conflict,
                code: "house-rule",
                field: None,
                sentence: "a rule of this house does not allow it: who keeps its policy knows which",
            },
            Self::ClockBehind => unavailable(
                "clock-behind",
                "the clock stands before a time that was already reached: nothing is minted until it has caught up",
            ),
            Self::Unavailable => unavailable("unavailable", UNAVAILABLE),
        }
    }
}

impl Refusal for ShowRefusal {
    fn row(self) -> Row {
        match self {
            Self::NotFound => NO_SUCH_TOKEN,
            Self::Unavailable => unavailable("unavailable", UNREADABLE),
        }
    }
}

impl Refusal for ListRefusal {
    fn row(self) -> Row {
        match self {
            Self::LimitOutOfRange => field("limit-out-of-range", "limit", "a page has 1 to 1000 items"),
            Self::NameTooLong => field("name-too-long", "name", "a name has at most 200 characters"),
            Self::OwnerMalformed => field(
                "owner-malformed",
                "owner",
                "an owner has 1 to 200 visible ASCII characters and does not look like a token id",
            ),
            Self::ParentMalformed => {
                field("parent-malformed", "parent", "the id of a refresh token has 22 characters of base62")
            }
            Self::CursorInvalid => CURSOR_INVALID,
            Self::Unavailable => unavailable("unavailable", UNREADABLE),
        }
    }
}

impl Refusal for DeleteRefusal {
    fn row(self) -> Row {
        match self {
            Self::TooMany => field("too-many", "ids", "at most 1000 tokens are deleted at once"),
            Self::ScopeBeyondActor => Row {
                kind: ProblemKind::InsufficientScope,
                code: "scope-beyond-actor",
                field: None,
                sentence: "nobody ends a token that has a `jeton:` scope which they lack",
            },
            Self::OwnerMalformed => field(
                "owner-malformed",
                "owner",
                "an owner has 1 to 200 visible ASCII characters and does not look like a token id",
            ),
            Self::OwnerNotFound => Row {
                kind: ProblemKind::NotFound,
                code: "no-such-owner",
                field: None,
                sentence: "no refresh token was ever issued to this owner",
            },
            Self::JtiMalformed => {
                field("jti-malformed", "jti", "the id of an access token has 55 characters of base62")
            }
            Self::ReasonReserved => field(
                "reason-reserved",
                "reason",
                "a reason is `deleted`, `compromised`, `superseded`, `unused` or `owner-left`",
            ),
            Self::NoteTooLong => field("note-too-long", "note", "a note has at most 500 characters"),
            Self::NoteHasControlCharacter => {
                field("note-has-control-character", "note", "a note has no control characters")
            }
            Self::Unavailable => unavailable("unavailable", UNAVAILABLE),
        }
    }
}

impl Refusal for EditRefusal {
    fn row(self) -> Row {
        match self {
            Self::NotFound => NO_SUCH_TOKEN,
            Self::Ended => Row {
                kind: ProblemKind::Conflict,
                code: "ended",
                field: None,
                sentence: "it, its owner, or something that it descends from has ended: what has ended is not changed",
            },
            Self::GenerationDiffers => GENERATION_DIFFERS,
            Self::ScopeBeyondActor => SCOPE_BEYOND_ACTOR,
            Self::NoteTooLong => field("note-too-long", "note", "a note has at most 500 characters"),
            Self::NoteHasControlCharacter => {
                field("note-has-control-character", "note", "a note has no control characters")
            }
            Self::Invalid(rule) => rule.row(),
            Self::ClockBehind => unavailable(
                "clock-behind",
                "the clock stands before a time that was already reached: until it has caught up a token can be disabled, and nothing else",
            ),
            Self::Unavailable => unavailable("unavailable", UNAVAILABLE),
        }
    }
}

impl Refusal for RotateRefusal {
    fn row(self) -> Row {
        match self {
            Self::NotFound => NO_SUCH_TOKEN,
            Self::NotActive => Row {
                kind: ProblemKind::Conflict,
                code: "not-active",
                field: None,
                sentence: "it, or something that it descends from, has ended or has expired",
            },
            Self::GenerationDiffers => GENERATION_DIFFERS,
            Self::ScopeBeyondActor => SCOPE_BEYOND_ACTOR,
            Self::OverlapOutOfRange => {
                field("overlap-out-of-range", "overlap_seconds", "an overlap has 0 to 604800 seconds")
            }
            Self::OverlapNotOver => Row {
                kind: ProblemKind::Conflict,
                ..field(
                    "overlap-not-over",
                    "overlap_seconds",
                    "the overlap of the last rotation is not over: wait for it, or end it by a rotation without overlap",
                )
            },
            Self::ClockBehind => unavailable(
                "clock-behind",
                "the clock stands before a time that was already reached: nothing is minted until it has caught up",
            ),
            Self::Unavailable => unavailable("unavailable", UNAVAILABLE),
        }
    }
}

impl Refusal for ExplainRefusal {
    fn row(self) -> Row {
        match self {
            Self::Malformed => Row {
                kind: ProblemKind::InvalidInput,
                code: "malformed",
                field: None,
                sentence: "it is neither the id of a refresh token (22 characters of base62), nor a `jti` (55), nor a token",
            },
            Self::NotFound => NO_SUCH_TOKEN,
            Self::Unavailable => unavailable("unavailable", UNAVAILABLE),
        }
    }
}

impl Refusal for SettingsRefusal {
    fn row(self) -> Row {
        match self {
            Self::AccessTokenExpirationOutOfRange => field(
                "access-token-expiration-out-of-range",
                "access_token_expiration",
                "access tokens live 1 to 86400 seconds",
            ),
            Self::AccessTokenMinimumOutOfRange => field(
                "access-token-minimum-out-of-range",
                "access_token_minimum",
                "access tokens live 1 to 86400 seconds",
            ),
            Self::AccessTokenMaximumOutOfRange => field(
                "access-token-maximum-out-of-range",
                "access_token_maximum",
                "access tokens live 1 to 86400 seconds",
            ),
            Self::AccessTokenBoundsContradict => field(
                "access-token-bounds-contradict",
                "access_token_expiration",
                "`access_token_minimum`, `access_token_expiration` and `access_token_maximum` do not fall in this order",
            ),
            Self::RefreshTokenMaximumOutOfRange => field(
                "refresh-token-maximum-out-of-range",
                "refresh_token_maximum",
                "refresh tokens live at most 1 to 3153600000 seconds, or any time",
            ),
            Self::RefreshTokenExpirationBeyondMaximum => field(
                "refresh-token-expiration-beyond-maximum",
                "refresh_token_expiration",
                "`refresh_token_expiration` is at most `refresh_token_maximum`",
            ),
            Self::ScopesMalformed => field(
                "scopes-malformed",
                "scopes",
                "at most 256 scopes, together at most 16384 bytes, each of 1 to 128 visible ASCII characters and none that begins with `jeton:`",
            ),
            Self::DelegationLevelsOutOfRange => {
                field("delegation-levels-out-of-range", "delegation_levels", "tokens are delegated over 0 to 8 levels")
            }
            Self::TombstoneRetentionOutOfRange => field(
                "tombstone-retention-out-of-range",
                "tombstone_retention",
                "a tombstone is kept for 86400 to 315360000 seconds",
            ),
            Self::GenerationDiffers => GENERATION_DIFFERS,
            Self::CursorInvalid => CURSOR_INVALID,
            Self::RefreshTokenExpirationOutOfRange => field(
                "refresh-token-expiration-out-of-range",
                "refresh_token_expiration",
                "refresh tokens live 1 to 3153600000 seconds where nothing else is said",
            ),
            Self::Unavailable => unavailable("unavailable", UNAVAILABLE),
        }
    }
}

impl Refusal for ExportRefusal {
    fn row(self) -> Row {
        match self {
            Self::LimitOutOfRange => field("limit-out-of-range", "limit", "a page has 1 to 1000 items"),
            Self::CursorInvalid => CURSOR_INVALID,
            Self::Unavailable => unavailable("unavailable", UNREADABLE),
        }
    }
}

impl Refusal for ImportRefusal {
    fn row(self) -> Row {
        match self {
            Self::TooMany => field("too-many", "items", "at most 1000 tokens are imported at once"),
            Self::ClockBehind => IssueRefusal::ClockBehind.row(),
            Self::Unavailable => unavailable("unavailable", UNAVAILABLE),
        }
    }
}

impl Refusal for EpochRefusal {
    fn row(self) -> Row {
        match self {
            Self::NotBegun => unavailable("not-begun", "no epoch has begun yet"),
            Self::Unavailable => unavailable("unavailable", UNAVAILABLE),
        }
    }
}

impl Refusal for CallError {
    fn row(self) -> Row {
        match self {
            Self::Overloaded => unavailable("overloaded", "too many calls are waiting: this one was not begun"),
            Self::Failed => unavailable("failed", UNAVAILABLE),
        }
    }
}

/// How a refused exchange is answered (RFC 6749 section 5.2).
pub(super) fn exchange(refusal: ExchangeRefusal) -> OAuthError {
    match refusal {
        ExchangeRefusal::InvalidGrant => OAuthError::new(OAuthCode::InvalidGrant, "the refresh token is not good"),
        ExchangeRefusal::InvalidScope => {
            OAuthError::new(OAuthCode::InvalidScope, "the scope is malformed or wider than that of the refresh token")
        }
        ExchangeRefusal::InvalidTarget => OAuthError::new(
            OAuthCode::InvalidTarget,
            "the resource is malformed, or not one that the refresh token is good for",
        ),
        ExchangeRefusal::ClockBehind | ExchangeRefusal::Unavailable => OAuthError::unavailable(),
    }
}

/// How a refused token exchange is answered (RFC 8693 section 2.2.2).
pub(super) fn token_exchange(refusal: TokenExchangeRefusal) -> OAuthError {
    let (code, description) = match refusal {
        TokenExchangeRefusal::InvalidSubject => (OAuthCode::InvalidRequest, "the subject token is not good"),
        TokenExchangeRefusal::DelegationRefused => {
            (OAuthCode::InvalidRequest, "nothing of this type, or at this depth, is issued under the subject token")
        }
        TokenExchangeRefusal::InvalidScope => {
            (OAuthCode::InvalidScope, "the scope is malformed or wider than that of the subject token")
        }
        TokenExchangeRefusal::InvalidTarget => {
            (OAuthCode::InvalidTarget, "the resource is malformed, or not one that the subject token is good for")
        }
        TokenExchangeRefusal::InvalidMember => (
            OAuthCode::InvalidRequest,
            "`name` has 1 to 200 characters without control characters, and `expires_in` ends with the subject token or before",
        ),
        TokenExchangeRefusal::ClockBehind | TokenExchangeRefusal::Unavailable => return OAuthError::unavailable(),
    };
    OAuthError::new(code, description)
}

/// How a refused revocation is answered (RFC 7009 section 2.2.1).
pub(super) fn revoke(refusal: RevokeRefusal) -> OAuthError {
    match refusal {
        RevokeRefusal::Unavailable => OAuthError::unavailable(),
    }
}

/// What deleting an unknown token is answered with, too.
pub(super) const NO_SUCH_TOKEN: Row = Row {
    kind: ProblemKind::NotFound,
    code: "no-such-token",
    field: None,
    sentence: "there is no refresh token of this id",
};

/// What a changed precondition is answered with (RFC 9110 section 13.1.1).
pub(super) const GENERATION_DIFFERS: Row = Row {
    kind: ProblemKind::PreconditionFailed,
    code: "generation-differs",
    field: None,
    sentence: "it was changed meanwhile: read it again, and send the `ETag` that it has then",
};

const SCOPE_BEYOND_ACTOR: Row = Row {
    kind: ProblemKind::InsufficientScope,
    code: "scope-beyond-actor",
    field: None,
    sentence: "nobody changes a token that has, or would have, a `jeton:` scope which they lack",
};

const CURSOR_INVALID: Row =
    field("cursor-invalid", "cursor", "a cursor is the `next` of an earlier page of the same query, unchanged");

const UNREADABLE: &str = "the authority cannot answer now";

const UNAVAILABLE: &str = "the authority cannot answer now; whether a change was made is not known";

const fn field(code: &'static str, field: &'static str, sentence: &'static str) -> Row {
    Row { kind: ProblemKind::InvalidInput, code, field: Some(field), sentence }
}

const fn unavailable(code: &'static str, sentence: &'static str) -> Row {
    Row { kind: ProblemKind::Unavailable, code, field: None, sentence }
}

#[cfg(test)]
mod tests;
