//! Refresh tokens taken apart and put together wrongly.

use jeton_policy::{refresh_token::RefreshToken, token_id::TokenId};

use crate::failure::Failure;

/// Characters of sixteen bytes in base62.
const HALF: usize = 22;
const PREFIX: &str = "jtn_rt_";

/// What a refresh token consists of.
#[derive(Clone, Copy)]
pub(crate) struct Secret {
    id: TokenId,
    pub(crate) bytes: [u8; 32],
}

impl Secret {
    /// Takes a refresh token apart.
    pub(crate) fn of(text: &str) -> Result<Self, Failure> {
        let parts = || {
            let (id, rest) = text.strip_prefix(PREFIX)?.split_at_checked(HALF)?;
            let (first, rest) = rest.split_at_checked(HALF)?;
            let (second, _checksum) = rest.split_at_checked(HALF)?;
            let mut bytes = [0; 32];
            let (head, tail) = bytes.split_at_mut(HALF_BYTES);
            head.copy_from_slice(&base62::decode(first).ok()?.to_be_bytes());
            tail.copy_from_slice(&base62::decode(second).ok()?.to_be_bytes());
            Some(Self { id: TokenId::parse(id)?, bytes })
        };
        parts().ok_or_else(|| Failure::new("a refresh token is not `jtn_rt_` and 72 characters of base62"))
    }

    /// The token of this id and another secret, with the right checksum.
    pub(crate) fn with(self, bytes: [u8; 32]) -> String {
        RefreshToken::new(self.id, bytes).reveal().to_string()
    }

    /// The token with one bit of its secret turned, and the right checksum.
    pub(crate) fn turned(self, bit: usize) -> String {
        let mut bytes = self.bytes;
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        self.with(bytes)
    }
}

const HALF_BYTES: usize = 16;
