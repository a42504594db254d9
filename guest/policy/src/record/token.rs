//! A refresh token as it lies in the store.

use minicbor::{Decode, Encode};

use super::Settings;
use crate::{
    network::Networks,
    scope::CONSOLE,
    seconds::Seconds,
    token_id::{LineageId, TokenId},
};

/// Whose act it was where a bearer acted on what it holds.
pub const BY_HOLDER: &str = "holder";
/// Whose act it was where nobody acted but the rules.
pub const BY_POLICY: &str = "policy";
/// How many ended lives of a token or an owner are remembered: enough to explain every access token of the last TTL, since
/// only the lives of that time matter, and an administrator hardly ends more of them within it.
pub const MAX_PAST_LIVES: usize = 16;

/// Why a refresh token, or a life of it, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Reason {
    /// An administrator deleted it and gave no other reason.
    #[n(0)]
    Deleted,
    /// It may have leaked.
    #[n(1)]
    Compromised,
    /// Another one took its place.
    #[n(2)]
    Superseded,
    /// Nobody uses it any more.
    #[n(3)]
    Unused,
    /// Its owner is gone.
    #[n(4)]
    OwnerLeft,
    /// Its bearer gave it back.
    #[n(5)]
    RevokedByHolder,
    /// Something that it descends from ended.
    #[n(6)]
    ParentEnded,
    /// A secret that was spent before was presented again.
    #[n(7)]
    ReuseDetected,
    /// It was disabled.
    #[n(8)]
    Disabled,
    /// Its expiry was shortened, or its scopes, networks or audiences were narrowed.
    #[n(9)]
    Narrowed,
    /// Its secret was replaced at once.
    #[n(10)]
    Rotated,
    /// More of its access tokens were revoked one by one than the live set has room for.
    #[n(11)]
    TooManyRevocations,
    /// It expired by a clock that was found to be wrong.
    #[n(12)]
    ClockAccepted,
}

impl Reason {
    /// Whether an administrator may give it: the others say what the policy found or did itself.
    #[must_use]
    pub const fn may_be_given(self) -> bool {
        matches!(self, Self::Deleted | Self::Compromised | Self::Superseded | Self::Unused | Self::OwnerLeft)
    }
}

/// When, by whom and why something ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Ending {
    /// When.
    #[n(0)]
    pub at: Seconds,
    /// Whose act: a `client_id`, `machine`, [`BY_HOLDER`] or [`BY_POLICY`].
    #[n(1)]
    pub by: String,
    /// Why.
    #[n(2)]
    pub reason: Reason,
    /// In the actor's own words.
    #[n(3)]
    pub note: Option<String>,
}

/// A life of a token or an owner that was cut: what descends from it is dead.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PastLife {
    /// The life.
    #[n(0)]
    pub lineage: LineageId,
    /// How it ended.
    #[n(1)]
    pub ending: Ending,
}

/// What ties a refresh token down beside its scopes and its expiry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Bindings {
    /// It is exchanged from this moment on.
    #[n(0)]
    pub not_before: Option<Seconds>,
    /// It is exchanged from these networks alone. Empty: from everywhere.
    #[n(1)]
    pub networks: Networks,
    /// Its access tokens carry the networks, and hold in them alone.
    #[n(2)]
    pub networks_in_access_tokens: bool,
    /// Its access tokens are for one of these, the first unless another is asked for. Empty: for the issuer, or whatever is asked for.
    #[n(3)]
    pub audiences: Vec<String>,
    /// It is exchanged so many times. `None`: any number.
    #[n(4)]
    pub max_exchanges: Option<u64>,
}

impl Bindings {
    /// As it lies in a record: `None` where it ties nothing down.
    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// How a refresh token behaves in its holder's hands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Conduct {
    /// Its holder may issue refresh tokens under it (RFC 8693).
    #[n(0)]
    pub may_delegate: bool,
    /// Each exchange replaces its secret (RFC 9700 section 4.14.2).
    #[n(1)]
    pub rotates_on_use: bool,
}

