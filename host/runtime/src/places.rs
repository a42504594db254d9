//! Places: how many threads of a pool compute at a time.
//!
//! More of them than processors would only wait for each other. But a thread that waits for the disk computes nothing: it gives
//! its place to another for that time, so that a call that commits holds up none that does not.

use std::cell::RefCell;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

thread_local! {
    /// What the current call of this thread has a place among.
    static TAKEN: RefCell<Option<Arc<Places>>> = const { RefCell::new(None) };
}

/// A number of places.
pub(crate) struct Places {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Places {
    pub(crate) fn new(number: usize) -> Self {
        Self { free: Mutex::new(number), freed: Condvar::new() }
    }

    /// Waits for a place, and has it until what is given back is dropped.
    pub(crate) fn take(self: &Arc<Self>) -> Place {
        self.wait();
        TAKEN.set(Some(Arc::clone(self)));
        Place(Arc::clone(self))
    }

    fn wait(&self) {
        let mut free = self.free.lock();
        self.freed.wait_while(&mut free, |free| *free == 0);
        *free = free.saturating_sub(1);
    }

    fn leave(&self) {
        let mut free = self.free.lock();
        *free = free.saturating_add(1);
        self.freed.notify_one();
    }
}

/// A place that a thread has.
pub(crate) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.take();
        self.0.leave();
    }
}

/// Waits for the disk by `wait`. Until it is done, the place that this thread has, if any, is another's.
pub(crate) fn lend_while<R>(wait: impl FnOnce() -> R) -> R {
    let _again = TAKEN.with_borrow(Clone::clone).map(|places| {
        places.leave();
        Again(places)
    });
    wait()
}

/// Takes a place that was lent again, also where the wait panicked.
struct Again(Arc<Places>);

impl Drop for Again {
    fn drop(&mut self) {
        self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use std::thread;

    use super::*;

    fn free(places: &Places) -> usize {
        *places.free.lock()
    }

    #[test]
    fn a_place_is_anothers_while_its_thread_waits_and_then_its_own_again() {
        let places = Arc::new(Places::new(1));
        let place = places.take();
        assert_eq!(free(&places), 0);
        lend_while(|| {
            let other = Arc::clone(&places);
            // Without the place of this thread it would wait for ever.
            thread::spawn(move || drop(other.take())).join().unwrap();
        });
        assert_eq!(free(&places), 0);
        drop(place);
        assert_eq!(free(&places), 1);
        assert_eq!(lend_while(|| free(&places)), 1, "who has no place lends none");
    }

    #[test]
    fn no_place_is_lost_where_a_wait_panics() {
        let places = Arc::new(Places::new(1));
        let panicking = Arc::clone(&places);
        let thread = thread::spawn(move || {
            let _place = panicking.take();
            lend_while(|| std::panic::resume_unwind(Box::new(())));
        });
        assert!(thread.join().is_err());
        assert_eq!(free(&places), 1);
    }
}
