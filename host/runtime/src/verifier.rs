//! A verifier: an instance of the verifier component, called on the thread that read the request.
//!
//! Before each verdict it compares the sequence that it holds with the one that the board requires, and loads what is
//! missing. Whatever stands in the way of that, the answer is [`Unready`] and never a verdict.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::Store;

use crate::budget;
use crate::courtesy;
use crate::in_force::{Follower, InForce};
use crate::instance::{VerifierInstance, VerifierState};
use crate::live::{Live, Route, load};
use crate::policy::PolicyError;
use crate::sandbox::Kind;
use crate::wit::verification::{Claims, Guest, IntrospectRefusal, Moment, NetworkVerdict, Refusal, Verified};

/// The processor time that one verdict may take. A signature takes a tenth of a millisecond; a policy gone mad delays
/// the other requests of its thread by this much and a tick or two.
pub const LIMIT: Duration = Duration::from_millis(2);

/// The same for the first verdict of an instance that replaces none that failed. It is the first to touch the instance's memory and
/// code, at near a millisecond, and on a busy host at several: one that is stopped then is replaced by one that knows as little.
const FIRST_LIMIT: Duration = Duration::from_millis(20);

/// After so many failures in a row the policy, not the token, is taken to be at fault.
const MAX_FAILURES: u32 = 3;

/// How long a verifier that is out of service waits before it is tried with one request.
const REST: Duration = Duration::from_secs(1);

/// Gives verdicts for one thread.
pub struct Verifier {
    follower: Follower,
    live: Arc<Live>,
    instance: Option<Loaded>,
    /// Failures in a row.
    failures: u32,
    /// Out of service until then.
    rests_until: Option<Instant>,
}

/// An instance, and the live set that it holds.
struct Loaded {
    instance: VerifierInstance,
    sequence: u64,
    at: Instant,
    /// It has given no verdict yet.
    is_new: bool,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The verdict. Never [`Refusal::Stale`].
    #[error("the access token is refused: {0:?}")]
    Refused(Refusal),
    /// It is alive, but bound to networks, and the peer is in none of them or nobody knows who it is.
    #[error("the access token may not be used from there: {0:?}")]
    Elsewhere(NetworkVerdict),
    /// There is no verdict: nothing can be known now.
    #[error("no verdict can be given now")]
    Unready,
}

/// Why an introspection is refused (RFC 7662 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectError {
    /// The caller's own token is not accepted.
    #[error("the caller's access token is refused")]
    InvalidToken,
    /// The caller may not ask about another token than its own.
    #[error("the caller's access token lacks the scope to introspect")]
    InsufficientScope,
    /// There is no verdict: nothing can be known now.
    #[error("no verdict can be given now")]
    Unready,
}

/// No verdict can be given.
struct Unready;

impl Verifier {
    /// A verifier that follows `live` and the policy in force. It loads what is there, if anything is.
    ///
    /// # Errors
    /// When the component cannot be instantiated.
    pub fn new(policy: impl Into<InForce>, live: Arc<Live>) -> Result<Self, PolicyError> {
        let follower = Follower::new(&policy.into());
        drop(VerifierInstance::new(follower.policy()).map_err(PolicyError::verifier)?);
        let mut verifier = Self { follower, live, instance: None, failures: 0, rests_until: None };
        if verifier.live.is_current() && verifier.instance().is_err() {
            tracing::debug!("the verifier holds no live set yet");
        }
        Ok(verifier)
    }

