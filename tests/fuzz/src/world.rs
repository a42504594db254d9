//! What the rules stand on: a store that can be set back, a clock that is set, entropy that is known.

use std::sync::{
    Arc, RwLock,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use jeton_policy::{
    access_token::Algorithm,
    authority::{Actor, AskedBindings, Authority, Boot, ExchangeRequest, Exchanged, IssueRequest, Token},
    ports::{Clock, Entropy, Reading, RootKey},
    record::{Conduct, Reason},
    seconds::Seconds,
    store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write},
};
use jeton_store::MemoryStore;
use zeroize::Zeroizing;

/// When every story begins.
pub const START: u64 = 1_800_000_000;
/// The issuer of every story.
pub const ISSUER: &str = "https://tokens.example";
/// The root key of every story.
pub const ROOT_KEY: [u8; 32] = [1; 32];

/// A store in memory that can be set back to what it held when it was marked.
#[derive(Default)]
pub struct ResettableStore {
    held: RwLock<MemoryStore>,
    mark: RwLock<Vec<Write>>,
}

impl ResettableStore {
    /// Everything that it holds.
    #[must_use]
    pub fn everything(&self) -> Vec<Write> {
        let (mut writes, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let page = self.scan(b"", after.as_deref(), Direction::Ascending, 1_000).expect("a store in memory");
            let Some(last) = page.items.last() else { return writes };
            after = Some(last.key.clone());
            writes.extend(page.items.into_iter().map(|item| Write { key: item.key, value: Some(item.value) }));
        }
    }

    /// Sets the mark.
    pub fn mark(&self) {
        *self.mark.write().unwrap() = self.everything();
    }

    /// Goes back to the mark.
    pub fn reset(&self) {
        let store = MemoryStore::new();
        store.commit(Vec::new(), self.mark.read().unwrap().clone()).expect("a store in memory");
        *self.held.write().unwrap() = store;
    }

    /// Puts a value in the place of another, as damage of the medium would.
    pub fn overwrite(&self, key: Vec<u8>, value: Vec<u8>) {
        self.commit(Vec::new(), vec![Write { key, value: Some(value) }]).expect("a store in memory");
    }
}

impl Store for ResettableStore {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.held.read().unwrap().read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.held.read().unwrap().scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.held.read().unwrap().commit(checks, writes)
    }
}

/// A clock that shows what it is told.
pub struct SetClock(AtomicU64);

impl SetClock {
    /// Shows this time from now on.
    pub fn set(&self, seconds: u64) {
        self.0.store(seconds, SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Reading {
        Reading::at(self.0.load(SeqCst))
    }
}

/// Entropy that is different at every call and the same in every run.
#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
        bytes[..8].copy_from_slice(&self.0.fetch_add(1, SeqCst).to_be_bytes());
    }
}

struct FixedKey;

impl RootKey for FixedKey {
    fn root_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(ROOT_KEY)
    }
}

/// An exchange that asks for nothing but an access token.
pub const PLAIN: ExchangeRequest<'static> = ExchangeRequest { scope: None, resource: None, peer: None };

/// A refresh token with its secret.
pub struct Issued {
    /// Shown once.
    pub secret: Zeroizing<String>,
    /// Everything else about it.
    pub token: Token,
}

/// An authority whose epoch has begun, with a small family of tokens.
pub struct World {
    /// Its store, marked where every story begins.
    pub store: Arc<ResettableStore>,
    /// Its clock.
    pub clock: Arc<SetClock>,
    /// The rules.
    pub authority: Authority,
    /// Refresh tokens: a parent with scopes and an owner, its child, one without, the one that was deleted, one tied down in
    /// every way, and one whose secret each use replaces.
    pub tokens: Vec<Issued>,
    /// An access token of each that gave one.
    pub access: Vec<Exchanged>,
}

/// The place of the deleted one among [`World::tokens`].
pub const DELETED: usize = 3;

impl World {
    /// The beginning of every story.
    #[must_use]
    pub fn new() -> Self {
        Self::signing(Algorithm::EdDsa)
    }

    /// The same in an epoch that signs otherwise.
    #[must_use]
    pub fn signing(algorithm: Algorithm) -> Self {
        let store = Arc::new(ResettableStore::default());
        let clock = Arc::new(SetClock(AtomicU64::new(START)));
        let authority = Authority::new(Arc::clone(&store), Arc::clone(&clock), Counting::default(), FixedKey);
        authority.configure(Some(ISSUER), "").expect("a good issuer");
        authority.begin(Boot::Advance, Some(algorithm)).expect("a first epoch");
        let mut tokens: Vec<Issued> = Vec::new();
        for (name, owner, parent, scopes) in [
            ("nightly job", Some("alice"), None, &["orders", "jeton:introspect"][..]),
            ("nightly job, child", Some("alice"), Some(0), &["orders"]),
            ("backup", None, None, &[]),
            ("left behind", Some("bob"), None, &["orders"]),
            ("night\u{fc}", Some("bob"), None, &["jeton:admin"]),
            ("night shift", None, None, &["orders"]),
        ] {
            let place = tokens.len();
            let mut request = IssueRequest {
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
                parent: parent.map(|parent: usize| tokens[parent].token.id.to_string()),
                owner: owner.map(str::to_owned),
                ..IssueRequest::named(name)
            };
            if place == DELETED + 1 {
                request.bindings = AskedBindings {
                    not_before: Some(Seconds(START - 1)),
                    networks: vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
                    networks_in_access_tokens: true,
                    audiences: vec!["https://api.example".to_owned()],
                    max_exchanges: Some(5),
                };
            }
            request.conduct = Conduct { may_delegate: place == 0, rotates_on_use: place == DELETED + 2 };
            let issued = authority.issue(&Actor::Machine, &request).expect("a good request");
            tokens.push(Issued { secret: issued.secret.expect("it is shown once"), token: issued.token });
        }
        let deleted = tokens[DELETED].token.id.to_string();
        authority.delete(&Actor::Machine, &[deleted], Reason::Unused, Some("gone")).expect("a known token");
        let access = tokens.iter().filter_map(|token| authority.exchange(&token.secret, &PLAIN).ok()).collect();
        store.mark();
        Self { store, clock, authority, tokens, access }
    }

    /// Goes back to where every story begins.
    pub fn reset(&self) {
        self.store.reset();
        self.clock.set(START);
    }

    /// The actor who may do everything.
    #[must_use]
    pub fn machine() -> Actor {
        Actor::Machine
    }

    /// Unix time by its clock.
    #[must_use]
    pub fn now(&self) -> Seconds {
        self.clock.now().seconds
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
