//! What the tests lend the rules.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
};

use jeton_policy::{
    authority::{
        Actor, Authority, Boot, Edit, ExchangeError, ExchangeRequest, Exchanged, IssueRequest, SettingsChange, Token,
    },
    ports::{Clock, Entropy, Reading, RootKey},
    record::{Reason, Settings},
    seconds::Seconds,
    store::Store,
    verifier::{Moment, Refusal, Verifier},
};
use jeton_store::MemoryStore;
use zeroize::Zeroizing;

/// When every test begins.
pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://tokens.example";

/// A clock that shows what it is told.
#[derive(Default)]
pub(crate) struct SetClock {
    seconds: AtomicU64,
    nanoseconds: AtomicU32,
}

impl SetClock {
    pub(crate) fn set(&self, seconds: u64, nanoseconds: u32) {
        self.seconds.store(seconds, SeqCst);
        self.nanoseconds.store(nanoseconds, SeqCst);
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, SeqCst);
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.seconds.load(SeqCst)
    }
}

impl Clock for SetClock {
    fn now(&self) -> Reading {
        Reading { seconds: Seconds(self.seconds()), nanoseconds: self.nanoseconds.load(SeqCst) }
    }
}

/// Entropy that is different at every call and the same in every run.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, SeqCst);
        bytes.fill(0);
        bytes[..8].copy_from_slice(&count.to_be_bytes());
    }
}

pub(crate) struct FixedKey(pub(crate) [u8; 32]);

impl RootKey for FixedKey {
    fn root_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0)
    }
}

/// An exchange that asks for nothing but an access token.
pub(crate) const PLAIN: ExchangeRequest<'static> = ExchangeRequest { scope: None, resource: None, peer: None };

/// A refresh token that was just made, with the secret that is shown once.
pub(crate) struct Issued {
    pub(crate) secret: Zeroizing<String>,
    pub(crate) token: Token,
}

impl Issued {
    pub(crate) fn of(issued: jeton_policy::authority::Issued) -> Self {
        Self { secret: issued.secret.unwrap(), token: issued.token }
    }
}

/// An authority that has started, and what it stands on.
pub(crate) struct World<S: Store + 'static = MemoryStore> {
    pub(crate) store: Arc<S>,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) entropy: Arc<Counting>,
    pub(crate) authority: Authority,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(MemoryStore::new())
    }
}

impl<S: Store + 'static> World<S> {
    pub(crate) fn over(store: S) -> Self {
        let world = Self::unstarted(store);
        world.authority.configure(Some(ISSUER), "").unwrap();
        world.authority.begin(Boot::Advance, None).unwrap();
        world
    }

    pub(crate) fn unstarted(store: S) -> Self {
        let (store, clock, entropy) = (Arc::new(store), Arc::new(SetClock::default()), Arc::new(Counting::default()));
        clock.set(START, 0);
        let authority = authority(&store, &clock, &entropy, [1; 32]);
        Self { store, clock, entropy, authority }
    }

    /// Another process over the same store: it knows nothing but what was stored.
    pub(crate) fn another(&self, root_key: [u8; 32]) -> Authority {
        authority(&self.store, &self.clock, &self.entropy, root_key)
    }

    pub(crate) fn issue(&self, change: impl FnOnce(&mut IssueRequest)) -> Issued {
        let mut request = request();
        change(&mut request);
        Issued::of(self.authority.issue(&Actor::Machine, &request).unwrap())
    }

    pub(crate) fn child_of(&self, parent: &Issued) -> Issued {
        self.issue(|request| request.parent = Some(parent.token.id.to_string()))
    }

    pub(crate) fn exchange(&self, issued: &Issued) -> Exchanged {
        self.authority.exchange(&issued.secret, &PLAIN).unwrap()
    }

    /// The refusal of an exchange that should be refused.
    pub(crate) fn refusal(&self, secret: &str) -> ExchangeError {
        self.authority.exchange(secret, &PLAIN).map(|_| ()).unwrap_err()
    }

    pub(crate) fn edit(&self, issued: &Issued, edit: Edit) -> Token {
        self.authority.edit(&Actor::Machine, &issued.token.id.to_string(), &edit, None).unwrap()
    }

    pub(crate) fn disable(&self, issued: &Issued) {
        self.edit(issued, Edit { enabled: Some(false), ..Edit::default() });
    }

    /// The refresh token with the secret that takes the place of its present one.
    pub(crate) fn rotate(&self, issued: &Issued, overlap: u64) -> Issued {
        let id = issued.token.id.to_string();
        Issued::of(self.authority.rotate(&Actor::Machine, &id, Seconds(overlap), None).unwrap())
    }

    pub(crate) fn show(&self, issued: &Issued) -> Token {
        self.authority.show(&issued.token.id.to_string()).unwrap()
    }

    /// Changes settings, for what is minted from now on.
    pub(crate) fn set(&self, change: impl FnOnce(&mut SettingsChange)) -> Settings {
        let mut settings = SettingsChange::default();
        change(&mut settings);
        self.authority.set_settings(&Actor::Machine, &settings, None, false).unwrap()
    }

    pub(crate) fn delete(&self, issued: &Issued) {
        self.authority.delete(&Actor::Machine, &[issued.token.id.to_string()], Reason::Deleted, None).unwrap();
    }

    /// A verifier that has just loaded everything.
    pub(crate) fn verifier(&self) -> Verifier {
        let mut verifier = Verifier::new();
        verifier.load(&self.authority.snapshot().unwrap()).unwrap();
        verifier
    }

    pub(crate) fn now(&self) -> Moment {
        Moment { now: Seconds(self.clock.seconds()), held_for: Seconds(0), enforce_lease: false, peer: None }
    }

    /// The verdict of a verifier that has just loaded everything, at the time of the clock.
    pub(crate) fn verdict(&self, token: &Exchanged) -> Result<(), Refusal> {
        self.verifier().verify(&token.access_token, self.now()).map(|_| ())
    }
}

fn authority<S: Store + 'static>(
    store: &Arc<S>,
    clock: &Arc<SetClock>,
    entropy: &Arc<Counting>,
    root_key: [u8; 32],
) -> Authority {
    Authority::new(Arc::clone(store), Arc::clone(clock), Arc::clone(entropy), FixedKey(root_key))
}

pub(crate) fn request() -> IssueRequest {
    IssueRequest::named("nightly job")
}

pub(crate) fn scopes(scopes: &[&str]) -> Vec<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}
