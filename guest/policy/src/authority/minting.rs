//! Minting: an access token out of what was granted.

use std::borrow::Cow;

use super::{Authority, decoded, epochs::SignerError};
use crate::{
    access_token::Claims,
    keys,
    ports::Draw,
    record::Epoch,
    scope::Scopes,
    seconds::Seconds,
    store::Unavailable,
    token_id::{Jti, LineageTag, TokenId},
};

/// The most characters of an audience (RFC 8707 section 2): it stands in every access token.
pub const MAX_AUDIENCE_LENGTH: usize = 200;

/// What an access token shall say.
pub(super) struct Minting<'a> {
    pub(super) client: TokenId,
    pub(super) subject: &'a str,
    /// `None`: the issuer.
    pub(super) audience: Option<&'a str>,
    pub(super) scopes: &'a Scopes,
    pub(super) issued_at: Seconds,
    pub(super) expires_at: Seconds,
    /// The lineage ids beside the `jti`, nearest first.
    pub(super) lineage: Vec<String>,
    /// The networks that it holds in, as text. Empty: everywhere.
    pub(super) networks: Vec<String>,
}

/// An access token, and its id.
pub(super) struct Minted {
    pub(super) access_token: String,
    pub(super) jti: Jti,
}

impl From<SignerError> for Unavailable {
    fn from(_: SignerError) -> Self {
        Self
    }
}

impl Authority {
    /// Makes sure that nothing is wanting that [`Authority::mint`] needs.
    pub(super) fn can_mint(&self, epoch: &Epoch) -> Result<(), Unavailable> {
        self.signer(epoch)?;
        self.issuer().map(|_| ())
    }

    /// Writes and signs an access token. Whatever is in its lineage may be cut at the same time: it is dead on arrival then.
    pub(super) fn mint(&self, epoch: &Epoch, minting: &Minting<'_>) -> Result<Minted, Unavailable> {
        let signer = self.signer(epoch)?;
        let issuer = self.issuer()?;
        let client = minting.client.to_string();
        let random = Draw::seeded(self.entropy.as_ref()).bytes();
        let tag = LineageTag::of(&minting.lineage);
        let jti = Jti::new(minting.client, epoch.number, minting.issued_at, random, tag);
        let access_token = signer.sign(&Claims {
            iss: Cow::Borrowed(&issuer),
            aud: Cow::Borrowed(minting.audience.unwrap_or(&issuer)),
            sub: Cow::Borrowed(minting.subject),
            client_id: Cow::Borrowed(&client),
            iat: minting.issued_at,
            exp: minting.expires_at,
            jti: Cow::Owned(jti.to_string()),
            scope: Cow::Owned(minting.scopes.joined()),
            lin: minting.lineage.iter().map(|id| Cow::Borrowed(id.as_str())).collect(),
            net: minting.networks.iter().map(|network| Cow::Borrowed(network.as_str())).collect(),
        });
        Ok(Minted { access_token, jti })
    }

    /// The issuer. It is chosen once and never changes, so it may be read apart from the rest, and kept.
    pub(super) fn issuer(&self) -> Result<String, Unavailable> {
        if let Some(issuer) = self.issuer.borrow().as_ref() {
            return Ok(issuer.clone());
        }
        let [entry] = self.read([keys::ISSUER.to_vec()])?;
        let (issuer, _) = decoded::<String>(entry.as_ref())?.ok_or(Unavailable)?;
        self.issuer.replace(Some(issuer.clone()));
        Ok(issuer)
    }
}

/// Whether `text` can be an audience: an absolute URI without fragment (RFC 8707 section 2), of visible ASCII characters.
pub(super) fn is_audience(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, rest)| (scheme.as_bytes(), rest));
    text.len() <= MAX_AUDIENCE_LENGTH
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'"' | b'\\' | b'<' | b'>'))
        && scheme.is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && scheme.first().is_some_and(u8::is_ascii_alphabetic)
                && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_an_absolute_uri_without_fragment_of_bounded_length() {
        let long = |length: usize| format!("urn:{}", "x".repeat(length.saturating_sub(4)));
        for good in ["https://a.example/x?y", "urn:example:orders", "a:b", "a1+-.:b", &long(MAX_AUDIENCE_LENGTH)] {
            assert!(is_audience(good), "{good}");
        }
        for bad in
            ["", "a", "a:", ":b", "1a:b", "a_b:c", "a b:c", "a:b c", "a:\u{e4}", "a:b#c", "a:\"", "a:\\", "a:<", "a:>"]
        {
            assert!(!is_audience(bad), "{bad}");
        }
        assert!(!is_audience(&long(MAX_AUDIENCE_LENGTH + 1)));
    }
}
