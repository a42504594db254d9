//! Ed25519 (RFC 8032).

use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

use super::derive::Expander;
use crate::access_token::public_key::{EpochKeyError, PublicKey};

/// Wipes itself when dropped.
pub(super) struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    pub(super) fn derive(expander: &Expander) -> Result<(Self, PublicKey), EpochKeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        expander.expand(b"", seed.as_mut_slice())?;
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        let public_key = PublicKey::Ed25519(key.verifying_key().to_bytes());
        Ok((Self(key), public_key))
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}
