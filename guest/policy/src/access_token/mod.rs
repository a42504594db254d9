//! Access tokens: JWTs as RFC 9068 wants them, signed in the one algorithm of their epoch.
//!
//! A token goes through two types: [`UnverifiedToken`] is text with the right header, [`SignedToken`] is what an epoch's
//! key has signed. Only the second one has claims.

mod algorithm;
mod claims;
mod epoch_key;
mod public_key;
mod signed;
mod unverified;
mod verify;

pub use algorithm::Algorithm;
pub use claims::{Claims, ClaimsError, MAX_LINEAGE};
pub use epoch_key::EpochKey;
pub use public_key::{EpochKeyError, KeyId, KeyMembers, PublicKey, RSA_MODULUS_LENGTH};
pub use signed::{SignatureError, SignedToken};
pub use unverified::{MAX_TOKEN_LENGTH, NotOfThisEpoch, UnverifiedToken};

#[cfg(feature = "authority")]
mod sign;
#[cfg(feature = "authority")]
pub use sign::{EpochSigner, KeySource, PrimeGaps};
#[cfg(feature = "authority")]
pub(crate) use unverified::claimed_jti;
