//! What the host lends the policy: a clock that is set, known entropy, and a store that fails, or lets somebody else in, on order.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use jeton_policy::{
    authority::{Authority, Boot},
    ports::{Clock, Entropy, Reading, RootKey},
    seconds::Seconds,
    store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write},
};
use jeton_store::{FaultyStore, MemoryStore};
use zeroize::Zeroizing;

pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://tokens.example";

/// A clock that shows what it is told.
pub(crate) struct SetClock(Cell<(u64, bool)>);

impl SetClock {
    pub(crate) fn set(&self, shows: (u64, bool)) {
        self.0.set(shows);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Reading {
        let (seconds, has_part) = self.0.get();
        Reading { seconds: Seconds(seconds), nanoseconds: u32::from(has_part) }
    }
}

/// Entropy that is different at every call and the same in every run.
struct Counting(Cell<u64>);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        bytes.fill(0);
        bytes[..8].copy_from_slice(&self.0.get().to_be_bytes());
    }
}

struct FixedKey;

impl RootKey for FixedKey {
    fn root_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new([1; 32])
    }
}

/// What somebody else does in between.
type Interruption = Box<dyn FnOnce()>;

/// A store that lets somebody else act before one of its operations.
struct Interrupted {
    inner: Arc<FaultyStore<MemoryStore>>,
    /// How many operations come before.
    left: Cell<u32>,
    interruption: Rc<RefCell<Option<Interruption>>>,
}

impl Interrupted {
    fn passed(&self) -> &FaultyStore<MemoryStore> {
        if let Some(left) = self.left.get().checked_sub(1) {
            self.left.set(left);
        } else if let Some(interruption) = self.interruption.take() {
            interruption();
        }
        &self.inner
    }
}

impl Store for Interrupted {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.passed().read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.passed().scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.passed().commit(checks, writes)
    }
}

/// The store underneath, which works, for those who only look.
struct Underneath(Arc<FaultyStore<MemoryStore>>);

impl Store for Underneath {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.0.inner().read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.0.inner().scan(prefix, after, direction, limit)
    }

    fn commit(&self, _: Vec<Check>, _: Vec<Write>) -> Result<u64, CommitError> {
        Err(CommitError::Unavailable)
    }
}

/// What every authority of a history stands on.
pub(crate) struct Ground {
    pub(crate) store: Arc<FaultyStore<MemoryStore>>,
    pub(crate) clock: Arc<SetClock>,
    entropy: Arc<Counting>,
}

impl Ground {
    #[allow(
        clippy::arc_with_non_send_sync,
        reason = "an authority takes what it is lent behind an `Arc`; a history has one thread"
    )]
    pub(crate) fn new() -> Self {
        let ground = Self {
            store: Arc::new(FaultyStore::new(MemoryStore::new())),
            clock: Arc::new(SetClock(Cell::new((START, false)))),
            entropy: Arc::new(Counting(Cell::new(0))),
        };
        let authority = ground.authority();
        authority.configure(Some(ISSUER), "").unwrap();
        authority.begin(Boot::Advance, None).unwrap();
        ground
    }

    /// A process that knows nothing but what was stored.
    pub(crate) fn authority(&self) -> Authority {
        self.over(Arc::clone(&self.store))
    }

    /// One during whose operations somebody else acts, before the one that `passed` come before.
    pub(crate) fn interrupted(
        &self,
        passed: u32,
        interruption: impl FnOnce() + 'static,
    ) -> (Authority, Rc<RefCell<Option<Interruption>>>) {
        let interruption: Rc<RefCell<Option<Interruption>>> = Rc::new(RefCell::new(Some(Box::new(interruption))));
        let store = Interrupted {
            inner: Arc::clone(&self.store),
            left: Cell::new(passed),
            interruption: Rc::clone(&interruption),
        };
        (self.over(store), interruption)
    }

    fn over(&self, store: impl Store + 'static) -> Authority {
        Authority::new(store, Arc::clone(&self.clock), Arc::clone(&self.entropy), FixedKey)
    }

    /// How often the store was written.
    pub(crate) fn revision(&self) -> u64 {
        self.store.inner().read(&[], Freshness::Latest).unwrap().revision
    }

    /// One that only looks, and is told whatever it asks.
    pub(crate) fn onlooker(&self) -> Authority {
        self.over(Underneath(Arc::clone(&self.store)))
    }

    /// The highest time that is remembered: what goes for the time once the clock shows nothing.
    pub(crate) fn mark(&self) -> u64 {
        let shows = self.clock.0.replace((0, false));
        let mark = self.onlooker().time().unwrap().now.0;
        self.clock.set(shows);
        mark
    }
}
