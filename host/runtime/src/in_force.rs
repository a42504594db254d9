//! The policy in force: what every instance is made of. It is replaced under load, and taken back where it fails.
//!
//! Nobody is stopped for it. Whoever holds an instance asks, before each call, whether the policy that it was made of is still the
//! one in force, and makes another where it is not: so each answer is one policy's, and no call is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

use crate::policy::{Member, Policy};
use crate::sandbox::Kind;

/// How long after it was loaded a policy is taken back at its first failure. It is bounded: whoever finds, much later, an input
/// that a policy fails on must not be able to choose the one before it.
pub const PROBATION: Duration = Duration::from_secs(600);

/// The policy in force. Cloning is cheap and shares it.
#[derive(Clone)]
pub struct InForce {
    shared: Arc<Shared>,
}

struct Shared {
    /// Counts the policies that came into force. Read before every call, and so apart from the lock.
    generation: AtomicU64,
    state: Mutex<State>,
    swaps: AtomicU64,
    failures: [AtomicU64; 2],
}

struct State {
    policy: Policy,
    loaded_at: SystemTime,
    /// What is gone back to.
    before: Option<Before>,
    rollbacks: u64,
    last_rollback: Option<Rollback>,
}

struct Before {
    policy: Policy,
    loaded_at: SystemTime,
    until: Instant,
}

/// A policy that was taken back.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// When.
    pub at: SystemTime,
    /// Its members.
    pub members: [Member; 2],
    /// How it failed. It names functions of the policy, never data.
    pub reason: String,
}

/// What is known of the policy in force.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its two components.
    pub members: [Member; 2],
    /// Since when it is in force.
    pub loaded_at: SystemTime,
    /// Policies that were loaded since the start of the process.
    pub swaps: u64,
    /// Policies that were taken back.
    pub rollbacks: u64,
    /// The one that was taken back last.
    pub last_rollback: Option<Rollback>,
    /// Failures of components since the start of the process, of the authority's and of the verifier's: calls that trapped or
    /// took too long, and live documents that cannot be right.
    pub failures: [u64; 2],
}

impl InForce {
    /// A policy that comes into force now.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let state = State { policy, loaded_at: SystemTime::now(), before: None, rollbacks: 0, last_rollback: None };
        let shared = Shared {
            generation: AtomicU64::new(0),
            state: Mutex::new(state),
            swaps: AtomicU64::new(0),
            failures: [AtomicU64::new(0), AtomicU64::new(0)],
        };
        Self { shared: Arc::new(shared) }
    }

    /// Puts a policy in the place of the one in force. Whatever is called after this is answered by it, until it fails within
    /// [`PROBATION`].
    pub fn replace(&self, policy: Policy) {
        self.replace_at(policy, Instant::now());
    }

    fn replace_at(&self, policy: Policy, now: Instant) {
        let mut state = self.shared.state.lock();
        let old = std::mem::replace(&mut state.policy, policy);
        let loaded_at = std::mem::replace(&mut state.loaded_at, SystemTime::now());
        state.before = now.checked_add(PROBATION).map(|until| Before { policy: old, loaded_at, until });
        self.shared.swaps.fetch_add(1, Ordering::Relaxed);
        self.shared.generation.fetch_add(1, Ordering::Release);
    }

    /// Forgets what would be gone back to, once a policy has stood its probation. To be called from time to time.
    pub fn settle(&self) {
        let mut state = self.shared.state.lock();
        state.before.take_if(|before| before.until <= Instant::now());
    }

    /// What is known of it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let state = self.shared.state.lock();
        Standing {
            members: state.policy.members(),
            loaded_at: state.loaded_at,
            swaps: self.shared.swaps.load(Ordering::Relaxed),
            rollbacks: state.rollbacks,
            last_rollback: state.last_rollback.clone(),
            failures: self.shared.failures.each_ref().map(|failures| failures.load(Ordering::Relaxed)),
        }
    }

    fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    fn current(&self) -> (Policy, u64) {
        let state = self.shared.state.lock();
        // Under the lock under which it moves.
        (state.policy.clone(), self.generation())
    }

    /// Notes that a component of the policy of `generation` failed; goes back to the one before where it is on probation.
    fn failed(&self, generation: u64, kind: Kind, reason: &str, now: Instant) {
        let [authority, verifier] = &self.shared.failures;
        let failures = if kind == Kind::Authority { authority } else { verifier };
        failures.fetch_add(1, Ordering::Relaxed);
        let mut state = self.shared.state.lock();
        if generation != self.generation() {
            return;
        }
        let Some(before) = state.before.take().filter(|before| now < before.until) else { return };
        let failed = std::mem::replace(&mut state.policy, before.policy);
        state.loaded_at = before.loaded_at;
        state.rollbacks += 1;
        let members = failed.members();
        tracing::error!(
            reason,
            world = kind.name(),
            sha256 = members.iter().find(|member| member.kind == kind).map(|member| member.sha256.as_str()),
            "the policy that was loaded failed: the one before it is in force again"
        );
        state.last_rollback = Some(Rollback { at: SystemTime::now(), members, reason: reason.to_owned() });
        self.shared.generation.fetch_add(1, Ordering::Release);
    }
}

