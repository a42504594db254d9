//! Text that may be an access token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{claims::Claims, epoch_key::EpochKey, signed::SignatureError};

/// The most bytes of a token that anyone presents; more is not looked at.
pub const MAX_TOKEN_LENGTH: usize = 8 * 1024;

/// Why text cannot be a token of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOfThisEpoch {
    /// It has not the three parts of a JWS in compact form (RFC 7515 section 7.1), or is longer than [`MAX_TOKEN_LENGTH`].
    #[error("not a token")]
    Malformed,
    /// Its header is not the one that every token of the epoch has.
    #[error("another header than this epoch's")]
    OtherHeader,
}

/// Text with the header of an epoch's tokens and two more parts. Nothing in it may be believed.
#[derive(Debug, Clone, Copy)]
pub struct UnverifiedToken<'a> {
    pub(super) signing_input: &'a str,
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> UnverifiedToken<'a> {
    /// Compares the header byte for byte with the epoch's one: neither algorithm nor key is ever taken from a token.
    ///
    /// # Errors
    /// [`NotOfThisEpoch`].
    pub fn parse(text: &'a str, epoch: &EpochKey) -> Result<Self, NotOfThisEpoch> {
        if text.len() > MAX_TOKEN_LENGTH {
            return Err(NotOfThisEpoch::Malformed);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(NotOfThisEpoch::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(NotOfThisEpoch::Malformed)?;
        if payload.contains('.') || header.is_empty() {
            return Err(NotOfThisEpoch::Malformed);
        }
        if header != epoch.header() {
            return Err(NotOfThisEpoch::OtherHeader);
        }
        Ok(Self { signing_input, payload, signature })
    }

    /// Reads the claims, believing nothing: whoever calls this has asked, or asks next, whether they were signed.
    pub(crate) fn read_payload<'p>(&self, payload: &'p mut Vec<u8>) -> Result<Claims<'p>, SignatureError> {
        payload.clear();
        URL_SAFE_NO_PAD.decode_vec(self.payload, payload).map_err(|_| SignatureError::Malformed)?;
        Claims::parse(payload).map_err(|_| SignatureError::Malformed)
    }
}

/// The `jti` that text claims to have, whatever epoch it is of. Nothing was verified: it serves to look up what is known of it,
/// in order to explain that to an administrator, and nothing may be decided by it.
#[cfg(feature = "authority")]
pub(crate) fn claimed_jti(text: &str) -> Option<String> {
    let (signing_input, _) = text.rsplit_once('.')?;
    let (_, payload) = signing_input.split_once('.')?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    Claims::parse(&payload).ok().map(|claims| claims.jti.into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use crate::access_token::PublicKey;

    #[test]
    fn a_token_has_three_parts_and_a_header() {
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let epoch = EpochKey::new(&PublicKey::Ed25519(x.try_into().unwrap())).unwrap();
        let refusal = |text: &str| UnverifiedToken::parse(text, &epoch).err();
        let header = epoch.header();
        assert_eq!(refusal(&format!("{header}.b.c")), None);
        for bad in ["", "a", "a.b", ".b.c", "a.b.c.d", &format!("{header}.b.c.d"), &format!("{header}.b")] {
            assert_eq!(refusal(bad), Some(NotOfThisEpoch::Malformed), "{bad}");
        }
        assert_eq!(refusal("a.b.c"), Some(NotOfThisEpoch::OtherHeader));
    }

    #[test]
    fn what_is_longer_than_a_token_can_be_is_not_looked_at() {
        // The key of RFC 8037 appendix A.
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let epoch = EpochKey::new(&PublicKey::Ed25519(x.try_into().unwrap())).unwrap();
        let of_length = |length: usize| format!("a.b.{}", "c".repeat(length - 4));
        let refusal = |length| UnverifiedToken::parse(&of_length(length), &epoch).err();
        assert_eq!(refusal(MAX_TOKEN_LENGTH), Some(NotOfThisEpoch::OtherHeader));
        assert_eq!(refusal(MAX_TOKEN_LENGTH + 1), Some(NotOfThisEpoch::Malformed));
    }
}
