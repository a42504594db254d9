//! An instance and the store it lives in: made, called and thrown away together, since a trap spoils both.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Engine, Store};

use crate::bindings::Authority as AuthorityGuest;
use crate::budget::{self, Budget, Budgeted};
use crate::engine_config::MAX_MEMORY;
use crate::lent::{Lent, LentState};
use crate::memory::{Capped, MemoryCap};
use crate::policy::Policy;
use crate::wit::verification::Guest as VerificationGuest;

/// The processor time that making an instance may take. A component may run code of its own then; ours has none.
const START_LIMIT: Duration = Duration::from_millis(100);

/// An instance of the authority component.
pub(crate) struct AuthorityInstance {
    pub(crate) store: Store<LentState>,
    pub(crate) guest: AuthorityGuest,
}

impl AuthorityInstance {
    pub(crate) fn new(policy: &Policy, lent: Arc<Lent>) -> wasmtime::Result<Self> {
        let mut store = store(policy.engine(), LentState::new(lent));
        let guest = policy.authority().instantiate(&mut store)?;
        Ok(Self { store, guest })
    }

    /// Whether its memory has grown so far that another takes its place. All that counts is in the store, so any will do.
    pub(crate) fn is_worn(&mut self) -> bool {
        self.store.data_mut().memory().is_worn()
    }
}

/// The state of a verifier's store: a verifier is lent nothing.
pub(crate) struct VerifierState {
    budget: Budget,
    memory: MemoryCap,
}

impl Budgeted for VerifierState {
    fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }
}

impl Capped for VerifierState {
    fn memory(&mut self) -> &mut MemoryCap {
        &mut self.memory
    }
}

/// An instance of the verifier component.
pub(crate) struct VerifierInstance {
    pub(crate) store: Store<VerifierState>,
    pub(crate) guest: VerificationGuest,
}

impl VerifierInstance {
    pub(crate) fn new(policy: &Policy) -> wasmtime::Result<Self> {
        let (component, verification) = policy.verifier();
        let mut store =
            store(policy.engine(), VerifierState { budget: Budget::new(Duration::ZERO), memory: MemoryCap::default() });
        let instance = component.instantiate(&mut store)?;
        let guest = verification.load(&mut store, &instance)?;
        Ok(Self { store, guest })
    }
}

/// A store whose guest has a budget and a cap on its memory, and cannot make the host allocate more than it could allocate itself.
pub(crate) fn store<T: Budgeted + Capped + 'static>(engine: &Engine, state: T) -> Store<T> {
    let mut store = Store::new(engine, state);
    store.set_hostcall_fuel(MAX_MEMORY);
    store.limiter(|state| state.memory());
    budget::enforce(&mut store);
    budget::begin(&mut store, START_LIMIT);
    store
}