impl From<&Policy> for InForce {
    fn from(policy: &Policy) -> Self {
        Self::new(policy.clone())
    }
}

impl From<&InForce> for InForce {
    fn from(in_force: &InForce) -> Self {
        in_force.clone()
    }
}

/// Follows the policy in force on behalf of whoever holds an instance.
pub(crate) struct Follower {
    in_force: InForce,
    policy: Policy,
    generation: u64,
}

impl Follower {
    pub(crate) fn new(in_force: &InForce) -> Self {
        let (policy, generation) = in_force.current();
        Self { in_force: in_force.clone(), policy, generation }
    }

    /// Goes on to the policy in force. `true`: it is another, and no instance of the old one may be called again.
    pub(crate) fn refresh(&mut self) -> bool {
        if !self.is_outdated() {
            return false;
        }
        (self.policy, self.generation) = self.in_force.current();
        true
    }

    /// Whether another policy is in force by now.
    pub(crate) fn is_outdated(&self) -> bool {
        self.in_force.generation() != self.generation
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Notes that a component of the policy that is followed failed.
    pub(crate) fn failed(&self, kind: Kind, reason: &str) {
        self.in_force.failed(self.generation, kind, reason, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use super::*;
    use crate::artifacts;

    fn two() -> (InForce, String) {
        let in_force = InForce::new(Policy::embedded().unwrap());
        let shipped = verifier_of(&in_force);
        in_force.replace(Policy::of(None, Some(artifacts::WIDE_VERIFIER)).unwrap());
        assert_ne!(verifier_of(&in_force), shipped);
        (in_force, shipped)
    }

    fn verifier_of(in_force: &InForce) -> String {
        let [_, verifier] = in_force.standing().members;
        verifier.sha256
    }

    #[test]
    fn a_policy_that_fails_on_probation_is_taken_back_and_what_it_was_is_remembered() {
        let (in_force, shipped) = two();
        let mut follower = Follower::new(&in_force);
        let loaded = verifier_of(&in_force);
        follower.failed(Kind::Verifier, "unreachable");
        assert_eq!(verifier_of(&in_force), shipped);
        assert!(follower.refresh() && !follower.refresh());
        let standing = in_force.standing();
        assert_eq!((standing.swaps, standing.rollbacks, standing.failures), (1, 1, [0, 1]));
        let last = standing.last_rollback.unwrap();
        let [_, verifier] = last.members;
        assert_eq!((verifier.sha256, last.reason.as_str()), (loaded, "unreachable"));
    }

    #[test]
    fn a_policy_that_stood_its_probation_stays() {
        let (in_force, shipped) = two();
        let later = Instant::now() + PROBATION;
        in_force.failed(1, Kind::Authority, "unreachable", later);
        assert_ne!(verifier_of(&in_force), shipped);
        assert_eq!(in_force.standing().failures, [1, 0]);
    }

    #[test]
    fn a_failure_of_a_policy_that_is_not_in_force_any_more_takes_nothing_back() {
        let (in_force, shipped) = two();
        in_force.failed(0, Kind::Verifier, "of the one before", Instant::now());
        assert_ne!(verifier_of(&in_force), shipped);
    }

    #[test]
    fn there_is_nothing_to_go_back_to_before_anything_was_loaded() {
        let in_force = InForce::new(Policy::embedded().unwrap());
        Follower::new(&in_force).failed(Kind::Verifier, "unreachable");
        assert_eq!(in_force.standing().rollbacks, 0);
    }
}
