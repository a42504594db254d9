//! What administrators may change.

use minicbor::{Decode, Encode};

use crate::seconds::Seconds;

/// How long a tombstone is kept unless changed: somebody who asks a year later still gets an answer.
pub const DEFAULT_TOMBSTONE_RETENTION: Seconds = Seconds(400 * 24 * 60 * 60);

/// What administrators may change. A member that is `None` has its default.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Settings {
    /// How long an access token lives.
    #[n(0)]
    pub access_token_expiration: Seconds,
    /// How long a refresh token lives where nothing else is said.
    #[n(1)]
    pub refresh_token_expiration: Seconds,
    /// The least that a refresh token may set for its access tokens. See [`Settings::access_token_minimum`].
    #[n(2)]
    pub(crate) access_token_minimum: Option<Seconds>,
    /// The most that a refresh token may set for its access tokens. See [`Settings::access_token_maximum`].
    #[n(3)]
    pub(crate) access_token_maximum: Option<Seconds>,
    /// The most that a refresh token lives, from its making. `None`: any time.
    #[n(4)]
    pub refresh_token_maximum: Option<Seconds>,
    #[n(5)]
    pub(crate) never_forbidden: Option<bool>,
    #[n(6)]
    pub(crate) unique_names: Option<bool>,
    /// The scopes that exist beside the `jeton:` ones. `None`: any.
    #[n(7)]
    pub scopes: Option<Vec<String>>,
    #[n(8)]
    pub(crate) delegation_levels: Option<u32>,
    #[n(9)]
    pub(crate) holder_delegation_forbidden: Option<bool>,
    #[n(10)]
    pub(crate) tombstone_retention: Option<Seconds>,
    /// Raised by every change.
    #[n(11)]
    pub(crate) generation: Option<u64>,
}

impl Default for Settings {
    /// The seed's: 900 s and 90 days; never is allowed.
    fn default() -> Self {
        Self {
            access_token_expiration: Seconds(900),
            refresh_token_expiration: Seconds(90 * 24 * 60 * 60),
            access_token_minimum: None,
            access_token_maximum: None,
            refresh_token_maximum: None,
            never_forbidden: None,
            unique_names: None,
            scopes: None,
            delegation_levels: None,
            holder_delegation_forbidden: None,
            tombstone_retention: None,
            generation: None,
        }
    }
}

impl Settings {
    /// The least that a refresh token may set for its access tokens.
    #[must_use]
    pub fn access_token_minimum(&self) -> Seconds {
        self.access_token_minimum.unwrap_or(Seconds(1))
    }

    /// The most that a refresh token may set for its access tokens.
    #[must_use]
    pub fn access_token_maximum(&self) -> Seconds {
        self.access_token_maximum.unwrap_or(Seconds(24 * 60 * 60))
    }

    /// Whether a new refresh token may be one that never expires.
    #[must_use]
    pub fn never_allowed(&self) -> bool {
        !self.never_forbidden.unwrap_or(false)
    }

    /// Whether two refresh tokens that have not ended may not have the same name.
    #[must_use]
    pub fn unique_names(&self) -> bool {
        self.unique_names.unwrap_or(false)
    }

    /// How many levels a refresh token may lie below another.
    #[must_use]
    pub fn delegation_levels(&self) -> u32 {
        self.delegation_levels.unwrap_or(8)
    }

    /// Whether holders may issue refresh tokens under theirs where those say so.
    #[must_use]
    pub fn holder_delegation(&self) -> bool {
        !self.holder_delegation_forbidden.unwrap_or(false)
    }

    /// How long a tombstone is kept.
    #[must_use]
    pub fn tombstone_retention(&self) -> Seconds {
        self.tombstone_retention.unwrap_or(DEFAULT_TOMBSTONE_RETENTION)
    }

    /// Raised by every change. The first is 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.unwrap_or(1)
    }

    /// How long the access tokens of a refresh token live that sets `own`.
    #[must_use]
    pub fn access_ttl(&self, own: Option<Seconds>) -> Seconds {
        let asked = own.unwrap_or(self.access_token_expiration);
        asked.max(self.access_token_minimum()).min(self.access_token_maximum())
    }
}