    /// Judges an access token by the one rule, and whether `peer` may use it; `now` is Unix time.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&mut self, token: &str, now: u64, peer: Option<IpAddr>) -> Result<Verified, VerifyError> {
        let verdict = self.judge(now, peer, |guest, store, moment| guest.call_verify(store, token, moment, false));
        let verified = verdict??;
        permitted(verified.network)?;
        Ok(verified)
    }

    /// Judges `caller`, who is at `peer`, then `token`, and gives the RFC 7662 answer; `now` is Unix time.
    ///
    /// # Errors
    /// [`IntrospectError`].
    pub fn introspect(
        &mut self,
        caller: &str,
        token: &str,
        now: u64,
        peer: Option<IpAddr>,
    ) -> Result<Vec<u8>, IntrospectError> {
        let answer =
            self.judge(now, peer, |guest, store, moment| guest.call_introspect(store, caller, token, moment, false));
        answer?.map_err(IntrospectError::from)
    }

    /// Judges an access token by the one rule, and whether `peer` may use it, and says what it claims; `now` is Unix time.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn claims(&mut self, token: &str, now: u64, peer: Option<IpAddr>) -> Result<Claims, VerifyError> {
        let verdict = self.judge(now, peer, |guest, store, moment| guest.call_read_claims(store, token, moment, false));
        let (claims, network) = verdict??;
        permitted(network)?;
        Ok(claims)
    }

    /// Whether it is tried with every request: `false` after failures in a row, until a trial succeeds.
    pub fn in_service(&self) -> bool {
        self.failures < MAX_FAILURES
    }

    /// Asks the instance for a verdict from a live set that is current.
    fn judge<R>(
        &mut self,
        now: u64,
        peer: Option<IpAddr>,
        ask: impl Fn(&Guest, &mut Store<VerifierState>, Moment) -> wasmtime::Result<R>,
    ) -> Result<R, Unready> {
        match self.judge_once(now, peer, &ask) {
            // It was taken back for this very failure, or replaced meanwhile: another may give what this one could not.
            Err(Unready) if self.follower.is_outdated() => self.judge_once(now, peer, &ask),
            verdict => verdict,
        }
    }

    fn judge_once<R>(
        &mut self,
        now: u64,
        peer: Option<IpAddr>,
        ask: &impl Fn(&Guest, &mut Store<VerifierState>, Moment) -> wasmtime::Result<R>,
    ) -> Result<R, Unready> {
        let now = self.live.latest().at(now);
        let has_failed = self.failures > 0;
        let loaded = self.instance()?;
        let begun = Instant::now();
        courtesy::verdict_is_asked_for(begun);
        // Rounded down: the live set is at least this old, and time is never judged to be later than it is.
        let moment =
            Moment { now, held_for: begun.saturating_duration_since(loaded.at).as_secs(), peer: peer.map(Into::into) };
        let VerifierInstance { store, guest } = &mut loaded.instance;
        budget::begin(store, if loaded.is_new && !has_failed { FIRST_LIMIT } else { LIMIT });
        match ask(guest, store, moment) {
            Ok(verdict) => {
                loaded.is_new = false;
                if self.failures > 0 {
                    self.restore();
                }
                Ok(verdict)
            }
            Err(trap) => Err(self.fail(&format!("{trap:#}"))),
        }
    }

    /// The instance, holding what the board requires.
    fn instance(&mut self) -> Result<&mut Loaded, Unready> {
        if self.follower.refresh() {
            self.instance = None;
            self.failures = 0;
            self.rests_until = None;
        }
        let required = self.live.board().required().ok_or(Unready)?;
        let current = self.instance.as_ref().is_some_and(|loaded| loaded.sequence >= required);
        if !current {
            self.catch_up()?;
        }
        self.instance.as_mut().ok_or(Unready)
    }

    /// Loads what is missing, into a new instance where there is none.
    fn catch_up(&mut self) -> Result<(), Unready> {
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            return Err(Unready);
        }
        // Whatever goes wrong below, what the old one holds is not known then.
        let old = self.instance.take();
        let route = self.live.board().route(old.as_ref().map(|loaded| loaded.sequence)).ok_or(Unready)?;
        let is_new = old.as_ref().is_none_or(|loaded| loaded.is_new);
        let instance = old.map_or_else(|| VerifierInstance::new(self.follower.policy()), |loaded| Ok(loaded.instance));
        match instance.and_then(|instance| follow(instance, &route, is_new)) {
            Ok(loaded) => {
                self.instance = Some(loaded);
                Ok(())
            }
            Err(error) => Err(self.fail(&format!("{error:#}"))),
        }
    }

    /// Throws the instance away. What is logged names functions of the policy, never an argument.
    fn fail(&mut self, reason: &str) -> Unready {
        self.instance = None;
        self.failures = self.failures.saturating_add(1);
        self.follower.failed(Kind::Verifier, reason);
        if self.failures < MAX_FAILURES {
            tracing::warn!(reason, "a verifier failed; its instance is replaced");
            return Unready;
        }
        if self.failures == MAX_FAILURES {
            tracing::error!(reason, "a verifier failed {MAX_FAILURES} times in a row and is out of service");
        }
        self.rests_until = Some(Instant::now() + REST);
        Unready
    }

    fn restore(&mut self) {
        if !self.in_service() {
            tracing::info!("a verifier is back in service");
        }
        self.failures = 0;
        self.rests_until = None;
    }
}

/// The component has judged the networks; a caller that forgets to look at what it said gets an error all the same.
fn permitted(network: NetworkVerdict) -> Result<(), VerifyError> {
    match network {
        NetworkVerdict::NotBound | NetworkVerdict::Inside => Ok(()),
        NetworkVerdict::Outside | NetworkVerdict::UnknownPeer => Err(VerifyError::Elsewhere(network)),
    }
}

/// Loads the documents of a route one after the other.
fn follow(mut instance: VerifierInstance, route: &Route, is_new: bool) -> wasmtime::Result<Loaded> {
    for document in &route.documents {
        if let Err(refusal) = load(&mut instance, document)? {
            wasmtime::bail!("it refuses the live document: {refusal:?}");
        }
    }
    Ok(Loaded { instance, sequence: route.sequence, at: Instant::now(), is_new })
}

impl From<Unready> for VerifyError {
    fn from(Unready: Unready) -> Self {
        Self::Unready
    }
}

impl From<Refusal> for VerifyError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stale => Self::Unready,
            other => Self::Refused(other),
        }
    }
}

impl From<Unready> for IntrospectError {
    fn from(Unready: Unready) -> Self {
        Self::Unready
    }
}

impl From<IntrospectRefusal> for IntrospectError {
    fn from(refusal: IntrospectRefusal) -> Self {
        match refusal {
            IntrospectRefusal::InvalidToken => Self::InvalidToken,
            IntrospectRefusal::InsufficientScope => Self::InsufficientScope,
            IntrospectRefusal::Stale => Self::Unready,
        }
    }
}
