//! The public half of an epoch's key, and the one header that tokens of that epoch have.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    algorithm::Algorithm,
    public_key::{EpochKeyError, KeyId, PublicKey},
    verify::VerifyingKey,
};

/// What it takes to verify the tokens of one epoch.
#[derive(Debug, Clone)]
pub struct EpochKey {
    id: KeyId,
    algorithm: Algorithm,
    verifying_key: VerifyingKey,
    kid: String,
    header: String,
}

impl EpochKey {
    /// Takes the public key of an epoch.
    ///
    /// # Errors
    /// [`EpochKeyError`] when it is no key of its algorithm, or one under which anyone could sign.
    pub fn new(public_key: &PublicKey) -> Result<Self, EpochKeyError> {
        let verifying_key = VerifyingKey::new(public_key)?;
        let (id, algorithm) = (public_key.id(), public_key.algorithm());
        let kid = id.kid();
        let header =
            URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"at+jwt","alg":"{}","kid":"{kid}"}}"#, algorithm.name()));
        Ok(Self { id, algorithm, verifying_key, kid, header })
    }

    /// What names the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The algorithm of the epoch.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
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

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifying_key.has_signed(message, signature)
    }
}
