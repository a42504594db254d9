//! What the kit lends: a store that can be made to fail, a clock that the cases set, entropy from a seed, and a root key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit as _, Mac as _};
use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use jeton_runtime::{Lent, RootKey};
use jeton_store::{FaultyStore, MemoryStore};
use parking_lot::Mutex;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Where the time of every case stands when it begins.
pub(crate) const NOW: u64 = 1_800_000_000;

/// The root key of every case.
pub(crate) const ROOT_KEY: [u8; 32] = *b"the root key of the kit, public.";

/// What one authority, however many instances it has and however often it starts, is lent.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) store: Arc<FaultyStore<Arc<Shelf>>>,
    pub(crate) clock: Arc<SetClock>,
    root_key: [u8; 32],
    /// Two grounds with different seeds are two machines.
    seed: u64,
    drawn: Arc<AtomicU64>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::new(FaultyStore::new(Arc::default())),
            clock: Arc::default(),
            root_key: ROOT_KEY,
            seed: 1,
            drawn: Arc::default(),
        }
    }

    /// The same with another seed.
    pub(crate) fn seeded(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The same store and clock with another root key.
    pub(crate) fn with_root_key(&self, root_key: [u8; 32]) -> Self {
        Self { root_key, ..self.clone() }
    }

    /// The same after whatever stopped the store is over.
    pub(crate) fn repaired(&self) -> Self {
        self.shelf().conflict(0);
        Self { store: Arc::new(FaultyStore::new(Arc::clone(self.store.inner()))), ..self.clone() }
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        self.store.inner()
    }

    /// What an instance is lent.
    pub(crate) fn lend(&self) -> Lent {
        let (clock, drawn, seed) = (Arc::clone(&self.clock), Arc::clone(&self.drawn), self.seed);
        Lent::new(Arc::clone(&self.store) as _, Some(RootKey::from_bytes(Zeroizing::new(self.root_key))))
            .with_bare_clock(Arc::new(move || clock.shows()))
            .with_entropy(Arc::new(move |bytes| {
                for chunk in bytes.chunks_mut(32) {
                    let block = pseudo_random(seed, drawn.fetch_add(1, Ordering::SeqCst));
                    chunk.iter_mut().zip(block).for_each(|(byte, drawn)| *byte = drawn);
                }
                Ok(())
            }))
    }
}

/// Bytes that look drawn and are the same in every run.
pub(crate) fn pseudo_random(seed: u64, number: u64) -> [u8; 32] {
    mac(&seed.to_be_bytes(), &number.to_be_bytes())
}

/// HMAC-SHA-256.
pub(crate) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// A clock that shows what it was set to, in nanoseconds.
pub(crate) struct SetClock(AtomicU64);

const SECOND: u64 = 1_000_000_000;

impl Default for SetClock {
    fn default() -> Self {
        Self(AtomicU64::new(NOW * SECOND))
    }
}

impl SetClock {
    fn shows(&self) -> (u64, u32) {
        let nanoseconds = self.0.load(Ordering::SeqCst);
        (nanoseconds / SECOND, u32::try_from(nanoseconds % SECOND).unwrap_or(0))
    }

    /// Whole seconds, rounded down.
    pub(crate) fn seconds(&self) -> u64 {
        self.shows().0
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.set_finely(seconds, 0);
    }

    pub(crate) fn set_finely(&self, seconds: u64, nanoseconds: u64) {
        self.0.store(seconds.saturating_mul(SECOND).saturating_add(nanoseconds), Ordering::SeqCst);
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.0.fetch_add(seconds.saturating_mul(SECOND), Ordering::SeqCst);
    }
}

/// What happens at an operation of the store, before it takes effect.
type Event = Box<dyn FnOnce() + Send>;

/// A store in memory that notes what is committed, and in which things can be made to happen.
#[derive(Default)]
pub(crate) struct Shelf {
    memory: MemoryStore,
    committed: Mutex<Vec<(u64, Vec<Write>)>>,
    /// So many commits from now on meet a conflict.
    conflicts: AtomicU64,
    /// After so many operations from now on, this happens.
    event: Mutex<Option<(u64, Event)>>,
}

impl Shelf {
    /// Lets the next `number` commits fail because something changed meanwhile.
    pub(crate) fn conflict(&self, number: u64) {
        self.conflicts.store(number, Ordering::SeqCst);
    }

    /// Lets something happen right before the operation that follows `after` others.
    pub(crate) fn happen(&self, after: u64, event: impl FnOnce() + Send + 'static) {
        *self.event.lock() = Some((after, Box::new(event)));
    }

    /// Whether what was to happen has not.
    pub(crate) fn still_waits(&self) -> bool {
        self.event.lock().take().is_some()
    }

    /// The commits so far: their revisions, and what they wrote.
    pub(crate) fn committed(&self) -> Vec<(u64, Vec<Write>)> {
        self.committed.lock().clone()
    }

    fn come_to_pass(&self) {
        let event = {
            let mut waiting = self.event.lock();
            match waiting.as_mut() {
                Some((0, _)) => waiting.take().map(|(_, event)| event),
                Some((after, _)) => {
                    *after -= 1;
                    None
                }
                None => None,
            }
        };
        // It may well use this store.
        if let Some(event) = event {
            event();
        }
    }
}

impl Store for Shelf {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.come_to_pass();
        self.memory.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.come_to_pass();
        self.memory.scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.come_to_pass();
        let less = |left: u64| left.checked_sub(1);
        if self.conflicts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return Err(CommitError::Conflict);
        }
        let revision = self.memory.commit(checks, writes.clone())?;
        self.committed.lock().push((revision, writes));
        Ok(revision)
    }
}
