//! What is told in the audit log of the calls of an authority: who, what, whom it was about, from where.
//!
//! What an act is called and what is told of it stands beside the call itself ([`crate::AuthorityCall`]), so that no call can be made
//! without it. The policy commits its act inside that call; the host attaches the entry to that very commit.

mod acts;
mod origin;

use std::borrow::Cow;

use jeton_policy::{keys, store::Write, token_id::TokenId};
use jeton_store::audit::{Entry, MAX_TARGETS};
use serde_json::{Value, json};

pub(crate) use acts::*;
pub use origin::{Addresses, Origin};

use crate::wit::types::Actor;

/// An act of a call that is under way.
pub(crate) struct Act {
    actor: Cow<'static, str>,
    /// The `sub` of the actor's token, where it says more.
    subject: Option<String>,
    name: &'static str,
    members: Vec<(&'static str, Value)>,
    which: Which,
    /// Commits of the call that were told.
    told: u32,
}

/// How the host wants a call told that is part of an act of its own.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) act: &'static str,
    pub(crate) members: Vec<(&'static str, String)>,
}

/// Which commits of a call are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Every one.
    All,
    /// Those that write the record of a refresh token: the call is no administrator's, and mostly changes none.
    OfRecords,
}

impl Act {
    fn new(name: &'static str, actor: &Actor) -> Self {
        let (actor, subject) = match actor {
            Actor::Machine => (Cow::Borrowed("machine"), None),
            Actor::Token(token) => (
                Cow::Owned(token.client_id.clone()),
                Some(token.subject.clone()).filter(|subject| *subject != token.client_id),
            ),
        };
        Self { actor, subject, name, members: Vec::new(), which: Which::All, told: 0 }
    }

    /// Of somebody who is known by what he holds, or of nobody.
    fn of(actor: impl Into<Cow<'static, str>>, name: &'static str) -> Self {
        Self { actor: actor.into(), subject: None, name, members: Vec::new(), which: Which::All, told: 0 }
    }

    /// As the host calls it, and what it tells beside it.
    pub(crate) fn told_as(mut self, told: Telling) -> Self {
        self.name = told.act;
        self.members.extend(told.members.into_iter().map(|(name, value)| (name, Value::String(value))));
        self
    }

    fn of_records(self) -> Self {
        Self { which: Which::OfRecords, ..self }
    }

    fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// What is told of a commit of the call. More than a batch of targets makes several entries.
    pub(crate) fn entries(&self, at: u64, origin: Option<&Origin>, shown: Addresses, writes: &[Write]) -> Vec<Entry> {
        if self.which == Which::OfRecords && !writes.iter().any(|write| keys::record_of(&write.key).is_some()) {
            return Vec::new();
        }
        let targets = ids(writes, keys::record_of);
        let ended = ids(writes, keys::tombstone_of);
        let mut entry = Entry::new(at, &self.actor, self.name, "done");
        entry = entry.with_some("subject", self.subject.clone());
        for (name, value) in &self.members {
            entry = entry.with(name, value.clone());
        }
        if !self.name.starts_with("epoch.") && writes.iter().any(|write| keys::is_epoch(&write.key)) {
            entry = entry.with("epoch_advanced", true);
        }
        let clients = ids(writes, keys::cut_singly);
        if !clients.is_empty() {
            entry = entry.with("clients", clients);
        }
        if self.told > 0 {
            entry = entry.with("part", json!(self.told.saturating_add(1)));
        }
        let entry = origin.map_or(entry.clone(), |origin| origin.tell(entry, shown));
        if targets.is_empty() {
            return vec![entry];
        }
        let part = |part: &[String]| {
            let ended: Vec<&str> =
                part.iter().filter(|id| ended.binary_search(id).is_ok()).map(String::as_str).collect();
            let entry = entry.clone().with("targets", part.to_vec());
            // As a rule an act ends all that it touches, or none of it.
            match ended.len() {
                0 => entry,
                all if all == part.len() => entry.with("ended", true),
                _ => entry.with("ended", ended),
            }
        };
        targets.chunks(MAX_TARGETS).map(part).collect()
    }

    /// Notes that a commit was told.
    pub(crate) fn told(&mut self) {
        self.told = self.told.saturating_add(1);
    }
}

/// Whom the keys of a commit are about, in order.
fn ids(writes: &[Write], of: impl Fn(&[u8]) -> Option<TokenId>) -> Vec<String> {
    let written = writes.iter().filter(|write| write.value.is_some());
    let mut ids: Vec<String> = written.filter_map(|write| of(&write.key)).map(|id| id.to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests;
