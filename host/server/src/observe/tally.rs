//! Counts that each I/O thread keeps for itself, so that counting never makes one thread wait for another.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `/oauth2/introspect`.
    Introspect,
    /// `/forward-auth` and below.
    ForwardAuth,
    /// A question of Envoy over gRPC.
    ExtAuthz,
    /// The token endpoints.
    Token,
    /// `/v1/live`, the time that requests wait there included.
    Live,
    /// Everything else.
    Other,
}

/// How a verdict came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The token is alive.
    Active,
    /// It is not.
    Inactive,
    /// It is alive, but bound to networks, and its bearer is in none of them or nobody knows where.
    Elsewhere,
    /// It is alive, but not for the audience that the gateway demands.
    OtherAudience,
    /// The caller's own token is not accepted.
    InvalidCaller,
    /// The token is alive, but may not do what was asked.
    InsufficientScope,
    /// Nothing could be known.
    Unready,
}

/// What was told of the live set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// All of it.
    Whole,
    /// That the caller holds it already (304).
    NotModified,
    /// What has changed.
    Changed,
    /// That nothing has.
    Unchanged,
    /// Nothing: the request was not as it must be, its credential was not good, or too many wait.
    Refused,
    /// Nothing, since nothing can be known, or nobody more may wait.
    Unavailable,
}

pub(super) const CLASSES: [&str; 6] = ["introspect", "forward_auth", "ext_authz", "token", "live", "other"];
pub(super) const VERDICTS: [&str; 7] =
    ["active", "inactive", "elsewhere", "other_audience", "invalid_caller", "insufficient_scope", "unready"];
pub(super) const FEEDS: [&str; 6] = ["whole", "not_modified", "changed", "unchanged", "refused", "unavailable"];
pub(super) const EXCHANGES: [&str; 8] = [
    "ok",
    "invalid_request",
    "invalid_grant",
    "invalid_scope",
    "unsupported_grant_type",
    "temporarily_unavailable",
    "too_many_requests",
    "other",
];
pub(super) const STATUSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];
/// Upper bounds of the duration buckets, in microseconds: from a verdict out of memory to a store that is stuck.
pub(super) const BUCKETS: [u64; 12] = [10, 25, 50, 100, 250, 500, 1_000, 5_000, 25_000, 100_000, 1_000_000, u64::MAX];

/// What one thread has counted. Padded, so that no two threads write to one line of cache.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Tally {
    pub(super) verdicts: [AtomicU64; VERDICTS.len()],
    pub(super) exchanges: [AtomicU64; EXCHANGES.len()],
    pub(super) feeds: [AtomicU64; FEEDS.len()],
    pub(super) requests: [[AtomicU64; STATUSES.len()]; CLASSES.len()],
    pub(super) durations: [[AtomicU64; BUCKETS.len()]; CLASSES.len()],
    pub(super) microseconds: [AtomicU64; CLASSES.len()],
}

/// The tallies of all threads.
#[derive(Debug, Default)]
pub(super) struct Tallies(Mutex<Vec<Arc<Tally>>>);

thread_local! {
    static OWN: RefCell<Option<Arc<Tally>>> = const { RefCell::new(None) };
}

impl Tallies {
    /// Lets the current thread count.
    pub(super) fn own(&self, count: impl FnOnce(&Tally)) {
        OWN.with_borrow_mut(|own| {
            count(own.get_or_insert_with(|| {
                let tally = Arc::new(Tally::default());
                self.0.lock().push(Arc::clone(&tally));
                tally
            }));
        });
    }

    /// The sum of one count over all threads.
    pub(super) fn sum(&self, count: impl Fn(&Tally) -> Option<&AtomicU64>) -> u64 {
        self.0.lock().iter().filter_map(|tally| count(tally)).map(|count| count.load(Relaxed)).sum()
    }
}

impl Tally {
    pub(super) fn verdict(&self, verdict: Verdict) {
        add(self.verdicts.get(verdict as usize), 1);
    }

    pub(super) fn fed(&self, kind: Feed) {
        add(self.feeds.get(kind as usize), 1);
    }

    pub(super) fn exchange(&self, result: &str) {
        let place = EXCHANGES.iter().position(|known| *known == result).unwrap_or(EXCHANGES.len() - 1);
        add(self.exchanges.get(place), 1);
    }

    pub(super) fn request(&self, class: Class, status: u16, took: Duration) {
        let class = class as usize;
        let status = usize::from(status / 100).saturating_sub(2).min(STATUSES.len() - 1);
        add(self.requests.get(class).and_then(|statuses| statuses.get(status)), 1);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.iter().position(|bound| microseconds <= *bound).unwrap_or(BUCKETS.len() - 1);
        add(self.durations.get(class).and_then(|buckets| buckets.get(bucket)), 1);
        add(self.microseconds.get(class), microseconds);
    }
}

/// The thread is the only writer of its tally: a load and a store are enough, and cheaper than an atomic addition.
fn add(count: Option<&AtomicU64>, much: u64) {
    if let Some(count) = count {
        count.store(count.load(Relaxed).wrapping_add(much), Relaxed);
    }
}
