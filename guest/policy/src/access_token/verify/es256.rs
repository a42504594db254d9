//! ECDSA over P-256 with SHA-256 (RFC 7518 section 3.4).

use p256::ecdsa::{Signature, signature::Verifier as _};

use crate::access_token::public_key::EpochKeyError;

#[derive(Debug, Clone)]
pub(in crate::access_token) struct VerifyingKey(p256::ecdsa::VerifyingKey);

impl VerifyingKey {
    /// Coordinates that are no point of the curve are refused. The point at infinity cannot be written so.
    pub(super) fn new(point: &[u8; 64]) -> Result<Self, EpochKeyError> {
        // SEC 1 section 2.3.3: 4 says that neither coordinate is left out.
        let mut uncompressed = [4; 65];
        let (_, coordinates) = uncompressed.split_at_mut(1);
        coordinates.copy_from_slice(point);
        p256::ecdsa::VerifyingKey::from_sec1_bytes(&uncompressed).map(Self).map_err(|_| EpochKeyError)
    }

    /// The signature is `r` and `s`, 32 bytes each. Of the two `s` that fit any message the smaller one is accepted: this
    /// authority writes no other, and so a token has one spelling, as it has with the other algorithms.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| signature.normalize_s() == signature && self.0.verify(message, &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_point_of_the_curve_is_refused() {
        assert!(VerifyingKey::new(&[0; 64]).is_err());
        assert!(VerifyingKey::new(&[1; 64]).is_err());
        assert!(VerifyingKey::new(&[0xff; 64]).is_err());
    }
}
