//! Whether what is stored agrees with itself: for hosts that check a store as a whole. No export of the component asks for it.

use std::collections::BTreeMap;

use super::index;
use crate::{
    keys,
    record::{Epoch, Exchanges, Idempotent, Owner, Record, Rotation, Settings, Spent, Stored, Used},
    seconds::Seconds,
    store::{Direction, Freshness, Item, MAX_READ, MAX_SCAN, Store, Unavailable},
    token_id::TokenId,
};

/// Findings that are told one by one.
const MAX_FINDINGS: usize = 100;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Keys that were looked at.
    pub keys: u64,
    /// Refresh tokens among them, dead ones too.
    pub tokens: u64,
    /// Keys of no kind that these rules write: another policy's, or a later version's.
    pub unknown: u64,
    /// How much is wrong.
    pub wrong: u64,
    /// The first hundred things that are. They name ids, and never a secret or what is kept of one.
    pub findings: Vec<String>,
}

/// Goes through everything: values can be read, every record is found by each of its indexes, every index leads to a record that
/// stands in it. `progress` is told how many keys were looked at.
///
/// # Errors
/// [`Unavailable`].
pub fn check(store: &dyn Store, progress: &mut dyn FnMut(u64)) -> Result<Checked, Unavailable> {
    let mut checked = Checked::default();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = store.scan(b"", after.as_deref(), Direction::Ascending, MAX_SCAN)?;
        let Some(last) = page.items.last() else { return Ok(checked) };
        after = Some(last.key.clone());
        let mut sight = Sight::default();
        for item in &page.items {
            checked.keys = checked.keys.saturating_add(1);
            checked.look(item, &mut sight);
        }
        checked.compare(store, &sight)?;
        progress(checked.keys);
    }
}

/// What the items of a page need to be compared with.
#[derive(Default)]
struct Sight {
    /// Records, and what they are found by.
    records: Vec<(TokenId, Vec<Vec<u8>>)>,
    /// Keys of indexes, and of what they lead to.
    indexes: Vec<(Vec<u8>, TokenId)>,
    /// Cuts, and what the sweeper finds them by.
    cuts: Vec<Vec<u8>>,
}

