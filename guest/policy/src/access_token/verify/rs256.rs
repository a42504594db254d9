//! RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.2) and the exponent 65537.
//!
//! The arithmetic is the library's. What stands here instead of its RSA, at a quarter of the size, is the comparison of
//! section 8.2.2 step 4: the whole expected message is built and compared, so there is nothing to parse.

use crypto_bigint::{
    Odd, U2048,
    modular::{FixedMontyForm, FixedMontyParams},
};

use crate::{
    access_token::public_key::{EpochKeyError, RSA_MODULUS_LENGTH},
    digest::Digest,
};

/// The DER of `DigestInfo` before a SHA-256 digest (RFC 8017 section 9.2, note 1).
const DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

#[derive(Debug, Clone)]
pub(in crate::access_token) struct VerifyingKey {
    modulus: U2048,
    parameters: FixedMontyParams<{ U2048::LIMBS }>,
}

impl VerifyingKey {
    /// A modulus that is even, or shorter than it should be, is refused.
    pub(super) fn new(modulus: &[u8; RSA_MODULUS_LENGTH]) -> Result<Self, EpochKeyError> {
        let modulus = U2048::from_be_slice(modulus);
        if modulus.bit_width_vartime() != U2048::BITS {
            return Err(EpochKeyError);
        }
        let odd = Odd::new(modulus).into_option().ok_or(EpochKeyError)?;
        Ok(Self { modulus, parameters: FixedMontyParams::new_vartime(odd) })
    }

    /// A signature that is not below the modulus is refused (section 5.2.2): it would be another spelling of the one that is.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8; RSA_MODULUS_LENGTH]) -> bool {
        let signature = U2048::from_be_slice(signature);
        if signature >= self.modulus {
            return false;
        }
        let base = FixedMontyForm::new(&signature, &self.parameters);
        // 65537 is 2^16 + 1.
        let raised = (0..16).fold(base, |power, _| power.square()) * base;
        raised.retrieve() == U2048::from_be_slice(&encoded(message))
    }
}

/// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2): 0, 1, as many 255 as fit, 0, `DigestInfo` and digest.
fn encoded(message: &[u8]) -> [u8; RSA_MODULUS_LENGTH] {
    const PADDED: usize = RSA_MODULUS_LENGTH - 32 - DIGEST_INFO.len();
    let mut encoded = [0xff; RSA_MODULUS_LENGTH];
    let (padding, rest) = encoded.split_at_mut(PADDED);
    if let [first, second, .., last] = padding {
        (*first, *second, *last) = (0, 1, 0);
    }
    let (info, digest) = rest.split_at_mut(DIGEST_INFO.len());
    info.copy_from_slice(&DIGEST_INFO);
    digest.copy_from_slice(&Digest::of(message).0);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modulus_that_is_even_or_too_short_is_refused() {
        let mut modulus = [0xff; RSA_MODULUS_LENGTH];
        assert!(VerifyingKey::new(&modulus).is_ok());
        modulus[255] = 0xfe;
        assert!(VerifyingKey::new(&modulus).is_err());
        modulus[255] = 0xff;
        modulus[0] = 0x7f;
        assert!(VerifyingKey::new(&modulus).is_err());
    }
}
