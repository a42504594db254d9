//! What is answered, by names.

use super::{Name, TOLERANCE};
use crate::{Deletion, Settings, State};

/// An answer, as far as the model can give one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub enum Answer {
    /// The caller's access token is not alive.
    CallerRefused,
    /// The rule that was named, in the words of the API with hyphens.
    Refused(String),
    /// `secret: None`: a repetition of a call that showed it.
    Created {
        token: Name,
        secret: Option<Name>,
        record: Box<Record>,
    },
    Minted {
        access: Name,
        scopes: Vec<String>,
        expires_in: u64,
        refresh_expires_in: Option<u64>,
        successor: Option<Name>,
    },
    Delegated {
        token: Name,
        secret: Name,
        scopes: Vec<String>,
        expires_in: Option<u64>,
        successor: Option<Name>,
    },
    Shown(Box<Record>),
    Rotated {
        secret: Name,
        record: Box<Record>,
    },
    Alive {
        client: Name,
        subject: String,
        scopes: Vec<String>,
    },
    Dead,
    Deletions(Vec<Deletion>),
    Done,
    Settings(Box<Settings>),
    Epoch(u64),
}

/// A refresh token as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub struct Record {
    pub name: String,
    pub owner: Option<String>,
    pub parent: Option<Name>,
    pub depth: u64,
    pub scopes: Vec<String>,
    pub state: State,
    pub created_by: String,
    pub expires_at: Option<u64>,
    pub access_ttl: u64,
    pub audiences: Vec<String>,
    pub max_exchanges: Option<u64>,
    pub exchanges_left: Option<u64>,
    pub may_delegate: bool,
    pub rotates_on_use: bool,
    pub superseded_until: Option<u64>,
    pub generation: u64,
    /// By whom it was disabled, where that is how it stands.
    pub disabled_by: Option<String>,
    /// By whom and why it ended.
    pub ended: Option<(String, String)>,
}

impl Record {
    /// The first member that differs. `endings`: all ends that may be told.
    pub(super) fn difference(&self, seen: &Self, endings: &[(String, String)]) -> Option<String> {
        let told = match &seen.ended {
            None => endings.is_empty(),
            Some(ending) => endings.contains(ending),
        };
        let members = [
            ("name", self.name == seen.name),
            ("owner", self.owner == seen.owner),
            ("parent", self.parent == seen.parent),
            ("depth", self.depth == seen.depth),
            ("scopes", self.scopes == seen.scopes),
            ("state", self.state == seen.state),
            ("created_by", self.created_by == seen.created_by),
            ("expires_at", are_close(self.expires_at, seen.expires_at)),
            ("access_ttl", self.access_ttl == seen.access_ttl),
            ("audiences", self.audiences == seen.audiences),
            ("max_exchanges", self.max_exchanges == seen.max_exchanges),
            ("exchanges_left", self.exchanges_left == seen.exchanges_left),
            ("may_delegate", self.may_delegate == seen.may_delegate),
            ("rotates_on_use", self.rotates_on_use == seen.rotates_on_use),
            ("superseded_until", are_close(self.superseded_until, seen.superseded_until)),
            ("generation", self.generation == seen.generation),
            ("disabled_by", self.disabled_by == seen.disabled_by),
            ("ended", told),
        ];
        let (member, _) = members.into_iter().find(|(_, same)| !same)?;
        Some(format!("its {member} differs from that of {}", self.told()))
    }

    /// What matters most of it, on a line.
    pub(super) fn told(&self) -> String {
        let mut told =
            format!("{:?} at generation {}, scopes {:?}", self.state, self.generation, self.scopes.join(" "));
        if let Some(left) = self.exchanges_left {
            told += &format!(", {left} exchanges left");
        }
        if let Some((by, why)) = &self.ended {
            told += &format!(", {why} by {by}");
        }
        told
    }
}

/// Whether two moments, or two spans, are the same but for the passing of time.
pub(super) fn are_close(one: Option<u64>, other: Option<u64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) <= TOLERANCE,
        (one, other) => one == other,
    }
}
