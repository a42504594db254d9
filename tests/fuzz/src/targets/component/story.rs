//! What was given out in a story, and hostile variations of it.

use std::collections::HashSet;

use jeton_runtime::wit::{
    refresh_tokens::{Bindings, Expiry},
    types::{ActingToken, Actor, IpAddress, Reason},
};

use super::TARGET;
use crate::{choices::Choices, mutation::mutated_text, reached::Reached, world::START};

/// What the authority has given out so far, and what came of the calls.
#[derive(Default, Clone)]
pub(super) struct Story {
    /// Secrets of refresh tokens.
    pub(super) secrets: Vec<String>,
    /// Ids of refresh tokens.
    pub(super) ids: Vec<String>,
    /// Access tokens.
    pub(super) access: Vec<String>,
    /// Their ids.
    pub(super) jtis: Vec<String>,
    /// Cursors of any list.
    pub(super) cursors: HashSet<String>,
    /// Live documents.
    pub(super) documents: Vec<Vec<u8>>,
    /// Outcomes, to be noted.
    pub(super) outcomes: Vec<&'static str>,
}

impl Story {
    /// Notes whether a call was granted.
    pub(super) fn outcome(&mut self, is_granted: bool, granted: &'static str, refused: &'static str) {
        self.outcomes.push(if is_granted { granted } else { refused });
    }

    /// Hands the outcomes on.
    pub(super) fn note(&mut self, reached: &mut Reached) {
        for outcome in self.outcomes.drain(..) {
            reached.note(outcome);
        }
    }

    /// A secret of a refresh token, or what may look like one.
    pub(super) fn secret(&self, choices: &mut Choices<'_>) -> String {
        among(choices, &[&self.secrets, &self.secrets, &self.access, &self.ids])
    }

    /// An access token, or what may look like one.
    pub(super) fn access_token(&self, choices: &mut Choices<'_>) -> String {
        among(choices, &[&self.access, &self.access, &self.secrets, &self.jtis])
    }

    /// An id of a refresh token, or what may look like one.
    pub(super) fn id(&self, choices: &mut Choices<'_>) -> String {
        among(choices, &[&self.ids, &self.ids, &self.ids, &self.jtis])
    }

    /// An id of an access token, or what may look like one.
    pub(super) fn jti(&self, choices: &mut Choices<'_>) -> String {
        among(choices, &[&self.jtis, &self.jtis, &self.ids])
    }

    /// No cursor, one that was given out, or what may look like one.
    pub(super) fn cursor(&self, choices: &mut Choices<'_>) -> Option<String> {
        let mut known: Vec<String> = self.cursors.iter().cloned().collect();
        known.sort();
        maybe(choices, |choices| among(choices, &[&known, &known, &self.ids]))
    }

    /// The machine, or a bearer of anything.
    pub(super) fn actor(&self, choices: &mut Choices<'_>) -> Actor {
        if choices.below(3) != 0 {
            return Actor::Machine;
        }
        Actor::Token(ActingToken { client_id: self.id(choices), subject: owner(choices), scopes: scopes(choices) })
    }
}

/// One of several lists' words whole, after damage, or something else altogether.
fn among(choices: &mut Choices<'_>, lists: &[&[String]]) -> String {
    let list = choices.one_of(lists);
    if list.is_empty() {
        return hostile(choices);
    }
    let word = &list[choices.below(list.len())];
    match choices.below(8) {
        0 => hostile(choices),
        1 | 2 => mutated_text(choices, word, TARGET.words),
        _ => word.clone(),
    }
}

/// Text that nobody expects.
pub(super) fn hostile(choices: &mut Choices<'_>) -> String {
    match choices.below(8) {
        0 => String::new(),
        1 => "\0".to_owned(),
        2 => "a".repeat(choices.one_of(&[1, 200, 201, 8_192, 8_193, 70_000])),
        3 => "\u{10ffff}\u{202e}\r\n".repeat(1 + choices.below(60)),
        4 => choices.one_of(TARGET.words).to_owned(),
        _ => choices.text(60),
    }
}

/// Something, or nothing.
pub(super) fn maybe<T>(choices: &mut Choices<'_>, make: impl FnOnce(&mut Choices<'_>) -> T) -> Option<T> {
    choices.flag().then(|| make(choices))
}

/// Words, more often good than hostile.
fn words(choices: &mut Choices<'_>, good: &[&str], most: usize) -> Vec<String> {
    let count = if choices.below(24) == 0 { 1_200 } else { choices.below(most) };
    (0..count)
        .map(|_| if choices.below(10) == 0 { hostile(choices) } else { choices.one_of(good).to_owned() })
        .collect()
}

pub(super) fn scopes(choices: &mut Choices<'_>) -> Vec<String> {
    words(choices, &["orders", "orders:read", "jeton:read", "jeton:introspect", "jeton:admin"], 4)
}

pub(super) fn networks(choices: &mut Choices<'_>) -> Vec<String> {
    words(choices, &["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "::/0"], 3)
}

pub(super) fn audiences(choices: &mut Choices<'_>) -> Vec<String> {
    words(choices, &["https://api.example", "https://other.example/x", "urn:x:y"], 3)
}

pub(super) fn name(choices: &mut Choices<'_>) -> String {
    if choices.below(4) == 0 {
        hostile(choices)
    } else {
        choices.one_of(&["nightly job", "backup", "n\u{fc}"]).to_owned()
    }
}

pub(super) fn owner(choices: &mut Choices<'_>) -> String {
    if choices.below(4) == 0 { hostile(choices) } else { choices.one_of(&["alice", "bob", "carol"]).to_owned() }
}

pub(super) fn note(choices: &mut Choices<'_>) -> Option<String> {
    maybe(choices, |choices| if choices.flag() { "as ordered".to_owned() } else { hostile(choices) })
}

pub(super) fn reason(choices: &mut Choices<'_>) -> Reason {
    choices.one_of(&[Reason::Deleted, Reason::Compromised, Reason::Unused, Reason::OwnerLeft, Reason::ReuseDetected])
}

pub(super) fn moment(choices: &mut Choices<'_>) -> u64 {
    choices.number_near(START)
}

pub(super) fn span(choices: &mut Choices<'_>) -> u64 {
    choices.number_near(900)
}

pub(super) fn expiry(choices: &mut Choices<'_>) -> Expiry {
    match choices.below(5) {
        0 => Expiry::After(span(choices)),
        1 => Expiry::At(moment(choices)),
        2 => Expiry::Never,
        _ => Expiry::BySetting,
    }
}

pub(super) fn bindings(choices: &mut Choices<'_>) -> Bindings {
    if choices.flag() {
        return Bindings::default();
    }
    Bindings {
        not_before: maybe(choices, moment),
        networks: networks(choices),
        networks_in_access_tokens: choices.flag(),
        audiences: audiences(choices),
        max_exchanges: maybe(choices, |choices| choices.number_near(3)),
    }
}

pub(super) fn peer(choices: &mut Choices<'_>) -> Option<IpAddress> {
    maybe(choices, |choices| match choices.below(4) {
        0 => IpAddress::V6((choices.number(), choices.number())),
        1 => IpAddress::V6((0, 0xffff_c000_0201)),
        2 => IpAddress::V4(choices.number() as u32),
        _ => IpAddress::V4(0xc000_0201),
    })
}
