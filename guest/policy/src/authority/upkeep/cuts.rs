//! Dropping cuts that can hit nothing any more, and moving the clock's mark.

use super::{MAX_SWEPT, Moment};
use crate::{
    authority::{Authority, cuts::COMMIT_GUARD, epochs::mark_at, time::MARK_STEP},
    keys,
    store::{Check, CommitError, Direction, Write},
};

impl Authority {
    /// Drops at most [`MAX_SWEPT`] cuts whose every possible victim has expired: those made longer ago than the largest
    /// access TTL that was ever in force and [`COMMIT_GUARD`]. The mark moves, in the same commit, to the time that justified it.
    pub(super) fn drop_cuts(&self, moment: &Moment) -> Result<u32, CommitError> {
        let Moment { time, mark, maximum, .. } = moment;
        let kept_for = maximum.seconds.plus(COMMIT_GUARD);
        let found = self.store.scan(keys::DUE, None, Direction::Ascending, MAX_SWEPT)?.items;
        let due = found
            .into_iter()
            .filter_map(|item| keys::parse_due(&item.key).map(|parsed| (item, parsed)))
            .take_while(|(_, (cut_at, _, _))| time.now > cut_at.plus(kept_for));
        let mut checks = vec![
            Check { key: keys::MAXIMUM_ACCESS_TTL.to_vec(), version: maximum.version },
            Check { key: keys::CLOCK.to_vec(), version: mark.map(|(_, version)| version) },
        ];
        let mut writes = Vec::new();
        let mut dropped = 0_u32;
        for (item, (_, epoch, digest)) in due {
            // A cut that was written again has another due key: this check notices it.
            checks.push(Check { key: item.key.clone(), version: Some(item.version) });
            writes.push(Write { key: item.key, value: None });
            writes.push(Write { key: keys::cut(epoch, digest), value: None });
            dropped = dropped.saturating_add(1);
        }
        let is_mark_due = time.now >= mark.map(|(mark, _)| mark).unwrap_or_default().plus(MARK_STEP);
        if dropped > 0 || is_mark_due {
            writes.push(mark_at(*time));
            self.store.commit(checks, writes)?;
        }
        Ok(dropped)
    }
}
