//! How long a guest may compute.
//!
//! The engine interrupts a guest when a number of ticks has passed, but a tick is time on the wall: on a busy machine a
//! thread may be kept from running for longer than a verifier's whole deadline, and a wait for the disk is not the
//! guest's doing either. So a tick is only an occasion to look, and what is counted is the processor time of the thread.
//! The first look is free of that question; it makes the calls that end before it (all but a few) cost nothing.
//!
//! Nor is a thread's processor time all its own: where the machine is one of many on another, it goes on while that one runs others.
//! So of what was used since the last look no more than a tick is charged: who computes is found computing at the next tick, too.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Store, UpdateDeadline};

use crate::engine::TICK;

/// The processor time that a call may take that derives a key of the epoch. With RS256 an epoch that begins searches for two
/// primes: some tenths of a second as a rule, but how long a search takes is chance, and neither a start of the server nor a
/// revocation for which the live set has no room may fail by it.
///
/// Which calls begin an epoch, their names do not tell: an edit, a deletion, a secret that was spent before may. So it is given
/// to whoever asks for the root key, which nothing else is derived from.
pub(crate) const KEY_LIMIT: Duration = Duration::from_secs(30);

/// The processor time that one call may take, and what is known of the current call.
pub(crate) struct Budget {
    limit: Duration,
    /// What this call was charged.
    spent: Duration,
    /// The thread's processor time when this call was last looked at.
    seen: Option<Duration>,
}

impl Budget {
    /// A budget that no call has begun to spend.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, spent: Duration::ZERO, seen: None }
    }

    /// Begins a call that may take `limit`.
    fn renew(&mut self, limit: Duration) {
        *self = Self::new(limit);
    }

    /// Lets the current call take `limit` in all, if it was given less.
    pub(crate) fn raise(&mut self, limit: Duration) {
        self.limit = self.limit.max(limit);
    }

    /// What to do with a guest that still computes when the thread has used `used` of its processor.
    fn look(&mut self, used: Duration) -> UpdateDeadline {
        let since = self.seen.replace(used).map_or(Duration::ZERO, |seen| used.saturating_sub(seen));
        self.spent = self.spent.saturating_add(since.min(TICK));
        if self.spent < self.limit { UpdateDeadline::Continue(1) } else { UpdateDeadline::Interrupt }
    }
}

/// The state of a store that has a budget.
pub(crate) trait Budgeted {
    /// The budget of the store's current call.
    fn budget(&mut self) -> &mut Budget;
}

/// Makes every guest of this store subject to its budget.
pub(crate) fn enforce<T: Budgeted + 'static>(store: &mut Store<T>) {
    store.epoch_deadline_callback(|mut context| Ok(context.data_mut().budget().look(processor_time())));
}

/// Begins a call that may take `limit` of processor time, and no less than that many ticks. Must precede every call.
pub(crate) fn begin<T: Budgeted + 'static>(store: &mut Store<T>, limit: Duration) {
    store.data_mut().budget().renew(limit);
    store.set_epoch_deadline(1);
}

/// The processor time that the calling thread has used.
#[must_use]
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(2);

    fn continues(budget: &mut Budget, used: Duration) -> bool {
        matches!(budget.look(used), UpdateDeadline::Continue(1))
    }

    #[test]
    fn a_thread_that_was_kept_from_running_is_not_charged() {
        let mut budget = Budget::new(LIMIT);
        let used = Duration::from_secs(5);
        for _ in 0..100 {
            assert!(continues(&mut budget, used));
        }
    }

    #[test]
    fn a_machine_that_was_kept_from_running_is_charged_for_a_tick() {
        let mut budget = Budget::new(LIMIT);
        assert!(continues(&mut budget, Duration::from_millis(10)));
        assert!(continues(&mut budget, Duration::from_millis(30)));
        assert!(!continues(&mut budget, Duration::from_millis(50)), "who is found computing again and again computes");
    }

    #[test]
    fn a_guest_that_computes_past_its_limit_is_stopped() {
        let mut budget = Budget::new(LIMIT);
        assert!(continues(&mut budget, Duration::from_millis(10)));
        assert!(continues(&mut budget, Duration::from_micros(10_500)));
        assert!(continues(&mut budget, Duration::from_micros(11_500)));
        assert!(!continues(&mut budget, Duration::from_millis(12)));
    }

    #[test]
    fn a_raised_budget_is_counted_from_the_beginning_of_the_call_and_ends_with_it() {
        let mut budget = Budget::new(LIMIT);
        budget.look(Duration::from_millis(10));
        budget.raise(LIMIT * 2);
        budget.raise(LIMIT);
        for past in 11..=13 {
            assert!(continues(&mut budget, Duration::from_millis(past)), "past the first limit");
        }
        assert!(!continues(&mut budget, Duration::from_millis(14)));
        budget.renew(LIMIT);
        budget.look(Duration::from_millis(20));
        assert!(continues(&mut budget, Duration::from_millis(21)));
        assert!(!continues(&mut budget, Duration::from_millis(22)), "the next call has an ordinary one");
    }

    #[test]
    fn each_call_has_a_budget_of_its_own() {
        let mut budget = Budget::new(LIMIT);
        budget.look(Duration::from_millis(10));
        budget.renew(LIMIT);
        assert!(continues(&mut budget, Duration::from_millis(20)));
    }
}
