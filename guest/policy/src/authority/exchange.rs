//! Exchange: a refresh token for an access token (RFC 6749 section 6).

use zeroize::Zeroizing;

use super::{
    Authority,
    minting::{Minting, is_audience},
    presentation::{PRESENTATION_ATTEMPTS, PresentError},
    standing::earlier,
};
use crate::{
    network::Address,
    refresh_token::RefreshToken,
    scope::Scopes,
    seconds::Seconds,
    store::{CommitError, Unavailable},
    token_id::Jti,
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
    /// RFC 8707 `invalid_target`.
    #[error("the resource is malformed, or not one that the refresh token is good for")]
    InvalidTarget,
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

impl From<PresentError> for ExchangeError {
    fn from(error: PresentError) -> Self {
        match error {
            PresentError::Invalid => Self::InvalidGrant,
            PresentError::ClockBehind => Self::ClockBehind,
            PresentError::Unavailable => Self::Unavailable,
        }
    }
}

/// What is asked for, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExchangeRequest<'a> {
    /// A subset of the refresh token's scopes. `None`: all of them.
    pub scope: Option<&'a str>,
    /// RFC 8707: whom the access token shall be for.
    pub resource: Option<&'a str>,
    /// Where the request came from. `None`: not known, which is outside every network.
    pub peer: Option<Address>,
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
    /// The successor of the presented refresh token, where that is replaced by each use.
    pub refresh_token: Option<Zeroizing<String>>,
}

impl Authority {
    /// Mints an access token. It reads the clock, then everything in one read, then signs: what a revoke cuts meanwhile is
    /// in the lineage, so a token minted in the race is dead on arrival.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn exchange(&self, presented: &str, request: &ExchangeRequest<'_>) -> Result<Exchanged, ExchangeError> {
        let presented = RefreshToken::parse(presented).ok_or(ExchangeError::InvalidGrant)?;
        for _ in 0..PRESENTATION_ATTEMPTS {
            if let Some(exchanged) = self.try_exchange(&presented, request)? {
                return Ok(exchanged);
            }
        }
        Err(ExchangeError::Unavailable)
    }

    /// One attempt; `None` when somebody else acted upon the same token at the same time.
    fn try_exchange(
        &self,
        refresh_token: &RefreshToken,
        request: &ExchangeRequest<'_>,
    ) -> Result<Option<Exchanged>, ExchangeError> {
        let reading = self.clock.now();
        let Some(mut presented) = self.present(reading, refresh_token, request.peer)? else { return Ok(None) };
        let scopes = narrowed(&presented.grant.scopes, request.scope).ok_or(ExchangeError::InvalidScope)?;
        if request.resource.is_some_and(|resource| !is_audience(resource)) {
            return Err(ExchangeError::InvalidTarget);
        }
        let audience = presented.grant.audience(request.resource).map_err(|_| ExchangeError::InvalidTarget)?;
        let (epoch, _) = presented.standing.epoch.clone().ok_or(ExchangeError::Unavailable)?;
        // What minting may lack is asked for before a use is counted or a secret spent.
        self.can_mint(&epoch)?;
        match self.keep(&mut presented) {
            Ok(()) => {}
            Err(CommitError::Conflict) => return Ok(None),
            Err(CommitError::Unavailable) => return Err(ExchangeError::Unavailable),
        }
        let (standing, grant) = (&presented.standing, &presented.grant);
        let record = presented.record().ok_or(ExchangeError::InvalidGrant)?;
        // A cut is kept for the largest TTL on record, so nothing may be minted for longer.
        let ttl = standing.settings.access_ttl(record.access_ttl).min(standing.maximum_access_ttl.seconds);
        let time = standing.time;
        let expires_at = earlier(Some(time.now.plus(ttl)), grant.expires_at).ok_or(ExchangeError::InvalidGrant)?;
        let client = presented.id.to_string();
        let minted = self.mint(
            &epoch,
            &Minting {
                client: presented.id,
                subject: record.owner.as_deref().unwrap_or(&client),
                audience: audience.as_deref(),
                scopes: &scopes,
                issued_at: time.now,
                expires_at,
                lineage: grant.lineage.iter().map(ToString::to_string).collect(),
                networks: grant.networks_to_mint(),
            },
        )?;
        Ok(Some(Exchanged {
            access_token: minted.access_token,
            expires_in: expires_at.since(time.rounded_up),
            scope: scopes.joined(),
            jti: minted.jti,
            refresh_expires_in: grant.expires_at.map(|expiry| expiry.since(time.rounded_up)),
            refresh_token: presented.successor.as_ref().map(RefreshToken::reveal),
        }))
    }
}

/// The scopes asked for; `None` where they are malformed or wider than `granted`. Nothing asked for is all of them.
pub(super) fn narrowed(granted: &Scopes, asked: Option<&str>) -> Option<Scopes> {
    match asked {
        None => Some(granted.clone()),
        Some(asked) => Scopes::parse(asked).ok().filter(|asked| granted.cover_all(asked)),
    }
}
