//! What the host lends an authority: a store, a clock, entropy and a root key. One file for each imported interface.

mod clock;
pub(crate) mod entropy;
mod root_key;
mod store;

use std::sync::Arc;
use std::time::Duration;

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use jeton_store::audit::AuditLog;
use wasmtime::component::{HasSelf, Linker};

use crate::audit::{Act, Addresses, Origin, Telling};
use crate::bindings::{jeton::policy::store as store_import, wasi};
use crate::budget::{Budget, Budgeted};
use crate::memory::{Capped, MemoryCap};

pub use clock::Clock;
pub(crate) use clock::Latest;
pub use entropy::Entropy;
pub use root_key::{EntropyError, RootKey};

/// What is lent to every instance of an authority.
pub struct Lent {
    store: Arc<dyn Store + Send + Sync>,
    /// The same store, where it keeps an audit log.
    audit: Option<(Arc<dyn AuditLog>, Addresses)>,
    root_key: Option<RootKey>,
    clock: Clock,
    /// Whether the clock is lent as it stands, a step back included.
    bare_clock: bool,
    latest: Arc<Latest>,
    entropy: Entropy,
}

impl Lent {
    /// A store, the root key (`None`: a policy that asks for it traps), and the system's clock.
    pub fn new(store: Arc<dyn Store + Send + Sync>, root_key: Option<RootKey>) -> Self {
        Self {
            store,
            audit: None,
            root_key,
            clock: clock::system(),
            bare_clock: false,
            latest: Arc::default(),
            entropy: entropy::system(),
        }
    }

    /// A store that keeps an audit log: every administrative act is told in it, in the commit of the act.
    pub fn recorded(store: Arc<dyn AuditLog>, addresses: Addresses, root_key: Option<RootKey>) -> Self {
        let audit = Some((Arc::clone(&store), addresses));
        Self { audit, ..Self::new(store, root_key) }
    }

    /// The same with another clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same with another clock, lent as it stands: what this host does about a clock that goes back, it leaves to the
    /// policy then. For trying a policy.
    #[must_use]
    pub fn with_bare_clock(self, clock: Clock) -> Self {
        Self { clock, bare_clock: true, ..self }
    }

    /// The same with another source of entropy, for trying a policy.
    #[must_use]
    pub fn with_entropy(self, entropy: Entropy) -> Self {
        Self { entropy, ..self }
    }

    /// The latest time that was seen, shared with everything that judges by the same clock.
    pub(crate) fn latest(&self) -> &Arc<Latest> {
        &self.latest
    }

    /// The time to go by, in seconds: never earlier than what was seen before.
    pub(crate) fn now(&self) -> u64 {
        self.latest.at((self.clock)().0)
    }

    /// The same store and clock for an instance that only reads, and that is called where a commit would wait for ever:
    /// on the thread that makes the commits.
    pub(crate) fn read_only(&self) -> Self {
        Self {
            store: Arc::new(ReadOnly(Arc::clone(&self.store))),
            audit: None,
            root_key: None,
            clock: Arc::clone(&self.clock),
            bare_clock: self.bare_clock,
            entropy: Arc::clone(&self.entropy),
            latest: Arc::clone(&self.latest),
        }
    }
}

/// The state of an authority's store.
pub(crate) struct LentState {
    lent: Arc<Lent>,
    budget: Budget,
    /// What the call that is under way does, where that is to be told.
    act: Option<Act>,
    /// How the next call is told, where the host calls it something else.
    telling: Option<Telling>,
    /// Where it comes from.
    origin: Option<Origin>,
    /// Whether the clock is lent as it is, although a later time was seen.
    clock_as_it_is: bool,
    memory: MemoryCap,
}

impl LentState {
    pub(crate) fn new(lent: Arc<Lent>) -> Self {
        let budget = Budget::new(Duration::ZERO);
        Self {
            lent,
            budget,
            act: None,
            telling: None,
            origin: None,
            memory: MemoryCap::default(),
            clock_as_it_is: false,
        }
    }

    /// Whoever calls next comes from there.
    pub(crate) fn comes_from(&mut self, origin: Option<Origin>) {
        self.origin = origin;
        self.telling = None;
    }

    /// The call that is made next is told so.
    pub(crate) fn tells(&mut self, telling: Telling) {
        self.telling = Some(telling);
    }

    /// The call that is made next does this.
    pub(crate) fn does(&mut self, act: impl FnOnce() -> Option<Act>) {
        let telling = self.telling.take();
        let act = if self.lent.audit.is_some() { act() } else { None };
        self.act = act.map(|act| match telling {
            Some(telling) => act.told_as(telling),
            None => act,
        });
    }

    /// Commits what the policy writes, and with it what is told of the act.
    fn commit_told(&mut self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        let lent = Arc::clone(&self.lent);
        let (Some((log, addresses)), Some(act)) = (&lent.audit, &mut self.act) else {
            return lent.store.commit(checks, writes);
        };
        let (at, _) = (lent.clock)();
        let entries = act.entries(at, self.origin.as_ref(), *addresses, &writes);
        if entries.is_empty() {
            return lent.store.commit(checks, writes);
        }
        let committed = log.commit_recorded(checks, writes, entries)?;
        act.told();
        Ok(committed)
    }

    /// The latest time that was seen.
    pub(crate) fn latest(&self) -> &Latest {
        &self.lent.latest
    }

    /// Whether the clock is lent as it is from now on, although a later time was seen.
    pub(crate) fn lend_as_it_is(&mut self, as_it_is: bool) {
        self.clock_as_it_is = as_it_is;
    }
}

impl Budgeted for LentState {
    fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }
}

impl Capped for LentState {
    fn memory(&mut self) -> &mut MemoryCap {
        &mut self.memory
    }
}

/// A linker that lends exactly what the contract's `authority` world imports: a component that wants more is refused.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<LentState>> {
    let mut linker = Linker::new(engine);
    store_import::add_to_linker::<_, HasSelf<LentState>>(&mut linker, |state| state)?;
    wasi::clocks::wall_clock::add_to_linker::<_, HasSelf<LentState>>(&mut linker, |state| state)?;
    wasi::random::random::add_to_linker::<_, HasSelf<LentState>>(&mut linker, |state| state)?;
    root_key::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// A store whose commits fail.
struct ReadOnly(Arc<dyn Store + Send + Sync>);

impl Store for ReadOnly {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.0.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.0.scan(prefix, after, direction, limit)
    }

    fn commit(&self, _: Vec<Check>, _: Vec<Write>) -> Result<u64, CommitError> {
        Err(CommitError::Unavailable)
    }
}
