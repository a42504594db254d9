//! What may be shown: nothing that the observer has not heard of yet.
//!
//! A commit is in the engine a moment before its observer has heard of it. Whoever read it in that moment would know more than the
//! verifiers: a refresh token refused because it was deleted, while its access tokens are still accepted; an access token minted in
//! an epoch that no verifier has loaded, and refused where it is presented. So who has read it waits until the observer knows.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

/// The revision up to which the observer has heard of everything.
#[derive(Default)]
pub(crate) struct Announced {
    revision: AtomicU64,
    /// Nobody will announce anything any more, or the store is about to be opened anew.
    is_closed: Mutex<bool>,
    changed: Condvar,
}

impl Announced {
    /// From now on what was read up to `revision` may be shown.
    pub(crate) fn announce(&self, revision: u64) {
        let mut is_closed = self.is_closed.lock();
        *is_closed = false;
        // Release, with the acquire below: who sees it sees what the observer did.
        self.revision.fetch_max(revision, Ordering::Release);
        self.changed.notify_all();
    }

    /// Whoever waits is sent away.
    pub(crate) fn close(&self) {
        *self.is_closed.lock() = true;
        self.changed.notify_all();
    }

    /// Waits until what was read at `revision` may be shown. `false`: it never may.
    pub(crate) fn wait(&self, revision: u64) -> bool {
        let is_due = || revision <= self.revision.load(Ordering::Acquire);
        if is_due() {
            return true;
        }
        let mut is_closed = self.is_closed.lock();
        while !is_due() {
            if *is_closed {
                return false;
            }
            self.changed.wait(&mut is_closed);
        }
        true
    }
}
