//! Revoke: a bearer ends the token that it holds (RFC 7009). Possession is authority.

use super::{
    ATTEMPTS, Authority, decoded, ending::Act, presentation::PRESENTATION_ATTEMPTS, standing::MaximumAccessTtl,
    time::Time,
};
use crate::{
    keys,
    record::Epoch,
    refresh_token::{PREFIX, RefreshToken},
    store::{CommitError, Unavailable},
    token_id::TokenId,
};

/// What a revocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// This refresh token, and everything that descends from it.
    RefreshToken(TokenId),
    /// This access token.
    AccessToken(String),
    /// Nothing: it was unknown or already dead.
    Nothing,
}

/// Why it is not known what a revocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for RevokeError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Authority {
    /// Ends the refresh or access token that is presented.
    ///
    /// # Errors
    /// [`RevokeError`].
    pub fn revoke(&self, token: &str) -> Result<Revocation, RevokeError> {
        if token.starts_with(PREFIX) { self.revoke_refresh_token(token) } else { self.revoke_access_token(token) }
    }

    fn revoke_refresh_token(&self, token: &str) -> Result<Revocation, RevokeError> {
        let Some(presented) = RefreshToken::parse(token) else { return Ok(Revocation::Nothing) };
        let id = presented.id();
        for _ in 0..PRESENTATION_ATTEMPTS {
            let standing = self.standing(self.clock.now(), id)?;
            // The secret of a tombstone is gone, and a spent one is not possession.
            if !self.is_held(&standing, &presented)? {
                return Ok(Revocation::Nothing);
            }
            match self.give_back(id, &standing) {
                Ok(true) => return Ok(Revocation::RefreshToken(id)),
                Ok(false) => return Ok(Revocation::Nothing),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(RevokeError::Unavailable),
            }
        }
        Err(RevokeError::Unavailable)
    }

    fn revoke_access_token(&self, token: &str) -> Result<Revocation, RevokeError> {
        for _ in 0..ATTEMPTS {
            let reading = self.clock.now();
            let [clock, epoch, maximum] =
                self.read([keys::CLOCK.to_vec(), keys::EPOCH.to_vec(), keys::MAXIMUM_ACCESS_TTL.to_vec()])?;
            let time = Time::new(reading, decoded(clock.as_ref()).map_err(Unavailable::from)?.map(|(mark, _)| mark));
            let maximum = MaximumAccessTtl::decode(maximum.as_ref()).map_err(Unavailable::from)?;
            let Some(epoch) = decoded::<Epoch>(epoch.as_ref()).map_err(Unavailable::from)? else {
                return Ok(Revocation::Nothing);
            };
            let Some(held) = self.held(token, time, &epoch.0)? else { return Ok(Revocation::Nothing) };
            let text = held.jti.to_string();
            match self.cut_jti((held.jti, &text), held.uncut, time, &epoch, maximum, &Act::of_holder()) {
                Ok(_) => return Ok(Revocation::AccessToken(text)),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(RevokeError::Unavailable),
            }
        }
        Err(RevokeError::Unavailable)
    }
}
