//! Access tokens: JWTs as RFC 9068 wants them, signed with Ed25519 (RFC 8037).
//!
//! A token goes through two types: [`UnverifiedToken`] is text with the right header, [`SignedToken`] is what an epoch's
//! key has signed. Only the second one has claims.

mod claims;
mod epoch_key;
mod signed;
mod unverified;

pub use claims::{Claims, ClaimsError, MAX_LINEAGE};
pub use epoch_key::{EpochKey, EpochKeyError, PublicKey};
pub use signed::{SignatureError, SignedToken};
pub use unverified::{MAX_TOKEN_LENGTH, NotOfThisEpoch, UnverifiedToken};

#[cfg(feature = "authority")]
mod sign;
#[cfg(feature = "authority")]
pub use sign::EpochSigner;
