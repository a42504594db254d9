//! The policy's words for the model's, and the other way round.

use std::net::{Ipv4Addr, Ipv6Addr};

use jeton_model::{Actor, Ask, Bindings, Edit, Ending, Expiry, Network, Reason, State, Used};
use jeton_policy::{
    authority::{self, AskedBindings, IssueRequest},
    network::Address,
    record::{self, Conduct},
    seconds::Seconds,
};

pub(crate) fn seconds(of: Option<u64>) -> Option<Seconds> {
    of.map(Seconds)
}

pub(crate) fn actor(actor: &Actor) -> authority::Actor {
    match &actor.scopes {
        None => authority::Actor::Machine,
        Some(scopes) => authority::Actor::token(&actor.name, scopes).unwrap(),
    }
}

pub(crate) fn expiry(expiry: Expiry) -> authority::Expiry {
    match expiry {
        Expiry::BySetting => authority::Expiry::BySetting,
        Expiry::After(span) => authority::Expiry::After(Seconds(span)),
        Expiry::At(at) => authority::Expiry::At(Seconds(at)),
        Expiry::Never => authority::Expiry::Never,
    }
}

pub(crate) fn text(network: &Network) -> String {
    match network.width {
        32 => format!("{}/{}", Ipv4Addr::from(u32::try_from(network.first).unwrap()), network.length),
        _ => format!("{}/{}", Ipv6Addr::from(network.first), network.length),
    }
}

pub(crate) fn texts(networks: &[Network]) -> Vec<String> {
    networks.iter().map(text).collect()
}

pub(crate) fn address(host: Network) -> Address {
    match host.width {
        32 => Address::V4(u32::try_from(host.first).unwrap().to_be_bytes()),
        _ => Address::v6(host.first.to_be_bytes()),
    }
}

pub(crate) fn bindings(bindings: &Bindings) -> AskedBindings {
    AskedBindings {
        not_before: seconds(bindings.not_before),
        networks: texts(&bindings.networks),
        networks_in_access_tokens: bindings.networks_in_access_tokens,
        audiences: bindings.audiences.clone(),
        max_exchanges: bindings.max_exchanges,
    }
}

/// `parent`: the id of the one that is asked for.
pub(crate) fn request(ask: &Ask, parent: Option<String>) -> IssueRequest {
    IssueRequest {
        name: ask.name.clone(),
        expiry: expiry(ask.expiry),
        scopes: ask.scopes.clone(),
        parent,
        owner: ask.owner.clone(),
        access_ttl: seconds(ask.access_ttl),
        bindings: bindings(&ask.bindings),
        conduct: Conduct { may_delegate: ask.may_delegate, rotates_on_use: ask.rotates_on_use },
        idempotency_key: ask.key.clone(),
    }
}

pub(crate) fn edit(edit: &Edit) -> authority::Edit {
    authority::Edit {
        name: edit.name.clone(),
        expiry: edit.expiry.map(expiry),
        enabled: edit.enabled,
        scopes: edit.scopes.clone(),
        access_ttl: edit.access_ttl.map(seconds),
        not_before: edit.not_before.map(seconds),
        networks: edit.networks.as_deref().map(texts),
        networks_in_access_tokens: edit.networks_in_access_tokens,
        audiences: edit.audiences.clone(),
        max_exchanges: edit.max_exchanges,
        may_delegate: edit.may_delegate,
        rotates_on_use: edit.rotates_on_use,
        note: edit.note.clone(),
    }
}

pub(crate) fn last_use(used: &Used) -> authority::LastUse {
    authority::LastUse { at: Seconds(used.at), address: used.address.clone(), count: used.count }
}

pub(crate) fn reason(reason: Reason) -> record::Reason {
    match reason {
        Reason::Deleted => record::Reason::Deleted,
        Reason::Compromised => record::Reason::Compromised,
        Reason::OwnerLeft => record::Reason::OwnerLeft,
        Reason::RevokedByHolder => record::Reason::RevokedByHolder,
        Reason::ParentEnded => record::Reason::ParentEnded,
        Reason::ReuseDetected => record::Reason::ReuseDetected,
        Reason::Disabled => record::Reason::Disabled,
        Reason::Narrowed => record::Reason::Narrowed,
        Reason::Rotated => record::Reason::Rotated,
        Reason::TooManyRevocations => record::Reason::TooManyRevocations,
        Reason::ClockAccepted => record::Reason::ClockAccepted,
    }
}

pub(crate) fn ending(ending: &Ending) -> record::Ending {
    record::Ending {
        at: Seconds(ending.at),
        by: ending.by.clone(),
        reason: reason(ending.reason),
        note: ending.note.clone(),
    }
}

pub(crate) fn state(state: State) -> authority::State {
    match state {
        State::Active => authority::State::Active,
        State::Disabled => authority::State::Disabled,
        State::Expired => authority::State::Expired,
        State::Deleted => authority::State::Deleted,
    }
}
