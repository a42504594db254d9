//! What an authority is, and what its administrators may change.

use super::{ATTEMPTS, Authority, decoded, issue::raise_maximum, members::MAX_ACCESS_TTL, standing::MaximumAccessTtl};
use crate::{
    keys,
    record::{Settings, Stored as _},
    seconds::Seconds,
    store::{Check, CommitError, Unavailable, Write},
};

/// The most characters of an issuer: it stands twice in every access token.
pub const MAX_ISSUER_LENGTH: usize = 200;
/// What `access_token_expiration` may be.
pub const ACCESS_TOKEN_EXPIRATION: core::ops::RangeInclusive<Seconds> = Seconds(1)..=MAX_ACCESS_TTL;
/// What `refresh_token_expiration` may be: up to a hundred years; for longer there is "never".
pub const REFRESH_TOKEN_EXPIRATION: core::ops::RangeInclusive<Seconds> = Seconds(1)..=Seconds(3_153_600_000);

/// Why an authority is not what it was asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigureError {
    /// See RFC 8414 section 2 and [`MAX_ISSUER_LENGTH`].
    #[error("the issuer is not an http or https URL without query and fragment")]
    IssuerMalformed,
    /// An issuer is chosen once.
    #[error("the store belongs to another issuer")]
    AnotherIssuer,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for ConfigureError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// A change of settings. `None` leaves one as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SettingsChange {
    /// See [`ACCESS_TOKEN_EXPIRATION`].
    pub access_token_expiration: Option<Seconds>,
    /// See [`REFRESH_TOKEN_EXPIRATION`].
    pub refresh_token_expiration: Option<Seconds>,
}

/// Why settings were not told or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// See [`ACCESS_TOKEN_EXPIRATION`].
    #[error("access_token_expiration is out of range")]
    AccessTokenExpirationOutOfRange,
    /// See [`REFRESH_TOKEN_EXPIRATION`].
    #[error("refresh_token_expiration is out of range")]
    RefreshTokenExpirationOutOfRange,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for SettingsError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Authority {
    /// Fixes the issuer at the first start and compares it at every later one; gives the one in force.
    ///
    /// # Errors
    /// [`ConfigureError`].
    pub fn configure(&self, requested: Option<&str>, fallback: &str) -> Result<String, ConfigureError> {
        for _ in 0..ATTEMPTS {
            let [stored] = self.read([keys::ISSUER.to_vec()])?;
            if let Some((stored, _)) = decoded::<String>(stored.as_ref()).map_err(Unavailable::from)? {
                return match requested {
                    Some(requested) if requested != stored => Err(ConfigureError::AnotherIssuer),
                    _ => Ok(stored),
                };
            }
            let issuer = requested.unwrap_or(fallback);
            if !is_issuer(issuer) {
                return Err(ConfigureError::IssuerMalformed);
            }
            let check = Check { key: keys::ISSUER.to_vec(), version: None };
            let write = Write { key: keys::ISSUER.to_vec(), value: Some(issuer.to_owned().to_stored()) };
            match self.store.commit(vec![check], vec![write]) {
                Ok(_) => return Ok(issuer.to_owned()),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(ConfigureError::Unavailable),
            }
        }
        Err(ConfigureError::Unavailable)
    }

    /// The settings in force.
    ///
    /// # Errors
    /// [`SettingsError::Unavailable`].
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        let [stored] = self.read([keys::SETTINGS.to_vec()])?;
        let stored = decoded(stored.as_ref()).map_err(Unavailable::from)?;
        Ok(stored.map(|(settings, _)| settings).unwrap_or_default())
    }

    /// Changes settings and gives those in force after it. What is out keeps the life that it was minted with.
    ///
    /// # Errors
    /// [`SettingsError`]; nothing was changed then.
    pub fn set_settings(&self, change: SettingsChange) -> Result<Settings, SettingsError> {
        let SettingsChange { access_token_expiration: access, refresh_token_expiration: refresh } = change;
        if access.is_some_and(|span| !ACCESS_TOKEN_EXPIRATION.contains(&span)) {
            return Err(SettingsError::AccessTokenExpirationOutOfRange);
        }
        if refresh.is_some_and(|span| !REFRESH_TOKEN_EXPIRATION.contains(&span)) {
            return Err(SettingsError::RefreshTokenExpirationOutOfRange);
        }
        for _ in 0..ATTEMPTS {
            let [stored, maximum] = self.read([keys::SETTINGS.to_vec(), keys::MAXIMUM_ACCESS_TTL.to_vec()])?;
            let stored = decoded::<Settings>(stored.as_ref()).map_err(Unavailable::from)?;
            let maximum = MaximumAccessTtl::decode(maximum.as_ref()).map_err(Unavailable::from)?;
            let version = stored.as_ref().map(|(_, version)| *version);
            let before = stored.map(|(settings, _)| settings).unwrap_or_default();
            let after = Settings {
                access_token_expiration: access.unwrap_or(before.access_token_expiration),
                refresh_token_expiration: refresh.unwrap_or(before.refresh_token_expiration),
                generation: Some(before.generation().saturating_add(1)),
                ..before
            };
            let key = keys::SETTINGS.to_vec();
            let mut checks = vec![Check { key: key.clone(), version }];
            let mut writes = vec![Write { key, value: Some(after.to_stored()) }];
            raise_maximum(maximum, after.access_token_expiration, &mut checks, &mut writes);
            match self.store.commit(checks, writes) {
                Ok(_) => return Ok(after),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(SettingsError::Unavailable),
            }
        }
        Err(SettingsError::Unavailable)
    }
}

/// RFC 8414 section 2, and visible ASCII so that it can stand anywhere.
fn is_issuer(issuer: &str) -> bool {
    let authority = issuer.strip_prefix("https://").or_else(|| issuer.strip_prefix("http://"));
    issuer.len() <= MAX_ISSUER_LENGTH
        && issuer.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'\\'))
        && authority.is_some_and(|authority| !authority.is_empty() && !authority.starts_with('/'))
}
