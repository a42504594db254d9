//! Settings: what administrators may change about the rules.

use super::{
    ATTEMPTS, Actor, Authority, decoded, epochs::EpochCommit, issue::raise_maximum, members,
    standing::MaximumAccessTtl, time::Time,
};
use crate::{
    keys,
    record::{Epoch, EpochReason, Settings, Stored as _},
    scope::{RESERVED_PREFIX, Scopes},
    seconds::Seconds,
    store::{Check, CommitError, Unavailable, Write},
};

/// What `access_token_expiration`, `access_token_minimum` and `access_token_maximum` may be.
pub const ACCESS_TOKEN_EXPIRATION: core::ops::RangeInclusive<Seconds> = Seconds(1)..=members::MAX_ACCESS_TTL;
/// What `refresh_token_expiration` and `refresh_token_maximum` may be: up to a hundred years; for longer there is "never".
pub const REFRESH_TOKEN_EXPIRATION: core::ops::RangeInclusive<Seconds> = Seconds(1)..=Seconds(3_153_600_000);
/// What `tombstone_retention` may be: a day, so that nobody asks in vain on the next morning, to ten years.
pub const TOMBSTONE_RETENTION: core::ops::RangeInclusive<Seconds> = Seconds(86_400)..=Seconds(3_650 * 86_400);
/// The most scopes of a catalogue: what one person can oversee.
pub const MAX_CATALOGUE: usize = 256;
/// The most bytes of all scopes of a catalogue together: every exchange reads it.
pub const MAX_CATALOGUE_LENGTH: usize = 16 * 1024;

/// A change of settings. `None` leaves one as it is; `Some(None)` takes it away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingsChange {
    /// See [`ACCESS_TOKEN_EXPIRATION`].
    pub access_token_expiration: Option<Seconds>,
    /// See [`ACCESS_TOKEN_EXPIRATION`].
    pub access_token_minimum: Option<Seconds>,
    /// See [`ACCESS_TOKEN_EXPIRATION`].
    pub access_token_maximum: Option<Seconds>,
    /// See [`REFRESH_TOKEN_EXPIRATION`].
    pub refresh_token_expiration: Option<Seconds>,
    /// See [`REFRESH_TOKEN_EXPIRATION`].
    pub refresh_token_maximum: Option<Option<Seconds>>,
    /// Whether a new refresh token may be one that never expires.
    pub never_allowed: Option<bool>,
    /// Whether two refresh tokens that have not ended may not have the same name.
    pub unique_names: Option<bool>,
    /// The scopes that exist beside the `jeton:` ones. See [`MAX_CATALOGUE`].
    pub scopes: Option<Option<Vec<String>>>,
    /// 0 to [`members::MAX_ANCESTORS`].
    pub delegation_levels: Option<u32>,
    /// Whether holders may issue refresh tokens under theirs where those say so.
    pub holder_delegation: Option<bool>,
    /// See [`TOMBSTONE_RETENTION`].
    pub tombstone_retention: Option<Seconds>,
}

