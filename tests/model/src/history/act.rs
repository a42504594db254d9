//! What is asked, by names.

use super::{Answer, Name};
use crate::{Ask, Edit, Network, Reason, Setting, TokenAsk};

/// One call of a client and its answer, with the ticks of a common clock around it: one that ended at a lower tick than another
/// began was over before.
#[derive(Debug, Clone)]
pub struct Call {
    /// Whose.
    pub client: usize,
    /// The tick before it was sent.
    pub begun: u64,
    /// The tick after its answer had come.
    pub ended: u64,
    /// What the clock showed when the round began that the call is of, in seconds.
    pub at: u64,
    /// The access token that it was made with, where one is shown.
    pub by: Option<Name>,
    /// What was asked.
    pub act: Act,
    /// What was answered.
    pub answer: Answer,
}

/// What a call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub enum Act {
    /// `parent` stands here, not in the ask.
    Create {
        ask: Box<Ask>,
        parent: Option<Name>,
    },
    Exchange {
        secret: Name,
        ask: TokenAsk,
        by_rfc_8693: bool,
    },
    Delegate {
        secret: Name,
        ask: TokenAsk,
    },
    ExchangeAccess {
        access: Name,
        ask: TokenAsk,
    },
    /// Whoever calls asks about a token: another one, or its own.
    Introspect {
        access: Name,
    },
    ForwardAuth {
        access: Name,
        peer: Option<Network>,
    },
    Show {
        token: Name,
    },
    Edit {
        token: Name,
        edit: Box<Edit>,
        generation: Option<u64>,
    },
    Rotate {
        token: Name,
        overlap: u64,
        generation: Option<u64>,
    },
    Delete {
        tokens: Vec<Name>,
        reason: Reason,
    },
    DeleteOwned {
        owner: String,
        reason: Reason,
    },
    DeleteAccess {
        access: Name,
        reason: Reason,
    },
    GiveBack {
        secret: Name,
    },
    GiveBackAccess {
        access: Name,
    },
    Advance,
    Set {
        change: Setting,
        generation: Option<u64>,
        at_once: bool,
        dry_run: bool,
    },
    ShowSettings,
    ShowEpoch,
}

impl Act {
    /// Whether the right to ask is judged first, by itself, and the act happens later: an administrator's token that is alive when
    /// the request arrives may have died when its act takes effect.
    pub(super) fn is_admitted_first(&self) -> bool {
        !matches!(
            self,
            Self::Exchange { .. }
                | Self::Delegate { .. }
                | Self::ExchangeAccess { .. }
                | Self::Introspect { .. }
                | Self::ForwardAuth { .. }
                | Self::GiveBack { .. }
                | Self::GiveBackAccess { .. }
        )
    }
}
