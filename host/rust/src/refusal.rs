//! Why a token is not accepted.

use jeton_policy::network::NetworkVerdict;
use jeton_policy::verifier::Refusal as Rule;

/// Why a token is not accepted. Its bearer is told `invalid_token` and no more; the code is for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not an access token of the form that the authority writes.
    #[error("not an access token")]
    Malformed,
    /// Its header is not the one of the current epoch.
    #[error("of another epoch, key or algorithm")]
    WrongEpoch,
    /// Its signature is not by the key of the current epoch.
    #[error("wrong signature")]
    BadSignature,
    /// Its `iat` lies too far in the future.
    #[error("not yet valid")]
    NotYetValid,
    /// Its time is up.
    #[error("expired")]
    Expired,
    /// It was revoked, or something that it descends from was.
    #[error("revoked, or under something that was")]
    Cut,
    /// It is bound to networks, and the peer is in none of them.
    #[error("bound to networks that the peer is not in")]
    Outside,
    /// It is bound to networks, and nobody knows who the peer is.
    #[error("bound to networks, and the peer is unknown")]
    UnknownPeer,
    /// Nothing was heard from the authority yet, or for longer than its lease: nothing can be known.
    #[error("nothing can be known: the authority was not heard from")]
    Stale,
    /// The verifier component failed: nothing can be known.
    #[error("nothing can be known: the verifier failed")]
    Fault,
}

impl Refusal {
    /// A stable word for it, the same in every edge.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongEpoch => "wrong-epoch",
            Self::BadSignature => "bad-signature",
            Self::NotYetValid => "not-yet-valid",
            Self::Expired => "expired",
            Self::Cut => "cut",
            Self::Outside => "outside",
            Self::UnknownPeer => "unknown-peer",
            Self::Stale => "stale",
            Self::Fault => "fault",
        }
    }

    /// Whether it says nothing about the token: whoever asks again may get a verdict (503 and not 401).
    #[must_use]
    pub fn is_unknown(self) -> bool {
        matches!(self, Self::Stale | Self::Fault)
    }
}

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Malformed => Self::Malformed,
            Rule::WrongEpoch => Self::WrongEpoch,
            Rule::BadSignature => Self::BadSignature,
            Rule::NotYetValid => Self::NotYetValid,
            Rule::Expired => Self::Expired,
            Rule::Cut => Self::Cut,
            Rule::Stale => Self::Stale,
        }
    }
}

/// Lets the peer through that the networks of a living token let through.
pub(crate) fn permitted(network: NetworkVerdict) -> Result<(), Refusal> {
    match network {
        NetworkVerdict::NotBound | NetworkVerdict::Inside => Ok(()),
        NetworkVerdict::Outside => Err(Refusal::Outside),
        NetworkVerdict::UnknownPeer => Err(Refusal::UnknownPeer),
    }
}
