//! One component of the contract, alone: for whoever tries a policy rather than serves one.
//!
//! No pools, no live set of the host's own: each call goes to the instance that it names, under the deadline and the cap
//! on memory that a server has. What a component imports beyond its world is there and traps when it is called, so that
//! the rest of it can be tried all the same.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, InstancePre};
use wasmtime::{Engine, Store, Trap};

use crate::authority::AuthorityCall;
use crate::bindings::AuthorityPre;
use crate::budget;
use crate::engine::start_metered;
use crate::engine_config::MAX_MEMORY;
use crate::instance::{AuthorityInstance, store};
use crate::lent::{Lent, LentState, linker};
use crate::memory::Capped as _;
use crate::policy::{PolicyError, describe, start_engine};
use crate::wit::verification::{
    Claims, Guest, GuestIndices, Held, IntrospectRefusal, LoadRefusal, Moment, NetworkVerdict, Refusal, Verified,
};

pub use crate::budget::processor_time;
pub use crate::verifier::LIMIT as VERDICT_LIMIT;

/// The processor time that a verdict may take here. A server gives it [`VERDICT_LIMIT`], a thousandth of this: what is
/// slow and ends is told from what never does.
const LIMIT: Duration = Duration::from_secs(2);

/// The most bytes of linear memory that an instance may have.
pub const MEMORY_CAP: usize = MAX_MEMORY;

/// A component, compiled and linked, ready to instantiate.
pub struct Sandbox(Arc<Ready>);

struct Ready {
    engine: Engine,
    component: InstancePre<LentState>,
    guest: GuestPre,
    is_metered: bool,
}

enum GuestPre {
    Authority(Box<AuthorityPre<LentState>>),
    Verifier(GuestIndices),
}

/// Which world a component is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Verification alone.
    Verifier,
    /// Everything.
    Authority,
}

impl Kind {
    /// The name of the world in the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Verifier => "verifier",
            Self::Authority => "authority",
        }
    }
}

impl Sandbox {
    /// Compiles a component of the world that it is taken for.
    ///
    /// # Errors
    /// [`PolicyError`] when it is not WebAssembly that this host can run, or lacks an export.
    pub fn compile(component: &[u8], kind: Kind) -> Result<Self, PolicyError> {
        Self::link(start_engine()?, component, kind, false)
    }

    /// The same, and what its instances compute is counted: [`Solo::fuel`].
    ///
    /// # Errors
    /// As [`Sandbox::compile`].
    pub fn compile_metered(component: &[u8], kind: Kind) -> Result<Self, PolicyError> {
        let engine = start_metered().map_err(|error| PolicyError::Engine(describe(&error)))?;
        Self::link(engine, component, kind, true)
    }

    fn link(engine: Engine, component: &[u8], kind: Kind, is_metered: bool) -> Result<Self, PolicyError> {
        let wrap = |error: wasmtime::Error| match kind {
            Kind::Authority => PolicyError::authority(error),
            Kind::Verifier => PolicyError::verifier(error),
        };
        let component = Component::new(&engine, component).map_err(wrap)?;
        let mut linker = linker(&engine).map_err(wrap)?;
        linker.define_unknown_imports_as_traps(&component).map_err(wrap)?;
        let component = linker.instantiate_pre(&component).map_err(wrap)?;
        let guest = match kind {
            Kind::Authority => GuestPre::Authority(Box::new(AuthorityPre::new(component.clone()).map_err(wrap)?)),
            Kind::Verifier => GuestPre::Verifier(GuestIndices::new(&component).map_err(wrap)?),
        };
        Ok(Self(Arc::new(Ready { engine, component, guest, is_metered })))
    }

    /// Makes an instance that is lent this.
    ///
    /// # Errors
    /// When it cannot be made: an export has another type than the contract says, or what it does at its start fails.
    pub fn instantiate(&self, lent: &Arc<Lent>) -> wasmtime::Result<Solo> {
        Ok(Solo { member: self.0.instantiate(lent)?, ready: Arc::clone(&self.0), lent: Arc::clone(lent) })
    }
}

impl Ready {
    fn instantiate(&self, lent: &Arc<Lent>) -> wasmtime::Result<Member> {
        let mut store = store(&self.engine, LentState::new(Arc::clone(lent)));
        if self.is_metered {
            store.set_fuel(u64::MAX)?;
        }
        Ok(match &self.guest {
            GuestPre::Authority(authority) => {
                let guest = authority.instantiate(&mut store)?;
                Member::Authority(AuthorityInstance { store, guest })
            }
            GuestPre::Verifier(verification) => {
                let instance = self.component.instantiate(&mut store)?;
                let guest = verification.load(&mut store, &instance)?;
                Member::Verifier(store, guest)
            }
        })
    }
}

