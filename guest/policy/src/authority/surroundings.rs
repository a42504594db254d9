//! Everything that the state of some tokens depends on, and how it is read: what they descend from, whose they are, what is counted.

use std::collections::{BTreeMap, BTreeSet};

use super::{Authority, decoded, show::Head};
use crate::{
    keys,
    record::{Exchanges, Owner, Record, RecordError, Stored},
    store::{Check, Entry, Freshness, MAX_READ, Unavailable},
    token_id::TokenId,
};

/// Everything that the state of some tokens depends on.
pub(super) struct Surroundings {
    pub(super) head: Head,
    /// The tokens that are shown, and all that they descend from.
    pub(super) records: BTreeMap<TokenId, Record>,
    pub(super) owners: BTreeMap<String, Owner>,
    pub(super) exchanges: BTreeMap<TokenId, Exchanges>,
    /// That what the tokens descend from, and whose all that is, are as they were read: for the commit of an act that follows from it.
    pub(super) unchanged: Vec<Check>,
}

impl Authority {
    /// The records of `ids`, and all that they descend from: of one moment, where they fit into one read.
    pub(super) fn surroundings(&self, head: &Head, ids: &[TokenId]) -> Result<Surroundings, Unavailable> {
        let mut around = Surroundings::of(head.clone());
        around.records = self.stored(ids.iter().copied(), keys::token)?;
        // What a token descends from and whose it is stays for good, so what else there is to read is known for good, too.
        let ancestors: BTreeSet<TokenId> =
            around.records.values().flat_map(|record| record.ancestors.iter().copied()).collect();
        let missing: Vec<TokenId> = ancestors.iter().copied().filter(|id| !around.records.contains_key(id)).collect();
        let above: BTreeMap<TokenId, Record> = self.stored(missing.into_iter(), keys::token)?;
        let records = around.records.values().chain(above.values());
        let owners: BTreeSet<String> = records.filter_map(|record| record.owner.clone()).collect();
        let is_counted = |record: &Record| record.bindings.as_ref().is_some_and(|one| one.max_exchanges.is_some());
        let counted = ids.iter().filter(|id| around.records.get(id).is_some_and(is_counted));
        let beyond = ancestors.iter().map(|id| Kept::Above(*id)).chain(owners.into_iter().map(Kept::Owner));
        let beyond: Vec<Kept> = beyond.chain(counted.map(|id| Kept::Exchanges(*id))).collect();
        if beyond.is_empty() {
            return Ok(around);
        }
        let everything: Vec<Kept> = ids.iter().map(|id| Kept::Shown(*id)).chain(beyond).collect();
        around.records.clear();
        for part in everything.chunks(MAX_READ) {
            let wanted: Vec<_> = part.iter().map(Kept::key).collect();
            let entries = self.store.read(&wanted, Freshness::Latest)?.entries;
            for ((kept, key), entry) in part.iter().zip(wanted).zip(entries) {
                around.keep(kept, key, entry.as_ref())?;
            }
        }
        Ok(around)
    }

    /// The stored values at the keys of `of`, as far as they are there.
    pub(super) fn stored<I: Ord + Clone, T: Stored>(
        &self,
        of: impl Iterator<Item = I>,
        key: impl Fn(I) -> Vec<u8>,
    ) -> Result<BTreeMap<I, T>, Unavailable> {
        let of: Vec<I> = of.collect();
        let mut found = BTreeMap::new();
        for part in of.chunks(MAX_READ) {
            let wanted: Vec<_> = part.iter().map(|one| key(one.clone())).collect();
            let entries = self.store.read(&wanted, Freshness::Latest)?.entries;
            for (one, entry) in part.iter().zip(entries) {
                if let Some((value, _)) = decoded(entry.as_ref())? {
                    found.insert(one.clone(), value);
                }
            }
        }
        Ok(found)
    }
}

/// Something that the state of tokens depends on.
enum Kept {
    /// The record of a token that is shown.
    Shown(TokenId),
    /// That of one that they descend from.
    Above(TokenId),
    /// Whose one of them is.
    Owner(String),
    /// How often one was exchanged.
    Exchanges(TokenId),
}

impl Kept {
    fn key(&self) -> Vec<u8> {
        match self {
            Self::Shown(id) | Self::Above(id) => keys::token(*id),
            Self::Owner(name) => keys::owner(name),
            Self::Exchanges(id) => keys::exchanges(*id),
        }
    }
}

impl Surroundings {
    /// Nothing but what every token is seen by.
    pub(super) fn of(head: Head) -> Self {
        Self {
            head,
            records: BTreeMap::new(),
            owners: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            unchanged: Vec::new(),
        }
    }

    /// Takes in what was found at `key`.
    fn keep(&mut self, kept: &Kept, key: Vec<u8>, entry: Option<&Entry>) -> Result<(), RecordError> {
        match kept {
            Kept::Shown(id) | Kept::Above(id) => {
                self.records.extend(decoded(entry)?.map(|(record, _)| (*id, record)));
            }
            Kept::Owner(name) => self.owners.extend(decoded(entry)?.map(|(owner, _)| (name.clone(), owner))),
            Kept::Exchanges(id) => self.exchanges.extend(decoded(entry)?.map(|(exchanges, _)| (*id, exchanges))),
        }
        if matches!(kept, Kept::Above(_) | Kept::Owner(_)) {
            self.unchanged.push(Check { key, version: entry.map(|entry| entry.version) });
        }
        Ok(())
    }
}
