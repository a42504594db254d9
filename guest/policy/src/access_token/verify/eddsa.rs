//! Ed25519 (RFC 8032).

use ed25519_dalek::{Signature, Verifier as _};

use crate::access_token::public_key::EpochKeyError;

#[derive(Debug, Clone)]
pub(in crate::access_token) struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// A key that is no point of the curve is refused, and one of small order too: under it anyone could sign.
    pub(super) fn new(bytes: &[u8; 32]) -> Result<Self, EpochKeyError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| EpochKeyError)?;
        if key.is_weak() { Err(EpochKeyError) } else { Ok(Self(key)) }
    }

    /// RFC 8032 section 5.1.7.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify(message, &Signature::from_bytes(signature)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_under_which_anyone_could_sign_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(VerifyingKey::new(&identity).is_err());
        assert!(VerifyingKey::new(&[0; 32]).is_err());
        assert!(VerifyingKey::new(&[2; 32]).is_err());
    }
}