/// Why settings were not told or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// See [`ACCESS_TOKEN_EXPIRATION`].
    #[error("access_token_expiration is out of range")]
    AccessTokenExpirationOutOfRange,
    /// See [`ACCESS_TOKEN_EXPIRATION`].
    #[error("access_token_minimum is out of range")]
    AccessTokenMinimumOutOfRange,
    /// See [`ACCESS_TOKEN_EXPIRATION`].
    #[error("access_token_maximum is out of range")]
    AccessTokenMaximumOutOfRange,
    /// Whoever sets nothing gets the expiration: it must be one that may be set.
    #[error("access_token_minimum, access_token_expiration and access_token_maximum are not in this order")]
    AccessTokenBoundsContradict,
    /// See [`REFRESH_TOKEN_EXPIRATION`].
    #[error("refresh_token_expiration is out of range")]
    RefreshTokenExpirationOutOfRange,
    /// See [`REFRESH_TOKEN_EXPIRATION`].
    #[error("refresh_token_maximum is out of range")]
    RefreshTokenMaximumOutOfRange,
    /// Whoever sets nothing gets the expiration: it must be one that may be set.
    #[error("refresh_token_expiration is beyond refresh_token_maximum")]
    RefreshTokenExpirationBeyondMaximum,
    /// See [`MAX_CATALOGUE`] and [`MAX_CATALOGUE_LENGTH`].
    #[error("the scopes are too many, too long, malformed, or of the `jeton:` space")]
    ScopesMalformed,
    /// See [`members::MAX_ANCESTORS`].
    #[error("delegation_levels is out of range")]
    DelegationLevelsOutOfRange,
    /// See [`TOMBSTONE_RETENTION`].
    #[error("tombstone_retention is out of range")]
    TombstoneRetentionOutOfRange,
    /// Somebody changed them meanwhile.
    #[error("the settings' generation is another one")]
    GenerationDiffers,
    /// Not a cursor, tampered with, of another change, or of settings that are no more.
    #[error("the cursor is not one of this change")]
    CursorInvalid,
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
    /// The settings in force.
    ///
    /// # Errors
    /// [`SettingsError::Unavailable`].
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        let [stored] = self.read([keys::SETTINGS.to_vec()])?;
        let stored = decoded(stored.as_ref()).map_err(Unavailable::from)?;
        Ok(stored.map(|(settings, _)| settings).unwrap_or_default())
    }

    /// Changes settings and gives those in force after it. What is out keeps the life that it was minted with, unless
    /// `at_once`: then the epoch advances in the same commit. `generation`: the one that the settings must have.
    ///
    /// # Errors
    /// [`SettingsError`]; nothing was changed then.
    pub fn set_settings(
        &self,
        actor: &Actor,
        change: &SettingsChange,
        generation: Option<u64>,
        at_once: bool,
    ) -> Result<Settings, SettingsError> {
        for _ in 0..ATTEMPTS {
            let reading = self.clock.now();
            let [clock, epoch, stored, maximum] = self.read([
                keys::CLOCK.to_vec(),
                keys::EPOCH.to_vec(),
                keys::SETTINGS.to_vec(),
                keys::MAXIMUM_ACCESS_TTL.to_vec(),
            ])?;
            let mark = decoded(clock.as_ref()).map_err(Unavailable::from)?.map(|(mark, _)| mark);
            let epoch = decoded::<Epoch>(epoch.as_ref()).map_err(Unavailable::from)?;
            let stored = decoded::<Settings>(stored.as_ref()).map_err(Unavailable::from)?;
            let maximum = MaximumAccessTtl::decode(maximum.as_ref()).map_err(Unavailable::from)?;
            let version = stored.as_ref().map(|(_, version)| *version);
            let before = stored.map(|(settings, _)| settings).unwrap_or_default();
            if generation.is_some_and(|generation| generation != before.generation()) {
                return Err(SettingsError::GenerationDiffers);
            }
            let after = change.applied_to(&before)?;
            let key = keys::SETTINGS.to_vec();
            let mut checks = vec![Check { key: key.clone(), version }];
            let mut writes = vec![Write { key, value: Some(after.to_stored()) }];
            raise_maximum(maximum, after.access_token_expiration, &mut checks, &mut writes);
            // Before the first epoch nothing is out.
            if let Some(epoch) = epoch.filter(|_| at_once) {
                let time = Time::new(reading, mark);
                let (_, EpochCommit { checks: epoch_checks, writes: epoch_writes }) =
                    self.next_epoch(time, Some(&epoch), EpochReason::Order, actor.name(), None)?;
                checks.extend(epoch_checks);
                writes.extend(epoch_writes);
            }
            match self.store.commit(checks, writes) {
                Ok(_) => return Ok(after),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(SettingsError::Unavailable),
            }
        }
        Err(SettingsError::Unavailable)
    }
}

