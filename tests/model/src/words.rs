//! What is asked, and what is answered.

use crate::Network;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// How it stands in records.
    pub name: String,
    /// Its scopes. `None`: it holds every one.
    pub scopes: Option<Vec<String>>,
}

impl Actor {
    /// Whoever sits at the machine.
    #[must_use]
    pub fn machine() -> Self {
        Self { name: "machine".to_owned(), scopes: None }
    }

    /// Nobody grants, revives or changes a `jeton:` scope that they lack.
    #[must_use]
    pub fn holds_reserved(&self, scopes: &[String]) -> bool {
        let Some(held) = &self.scopes else { return true };
        scopes.iter().filter(|scope| is_reserved(scope)).all(|scope| covers(held, scope))
    }
}

/// Whether `scope` is one that means something to the authority itself.
pub(crate) fn is_reserved(scope: &str) -> bool {
    scope.starts_with("jeton:")
}

/// Whether one of `held` is `scope`, or includes it: `jeton:admin` includes every `jeton:` scope but the mark of what people sign in
/// with, `jeton:tokens` includes reading and what is one's own.
pub(crate) fn covers(held: &[String], scope: &str) -> bool {
    let includes = |one: &str| match one {
        "jeton:admin" => is_reserved(scope) && scope != "jeton:console",
        "jeton:tokens" => ["jeton:read", "jeton:own"].contains(&scope),
        _ => false,
    };
    held.iter().any(|one| one == scope || includes(one))
}

/// When a refresh token shall expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// By the setting, or with its parent if that is earlier.
    BySetting,
    /// After so many seconds.
    After(u64),
    /// At this moment.
    At(u64),
    /// Not by itself.
    Never,
}

/// Whom access tokens may be for.
pub type Audiences = Vec<String>;

/// What ties a refresh token down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Bindings {
    /// It is exchanged from this moment on.
    pub not_before: Option<u64>,
    /// It is exchanged from these alone. Empty: from everywhere.
    pub networks: Vec<Network>,
    /// Its access tokens carry the networks.
    pub networks_in_access_tokens: bool,
    /// Its access tokens are for one of these. Empty: for anyone.
    pub audiences: Audiences,
    /// It is exchanged so many times.
    pub max_exchanges: Option<u64>,
}

/// A refresh token that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Its name.
    pub name: String,
    /// Its expiry.
    pub expiry: Expiry,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// What it descends from.
    pub parent: Option<usize>,
    /// Whose it is.
    pub owner: Option<String>,
    /// How long its access tokens live.
    pub access_ttl: Option<u64>,
    /// What ties it down.
    pub bindings: Bindings,
    /// Its holder may issue under it.
    pub may_delegate: bool,
    /// Each exchange replaces its secret.
    pub rotates_on_use: bool,
    /// A repetition under it within a day makes nothing new.
    pub key: Option<String>,
}

/// Why something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub enum Reason {
    Deleted,
    Compromised,
    OwnerLeft,
    RevokedByHolder,
    ParentEnded,
    ReuseDetected,
    Disabled,
    Narrowed,
    Rotated,
    TooManyRevocations,
    ClockAccepted,
}

impl Reason {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Deleted,
        Self::Compromised,
        Self::OwnerLeft,
        Self::RevokedByHolder,
        Self::ParentEnded,
        Self::ReuseDetected,
        Self::Disabled,
        Self::Narrowed,
        Self::Rotated,
        Self::TooManyRevocations,
        Self::ClockAccepted,
    ];
}

/// When, by whom and why something ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub at: u64,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: Reason,
    /// In their own words.
    pub note: Option<String>,
    /// Which of all acts it was.
    pub act: u64,
}

/// A rule that is broken, by the contract's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub enum Refusal {
    NameTaken,
    ExpiryInThePast,
    ExpiryBeyondParent,
    ExpiryBeyondMaximum,
    NeverNotAllowed,
    ScopeNotInCatalogue,
    ScopeBeyondParent,
    ScopeBeyondActor,
    ParentNotFound,
    ParentEnded,
    TooDeep,
    AccessTtlOutOfRange,
    AccessTtlBeyondSettings,
    NotBeforeOutOfRange,
    NetworkBeyondParent,
    AudienceBeyondParent,
    MaxExchangesOutOfRange,
    IdempotencyKeyReused,
    ClockBehind,
    NotFound,
    Ended,
    NotActive,
    GenerationDiffers,
    OverlapOutOfRange,
    OverlapNotOver,
    OwnerNotFound,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    InvalidSubject,
    DelegationRefused,
    InvalidMember,
    AccessTokenExpirationOutOfRange,
    AccessTokenMinimumOutOfRange,
    AccessTokenMaximumOutOfRange,
    AccessTokenBoundsContradict,
    RefreshTokenExpirationOutOfRange,
    RefreshTokenMaximumOutOfRange,
    RefreshTokenExpirationBeyondMaximum,
    DelegationLevelsOutOfRange,
    TombstoneRetentionOutOfRange,
    CreatedInTheFuture,
}
