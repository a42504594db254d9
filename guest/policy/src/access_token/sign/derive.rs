//! From the root key to what a signing key is made of.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::access_token::public_key::EpochKeyError;

/// What every derivation begins with, before the epoch's number.
const PURPOSE: &[u8; 24] = b"jeton epoch signing key ";

/// HKDF-SHA-256 (RFC 5869) of one epoch: the nonce is its salt, and the number and a label tell its outputs apart.
pub(super) struct Expander {
    hkdf: Hkdf<Sha256>,
    number: [u8; 8],
}

impl Expander {
    pub(super) fn new(root_key: &[u8; 32], number: u64, nonce: &[u8; 16]) -> Self {
        Self { hkdf: Hkdf::new(Some(nonce), root_key), number: number.to_be_bytes() }
    }

    /// Fills `output` with what belongs to `label`.
    pub(super) fn expand(&self, label: &[u8], output: &mut [u8]) -> Result<(), EpochKeyError> {
        // Only an output of more than 8,160 bytes is refused.
        self.hkdf.expand_multi_info(&[PURPOSE, &self.number, label], output).map_err(|_| EpochKeyError)
    }
}