impl SettingsChange {
    /// The settings after it.
    ///
    /// # Errors
    /// The first rule that they would break.
    pub(super) fn applied_to(&self, before: &Settings) -> Result<Settings, SettingsError> {
        let catalogue = self.scopes.clone().map(|scopes| scopes.map(catalogue).transpose()).transpose()?;
        let after = Settings {
            access_token_expiration: self.access_token_expiration.unwrap_or(before.access_token_expiration),
            access_token_minimum: self.access_token_minimum.or(before.access_token_minimum),
            access_token_maximum: self.access_token_maximum.or(before.access_token_maximum),
            refresh_token_expiration: self.refresh_token_expiration.unwrap_or(before.refresh_token_expiration),
            refresh_token_maximum: self.refresh_token_maximum.unwrap_or(before.refresh_token_maximum),
            never_forbidden: self.never_allowed.map(|allowed| !allowed).or(before.never_forbidden),
            unique_names: self.unique_names.or(before.unique_names),
            scopes: catalogue.unwrap_or_else(|| before.scopes.clone()),
            delegation_levels: self.delegation_levels.or(before.delegation_levels),
            holder_delegation_forbidden: self
                .holder_delegation
                .map(|allowed| !allowed)
                .or(before.holder_delegation_forbidden),
            tombstone_retention: self.tombstone_retention.or(before.tombstone_retention),
            generation: Some(before.generation().saturating_add(1)),
        };
        check(&after)?;
        Ok(after)
    }
}

/// Each setting by itself, then those that bind each other.
fn check(settings: &Settings) -> Result<(), SettingsError> {
    let (least, access, most) =
        (settings.access_token_minimum(), settings.access_token_expiration, settings.access_token_maximum());
    let (refresh, refresh_most) = (settings.refresh_token_expiration, settings.refresh_token_maximum);
    let levels = usize::try_from(settings.delegation_levels()).unwrap_or(usize::MAX);
    let rules = [
        (ACCESS_TOKEN_EXPIRATION.contains(&access), SettingsError::AccessTokenExpirationOutOfRange),
        (ACCESS_TOKEN_EXPIRATION.contains(&least), SettingsError::AccessTokenMinimumOutOfRange),
        (ACCESS_TOKEN_EXPIRATION.contains(&most), SettingsError::AccessTokenMaximumOutOfRange),
        (REFRESH_TOKEN_EXPIRATION.contains(&refresh), SettingsError::RefreshTokenExpirationOutOfRange),
        (
            refresh_most.is_none_or(|most| REFRESH_TOKEN_EXPIRATION.contains(&most)),
            SettingsError::RefreshTokenMaximumOutOfRange,
        ),
        (levels <= members::MAX_ANCESTORS, SettingsError::DelegationLevelsOutOfRange),
        (TOMBSTONE_RETENTION.contains(&settings.tombstone_retention()), SettingsError::TombstoneRetentionOutOfRange),
        (least <= access && access <= most, SettingsError::AccessTokenBoundsContradict),
        (refresh_most.is_none_or(|most| refresh <= most), SettingsError::RefreshTokenExpirationBeyondMaximum),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, error)| Err(error))
}

/// Scopes that exist, each once, in the order of their bytes.
fn catalogue(mut scopes: Vec<String>) -> Result<Vec<String>, SettingsError> {
    scopes.sort_unstable();
    scopes.dedup();
    let length = scopes.iter().map(String::len).fold(0_usize, usize::saturating_add);
    let sound = |scope: &String| !scope.starts_with(RESERVED_PREFIX) && Scopes::new([scope]).is_ok();
    if scopes.len() <= MAX_CATALOGUE && length <= MAX_CATALOGUE_LENGTH && scopes.iter().all(sound) {
        Ok(scopes)
    } else {
        Err(SettingsError::ScopesMalformed)
    }
}
