//! Where live documents come from: an authority instance that makes them, and a verifier instance that tries them first.

use std::sync::Arc;
use std::time::Duration;

use jeton_policy::store::Write;

use crate::authority::AuthorityCall;
use crate::budget;
use crate::in_force::{Follower, InForce};
use crate::instance::{AuthorityInstance, VerifierInstance};
use crate::lent::Lent;
use crate::live::Route;
use crate::sandbox::Kind;
use crate::wit::live::{Change, DeltaRefusal, LiveRefusal};
use crate::wit::verification::{Held, LoadRefusal};

/// The processor time that loading one document may take: a full live set (100,000 cuts) takes about 10 ms.
pub(crate) const LOAD_LIMIT: Duration = Duration::from_millis(250);

/// Makes live documents. No document leaves it that a verifier of the same policy would not load.
pub(crate) struct Source {
    follower: Follower,
    lent: Arc<Lent>,
    authority: Option<AuthorityInstance>,
    /// Holds what was made last.
    witness: Option<VerifierInstance>,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("no epoch has begun")]
    NotBegun,
    #[error("the store is unavailable")]
    Unavailable,
    #[error("the changes need a whole document")]
    TakeSnapshot,
    #[error("the policy failed: {0}")]
    Trapped(String),
    #[error("the policy made a live document that its verifier refuses: {0:?}")]
    Refused(LoadRefusal),
    #[error("the policy made a live document of sequence {made} where {wanted} was asked for")]
    OtherSequence { made: u64, wanted: u64 },
}

impl Source {
    pub(crate) fn new(in_force: &InForce, lent: Arc<Lent>) -> Self {
        Self { follower: Follower::new(in_force), lent, authority: None, witness: None }
    }

    /// The whole live document, of sequence `at_least` or later.
    pub(crate) fn snapshot(&mut self, at_least: u64) -> Result<(Vec<u8>, Held), SourceError> {
        self.answered(|source| source.make_snapshot(at_least))
    }

    fn make_snapshot(&mut self, at_least: u64) -> Result<(Vec<u8>, Held), SourceError> {
        let document = self.ask(|authority| authority.snapshot())??;
        // A new one: it must be able to begin with this document.
        let mut witness = VerifierInstance::new(self.follower.policy())?;
        let held = load(&mut witness, &document)??;
        if held.sequence < at_least {
            return Err(SourceError::OtherSequence { made: held.sequence, wanted: at_least });
        }
        self.witness = Some(witness);
        Ok((document, held))
    }

    /// Goes on from what others made, unless something was made here already.
    pub(crate) fn go_on_from(&mut self, route: Option<Route>) -> Result<(), SourceError> {
        self.answered(|source| source.load_route(route.as_ref()))
    }

    fn load_route(&mut self, route: Option<&Route>) -> Result<(), SourceError> {
        if self.witness.is_none()
            && let Some(route) = route
        {
            let mut witness = VerifierInstance::new(self.follower.policy())?;
            for document in &route.documents {
                load(&mut witness, document)??;
            }
            self.witness = Some(witness);
        }
        Ok(())
    }

    /// The document that leads from what was made last, of sequence `base`, to `sequence`.
    pub(crate) fn delta(
        &mut self,
        base: u64,
        sequence: u64,
        changes: &[Write],
    ) -> Result<(Vec<u8>, Held), SourceError> {
        // Not by another policy than the one whose verifier holds the base: that needs a whole document.
        let made = self.make_delta(base, sequence, changes);
        self.note(&made);
        made
    }

    fn make_delta(&mut self, base: u64, sequence: u64, changes: &[Write]) -> Result<(Vec<u8>, Held), SourceError> {
        // Whatever goes wrong below, what this one holds is not known then.
        let mut witness = self.witness.take().ok_or(SourceError::TakeSnapshot)?;
        let changes: Vec<Change> =
            changes.iter().map(|write| Change { key: write.key.clone(), value: write.value.clone() }).collect();
        let document = self.ask(|authority| authority.delta(base, sequence, &changes))??;
        let held = load(&mut witness, &document)??;
        if held.sequence != sequence {
            return Err(SourceError::OtherSequence { made: held.sequence, wanted: sequence });
        }
        self.witness = Some(witness);
        Ok((document, held))
    }

    /// The JSON Web Key Set of the current epoch.
    pub(crate) fn key_set(&mut self) -> Result<Vec<u8>, SourceError> {
        self.answered(|source| Ok(source.ask(|authority| authority.key_set())??))
    }

    /// What a verifier holds that begins with this document, which the host put together. `None`: the policy's does not take it.
    pub(crate) fn tried(&self, document: &[u8]) -> Option<Held> {
        let mut verifier = VerifierInstance::new(self.follower.policy()).ok()?;
        load(&mut verifier, document).ok()?.ok()
    }

    /// The time to go by.
    pub(crate) fn now(&self) -> u64 {
        self.lent.now()
    }

    /// An answer of the policy in force; where it was taken back for what it answered, of the one before.
    fn answered<R>(&mut self, ask: impl Fn(&mut Self) -> Result<R, SourceError>) -> Result<R, SourceError> {
        self.follow();
        let answer = ask(self);
        self.note(&answer);
        if answer.is_err() && self.follow() { ask(self) } else { answer }
    }

    /// Goes on to the policy in force; gives whether it is another.
    fn follow(&mut self) -> bool {
        let is_another = self.follower.refresh();
        if is_another {
            (self.authority, self.witness) = (None, None);
        }
        is_another
    }

    /// Notes what is the policy's fault.
    fn note<R>(&self, answer: &Result<R, SourceError>) {
        if let Err(error @ (SourceError::Trapped(_) | SourceError::Refused(_) | SourceError::OtherSequence { .. })) =
            answer
        {
            self.follower.failed(Kind::Authority, &error.to_string());
        }
    }

    /// Calls the authority instance, made anew where a trap took the last one.
    fn ask<R>(&mut self, call: impl FnOnce(&mut AuthorityCall<'_>) -> wasmtime::Result<R>) -> Result<R, SourceError> {
        let mut instance = match self.authority.take() {
            Some(instance) => instance,
            None => AuthorityInstance::new(self.follower.policy(), Arc::clone(&self.lent))?,
        };
        let answer = call(&mut AuthorityCall::new(&mut instance))?;
        self.authority = Some(instance);
        Ok(answer)
    }
}

/// Loads a document into a verifier instance.
pub(crate) fn load(instance: &mut VerifierInstance, document: &[u8]) -> wasmtime::Result<Result<Held, LoadRefusal>> {
    let VerifierInstance { store, guest } = instance;
    budget::begin(store, LOAD_LIMIT);
    guest.call_load(store, document)
}

impl From<wasmtime::Error> for SourceError {
    fn from(trap: wasmtime::Error) -> Self {
        Self::Trapped(format!("{trap:#}"))
    }
}

impl From<LiveRefusal> for SourceError {
    fn from(refusal: LiveRefusal) -> Self {
        match refusal {
            LiveRefusal::NotBegun => Self::NotBegun,
            LiveRefusal::Unavailable => Self::Unavailable,
        }
    }
}

impl From<DeltaRefusal> for SourceError {
    fn from(DeltaRefusal::TakeSnapshot: DeltaRefusal) -> Self {
        Self::TakeSnapshot
    }
}

impl From<LoadRefusal> for SourceError {
    fn from(refusal: LoadRefusal) -> Self {
        Self::Refused(refusal)
    }
}