impl Checked {
    fn find(&mut self, finding: impl FnOnce() -> String) {
        self.wrong = self.wrong.saturating_add(1);
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding());
        }
    }

    fn look(&mut self, item: &Item, sight: &mut Sight) {
        let Item { key, value, .. } = item;
        if let Some(id) = keys::record_of(key) {
            self.tokens = self.tokens.saturating_add(1);
            match Record::from_stored(value) {
                Ok(record) => {
                    let entered = index::entered(id, &record).into_iter().map(|write| write.key);
                    sight.records.push((id, entered.filter(|key| *key != keys::unused(id)).collect()));
                }
                Err(_) => self.find(|| format!("the record of the refresh token {id} cannot be read")),
            }
        } else if keys::is_index(key) {
            match keys::id_at_end(key) {
                Some(id) => sight.indexes.push((key.clone(), id)),
                None => self.find(|| format!("an entry of the index `{}` names nobody", keys::kind(key))),
            }
        } else if let Some((epoch, digest)) = keys::parse_cut(key) {
            match Seconds::from_stored(value) {
                Ok(at) => sight.cuts.push(keys::due(at, epoch, digest)),
                Err(_) => self.find(|| "a cut cannot be read".to_owned()),
            }
        } else {
            match can_be_read(key, value) {
                Some(true) => {}
                Some(false) => self.find(|| format!("a value of `{}` cannot be read", keys::kind(key))),
                None => self.unknown = self.unknown.saturating_add(1),
            }
        }
    }

    fn compare(&mut self, store: &dyn Store, sight: &Sight) -> Result<(), Unavailable> {
        let ids = sight.records.iter().map(|(id, _)| *id).chain(sight.indexes.iter().map(|(_, id)| *id));
        let beside = ids.flat_map(|id| [keys::token(id), keys::used(id), keys::unused(id)]);
        let wanted = sight.records.iter().flat_map(|(_, keys)| keys.iter().cloned());
        let found = found(store, beside.chain(wanted).chain(sight.cuts.iter().cloned()).collect())?;
        let is_there = |key: &[u8]| found.get(key).is_some_and(Option::is_some);
        for (id, entered) in &sight.records {
            for key in entered.iter().filter(|key| !is_there(key)) {
                self.find(|| format!("the index `{}` lacks the refresh token {id}", keys::kind(key)));
            }
            if is_there(&keys::used(*id)) == is_there(&keys::unused(*id)) {
                self.find(|| format!("the refresh token {id} is both used and unused, or neither"));
            }
        }
        let value = |key: &[u8]| found.get(key).and_then(Option::as_deref);
        for (key, id) in &sight.indexes {
            let record = value(&keys::token(*id)).and_then(|value| Record::from_stored(value).ok());
            let used = value(&keys::used(*id)).and_then(|value| Used::from_stored(value).ok());
            let stands = record.is_some_and(|record| {
                index::entered(*id, &record).iter().any(|write| write.key == *key)
                    || used.is_some_and(|used| keys::last_used(used.at, *id) == *key)
            });
            if !stands {
                self.find(|| {
                    format!("the index `{}` has the refresh token {id}, which does not stand there", keys::kind(key))
                });
            }
        }
        for _ in sight.cuts.iter().filter(|due| !is_there(due)) {
            self.find(|| "a cut would never be dropped: the sweeper does not find it".to_owned());
        }
        // When a record was used last, it is found by that.
        let used: Vec<(TokenId, Vec<u8>)> = sight
            .records
            .iter()
            .filter_map(|(id, _)| {
                let used = Used::from_stored(value(&keys::used(*id))?).ok()?;
                Some((*id, keys::last_used(used.at, *id)))
            })
            .collect();
        let by_use = self::found(store, used.iter().map(|(_, key)| key.clone()).collect())?;
        for (id, _) in used.iter().filter(|(_, key)| by_use.get(key).is_none_or(Option::is_none)) {
            self.find(|| format!("the index `last-used` lacks the refresh token {id}"));
        }
        Ok(())
    }
}

/// What lies at some keys.
fn found(store: &dyn Store, mut keys: Vec<Vec<u8>>) -> Result<BTreeMap<Vec<u8>, Option<Vec<u8>>>, Unavailable> {
    keys.sort_unstable();
    keys.dedup();
    let mut found = BTreeMap::new();
    for part in keys.chunks(MAX_READ) {
        let entries = store.read(part, Freshness::Latest)?.entries;
        let values = entries.into_iter().map(|entry| entry.map(|entry| entry.value));
        found.extend(part.iter().cloned().zip(values));
    }
    Ok(found)
}

/// Whether a value beside the records can be read. `None`: these rules write no such key.
fn can_be_read(key: &[u8], value: &[u8]) -> Option<bool> {
    match keys::kind(key) {
        "live" if keys::is_epoch(key) => Some(Epoch::from_stored(value).is_ok_and(|epoch| epoch.key().is_ok())),
        "issuer" => Some(String::from_stored(value).is_ok()),
        "settings" => Some(Settings::from_stored(value).is_ok()),
        "clock" | "maximum-access-ttl" => Some(Seconds::from_stored(value).is_ok()),
        "owner" => Some(Owner::from_stored(value).is_ok()),
        "used" => Some(Used::from_stored(value).is_ok()),
        "exchanges" => Some(Exchanges::from_stored(value).is_ok()),
        "rotation" => Some(Rotation::from_stored(value).is_ok()),
        "spent" => Some(Spent::from_stored(value).is_ok()),
        "idempotent" => Some(Idempotent::from_stored(value).is_ok()),
        "due" => Some(keys::parse_due(key).is_some()),
        "spent-due" | "idempotent-due" | "entomb" | "entomb-owner" | "named" | "jti-cuts" | "uses-open"
        | "uses-gap" | "accepting-clock" => Some(true),
        _ => None,
    }
}
