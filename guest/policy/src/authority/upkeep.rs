//! Upkeep: dropping cuts that can hit nothing any more, and moving the clock's mark.

use super::{
    Authority,
    cuts::COMMIT_GUARD,
    decoded,
    epochs::mark_at,
    standing::MaximumAccessTtl,
    time::{MARK_STEP, Time},
};
use crate::{
    keys,
    store::{Check, CommitError, Direction, Unavailable, Write},
};

/// The most cuts dropped in one step, so that a step never holds up a request for long.
pub const MAX_SWEPT: u32 = 500;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// How many cuts were dropped.
    pub dropped: u32,
    /// Whether there is more to do at once.
    pub more: bool,
}

impl Authority {
    /// The time, without writing anything.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn time(&self) -> Result<Time, Unavailable> {
        let reading = self.clock.now();
        let [clock] = self.read([keys::CLOCK.to_vec()])?;
        Ok(Time::new(reading, decoded(clock.as_ref())?.map(|(mark, _)| mark)))
    }

    /// Drops at most [`MAX_SWEPT`] cuts whose every possible victim has expired: those made longer ago than the largest
    /// access TTL that was ever in force and [`COMMIT_GUARD`]. The mark moves, in the same commit, to the time that justified it.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn sweep(&self) -> Result<Swept, Unavailable> {
        let reading = self.clock.now();
        let [clock, maximum] = self.read([keys::CLOCK.to_vec(), keys::MAXIMUM_ACCESS_TTL.to_vec()])?;
        let mark = decoded(clock.as_ref())?;
        let time = Time::new(reading, mark.map(|(mark, _)| mark));
        let maximum = MaximumAccessTtl::decode(maximum.as_ref())?;
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
        if dropped == 0 && !is_mark_due {
            return Ok(Swept { dropped, more: false });
        }
        writes.push(mark_at(time));
        match self.store.commit(checks, writes) {
            Ok(_) => Ok(Swept { dropped, more: dropped == MAX_SWEPT }),
            // Somebody moved the mark or the maximum, or cut anew: the next step sees it.
            Err(CommitError::Conflict) => Ok(Swept { dropped: 0, more: true }),
            Err(CommitError::Unavailable) => Err(Unavailable),
        }
    }
}
