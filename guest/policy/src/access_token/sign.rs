//! Minting: the secret half of an epoch's key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    claims::Claims,
    epoch_key::{EpochKey, EpochKeyError, PublicKey},
};

/// Signs the tokens of one epoch. Derived when needed, stored nowhere, wiped when dropped.
pub struct EpochSigner {
    signing_key: SigningKey,
    key: EpochKey,
}

impl EpochSigner {
    /// Derives the key of an epoch from the root key: HKDF-SHA-256 (RFC 5869) over the epoch's nonce and number.
    ///
    /// # Errors
    /// [`EpochKeyError`] in the case, never seen, that the derived key is unusable.
    pub fn derive(root_key: &[u8; 32], number: u64, nonce: &[u8; 16]) -> Result<Self, EpochKeyError> {
        let mut info = *b"jeton epoch signing key ........";
        if let Some(place) = info.last_chunk_mut::<8>() {
            *place = number.to_be_bytes();
        }
        let mut seed = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(nonce), root_key).expand(&info, seed.as_mut_slice()).map_err(|_| EpochKeyError)?;
        let signing_key = SigningKey::from_bytes(&seed);
        let key = EpochKey::new(PublicKey(signing_key.verifying_key().to_bytes()))?;
        Ok(Self { signing_key, key })
    }

    /// The public half.
    #[must_use]
    pub fn key(&self) -> &EpochKey {
        &self.key
    }

    /// Writes and signs an access token with these claims (RFC 7515 section 7.1).
    #[must_use]
    pub fn sign(&self, claims: &Claims<'_>) -> String {
        // Writing these claims cannot fail: they have no maps with odd keys. An empty payload would be refused by every verifier.
        let payload = serde_json::to_vec(claims).unwrap_or_default();
        self.sign_payload(&payload)
    }

    /// Signs any payload under this epoch's header. What is not claims, every verifier refuses.
    #[must_use]
    pub fn sign_payload(&self, payload: &[u8]) -> String {
        let mut token = String::with_capacity(self.key.header().len() + payload.len() * 4 / 3 + 96);
        token.push_str(self.key.header());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.signing_key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.to_bytes(), &mut token);
        token
    }
}

impl core::fmt::Debug for EpochSigner {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("EpochSigner").field("kid", &self.key.kid()).finish_non_exhaustive()
    }
}
