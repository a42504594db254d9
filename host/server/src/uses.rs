//! Uses: when each refresh token was exchanged last, from where and how often, gathered in memory until they are noted.
//!
//! Whoever exchanges notes it on a shelf of its own thread, so that no exchange waits for another. What a crash loses is what was
//! gathered since the last noting; the policy marks that it may have.

use std::{
    cell::Cell,
    collections::HashMap,
    net::IpAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use jeton_runtime::{Authority, Class, wit::upkeep::Use};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Shelves: more than any machine has I/O threads, so that hardly two share one.
const SHELVES: usize = 64;
/// Refresh tokens of which uses are gathered before they are noted early: with their addresses, some megabytes.
const ENOUGH: usize = 10_000;
/// Refresh tokens of which uses are gathered at most. Beyond them uses are lost, and that is marked: the store has not taken any
/// for a while then.
const MAX_GATHERED: usize = 100_000;
/// Uses that the policy takes at once.
const BATCH: usize = 1000;

/// Uses that were not noted yet.
pub struct Uses {
    shelves: Vec<Mutex<HashMap<String, Gathered>>>,
    /// How many ids are on the shelves.
    gathered: AtomicUsize,
    /// Some had no place any more.
    lost: AtomicBool,
    enough: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Gathered {
    at: u64,
    address: Option<IpAddr>,
    count: u64,
}

/// Why uses were not noted. They are kept, and noted with the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("uses of refresh tokens could not be noted")]
pub struct NotNoted;

thread_local! {
    /// The shelf of this thread, once it has one.
    static SHELF: Cell<Option<usize>> = const { Cell::new(None) };
}

/// How many threads have a shelf.
static THREADS: AtomicUsize = AtomicUsize::new(0);

impl Uses {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shelves: (0..SHELVES).map(|_| Mutex::default()).collect(),
            gathered: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
            enough: Notify::new(),
        }
    }

    /// Notes that the refresh token of this id was exchanged at `now`.
    pub fn gather(&self, id: &str, address: Option<IpAddr>, now: u64) {
        self.add(id, Gathered { at: now, address, count: 1 });
    }

    /// Waits until there are so many that they should not wait for their time.
    pub async fn enough(&self) {
        self.enough.notified().await;
    }

    /// Hands what was gathered to the policy. What it does not take is kept.
    ///
    /// # Errors
    /// [`NotNoted`].
    pub async fn note(&self, authority: &Authority) -> Result<(), NotNoted> {
        let mut batches = self.taken().into_iter();
        while let Some(batch) = batches.next() {
            let told = batch.clone();
            let noted = authority.call(Class::Administration, move |call| call.note_uses(&told)).await;
            if !matches!(noted, Ok(Ok(()))) {
                self.put_back(std::iter::once(batch).chain(batches));
                return Err(NotNoted);
            }
        }
        if self.lost.swap(false, Relaxed) {
            // Gathering begun anew without an end is what marks a loss.
            let marked = authority.call(Class::Administration, |call| call.open_uses()).await;
            if !matches!(marked, Ok(Ok(()))) {
                self.lost.store(true, Relaxed);
                return Err(NotNoted);
            }
        }
        Ok(())
    }

    fn add(&self, id: &str, used: Gathered) {
        let place = SHELF.get().unwrap_or_else(|| {
            let place = THREADS.fetch_add(1, Relaxed) % SHELVES;
            SHELF.set(Some(place));
            place
        });
        let Some(shelf) = self.shelves.get(place) else { return };
        let mut shelf = shelf.lock();
        if let Some(gathered) = shelf.get_mut(id) {
            gathered.add(used);
            return;
        }
        let gathered = self.gathered.load(Relaxed);
        if gathered >= MAX_GATHERED {
            self.lost.store(true, Relaxed);
            return;
        }
        shelf.insert(id.to_owned(), used);
        self.gathered.fetch_add(1, Relaxed);
        if gathered.saturating_add(1) == ENOUGH {
            self.enough.notify_one();
        }
    }

    /// What is on the shelves, one use for each id, as the policy takes it.
    fn taken(&self) -> Vec<Vec<Use>> {
        let mut all: HashMap<String, Gathered> = HashMap::new();
        for shelf in &self.shelves {
            let taken = std::mem::take(&mut *shelf.lock());
            self.gathered.fetch_sub(taken.len(), Relaxed);
            for (id, used) in taken {
                all.entry(id).and_modify(|gathered| gathered.add(used)).or_insert(used);
            }
        }
        let uses: Vec<Use> = all
            .into_iter()
            .map(|(id, used)| Use {
                id,
                at: used.at,
                address: used.address.map(|address| address.to_canonical().to_string()),
                count: used.count,
            })
            .collect();
        uses.chunks(BATCH).map(<[Use]>::to_vec).collect()
    }

    fn put_back(&self, batches: impl Iterator<Item = Vec<Use>>) {
        for told in batches.flatten() {
            let address = told.address.as_ref().and_then(|address| address.parse().ok());
            self.add(&told.id, Gathered { at: told.at, address, count: told.count });
        }
    }
}

