//! Refresh tokens as their bearers hold them: `^jtn_rt_[0-9A-Za-z]{72}$`.
//!
//! The prefix, then in base62 the id (22 characters), the secret (44) and the CRC-32 of all before it (6). The checksum
//! turns typos and junk away before the store is touched, and lets secret scanners be sure.

use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    digest::Digest,
    token_id::{TokenId, from_base62, to_base62},
};

/// What every refresh token begins with.
pub const PREFIX: &str = "jtn_rt_";
/// Characters of a refresh token.
pub const LENGTH: usize = PREFIX.len() + 72;
const ID_LENGTH: usize = 22;
const HALF_SECRET_LENGTH: usize = 22;
const CHECKSUM_LENGTH: usize = 6;

/// A refresh token: its id, and the secret that proves it. Wiped when dropped.
pub struct RefreshToken {
    id: TokenId,
    secret: Zeroizing<[u8; 32]>,
}

impl RefreshToken {
    /// A token of this id and secret.
    #[must_use]
    pub fn new(id: TokenId, secret: [u8; 32]) -> Self {
        Self { id, secret: Zeroizing::new(secret) }
    }

    /// Reads the text form. Only the text that [`RefreshToken::reveal`] gives is taken.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH || !text.is_ascii() {
            return None;
        }
        let (body, checksum) = text.split_at_checked(LENGTH.saturating_sub(CHECKSUM_LENGTH))?;
        if checksum_of(body) != checksum {
            return None;
        }
        let payload = body.strip_prefix(PREFIX)?;
        let (id, secret) = payload.split_at_checked(ID_LENGTH)?;
        let (first, second) = secret.split_at_checked(HALF_SECRET_LENGTH)?;
        let id = TokenId::parse(id)?;
        let mut bytes = Zeroizing::new([0; 32]);
        let (head, tail) = bytes.split_at_mut(16);
        head.copy_from_slice(&from_base62(first)?);
        tail.copy_from_slice(&from_base62(second)?);
        Some(Self { id, secret: bytes })
    }

    /// The public id.
    #[must_use]
    pub fn id(&self) -> TokenId {
        self.id
    }

    /// What is stored of the secret.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.secret.as_slice())
    }

    /// The text form: to be shown once.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        text.push_str(PREFIX);
        text.push_str(&to_base62(self.id.0));
        for half in self.secret.as_chunks::<16>().0 {
            let mut half = to_base62(*half);
            text.push_str(&half);
            half.zeroize();
        }
        let checksum = checksum_of(&text);
        text.push_str(&checksum);
        text
    }
}

impl core::fmt::Debug for RefreshToken {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("RefreshToken").field("id", &self.id.to_string()).finish_non_exhaustive()
    }
}

fn checksum_of(text: &str) -> String {
    format!("{:0>CHECKSUM_LENGTH$}", base62::encode(crc32fast::hash(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_token_reads_back(id: [u8; 16], secret: [u8; 32]) {
            let token = RefreshToken::new(TokenId(id), secret);
            let text = token.reveal();
            prop_assert_eq!(text.len(), LENGTH);
            prop_assert!(text[PREFIX.len()..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
            let read = RefreshToken::parse(&text).unwrap();
            prop_assert_eq!(read.id(), token.id());
            prop_assert!(read.digest().matches(&token.digest()));
        }

        #[test]
        fn one_wrong_character_anywhere_is_refused(id: [u8; 16], secret: [u8; 32], place in 0..LENGTH, other in "[0-9A-Za-z]") {
            let text = RefreshToken::new(TokenId(id), secret).reveal();
            let mut wrong = text.as_bytes().to_vec();
            prop_assume!(wrong[place] != other.as_bytes()[0]);
            wrong[place] = other.as_bytes()[0];
            prop_assert!(RefreshToken::parse(std::str::from_utf8(&wrong).unwrap()).is_none());
        }

        #[test]
        fn junk_is_refused(text in ".{0,100}") {
            prop_assert!(RefreshToken::parse(&text).is_none());
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let token = RefreshToken::new(TokenId([7; 16]), [9; 32]);
        let shown = format!("{token:?}");
        assert!(shown.contains(&token.id().to_string()) && !shown.contains(&token.reveal()[29..73]), "{shown}");
    }
}
