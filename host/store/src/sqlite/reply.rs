//! What a commit is answered, from the writer to the one who waits for it.
//!
//! A channel of the standard library spins and yields before it sleeps. Whoever waits here waits for a sync, and sleeps at once: on a
//! machine with few cores the writer and the others have them meanwhile.

use std::sync::Arc;

use jeton_policy::store::CommitError;
use parking_lot::{Condvar, Mutex};

type Outcome = Result<u64, CommitError>;

#[derive(Default)]
struct Slot {
    outcome: Mutex<Option<Outcome>>,
    given: Condvar,
}

/// The writer's end. Dropped without an answer it is `Unavailable`: what was done with the commit is not known then.
pub(super) struct Reply(Arc<Slot>);

/// The end of whoever waits.
pub(super) struct Waiting(Arc<Slot>);

/// Both ends.
pub(super) fn reply() -> (Reply, Waiting) {
    let slot = Arc::<Slot>::default();
    (Reply(Arc::clone(&slot)), Waiting(slot))
}

impl Reply {
    /// Answers; whoever waited may be gone.
    pub(super) fn give(self, outcome: Outcome) {
        *self.0.outcome.lock() = Some(outcome);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.0.outcome.lock().get_or_insert(Err(CommitError::Unavailable));
        self.0.given.notify_one();
    }
}

impl Waiting {
    /// Waits for the answer.
    pub(super) fn wait(self) -> Outcome {
        let mut outcome = self.0.outcome.lock();
        loop {
            match outcome.take() {
                Some(outcome) => return outcome,
                None => self.0.given.wait(&mut outcome),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_given_the_answer_whenever_it_comes() {
        for outcome in [Ok(7), Err(CommitError::Conflict)] {
            let (before, waiting) = reply();
            before.give(outcome);
            assert_eq!(waiting.wait(), outcome);
            let (later, waiting) = reply();
            let answering = std::thread::spawn(move || later.give(outcome));
            assert_eq!(waiting.wait(), outcome);
            assert!(answering.join().is_ok());
        }
    }

    #[test]
    fn who_waits_for_a_writer_that_is_gone_learns_that_nothing_is_known() {
        let (gone, waiting) = reply();
        drop(gone);
        assert_eq!(waiting.wait(), Err(CommitError::Unavailable));
    }
}