/// An instance. After a trap it must not be called again.
pub struct Solo {
    member: Member,
    ready: Arc<Ready>,
    lent: Arc<Lent>,
}

#[allow(clippy::large_enum_variant, reason = "a handful of them exist at a time")]
enum Member {
    Authority(AuthorityInstance),
    Verifier(Store<LentState>, Guest),
}

impl Solo {
    /// The exports of the authority world; `None` where it is taken for a verifier.
    pub fn authority(&mut self) -> Option<AuthorityCall<'_>> {
        match &mut self.member {
            Member::Authority(instance) => Some(AuthorityCall::new(instance)),
            Member::Verifier(..) => None,
        }
    }

    /// Puts another instance of an authority in its place, where a server would do so before the next call: its memory has grown to
    /// half of [`MEMORY_CAP`]. Says whether it did.
    ///
    /// # Errors
    /// When no other can be made.
    pub fn replace_if_worn(&mut self) -> wasmtime::Result<bool> {
        let is_worn = match &mut self.member {
            Member::Authority(instance) => instance.is_worn(),
            Member::Verifier(..) => false,
        };
        if is_worn {
            self.member = self.ready.instantiate(&self.lent)?;
        }
        Ok(is_worn)
    }

    /// Hands it a live document.
    ///
    /// # Errors
    /// The outer one is a trap.
    pub fn load(&mut self, document: &[u8]) -> wasmtime::Result<Result<Held, LoadRefusal>> {
        let (store, guest) = self.verification();
        guest.call_load(store, document)
    }

    /// Judges an access token.
    ///
    /// # Errors
    /// The outer one is a trap.
    pub fn verify(
        &mut self,
        token: &str,
        at: Moment,
        enforce_lease: bool,
    ) -> wasmtime::Result<Result<Verified, Refusal>> {
        let (store, guest) = self.verification();
        guest.call_verify(store, token, at, enforce_lease)
    }

    /// Judges `caller`, then `token`, and gives the RFC 7662 answer.
    ///
    /// # Errors
    /// The outer one is a trap.
    pub fn introspect(
        &mut self,
        caller: &str,
        token: &str,
        at: Moment,
        enforce_lease: bool,
    ) -> wasmtime::Result<Result<Vec<u8>, IntrospectRefusal>> {
        let (store, guest) = self.verification();
        guest.call_introspect(store, caller, token, at, enforce_lease)
    }

    /// Judges an access token and says what it claims.
    ///
    /// # Errors
    /// The outer one is a trap.
    pub fn read_claims(
        &mut self,
        token: &str,
        at: Moment,
        enforce_lease: bool,
    ) -> wasmtime::Result<Result<(Claims, NetworkVerdict), Refusal>> {
        let (store, guest) = self.verification();
        guest.call_read_claims(store, token, at, enforce_lease)
    }

    /// The most bytes of linear memory that it has had.
    pub fn memory(&mut self) -> usize {
        let store = match &mut self.member {
            Member::Authority(instance) => &mut instance.store,
            Member::Verifier(store, _) => store,
        };
        store.data_mut().memory().held()
    }

    /// What it has computed since it was made, in the engine's units of fuel: an instruction of WebAssembly each, or about that. The same
    /// on every machine. `None` unless its sandbox is metered.
    pub fn fuel(&mut self) -> Option<u64> {
        let store = match &mut self.member {
            Member::Authority(instance) => &mut instance.store,
            Member::Verifier(store, _) => store,
        };
        Some(u64::MAX - store.get_fuel().ok()?)
    }

    /// The interface that both worlds export, at the beginning of a call.
    fn verification(&mut self) -> (&mut Store<LentState>, &Guest) {
        let (store, guest) = match &mut self.member {
            Member::Authority(AuthorityInstance { store, guest }) => (store, guest.jeton_policy_verification()),
            Member::Verifier(store, guest) => (store, &*guest),
        };
        budget::begin(store, LIMIT);
        (store, guest)
    }
}

/// Whether a call was ended because it took too long.
pub fn is_overrun(trap: &wasmtime::Error) -> bool {
    trap.downcast_ref::<Trap>() == Some(&Trap::Interrupt)
}

/// A trap with its causes. It names functions of the policy, never data.
pub fn describe_trap(trap: &wasmtime::Error) -> String {
    describe(trap)
}
