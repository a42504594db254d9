//! Tombstones of what descends from ended tokens and owners. They have ended already: this writes it down.

use super::MAX_ENTOMBED;
use crate::{
    authority::{
        Authority, decoded,
        ending::{Entombing, inherited_tombstone},
    },
    keys,
    record::Record,
    store::{Check, CommitError, Direction, Freshness, Item, Unavailable, Write},
    token_id::TokenId,
};

/// A work item: an ended token or owner, the index of what descends from it at once, and how far that was gone through.
struct Work {
    item: Item,
    index: Vec<u8>,
}

impl Authority {
    /// Goes through at most [`MAX_ENTOMBED`] ended owners, ended tokens and tokens below them, and makes those tombstones that are none
    /// yet; they are work items themselves then, so that the whole tree follows. `None`: there was nothing to do.
    pub(in crate::authority) fn entomb_some(&self) -> Result<Option<u32>, CommitError> {
        let work = self.work()?;
        if work.is_empty() {
            return Ok(None);
        }
        let mut entombing = Entombing::default();
        let (mut candidates, mut left) = (Vec::new(), MAX_ENTOMBED);
        for Work { item, index } in work {
            if left == 0 {
                break;
            }
            let after = (!item.value.is_empty()).then_some(item.value.as_slice());
            let found = self.store.scan(&index, after, Direction::Ascending, left)?.items;
            let is_last = u32::try_from(found.len()).unwrap_or(u32::MAX) < left;
            left = left.saturating_sub(u32::try_from(found.len()).unwrap_or(left)).saturating_sub(1);
            candidates.extend(found.iter().filter_map(|item| keys::id_at_end(&item.key)));
            let reached = found.into_iter().next_back().map(|item| item.key).filter(|_| !is_last);
            // An owner who ends once more meanwhile writes the item anew: this check notices it.
            entombing.checks.push(Check { key: item.key.clone(), version: Some(item.version) });
            entombing.writes.push(Write { key: item.key, value: reached });
        }
        candidates.sort_unstable();
        candidates.dedup();
        let entombed = self.entomb(&candidates, &mut entombing)?;
        self.store.commit(entombing.checks, entombing.writes)?;
        Ok(Some(entombed))
    }

    fn work(&self) -> Result<Vec<Work>, Unavailable> {
        let owners = self.store.scan(keys::ENTOMB_OWNERS, None, Direction::Ascending, MAX_ENTOMBED)?.items;
        let tokens = self.store.scan(keys::ENTOMB, None, Direction::Ascending, MAX_ENTOMBED)?.items;
        let of_owner = |item: Item| {
            let owner = item.key.strip_prefix(keys::ENTOMB_OWNERS).and_then(|owner| str::from_utf8(owner).ok());
            owner.map(keys::owned_prefix).map(|index| Work { item, index })
        };
        let of_token =
            |item: Item| keys::id_at_end(&item.key).map(keys::children_prefix).map(|index| Work { item, index });
        Ok(owners.into_iter().filter_map(of_owner).chain(tokens.into_iter().filter_map(of_token)).collect())
    }

    /// Adds the tombstones of those among `ids` that have ended without being tombstones; gives how many.
    fn entomb(&self, ids: &[TokenId], entombing: &mut Entombing) -> Result<u32, Unavailable> {
        let wanted: Vec<_> = ids.iter().map(|id| keys::token(*id)).collect();
        if wanted.is_empty() {
            return Ok(0);
        }
        // What has ended never comes back, so how they stand may be read after the records.
        let records = self.store.read(&wanted, Freshness::Latest)?.entries;
        let mut entombed = 0_u32;
        for ((id, record), token) in ids.iter().zip(records).zip(self.tokens(ids)?) {
            let Some((record, version)) = decoded::<Record>(record.as_ref())? else { continue };
            let Some(ending) = token.and_then(|token| token.ending).filter(|_| record.ending.is_none()) else {
                continue;
            };
            entombing.add(*id, &record, version, inherited_tombstone(&record, ending));
            entombed = entombed.saturating_add(1);
        }
        Ok(entombed)
    }
}
