//! What a host can count.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Counters since the store was opened. They only grow; reading them costs nothing.
#[derive(Debug, Default)]
pub struct Statistics {
    commits: AtomicU64,
    conflicts: AtomicU64,
    groups: AtomicU64,
    errors: AtomicU64,
    failing: AtomicBool,
}

impl Statistics {
    /// Commits that took effect durably.
    pub fn commits(&self) -> u64 {
        self.commits.load(Relaxed)
    }

    /// Commits that were refused because a check did not hold.
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Relaxed)
    }

    /// Groups of commits that were made durable together: one sync each.
    pub fn groups(&self) -> u64 {
        self.groups.load(Relaxed)
    }

    /// Failures of the engine: reads, groups of commits and attempts to open the store anew.
    pub fn errors(&self) -> u64 {
        self.errors.load(Relaxed)
    }

    /// Whether the last that was tried failed: true from a failure to the next commit that takes effect.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }

    pub(super) fn grouped(&self, committed: u64, conflicts: u64) {
        self.commits.fetch_add(committed, Relaxed);
        self.conflicts.fetch_add(conflicts, Relaxed);
        self.groups.fetch_add(u64::from(committed > 0), Relaxed);
        if committed > 0 {
            self.failing.store(false, Relaxed);
        }
    }

    pub(super) fn failed(&self) {
        self.errors.fetch_add(1, Relaxed);
        self.failing.store(true, Relaxed);
    }
}
