//! What is kept beside a record, at keys of its own, since exchanges change it.

use minicbor::{Decode, Encode};

use crate::{seconds::Seconds, token_id::TokenId};

/// How often a refresh token with a limit was exchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Exchanges {
    #[n(0)]
    pub(crate) count: u64,
}

/// Which secret is in force where each use replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Rotation {
    /// SHA-256 of the secret that was given out last and not used yet.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) current: [u8; 32],
    /// The secret whose use gave out the current one.
    #[n(1)]
    pub(crate) predecessor: RotationPredecessor,
}

/// A secret whose use gave out the current one. Presented again within the grace, it gives out another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct RotationPredecessor {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) secret: [u8; 32],
    #[n(1)]
    pub(crate) used_at: Seconds,
}

/// A secret that its use has replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Spent {
    #[n(0)]
    pub(crate) at: Seconds,
    /// The first secret of the chain that it was of. Presented again, it tells of a copy only while that chain goes on: once an
    /// administrator has replaced the secret, the copies of an older chain are good for nothing, and must not end the new one.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) chain: [u8; 32],
}

/// When a refresh token was exchanged last, as far as it was noted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Used {
    #[n(0)]
    pub(crate) at: Seconds,
    #[n(1)]
    pub(crate) address: Option<String>,
    #[n(2)]
    pub(crate) count: u64,
}

/// When uses may have been lost: the process ended without noting them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct UsesGap {
    #[n(0)]
    pub(crate) from: Seconds,
    #[n(1)]
    pub(crate) until: Seconds,
}

/// A request that made something and may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Idempotent {
    /// SHA-256 of the request.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) request: [u8; 32],
    /// What it made.
    #[n(1)]
    pub(crate) made: TokenId,
    #[n(2)]
    pub(crate) at: Seconds,
}
