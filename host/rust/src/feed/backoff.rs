//! How long to wait before the authority is asked again.

use std::time::Duration;

/// The first step after a failure.
const FIRST: Duration = Duration::from_millis(100);
/// The longest step. An authority that is back is found within a second.
const LONGEST: Duration = Duration::from_secs(1);
/// The longest that the authority itself may say: more than the lease would only be waiting for nothing.
const LONGEST_TOLD: Duration = Duration::from_secs(5);

/// Steps that double, each drawn at random up to its length: edges that failed together do not come back together.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// All is well.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure; `chance` is drawn evenly from 0 to 1, and `told` is what the authority says.
    pub(crate) fn next(&mut self, chance: f64, told: Option<Duration>) -> Duration {
        let step = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(chance.clamp(0.0, 1.0)).max(told.unwrap_or(Duration::ZERO).min(LONGEST_TOLD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double_up_to_a_second_and_begin_anew() {
        let mut backoff = Backoff::default();
        let millis: Vec<u128> = (0..6).map(|_| backoff.next(1.0, None).as_millis()).collect();
        assert_eq!(millis, [100, 200, 400, 800, 1000, 1000]);
        for _ in 0..100_000 {
            assert!(backoff.next(1.0, None) <= LONGEST);
        }
        backoff.reset();
        assert_eq!(backoff.next(0.5, None).as_millis(), 50);
    }

    #[test]
    fn what_the_authority_says_counts_where_it_is_longer_and_not_too_long() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(1.0, Some(Duration::from_secs(3))), Duration::from_secs(3));
        assert_eq!(backoff.next(1.0, Some(Duration::from_secs(3600))), LONGEST_TOLD);
        assert_eq!(backoff.next(1.0, Some(Duration::ZERO)), Duration::from_millis(400));
    }
}
