//! Verifying a signature, in the algorithm of the epoch. Of each message and key one signature is accepted in one spelling.

mod eddsa;
mod es256;
mod rs256;

use super::public_key::{EpochKeyError, PublicKey, RSA_MODULUS_LENGTH};

/// The most bytes that a signature of any algorithm has.
pub(super) const MAX_SIGNATURE: usize = RSA_MODULUS_LENGTH;

/// A public key that was looked at.
#[derive(Debug, Clone)]
pub(super) enum VerifyingKey {
    EdDsa(eddsa::VerifyingKey),
    Es256(es256::VerifyingKey),
    Rs256(Box<rs256::VerifyingKey>),
}

impl VerifyingKey {
    pub(super) fn new(public_key: &PublicKey) -> Result<Self, EpochKeyError> {
        match public_key {
            PublicKey::Ed25519(bytes) => eddsa::VerifyingKey::new(bytes).map(Self::EdDsa),
            PublicKey::P256(point) => es256::VerifyingKey::new(point).map(Self::Es256),
            PublicKey::Rsa(modulus) => rs256::VerifyingKey::new(modulus).map(|key| Self::Rs256(Box::new(key))),
        }
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::EdDsa(key) => signature.try_into().is_ok_and(|signature| key.has_signed(message, signature)),
            Self::Es256(key) => signature.try_into().is_ok_and(|signature| key.has_signed(message, signature)),
            Self::Rs256(key) => signature.try_into().is_ok_and(|signature| key.has_signed(message, signature)),
        }
    }
}
