//! Who computes for long gives way to whoever verifies.
//!
//! A rank alone is not enough for that: the system leaves a thread that computes alone until its slice ends, and a verdict that comes
//! meanwhile waits for a millisecond or more. So a thread of a pool offers the processor between two calls, where verdicts are asked
//! for. It costs it a good part of its turn, and whoever is answered by it a switch of threads for every answer: where nobody asks
//! for verdicts it is not done.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread computes before it gives way. A call takes some 30 us.
const INTERVAL: Duration = Duration::from_micros(300);
/// How long after a verdict another is expected.
const LATELY: u64 = 100;
/// Calls that wait from which on nothing is offered. More are asked for than can be done then, and whoever answers them does not rest:
/// Linux takes the rest of a slice from a thread that offers it, and nothing would be left for the calls.
const MANY: usize = 64;

/// Since when milliseconds are counted here.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
/// The millisecond of the last verdict, counted from 1. The processors are the process's, and so is this.
static LAST_VERDICT: AtomicU64 = AtomicU64::new(0);

/// Says that a verdict is asked for now.
pub(crate) fn verdict_is_asked_for(now: Instant) {
    let millisecond = millisecond(now);
    // What is only read is not taken from the other threads.
    if LAST_VERDICT.load(Relaxed) != millisecond {
        LAST_VERDICT.store(millisecond, Relaxed);
    }
}

fn millisecond(now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(*BEGUN).as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// What a thread of a pool knows of its own turn.
pub(crate) struct Courtesy {
    computes_since: Instant,
}

impl Courtesy {
    pub(crate) fn new() -> Self {
        Self { computes_since: Instant::now() }
    }

    /// The thread has waited: whoever wanted the processor had it.
    pub(crate) fn rested(&mut self) {
        self.computes_since = Instant::now();
    }

    /// Gives way where that is due, before the next of so many calls that wait.
    pub(crate) fn give_way(&mut self, waiting: usize) {
        let now = Instant::now();
        if self.is_due(waiting, now, LAST_VERDICT.load(Relaxed)) {
            thread::yield_now();
            self.rested();
        }
    }

    fn is_due(&self, waiting: usize, now: Instant, last_verdict: u64) -> bool {
        let computes = now.saturating_duration_since(self.computes_since);
        let verdicts_are_expected = last_verdict > 0 && millisecond(now).saturating_sub(last_verdict) <= LATELY;
        waiting < MANY && computes >= INTERVAL && verdicts_are_expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_computes_for_long_gives_way_where_verdicts_are_asked_for() {
        let begun = *BEGUN;
        let courtesy = Courtesy { computes_since: begun };
        let (soon, due) = (begun + INTERVAL / 2, begun + INTERVAL);
        assert!(courtesy.is_due(0, due, millisecond(begun)));
        assert!(courtesy.is_due(MANY - 1, due, millisecond(begun)));
        assert!(!courtesy.is_due(0, soon, millisecond(begun)), "it has hardly begun");
        assert!(!courtesy.is_due(MANY, due, millisecond(begun)), "it has too much to do");
        assert!(!courtesy.is_due(0, due, 0), "nobody ever asked");
        let later = begun + Duration::from_millis(LATELY + 1);
        assert!(!courtesy.is_due(0, later, millisecond(begun)), "nobody asks any more");
        assert!(courtesy.is_due(0, later, millisecond(begun) + 1));
    }
}
