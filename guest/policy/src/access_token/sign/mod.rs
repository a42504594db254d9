//! Minting: the secret half of an epoch's key.

mod derive;
mod eddsa;
mod es256;
mod rs256;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    algorithm::Algorithm,
    claims::Claims,
    epoch_key::EpochKey,
    public_key::{EpochKeyError, PublicKey},
};
use derive::Expander;
pub use rs256::PrimeGaps;

/// What an epoch's key is derived over, beside the root key. It is public, and lies in the store with the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySource {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The epoch's number.
    pub number: u64,
    /// The epoch's nonce.
    pub nonce: [u8; 16],
    /// RSA: where the primes were found.
    pub prime_gaps: Option<PrimeGaps>,
}

/// Signs the tokens of one epoch. Derived when needed, stored nowhere, wiped when dropped.
pub struct EpochSigner {
    signing_key: SigningKey,
    public_key: PublicKey,
    key: EpochKey,
}

/// The secret half, by algorithm. Each wipes itself when dropped.
enum SigningKey {
    EdDsa(Box<eddsa::SigningKey>),
    Es256(Box<es256::SigningKey>),
    Rs256(Box<rs256::SigningKey>),
}

impl EpochSigner {
    /// Derives the key of an epoch that begins, and says what it takes to derive it again. An RSA key has to be searched for:
    /// some hundred milliseconds, once in the life of the epoch.
    ///
    /// # Errors
    /// [`EpochKeyError`] in the case, never seen, that there is no usable key.
    pub fn begin(
        root_key: &[u8; 32],
        algorithm: Algorithm,
        number: u64,
        nonce: [u8; 16],
    ) -> Result<(Self, KeySource), EpochKeyError> {
        let prime_gaps = match algorithm {
            Algorithm::EdDsa | Algorithm::Es256 => None,
            Algorithm::Rs256 => Some(rs256::search(&Expander::new(root_key, number, &nonce))?),
        };
        let source = KeySource { algorithm, number, nonce, prime_gaps };
        Ok((Self::derive(root_key, &source)?, source))
    }

    /// Derives the key of an epoch from the root key: HKDF-SHA-256 (RFC 5869) over the epoch's nonce and number.
    /// Another root key gives another key, or none.
    ///
    /// # Errors
    /// [`EpochKeyError`] when what is derived is no key.
    pub fn derive(root_key: &[u8; 32], source: &KeySource) -> Result<Self, EpochKeyError> {
        let expander = Expander::new(root_key, source.number, &source.nonce);
        let (signing_key, public_key) = match (source.algorithm, source.prime_gaps) {
            (Algorithm::EdDsa, None) => {
                let (signing_key, public_key) = eddsa::SigningKey::derive(&expander)?;
                (SigningKey::EdDsa(Box::new(signing_key)), public_key)
            }
            (Algorithm::Es256, None) => {
                let (signing_key, public_key) = es256::SigningKey::derive(&expander)?;
                (SigningKey::Es256(Box::new(signing_key)), public_key)
            }
            (Algorithm::Rs256, Some(gaps)) => {
                let (signing_key, public_key) = rs256::SigningKey::derive(&expander, gaps)?;
                (SigningKey::Rs256(Box::new(signing_key)), public_key)
            }
            (Algorithm::EdDsa | Algorithm::Es256, Some(_)) | (Algorithm::Rs256, None) => return Err(EpochKeyError),
        };
        let key = EpochKey::new(&public_key)?;
        Ok(Self { signing_key, public_key, key })
    }

    /// The public half, to verify with.
    #[must_use]
    pub fn key(&self) -> &EpochKey {
        &self.key
    }

    /// The public half, to hand on.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
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
        let mut token = String::with_capacity(self.key.header().len() + payload.len() * 4 / 3 + 384);
        token.push_str(self.key.header());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.sign_message(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    /// The signature alone, over any message.
    #[must_use]
    pub fn sign_message(&self, message: &[u8]) -> Vec<u8> {
        match &self.signing_key {
            SigningKey::EdDsa(key) => key.sign(message).to_vec(),
            SigningKey::Es256(key) => key.sign(message).to_vec(),
            SigningKey::Rs256(key) => key.sign(message),
        }
    }
}

impl core::fmt::Debug for EpochSigner {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("EpochSigner").field("kid", &self.key.kid()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    const ROOT_KEY: [u8; 32] = [1; 32];

    #[test]
    fn what_a_signer_signs_its_key_verifies_and_no_other() {
        for algorithm in Algorithm::ALL {
            let (signer, _) = EpochSigner::begin(&ROOT_KEY, algorithm, 7, [3; 16]).unwrap();
            let (other, _) = EpochSigner::begin(&ROOT_KEY, algorithm, 8, [3; 16]).unwrap();
            let signature = signer.sign_message(b"message");
            assert!(signer.key().has_signed(b"message", &signature));
            assert!(!signer.key().has_signed(b"massage", &signature));
            assert!(!other.key().has_signed(b"message", &signature));
            assert_eq!(signature, signer.sign_message(b"message"), "{algorithm:?} signs alike each time");
        }
    }

    #[test]
    fn the_source_of_a_key_gives_it_again_and_with_another_root_key_another_or_none() {
        for algorithm in Algorithm::ALL {
            let (signer, source) = EpochSigner::begin(&ROOT_KEY, algorithm, 7, [3; 16]).unwrap();
            assert_eq!(source.algorithm, signer.key().algorithm());
            let again = EpochSigner::derive(&ROOT_KEY, &source).unwrap();
            assert_eq!(again.public_key(), signer.public_key());
            let other = EpochSigner::derive(&[2; 32], &source);
            assert!(other.is_err() || other.unwrap().public_key() != signer.public_key());
            for changed in [KeySource { number: 8, ..source }, KeySource { nonce: [4; 16], ..source }] {
                let other = EpochSigner::derive(&ROOT_KEY, &changed);
                assert!(other.is_err() || other.unwrap().public_key() != signer.public_key());
            }
        }
    }

    #[test]
    fn a_source_that_does_not_go_with_its_algorithm_gives_no_key() {
        let (_, rsa) = EpochSigner::begin(&ROOT_KEY, Algorithm::Rs256, 7, [3; 16]).unwrap();
        assert!(EpochSigner::derive(&ROOT_KEY, &KeySource { prime_gaps: None, ..rsa }).is_err());
        assert!(EpochSigner::derive(&ROOT_KEY, &KeySource { algorithm: Algorithm::EdDsa, ..rsa }).is_err());
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        for algorithm in Algorithm::ALL {
            let (signer, _) = EpochSigner::begin(&ROOT_KEY, algorithm, 7, [3; 16]).unwrap();
            assert_eq!(format!("{signer:?}"), format!("EpochSigner {{ kid: {:?}, .. }}", signer.key().kid()));
        }
    }
}
