//! The end of tombstones: a record whose time is over goes, and every key that it has.

use super::{MAX_REMOVED, MAX_SWEPT, Moment};
use crate::{
    authority::{Authority, decoded},
    digest::Digest,
    keys,
    record::{Record, Spent, Stored as _, Used},
    seconds::Seconds,
    store::{Check, CommitError, Direction, Unavailable, Write},
    token_id::TokenId,
};

/// What a step removes.
#[derive(Default)]
struct Removal {
    checks: Vec<Check>,
    writes: Vec<Write>,
}

impl Authority {
    /// Removes at most [`MAX_REMOVED`] tombstones that are older than the setting. `None`: there was none.
    ///
    /// What descends from one is a tombstone by then, so nothing that is left needs it to know its own end.
    pub(super) fn remove_some(&self, moment: &Moment) -> Result<Option<u32>, CommitError> {
        let kept_for = moment.settings.tombstone_retention();
        let found = self.store.scan(keys::ENDED, None, Direction::Ascending, MAX_REMOVED)?.items;
        let over: Vec<_> = found
            .iter()
            .map_while(|item| {
                let at = keys::moment(keys::ENDED, &item.key)?;
                (moment.time.now >= at.plus(kept_for)).then(|| keys::id_at_end(&item.key).map(|id| (at, id)))?
            })
            .collect();
        let mut removal = Removal::default();
        let mut removed = 0_u32;
        for (at, id) in &over {
            let spent = self.remove_spent(*id, &mut removal)?;
            if spent {
                // As many as a step may: the tombstone goes when the last of them has gone.
                break;
            }
            self.remove_token(*at, *id, &mut removal)?;
            removed = removed.saturating_add(1);
        }
        if over.is_empty() {
            return Ok(None);
        }
        self.store.commit(removal.checks, removal.writes)?;
        Ok(Some(removed))
    }

    /// Removes spent secrets of a token; gives whether there are more than a step may remove.
    fn remove_spent(&self, id: TokenId, removal: &mut Removal) -> Result<bool, Unavailable> {
        let room = MAX_SWEPT.saturating_sub(u32::try_from(removal.writes.len()).unwrap_or(MAX_SWEPT)) / 2;
        let prefix = keys::spent_prefix(id);
        let spent = self.store.scan(&prefix, None, Direction::Ascending, room.saturating_add(1))?.items;
        let is_full = spent.len() > usize::try_from(room).unwrap_or(0);
        for item in spent.into_iter().take(usize::try_from(room).unwrap_or(0)) {
            let spent = Spent::from_stored(&item.value)?;
            if let Some(secret) = item.key.last_chunk().copied().map(Digest) {
                removal.writes.push(Write { key: keys::spent_due(spent.at, id, &secret), value: None });
            }
            removal.writes.push(Write { key: item.key, value: None });
        }
        Ok(is_full)
    }

    fn remove_token(&self, ended_at: Seconds, id: TokenId, removal: &mut Removal) -> Result<(), Unavailable> {
        let [record, used] = self.read([keys::token(id), keys::used(id)])?;
        let mut gone = vec![keys::ended(ended_at, id)];
        let record = decoded::<Record>(record.as_ref())?;
        // A work item: what descends from it is not written down yet. The commit fails then, and that is done first.
        removal.checks.push(Check { key: keys::entomb(id), version: None });
        removal.checks.push(Check { key: keys::token(id), version: record.as_ref().map(|(_, version)| *version) });
        let is_its_end = |record: &Record| record.ending.as_ref().is_some_and(|ending| ending.at == ended_at);
        if let Some((record, _)) = record.filter(|(record, _)| is_its_end(record)) {
            let used = decoded::<Used>(used.as_ref())?;
            removal.checks.push(Check { key: keys::used(id), version: used.as_ref().map(|(_, version)| *version) });
            gone.extend(used.map(|(used, _)| keys::last_used(used.at, id)));
            gone.push(keys::expires(record.expires_at, id));
            gone.extend(record.owner.as_ref().map(|owner| keys::owned(owner, id)));
            gone.extend(record.ancestors.first().map(|parent| keys::child(*parent, id)));
            gone.extend([keys::token(id), keys::name(&record.name, id), keys::unused(id), keys::used(id)]);
            gone.extend([keys::exchanges(id), keys::rotation(id), keys::jti_cuts(id)]);
            let named = keys::named(&record.name);
            let [holder] = self.read([named.clone()])?;
            if let Some((holder, version)) = decoded::<TokenId>(holder.as_ref())?
                && holder == id
            {
                removal.checks.push(Check { key: named.clone(), version: Some(version) });
                gone.push(named);
            }
        }
        removal.writes.extend(gone.into_iter().map(|key| Write { key, value: None }));
        Ok(())
    }
}
