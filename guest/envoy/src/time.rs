//! Time as Envoy's host lends it: two clocks, neither of which is trusted alone.

use core::time::Duration;

use jeton_policy::seconds::Seconds;

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since some moment of this process' life; it never goes back, and may stand still while the machine sleeps.
    pub monotonic: Duration,
    /// Since 1970-01-01T00:00:00Z; it may be set.
    pub wall: Duration,
}

impl Now {
    /// Unix time.
    #[must_use]
    pub fn unix(&self) -> Seconds {
        Seconds(self.wall.as_secs())
    }

    /// How long ago `earlier` was, at most: the larger of what both clocks say, in whole seconds, rounded up.
    #[must_use]
    pub fn since(&self, earlier: &Now) -> Seconds {
        let monotonic = self.monotonic.saturating_sub(earlier.monotonic);
        let span = monotonic.max(self.wall.saturating_sub(earlier.wall));
        Seconds(span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_that_went_further_counts_and_a_begun_second_is_a_second() {
        let at =
            |monotonic, wall| Now { monotonic: Duration::from_millis(monotonic), wall: Duration::from_millis(wall) };
        assert_eq!(at(5_000, 90_000).since(&at(5_000, 90_000)), Seconds(0));
        assert_eq!(at(5_001, 90_000).since(&at(5_000, 90_000)), Seconds(1));
        assert_eq!(at(8_000, 90_000).since(&at(5_000, 90_000)), Seconds(3));
        assert_eq!(at(8_000, 9_000).since(&at(5_000, 90_000)), Seconds(3), "a clock that was set back");
        assert_eq!(at(5_000, 94_500).since(&at(5_000, 90_000)), Seconds(5), "a machine that slept");
    }
}
