//! The public half of an epoch's key, and the one header that tokens of that epoch have.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

use crate::digest::Digest;

/// An Ed25519 public key (RFC 8032): names the epoch that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

/// Why 32 bytes are no key to verify with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key")]
pub struct EpochKeyError;

/// What it takes to verify the tokens of one epoch.
#[derive(Debug, Clone)]
pub struct EpochKey {
    public_key: PublicKey,
    verifying_key: VerifyingKey,
    kid: String,
    header: String,
}

impl EpochKey {
    /// Takes the public key of an epoch.
    ///
    /// # Errors
    /// [`EpochKeyError`] when it is no point of the curve, or one of small order, under which anyone could sign.
    pub fn new(public_key: PublicKey) -> Result<Self, EpochKeyError> {
        let verifying_key = VerifyingKey::from_bytes(&public_key.0).map_err(|_| EpochKeyError)?;
        if verifying_key.is_weak() {
            return Err(EpochKeyError);
        }
        let kid = thumbprint(public_key);
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#));
        Ok(Self { public_key, verifying_key, kid, header })
    }

    /// The key itself.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// The `kid`: RFC 7638 thumbprint of the public key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The header of every token of this epoch, base64url encoded. A token with any other header is not of this epoch.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Whether `signature` is this key's over `message` (RFC 8032 section 5.1.7).
    #[must_use]
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.verifying_key.verify(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// RFC 7638 section 3 with the members of RFC 8037 section 2.
fn thumbprint(key: PublicKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.0);
    URL_SAFE_NO_PAD.encode(Digest::of(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes()).0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn the_thumbprint_is_the_one_of_rfc_8037_appendix_a_3() {
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = EpochKey::new(PublicKey(x.try_into().unwrap())).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_under_which_anyone_could_sign_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(EpochKey::new(PublicKey(identity)).is_err());
        assert!(EpochKey::new(PublicKey([0; 32])).is_err());
        assert!(EpochKey::new(PublicKey([2; 32])).is_err());
    }
}
