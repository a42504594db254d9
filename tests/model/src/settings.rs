//! Settings.

use crate::{Model, Refusal, words::is_reserved};

const DAY: u64 = 86_400;

/// What administrators may change about the rules.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub struct Settings {
    pub access_token_expiration: u64,
    pub access_token_minimum: u64,
    pub access_token_maximum: u64,
    pub refresh_token_expiration: u64,
    pub refresh_token_maximum: Option<u64>,
    pub never_allowed: bool,
    pub unique_names: bool,
    pub scopes: Option<Vec<String>>,
    pub delegation_levels: u64,
    pub holder_delegation: bool,
    pub tombstone_retention: u64,
    pub generation: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_token_expiration: 900,
            access_token_minimum: 1,
            access_token_maximum: DAY,
            refresh_token_expiration: 90 * DAY,
            refresh_token_maximum: None,
            never_allowed: true,
            unique_names: false,
            scopes: None,
            delegation_levels: 8,
            holder_delegation: true,
            tombstone_retention: 400 * DAY,
            generation: 1,
        }
    }
}

impl Settings {
    /// Whether a scope exists.
    pub(crate) fn has(&self, scope: &str) -> bool {
        is_reserved(scope) || self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|one| one == scope))
    }

    /// How long access tokens of a refresh token live that sets `own`.
    #[must_use]
    pub fn access_ttl(&self, own: Option<u64>) -> u64 {
        own.unwrap_or(self.access_token_expiration).max(self.access_token_minimum).min(self.access_token_maximum)
    }

    fn refusals(&self) -> Vec<Refusal> {
        let (least, access, most) =
            (self.access_token_minimum, self.access_token_expiration, self.access_token_maximum);
        let of_access = |ttl: u64| (1..=DAY).contains(&ttl);
        let of_refresh = |span: u64| (1..=3_153_600_000).contains(&span);
        let broken = [
            (!of_access(access), Refusal::AccessTokenExpirationOutOfRange),
            (!of_access(least), Refusal::AccessTokenMinimumOutOfRange),
            (!of_access(most), Refusal::AccessTokenMaximumOutOfRange),
            (least > access || access > most, Refusal::AccessTokenBoundsContradict),
            (!of_refresh(self.refresh_token_expiration), Refusal::RefreshTokenExpirationOutOfRange),
            (self.refresh_token_maximum.is_some_and(|most| !of_refresh(most)), Refusal::RefreshTokenMaximumOutOfRange),
            (
                self.refresh_token_maximum.is_some_and(|most| self.refresh_token_expiration > most),
                Refusal::RefreshTokenExpirationBeyondMaximum,
            ),
            (self.delegation_levels > 8, Refusal::DelegationLevelsOutOfRange),
            (!(DAY..=3650 * DAY).contains(&self.tombstone_retention), Refusal::TombstoneRetentionOutOfRange),
        ];
        broken.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, refusal)| refusal).collect()
    }
}

/// A change of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub enum Setting {
    AccessTokenExpiration(u64),
    AccessTokenMinimum(u64),
    AccessTokenMaximum(u64),
    RefreshTokenExpiration(u64),
    RefreshTokenMaximum(Option<u64>),
    NeverAllowed(bool),
    UniqueNames(bool),
    Scopes(Option<Vec<String>>),
    DelegationLevels(u64),
    HolderDelegation(bool),
    TombstoneRetention(u64),
}

impl Setting {
    /// Makes it.
    pub fn enter(&self, settings: &mut Settings) {
        match self.clone() {
            Self::AccessTokenExpiration(to) => settings.access_token_expiration = to,
            Self::AccessTokenMinimum(to) => settings.access_token_minimum = to,
            Self::AccessTokenMaximum(to) => settings.access_token_maximum = to,
            Self::RefreshTokenExpiration(to) => settings.refresh_token_expiration = to,
            Self::RefreshTokenMaximum(to) => settings.refresh_token_maximum = to,
            Self::NeverAllowed(to) => settings.never_allowed = to,
            Self::UniqueNames(to) => settings.unique_names = to,
            Self::Scopes(to) => settings.scopes = to,
            Self::DelegationLevels(to) => settings.delegation_levels = to,
            Self::HolderDelegation(to) => settings.holder_delegation = to,
            Self::TombstoneRetention(to) => settings.tombstone_retention = to,
        }
    }
}

/// A change of settings: what they shall be, as a function of what they are.
pub type Change<'a> = dyn Fn(&mut Settings) + 'a;

impl Model {
    /// Changes settings. `at_once`: a new epoch begins with it.
    ///
    /// # Errors
    /// Every rule that they would break.
    pub fn set(&mut self, change: &Change<'_>, generation: Option<u64>, at_once: bool) -> Result<(), Vec<Refusal>> {
        let mut after = self.settings.clone();
        change(&mut after);
        after.generation += 1;
        let mut refusals = after.refusals();
        if generation.is_some_and(|generation| generation != self.settings.generation) {
            refusals.push(Refusal::GenerationDiffers);
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        self.raise_longest(after.access_token_expiration);
        self.settings = after;
        if at_once {
            self.advance();
        }
        Ok(())
    }

    /// The largest access TTL that was ever in force.
    pub(crate) fn longest(&self) -> u64 {
        self.longest_ttl.max(900)
    }

    pub(crate) fn raise_longest(&mut self, ttl: u64) {
        self.longest_ttl = self.longest().max(ttl);
    }
}