impl Conduct {
    /// As it lies in a record: `None` where it is the default.
    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// A secret that was replaced, and is taken for a while still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Superseded {
    /// SHA-256 of it.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub secret: [u8; 32],
    /// It is taken before this moment, and nothing that it mints outlives it.
    #[n(1)]
    pub until: Seconds,
}

/// A refresh token. Only administrative writes change it, so its version moves with those alone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// SHA-256 of the secret. A tombstone has none. Where the secret is replaced by each use, the first one.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub secret: Option<[u8; 32]>,
    /// The life that its access tokens descend from.
    #[n(2)]
    pub lineage: LineageId,
    /// Whose it is.
    #[n(3)]
    pub owner: Option<String>,
    /// What it descends from, nearest first.
    #[n(4)]
    pub ancestors: Vec<TokenId>,
    /// What it is good for, separated by spaces.
    #[n(5)]
    pub scope: String,
    /// When it was made.
    #[n(6)]
    pub created_at: Seconds,
    /// Whose act: a `client_id` or `machine`.
    #[n(7)]
    pub created_by: String,
    /// When it expires. `None`: never. See [`Record::expiry`].
    #[n(8)]
    pub expires_at: Option<Seconds>,
    /// How long its access tokens live. `None`: the setting.
    #[n(9)]
    pub access_ttl: Option<Seconds>,
    /// Raised by every administrative write.
    #[n(10)]
    pub generation: u64,
    /// What remains of a dead one.
    #[n(11)]
    pub ending: Option<Ending>,
    /// The life of its owner that it was issued in.
    #[n(12)]
    pub owner_lineage: Option<LineageId>,
    /// When, by whom and why it was disabled. `None`: it is enabled.
    #[n(13)]
    pub disabled: Option<Ending>,
    /// `None` is none. See [`Record::bindings`].
    #[n(14)]
    pub bindings: Option<Bindings>,
    /// `None` is the default. See [`Record::conduct`].
    #[n(15)]
    pub conduct: Option<Conduct>,
    /// The secret before the last rotation.
    #[n(16)]
    pub superseded: Option<Superseded>,
    /// The lives that ended, newest first, at most [`MAX_PAST_LIVES`].
    #[n(17)]
    pub past: Option<Vec<PastLife>>,
}

impl Record {
    /// When it expires by its own date and by the settings. `None`: never. Settings are for what scripts hold: an account lives as
    /// long as it is there, and the host says how long a session lives.
    #[must_use]
    pub fn expiry(&self, settings: &Settings) -> Option<Seconds> {
        if self.is_of_console() {
            return self.expires_at;
        }
        let by_setting = settings.refresh_token_maximum.map(|maximum| self.created_at.plus(maximum));
        match (self.expires_at, by_setting) {
            (Some(own), Some(capped)) => Some(own.min(capped)),
            (own, capped) => own.or(capped),
        }
    }

    /// Whether people sign in with it: it is an account's token or a session.
    #[must_use]
    pub fn is_of_console(&self) -> bool {
        self.scope.split(' ').any(|scope| scope == CONSOLE)
    }

    /// What ties it down.
    #[must_use]
    pub fn bindings(&self) -> Bindings {
        self.bindings.clone().unwrap_or_default()
    }

    /// How it behaves.
    #[must_use]
    pub fn conduct(&self) -> Conduct {
        self.conduct.unwrap_or_default()
    }

    /// Begins the life `next`; the one until now is over, and the caller cuts it.
    pub fn begin_life(&mut self, next: LineageId, ending: Ending) {
        let mut past = self.past.take().unwrap_or_default();
        past.insert(0, PastLife { lineage: self.lineage, ending });
        past.truncate(MAX_PAST_LIVES);
        self.past = Some(past);
        self.lineage = next;
    }
}
