//! Whether two books are alike: everything that can be asked from now on would be answered the same.
//!
//! The order in which the model gave out its numbers, and the order of acts within a round, are no part of it: two clients that
//! created something at the same time lead to one book, whoever is taken to be the first.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{Book, Name};
use crate::{Ending, TokenNumber};

impl Book {
    /// A fingerprint. Two that differ are never taken for alike but by a collision of 128 bits. `counts_cuts`: so many access tokens
    /// may be ended one by one that it matters how many were.
    pub(super) fn likeness(&self, counts_cuts: bool) -> u128 {
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            salt.hash(&mut hasher);
            self.write_likeness(counts_cuts, &mut hasher);
            u128::from(hasher.finish())
        };
        half(1) << 64 | half(2)
    }

    fn write_likeness(&self, counts_cuts: bool, to: &mut impl Hasher) {
        let model = &self.model;
        let names: BTreeMap<TokenNumber, &Name> = self.tokens.iter().map(|(name, number)| (*number, name)).collect();
        let named: BTreeMap<usize, &Name> = self.access.iter().map(|(name, number)| (*number, name)).collect();
        (&model.settings, model.clock, model.mark, model.longest_ttl, self.epoch, self.is_later).hash(to);
        for (name, number) in &self.tokens {
            let token = &model.tokens[*number];
            (name, &token.name, &token.owner, token.parent.map(|parent| names.get(&parent)), &token.scopes).hash(to);
            (token.created_at, &token.created_by, token.expires_at, token.access_ttl, &token.bindings).hash(to);
            (token.may_delegate, token.rotates_on_use, token.generation, token.exchanges, token.removed).hash(to);
            (token.owner_left, &token.secrets, Some(&token.single_cuts).filter(|_| counts_cuts)).hash(to);
            token.disabled.as_ref().map(told).hash(to);
            let mut endings: Vec<_> = token.endings.iter().map(told).collect();
            endings.sort_unstable();
            endings.hash(to);
        }
        self.secrets.iter().for_each(|(name, held)| (name, names.get(&held.token), held.secret).hash(to));
        for (name, number) in &self.access {
            let access = &model.access[*number];
            (name, names.get(&access.token), access.parent.map(|parent| named.get(&parent)), access.epoch).hash(to);
            (access.issued_at, access.expires_at, &access.scopes, &access.audience, &access.subject).hash(to);
            (&access.networks, access.deaths.is_empty()).hash(to);
        }
        for (key, (_, token, at)) in &model.remembered {
            (key, names.get(token), at).hash(to);
        }
    }
}

/// An end without its place among all acts.
fn told(ending: &Ending) -> (u64, &str, String, Option<&str>) {
    (ending.at, &ending.by, format!("{:?}", ending.reason), ending.note.as_deref())
}
