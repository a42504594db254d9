//! Exchange: a refresh token for an access token (RFC 6749 section 6).

use std::borrow::Cow;

use super::{Authority, decoded, epochs::SignerError, standing::earlier};
use crate::{
    access_token::Claims, digest::Digest, keys, ports::Draw, refresh_token::RefreshToken, scope::Scopes,
    seconds::Seconds, store::Unavailable, token_id::Jti,
};

/// Why nothing was minted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// RFC 6749 `invalid_grant`. It never says why.
    #[error("the refresh token is not valid")]
    InvalidGrant,
    /// RFC 6749 `invalid_scope`.
    #[error("the scope is malformed, or wider than the refresh token's")]
    InvalidScope,
    /// The clock is too far behind a time that was already reached.
    #[error("the clock is behind a time that was already reached")]
    ClockBehind,
    /// The store, or the epoch's key, cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for ExchangeError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<SignerError> for ExchangeError {
    fn from(_: SignerError) -> Self {
        Self::Unavailable
    }
}

/// What an exchange gives.
pub struct Exchanged {
    /// A JWT as RFC 9068 wants it.
    pub access_token: String,
    /// Seconds that it certainly lives: counted from the clock rounded up, so that a script that believes it is never late.
    pub expires_in: Seconds,
    /// The granted scopes.
    pub scope: String,
    /// Its id.
    pub jti: Jti,
    /// Seconds until the refresh token expires. `None`: never.
    pub refresh_expires_in: Option<Seconds>,
}

impl Authority {
    /// Mints an access token. It reads the clock, then everything in one read, then signs: what a revoke cuts meanwhile is
    /// in the lineage, so a token minted in the race is dead on arrival.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn exchange(&self, presented: &str, scope: Option<&str>) -> Result<Exchanged, ExchangeError> {
        let reading = self.clock.now();
        let presented = RefreshToken::parse(presented).ok_or(ExchangeError::InvalidGrant)?;
        let standing = self.standing(reading, presented.id())?;
        let (record, _) = standing.token.as_ref().ok_or(ExchangeError::InvalidGrant)?;
        let stored = record.secret.map(Digest).ok_or(ExchangeError::InvalidGrant)?;
        if !stored.matches(&presented.digest()) {
            return Err(ExchangeError::InvalidGrant);
        }
        let grant = standing.grant().ok_or(ExchangeError::InvalidGrant)?;
        if standing.time.is_behind() {
            return Err(ExchangeError::ClockBehind);
        }
        let scopes = match scope {
            None => grant.scopes,
            Some(asked) => {
                let asked = Scopes::parse(asked).map_err(|_| ExchangeError::InvalidScope)?;
                if !grant.scopes.cover_all(&asked) {
                    return Err(ExchangeError::InvalidScope);
                }
                asked
            }
        };
        let ttl = record.access_ttl.unwrap_or(standing.settings.access_token_expiration);
        // A cut is kept for the largest TTL on record, so nothing may be minted for longer.
        let ttl = ttl.min(standing.maximum_access_ttl.seconds);
        let now = standing.time.now;
        let expires_at = earlier(Some(now.plus(ttl)), grant.expires_at).ok_or(ExchangeError::InvalidGrant)?;
        let (epoch, _) = standing.epoch.as_ref().ok_or(ExchangeError::Unavailable)?;
        let signer = self.signer(epoch)?;
        let issuer = self.issuer()?;
        let client = presented.id();
        let jti =
            Jti { client, epoch: epoch.number, issued_at: now, random: Draw::seeded(self.entropy.as_ref()).bytes() };
        let client = client.to_string();
        let scope = scopes.joined();
        let access_token = signer.sign(&Claims {
            iss: Cow::Borrowed(&issuer),
            aud: Cow::Borrowed(&issuer),
            sub: Cow::Borrowed(record.owner.as_deref().unwrap_or(&client)),
            client_id: Cow::Borrowed(&client),
            iat: now,
            exp: expires_at,
            jti: Cow::Owned(jti.to_string()),
            scope: Cow::Borrowed(&scope),
            lin: grant.lineage.iter().map(|id| Cow::Owned(id.to_string())).collect(),
        });
        Ok(Exchanged {
            access_token,
            expires_in: expires_at.since(standing.time.rounded_up),
            scope,
            jti,
            refresh_expires_in: grant.expires_at.map(|expiry| expiry.since(standing.time.rounded_up)),
        })
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
