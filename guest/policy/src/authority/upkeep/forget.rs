//! Spent secrets and remembered requests whose time is over.

use super::{MAX_SWEPT, Moment};
use crate::{
    authority::{Authority, REMEMBERED_FOR, decoded, presentation::SPENT_KEPT},
    digest::Digest,
    keys,
    record::Idempotent,
    seconds::Seconds,
    store::{Check, CommitError, Direction, Freshness, Item, Unavailable, Write},
};

impl Authority {
    /// Forgets spent secrets and requests, as many as a step may; gives how many.
    pub(super) fn forget_some(&self, moment: &Moment) -> Result<u32, CommitError> {
        let now = moment.time.now;
        let secrets = self.over(keys::SPENT_DUE, now, SPENT_KEPT)?;
        let left = (MAX_SWEPT / 2).saturating_sub(u32::try_from(secrets.len()).unwrap_or(MAX_SWEPT));
        let requests = if left == 0 { Vec::new() } else { self.over(keys::IDEMPOTENT_DUE, now, REMEMBERED_FOR)? };
        let (mut checks, mut writes) = (Vec::new(), Vec::new());
        let mut forgotten = 0_u32;
        for item in &secrets {
            writes.push(Write { key: item.key.clone(), value: None });
            writes.extend(keys::spent_of_due(&item.key).map(|key| Write { key, value: None }));
            forgotten = forgotten.saturating_add(1);
        }
        let of: Vec<Digest> = requests.iter().filter_map(|item| item.key.last_chunk().copied().map(Digest)).collect();
        let wanted: Vec<_> = of.iter().map(keys::idempotent).collect();
        let known = if wanted.is_empty() { Vec::new() } else { self.store.read(&wanted, Freshness::Latest)?.entries };
        for ((item, of), known) in requests.iter().zip(&of).zip(known) {
            writes.push(Write { key: item.key.clone(), value: None });
            forgotten = forgotten.saturating_add(1);
            let known = decoded::<Idempotent>(known.as_ref()).map_err(Unavailable::from)?;
            // Made anew since, it has another due key.
            if let Some((known, version)) = known
                && keys::moment(keys::IDEMPOTENT_DUE, &item.key) == Some(known.at)
            {
                checks.push(Check { key: keys::idempotent(of), version: Some(version) });
                writes.push(Write { key: keys::idempotent(of), value: None });
            }
        }
        if !writes.is_empty() {
            self.store.commit(checks, writes)?;
        }
        Ok(forgotten)
    }

    /// The first keys of an index by time that are older than `kept_for`; half of what a step may, since each names another key.
    fn over(&self, index: &[u8], now: Seconds, kept_for: Seconds) -> Result<Vec<Item>, Unavailable> {
        let found = self.store.scan(index, None, Direction::Ascending, MAX_SWEPT / 2)?.items;
        let is_over = |item: &Item| keys::moment(index, &item.key).is_some_and(|at| now >= at.plus(kept_for));
        Ok(found.into_iter().take_while(is_over).collect())
    }
}
