//! What happened lately: exchanges minute by minute for a day, and how many access tokens can be alive at most.
//!
//! Access tokens are stored nowhere, so nobody can count those that live. What is counted is each one's end when it is given out: whatever
//! else kills some of them earlier, no more than that are alive.

use std::collections::BTreeMap;

use parking_lot::Mutex;

const MINUTE: u64 = 60;
/// Hours that are remembered.
pub const HOURS: usize = 24;
/// Minutes that are remembered, and the one under way. An access token lives no longer than a day either.
const MINUTES: usize = HOURS * 60 + 1;
/// Seconds for which a token may have been counted under the epoch before its own: the live set follows a commit within milliseconds.
const YOUNG: u64 = 2;

/// Exchanges of some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Exchanges {
    /// An access token was given out.
    pub granted: u64,
    /// None was, and whoever asked was at fault.
    pub refused: u64,
}

/// What is remembered.
pub struct Recent {
    since: u64,
    held: Mutex<Held>,
}

struct Held {
    exchanges: Ring<Exchanges>,
    /// The newest epoch under which anything was counted.
    epoch: u64,
    /// Access tokens of that epoch, by the minute in which they end.
    ends: Ring<u64>,
    /// Those of the last seconds, by when they were counted and when they end.
    young: BTreeMap<(u64, u64), u64>,
}

/// Values by minutes, each in the place of the one a day before.
struct Ring<T>(Vec<(u64, T)>);

impl<T: Copy + Default> Ring<T> {
    fn new() -> Self {
        Self(vec![(0, T::default()); MINUTES])
    }

    fn place(minute: u64) -> usize {
        usize::try_from(minute).unwrap_or_default() % MINUTES
    }

    fn at(&mut self, minute: u64, change: impl FnOnce(&mut T)) {
        if let Some(slot) = self.0.get_mut(Self::place(minute)) {
            if slot.0 != minute {
                *slot = (minute, T::default());
            }
            change(&mut slot.1);
        }
    }

    fn of(&self, minute: u64) -> T {
        self.0.get(Self::place(minute)).filter(|slot| slot.0 == minute).map_or_else(T::default, |slot| slot.1)
    }
}

impl Recent {
    /// Nothing yet: it begins at `now` (Unix seconds).
    #[must_use]
    pub fn new(now: u64) -> Self {
        let held = Held { exchanges: Ring::new(), epoch: 0, ends: Ring::new(), young: BTreeMap::new() };
        Self { since: now, held: Mutex::new(held) }
    }

    /// Since when it is counted.
    #[must_use]
    pub const fn since(&self) -> u64 {
        self.since
    }

    /// Counts an exchange at the token endpoint.
    pub(super) fn exchanged(&self, is_granted: bool, now: u64) {
        self.held.lock().exchanges.at(now / MINUTE, |exchanges| {
            let count = if is_granted { &mut exchanges.granted } else { &mut exchanges.refused };
            *count = count.saturating_add(1);
        });
    }

    /// Counts an access token that was given out at `now`, lives for `seconds`, and is not of an epoch before `epoch`.
    pub(super) fn minted(&self, seconds: u64, epoch: u64, now: u64) {
        // A policy of a house's own that lets tokens live longer than the contract says is counted for the day of the contract.
        let end = now.saturating_add(seconds.min(u64::try_from(HOURS).unwrap_or(0) * 60 * MINUTE)) / MINUTE;
        let mut held = self.held.lock();
        held.enter(epoch);
        held.ends.at(end, |count| *count = count.saturating_add(1));
        held.young.retain(|(counted, _), _| counted.saturating_add(YOUNG) >= now);
        let young = held.young.entry((now, end)).or_default();
        *young = young.saturating_add(1);
    }

    /// How many of the access tokens that were given out since [`Recent::since`] are alive at `now`, at most, while `epoch` is in force.
    #[must_use]
    pub fn alive(&self, epoch: u64, now: u64) -> u64 {
        let mut held = self.held.lock();
        held.enter(epoch);
        (0..MINUTES)
            .filter_map(|ahead| Some(held.ends.of((now / MINUTE).checked_add(u64::try_from(ahead).ok()?)?)))
            .sum()
    }

    /// The exchanges of each of the last hours up to `now`, the last one last.
    #[must_use]
    pub fn hours(&self, now: u64) -> [Exchanges; HOURS] {
        let held = self.held.lock();
        let mut hours = [Exchanges::default(); HOURS];
        for (ago, hour) in hours.iter_mut().rev().enumerate() {
            for minute in 0..60_u64 {
                let before = u64::try_from(ago).unwrap_or(u64::MAX).saturating_mul(60).saturating_add(minute);
                let Some(minute) = (now / MINUTE).checked_sub(before) else { continue };
                let counted = held.exchanges.of(minute);
                hour.granted = hour.granted.saturating_add(counted.granted);
                hour.refused = hour.refused.saturating_add(counted.refused);
            }
        }
        hours
    }
}

impl Held {
    /// With an epoch everything dies that it did not give out. What was counted just now may be its own already.
    fn enter(&mut self, epoch: u64) {
        if epoch <= self.epoch {
            return;
        }
        self.epoch = epoch;
        self.ends = Ring::new();
        for ((_, end), count) in std::mem::take(&mut self.young) {
            self.ends.at(end, |counted| *counted = counted.saturating_add(count));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;

    const NOW: u64 = 1_800_000_000;
    const DAY: u64 = 86_400;

    #[test]
    fn exchanges_are_told_by_the_hour_and_forgotten_after_a_day() {
        let recent = Recent::new(NOW);
        recent.exchanged(true, NOW);
        recent.exchanged(false, NOW + 30 * 60);
        let one = |granted, refused| Exchanges { granted, refused };
        assert_eq!(recent.hours(NOW + 30 * 60)[23], one(1, 1));
        let later = recent.hours(NOW + 70 * 60);
        assert_eq!((later[22], later[23]), (one(1, 0), one(0, 1)));
        assert_eq!(recent.hours(NOW + DAY + 60).iter().map(|hour| hour.granted + hour.refused).sum::<u64>(), 1);
        assert_eq!(recent.hours(NOW + 2 * DAY), [Exchanges::default(); HOURS]);
        assert_eq!(recent.hours(0), [Exchanges::default(); HOURS], "a clock that stands at the beginning of time");
    }

    #[test]
    fn a_token_is_alive_until_its_end_and_never_counted_too_short() {
        let recent = Recent::new(NOW);
        for seconds in [1, 60, 900, DAY] {
            recent.minted(seconds, 1, NOW);
        }
        assert_eq!(recent.alive(1, NOW), 4);
        for (after, alive) in [(59, 4), (60, 3), (899, 2), (960, 1), (DAY - 1, 1), (DAY + 60, 0)] {
            assert!(recent.alive(1, NOW + after) >= alive, "{after}");
        }
        assert_eq!(recent.alive(1, NOW + DAY + 60), 0);
    }

    #[test]
    fn an_epoch_ends_what_was_counted_but_for_what_may_be_its_own() {
        let recent = Recent::new(NOW);
        recent.minted(900, 1, NOW);
        recent.minted(900, 1, NOW + 100);
        assert_eq!(recent.alive(1, NOW + 100), 2);
        assert_eq!(recent.alive(2, NOW + 100), 1);
        assert_eq!(recent.alive(1, NOW + 100), 1, "whoever still holds the epoch before brings nothing back");
        recent.minted(900, 3, NOW + 200);
        assert_eq!(recent.alive(3, NOW + 200), 1);
    }
}
