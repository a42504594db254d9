//! The policy's time: the host's clock, but never back.

use crate::{ports::Reading, seconds::Seconds};

/// How far the host's clock may go back before nothing is minted any more. Within it, time stands still.
pub const TOLERATED_STEP_BACK: Seconds = Seconds(10);
/// How coarse the stored high-water mark is: one write in so many seconds at most.
pub(super) const MARK_STEP: Seconds = Seconds(10);

/// The time of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// The time to go by: the clock, or the high-water mark while the clock is behind it.
    pub now: Seconds,
    /// The same, rounded up: what a promise counts from.
    pub rounded_up: Seconds,
    /// How far the clock is behind the mark.
    pub behind_by: Seconds,
}

impl Time {
    /// The time at a reading of the clock, given the highest time that was reached before.
    pub(super) fn new(reading: Reading, mark: Option<Seconds>) -> Self {
        let mark = mark.unwrap_or_default();
        Self {
            now: reading.seconds.max(mark),
            rounded_up: reading.rounded_up().max(mark),
            behind_by: mark.since(reading.seconds),
        }
    }

    /// Whether the clock is so far behind that nothing may be minted.
    pub(super) fn is_behind(self) -> bool {
        self.behind_by > TOLERATED_STEP_BACK
    }
}
