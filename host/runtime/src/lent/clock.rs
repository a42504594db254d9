//! `wasi:clocks/wall-clock`: what time it is, and what becomes of a clock that goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bindings::wasi::clocks::wall_clock::{Datetime, Host};
use crate::lent::LentState;

/// A clock: seconds since 1970-01-01T00:00:00Z, and nanoseconds.
pub type Clock = Arc<dyn Fn() -> (u64, u32) + Send + Sync>;

/// A step back that the policy tolerates, in seconds: time stands still until the clock has caught up.
const TOLERATED: u64 = 10;

/// The latest time that this process has seen its clock show, in seconds. All verifiers and all authority instances share one:
/// what one of them has seen expire, none of them revives.
#[derive(Debug, Default)]
pub(crate) struct Latest(AtomicU64);

impl Latest {
    /// The time to go by when the clock shows `now`: never earlier than what was seen before.
    pub(crate) fn at(&self, now: u64) -> u64 {
        // Written once a second; read from the cache by everybody else.
        let latest = self.0.load(Ordering::Relaxed);
        if now <= latest { latest } else { self.0.fetch_max(now, Ordering::Relaxed).max(now) }
    }

    /// How many seconds `now` is behind it.
    pub(crate) fn ahead_of(&self, now: u64) -> u64 {
        self.0.load(Ordering::Relaxed).saturating_sub(now)
    }

    /// The latest time that was seen.
    pub(crate) fn seen(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Forgets what was seen after `time`: an administrator says that the clock stood wrong then.
    pub(crate) fn accept(&self, time: u64) {
        self.0.fetch_min(time, Ordering::Relaxed);
    }

    /// What is lent to the policy when the clock shows this.
    ///
    /// The policy mints nothing while the clock is too far behind its stored mark. The mark lags, this process knows better: a
    /// clock that went back too far is lent as standing in 1970, which is behind any mark.
    fn lend(&self, (seconds, nanoseconds): (u64, u32)) -> (u64, u32) {
        let latest = self.at(seconds);
        match latest.saturating_sub(seconds) {
            0 => (seconds, nanoseconds),
            1..=TOLERATED => (latest, 0),
            _ => (0, 0),
        }
    }
}

/// The system's clock. A system that stands before 1970 stands at 1970: the policy's high-water mark refuses it then.
pub(super) fn system() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (since.as_secs(), since.subsec_nanos())
    })
}

impl Host for LentState {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        let shown = (self.lent.clock)();
        let as_it_is = self.clock_as_it_is || self.lent.bare_clock;
        let (seconds, nanoseconds) = if as_it_is { shown } else { self.lent.latest.lend(shown) };
        Ok(Datetime { seconds, nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        Ok(Datetime { seconds: 0, nanoseconds: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back_for_verifiers() {
        let latest = Latest::default();
        assert_eq!((latest.at(100), latest.at(90), latest.at(101)), (100, 100, 101));
    }

    #[test]
    fn an_accepted_time_is_gone_by_although_a_later_one_was_seen() {
        let latest = Latest::default();
        assert_eq!(latest.at(1_000), 1_000);
        latest.accept(500);
        assert_eq!((latest.seen(), latest.lend((501, 7))), (500, (501, 7)));
        latest.accept(900);
        assert_eq!(latest.at(502), 502, "accepting never leads forward");
    }

    #[test]
    fn a_small_step_back_stands_still_and_a_larger_one_is_behind_any_mark() {
        let latest = Latest::default();
        assert_eq!(latest.lend((1_000, 5)), (1_000, 5));
        assert_eq!(latest.lend((999, 5)), (1_000, 0));
        assert_eq!(latest.lend((990, 5)), (1_000, 0));
        assert_eq!(latest.lend((989, 5)), (0, 0));
        assert_eq!(latest.lend((500, 5)), (0, 0));
        assert_eq!(latest.lend((1_001, 5)), (1_001, 5));
    }
}
