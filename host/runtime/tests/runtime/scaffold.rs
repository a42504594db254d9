//! A running authority over a store in memory, and the few calls that most tests begin with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use jeton_runtime::wit::epochs::Boot;
use jeton_runtime::wit::exchange::ExchangeRequest;
use jeton_runtime::wit::refresh_tokens::{IssueRequest, Issued};
use jeton_runtime::wit::types::{Actor, Reason};
use jeton_runtime::{Authority, Class, Lent, Live, Policy, PoolSizes, Publisher, RootKey, Verifier};
use jeton_store::{CommitObserver, Committed, MemoryStore};

/// The issuer of every test.
pub(crate) const ISSUER: &str = "http://127.0.0.1:8123";

/// Where a test's time stands when it begins.
pub(crate) const NOW: u64 = 1_800_000_000;

/// How long a test waits for what happens on another thread.
pub(crate) const CEILING: Duration = Duration::from_secs(30);

/// A store in memory whose reads can be made to fail.
#[derive(Default)]
pub(crate) struct Disk {
    memory: MemoryStore,
    /// From the next commit on, reads fail.
    pub(crate) breaks_at_commit: AtomicBool,
    pub(crate) broken: AtomicBool,
}

impl Disk {
    pub(crate) fn repair(&self) {
        self.breaks_at_commit.store(false, Ordering::SeqCst);
        self.broken.store(false, Ordering::SeqCst);
    }

    pub(crate) fn observe(&self, observer: Box<dyn CommitObserver>) {
        self.memory.observe(observer);
    }

    fn readable(&self) -> Result<(), Unavailable> {
        if self.broken.load(Ordering::SeqCst) { Err(Unavailable) } else { Ok(()) }
    }
}

impl Store for Disk {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.readable()?;
        self.memory.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.readable()?;
        self.memory.scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        if self.breaks_at_commit.load(Ordering::SeqCst) {
            self.broken.store(true, Ordering::SeqCst);
        }
        self.memory.commit(checks, writes)
    }
}

/// An authority whose epoch has begun, its live set, and its store.
pub(crate) struct Running {
    pub(crate) policy: Policy,
    pub(crate) authority: Authority,
    pub(crate) live: Arc<Live>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) clock: Arc<AtomicU64>,
}

/// Starts the policy that the binary carries.
pub(crate) fn start() -> Running {
    start_with(Policy::embedded().unwrap(), |disk, publisher| disk.observe(Box::new(publisher)))
}

/// Starts a policy; `connect` is given the publisher.
pub(crate) fn start_with(policy: Policy, connect: impl FnOnce(&Disk, Publisher)) -> Running {
    let disk = Arc::new(Disk::default());
    let clock = Arc::new(AtomicU64::new(NOW));
    let lent = lent(&disk, &clock);
    let (live, publisher) = Live::new(&policy, &lent).unwrap();
    connect(&disk, publisher);
    let authority = Authority::start(&policy, lent, PoolSizes::default()).unwrap();
    let running = Running { policy, authority, live, disk, clock };
    running.call(|authority| authority.configure(Some(ISSUER), ISSUER)).unwrap();
    running.call(|authority| authority.begin(Boot::Advance, None)).unwrap();
    running.live.recover().unwrap();
    running
}

/// What a test lends.
pub(crate) fn lent(disk: &Arc<Disk>, clock: &Arc<AtomicU64>) -> Lent {
    let clock = Arc::clone(clock);
    Lent::new(Arc::clone(disk) as _, Some(RootKey::draw().unwrap()))
        .with_clock(Arc::new(move || (clock.load(Ordering::SeqCst), 0)))
}

impl Running {
    /// A call that neither traps nor is turned away.
    pub(crate) fn call<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut jeton_runtime::AuthorityCall<'_>) -> wasmtime::Result<R> + Send + 'static,
    ) -> R {
        self.authority.call_blocking(Class::Administration, f).unwrap()
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(&self.policy, Arc::clone(&self.live)).unwrap()
    }

    pub(crate) fn issue(&self, name: &str, scopes: &[&str]) -> Issued {
        let request = IssueRequest {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..IssueRequest::named(name)
        };
        self.call(move |authority| authority.issue(&Actor::Machine, &request)).unwrap()
    }

    pub(crate) fn exchange(&self, secret: &str) -> String {
        let request = ExchangeRequest { refresh_token: secret.to_owned(), scope: None, resource: None, peer: None };
        self.call(move |authority| authority.exchange(&request)).unwrap().access_token
    }

    /// An access token of a new refresh token, and that one's id.
    pub(crate) fn access_token(&self, scopes: &[&str]) -> (String, String) {
        let issued = self.issue("nightly job", scopes);
        (self.exchange(&issued.secret.unwrap()), issued.token.id)
    }

    pub(crate) fn delete(&self, id: &str) {
        let ids = vec![id.to_owned()];
        self.call(move |authority| authority.delete(&Actor::Machine, &ids, Reason::Deleted, None)).unwrap();
    }

    pub(crate) fn advance(&self) {
        self.call(|authority| authority.advance(&Actor::Machine, None)).unwrap();
    }
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < CEILING, "{what} did not happen within {CEILING:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An observer that tells a function.
pub(crate) struct Observer<F>(pub(crate) F);

impl<F: FnMut(Option<&[Committed]>) + Send> CommitObserver for Observer<F> {
    fn committed(&mut self, group: &[Committed]) {
        (self.0)(Some(group));
    }

    fn outcome_unknown(&mut self) {
        (self.0)(None);
    }
}