impl Default for Uses {
    fn default() -> Self {
        Self::new()
    }
}

impl Gathered {
    fn add(&mut self, other: Self) {
        if other.at >= self.at {
            self.at = other.at;
            self.address = other.address;
        }
        self.count = self.count.saturating_add(other.count);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn told(uses: &Uses) -> Vec<(String, u64, Option<String>, u64)> {
        let mut told: Vec<_> =
            uses.taken().into_iter().flatten().map(|told| (told.id, told.at, told.address, told.count)).collect();
        told.sort();
        told
    }

    #[test]
    fn uses_of_all_threads_become_one_for_each_token() {
        let uses = Uses::new();
        std::thread::scope(|scope| {
            for thread in 1..=4_u8 {
                let uses = &uses;
                scope.spawn(move || {
                    for at in 0..1_000 {
                        uses.gather("a", Some(IpAddr::from([192, 0, 2, thread])), at + u64::from(thread));
                    }
                });
            }
        });
        uses.gather("b", Some("::ffff:192.0.2.9".parse().unwrap()), 7);
        let expected = [("a", 1_003, "192.0.2.4", 4_000), ("b", 7, "192.0.2.9", 1)]
            .map(|(id, at, from, count)| (id.to_owned(), at, Some(from.to_owned()), count));
        assert_eq!(told(&uses), expected);
        assert_eq!(told(&uses), []);
    }

    #[test]
    fn what_was_not_taken_is_put_back() {
        let uses = Uses::new();
        uses.gather("a", Some("2001:db8::1".parse().unwrap()), 5);
        let taken = uses.taken();
        uses.gather("a", None, 9);
        uses.put_back(taken.into_iter());
        assert_eq!(told(&uses), [("a".to_owned(), 9, None, 2)]);
    }

    #[test]
    fn many_are_noted_early_and_beyond_the_bound_they_are_lost_and_it_is_known() {
        let uses = Uses::new();
        let gather =
            |numbers: std::ops::Range<usize>| numbers.for_each(|number| uses.gather(&number.to_string(), None, 1));
        let is_enough = || was_told(&uses);
        gather(0..ENOUGH - 1);
        assert!(!is_enough());
        gather(0..ENOUGH);
        assert!(is_enough());
        gather(0..MAX_GATHERED);
        assert!(!uses.lost.load(Relaxed));
        gather(0..MAX_GATHERED + 1);
        assert!(uses.lost.load(Relaxed));
        let batches = uses.taken();
        assert!(batches.iter().all(|batch| batch.len() <= BATCH));
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), MAX_GATHERED);
    }

    /// Whether it was told that there are enough.
    fn was_told(uses: &Uses) -> bool {
        let mut waiting = std::pin::pin!(uses.enough());
        waiting.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
    }
}
