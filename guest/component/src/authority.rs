//! The authority over the host, and the words that several interfaces share.

use jeton_policy::{
    authority::{Actor, ActorError, Authority},
    record::{Ending, Reason},
    seconds::Seconds,
};

use crate::{bindings::jeton::policy::types, host::Host};

thread_local! {
    static AUTHORITY: Authority = Authority::new(Host, Host, Host, Host);
}

/// Calls the one authority of this instance.
pub(crate) fn with<R>(call: impl FnOnce(&Authority) -> R) -> R {
    AUTHORITY.with(call)
}

/// An actor whose claims are none was never given a token by this authority.
pub(crate) fn actor(actor: &types::Actor) -> Result<Actor, ActorError> {
    match actor {
        types::Actor::Machine => Ok(Actor::Machine),
        types::Actor::Token(token) => Actor::bearer(&token.client_id, &token.subject, &token.scopes),
    }
}

pub(crate) fn ending(ending: Ending) -> types::Ending {
    types::Ending { at: ending.at.0, by: ending.by, reason: ending.reason.into(), note: ending.note }
}

pub(crate) fn given_ending(ending: types::Ending) -> Ending {
    Ending { at: Seconds(ending.at), by: ending.by, reason: ending.reason.into(), note: ending.note }
}

impl From<Reason> for types::Reason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Deleted => Self::Deleted,
            Reason::Compromised => Self::Compromised,
            Reason::Superseded => Self::Superseded,
            Reason::Unused => Self::Unused,
            Reason::OwnerLeft => Self::OwnerLeft,
            Reason::RevokedByHolder => Self::RevokedByHolder,
            Reason::ParentEnded => Self::ParentEnded,
            Reason::ReuseDetected => Self::ReuseDetected,
            Reason::Disabled => Self::Disabled,
            Reason::Narrowed => Self::Narrowed,
            Reason::Rotated => Self::Rotated,
            Reason::TooManyRevocations => Self::TooManyRevocations,
            Reason::ClockAccepted => Self::ClockAccepted,
        }
    }
}

impl From<types::Reason> for Reason {
    fn from(reason: types::Reason) -> Self {
        match reason {
            types::Reason::Deleted => Self::Deleted,
            types::Reason::Compromised => Self::Compromised,
            types::Reason::Superseded => Self::Superseded,
            types::Reason::Unused => Self::Unused,
            types::Reason::OwnerLeft => Self::OwnerLeft,
            types::Reason::RevokedByHolder => Self::RevokedByHolder,
            types::Reason::ParentEnded => Self::ParentEnded,
            types::Reason::ReuseDetected => Self::ReuseDetected,
            types::Reason::Disabled => Self::Disabled,
            types::Reason::Narrowed => Self::Narrowed,
            types::Reason::Rotated => Self::Rotated,
            types::Reason::TooManyRevocations => Self::TooManyRevocations,
            types::Reason::ClockAccepted => Self::ClockAccepted,
        }
    }
}
