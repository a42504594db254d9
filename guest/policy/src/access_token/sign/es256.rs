//! ECDSA over P-256 with SHA-256 (RFC 7518 section 3.4), with the nonces of RFC 6979: two signatures never share one.

use p256::ecdsa::{Signature, signature::Signer as _};
use zeroize::Zeroizing;

use super::derive::Expander;
use crate::access_token::public_key::{EpochKeyError, PublicKey};

/// Wipes itself when dropped.
pub(super) struct SigningKey(p256::ecdsa::SigningKey);

impl SigningKey {
    /// The first derived value that is a scalar of the curve (FIPS 186-5 appendix A.2.2): all but one in 2^32 are.
    pub(super) fn derive(expander: &Expander) -> Result<(Self, PublicKey), EpochKeyError> {
        for count in 0..=u8::MAX {
            let mut scalar = Zeroizing::new([0; 32]);
            expander.expand(&[b"ES256 ".as_slice(), &[count]].concat(), scalar.as_mut_slice())?;
            if let Ok(key) = p256::ecdsa::SigningKey::from_slice(scalar.as_slice()) {
                let point = key.verifying_key().to_sec1_point(false);
                // Behind the byte that says that neither coordinate is left out.
                let coordinates = point.as_bytes().last_chunk::<64>().ok_or(EpochKeyError)?;
                return Ok((Self(key), PublicKey::P256(*coordinates)));
            }
        }
        Err(EpochKeyError)
    }

    /// `r` and `s`, the smaller of the two that fit.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.0.sign(message);
        signature.normalize_s().to_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    /// RFC 6979 appendix A.2.5: the key, the messages and `r`.
    #[test]
    fn nonces_are_those_of_rfc_6979() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let secret = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
        let key = SigningKey(p256::ecdsa::SigningKey::from_slice(&secret).unwrap());
        for (message, r) in [
            ("sample", "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"),
            ("test", "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"),
        ] {
            assert_eq!(key.sign(message.as_bytes())[..32], hex(r));
        }
    }
}
