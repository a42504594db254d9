//! Denials: why a request is refused, and what it is told. The answers are those of `/forward-auth`.

use jeton_policy::verifier::Refusal;

use crate::bearer::BearerError;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// It shows no token, or shows it in no form that could be read.
    #[error(transparent)]
    Bearer(#[from] BearerError),
    /// Its token is not accepted.
    #[error(transparent)]
    Token(#[from] Refusal),
    /// Its token is bound to networks, and this peer is in none of them or unknown.
    #[error("the token may not be used from here")]
    Elsewhere,
    /// Its token is for another audience.
    #[error("the token is for another audience")]
    OtherAudience,
    /// Its token lacks scopes. All that are needed.
    #[error("the token lacks scopes of `{0}`")]
    InsufficientScope(String),
    /// What is known of the token cannot be passed on.
    #[error("what the token says cannot stand in a header")]
    Fault,
}

/// What a refused request is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The status.
    pub status: u32,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Denial {
    /// The answer. A bearer is never told why a token is dead.
    #[must_use]
    pub fn told(&self) -> Told {
        let (status, name, value) = match self {
            Self::Bearer(BearerError::Missing) => (401, CHALLENGE, "Bearer realm=\"jeton\"".to_owned()),
            Self::Bearer(BearerError::Malformed) => (401, CHALLENGE, challenge("invalid_request")),
            Self::Token(Refusal::Stale) | Self::Fault => (503, "retry-after", "1".to_owned()),
            Self::Bearer(BearerError::TooLong) | Self::Token(_) | Self::Elsewhere | Self::OtherAudience => {
                (401, CHALLENGE, challenge("invalid_token"))
            }
            Self::InsufficientScope(needed) => {
                (403, CHALLENGE, format!("{}, scope=\"{needed}\"", challenge("insufficient_scope")))
            }
        };
        Told { status, headers: vec![("cache-control", "no-store".to_owned()), (name, value)] }
    }

    /// The word by which it is counted: one of [`WORDS`].
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Bearer(BearerError::Missing) => "missing",
            Self::Bearer(BearerError::Malformed) => "invalid_request",
            Self::Bearer(BearerError::TooLong) | Self::Token(Refusal::Malformed) => "malformed",
            Self::Token(Refusal::WrongEpoch) => "wrong_epoch",
            Self::Token(Refusal::BadSignature) => "bad_signature",
            Self::Token(Refusal::NotYetValid) => "not_yet_valid",
            Self::Token(Refusal::Expired) => "expired",
            Self::Token(Refusal::Cut) => "cut",
            Self::Token(Refusal::Stale) => "stale",
            Self::Elsewhere => "elsewhere",
            Self::OtherAudience => "other_audience",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::Fault => "fault",
        }
    }
}

/// Every word by which denials are counted.
pub const WORDS: [&str; 13] = [
    "missing",
    "invalid_request",
    "malformed",
    "wrong_epoch",
    "bad_signature",
    "not_yet_valid",
    "expired",
    "cut",
    "stale",
    "elsewhere",
    "other_audience",
    "insufficient_scope",
    "fault",
];

const CHALLENGE: &str = "www-authenticate";

/// RFC 6750 section 3.
fn challenge(error: &str) -> String {
    format!("Bearer realm=\"jeton\", error=\"{error}\"")
}
