//! A policy: the two components, compiled and linked, ready to instantiate.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::bindings::AuthorityPre;
use crate::instance::VerifierState;
use crate::lent::LentState;
use crate::wit::verification::GuestIndices;
use crate::{artifacts, engine, lent};

/// A policy's two components on an engine of their own. Cloning is cheap and shares them.
#[derive(Clone)]
pub struct Policy {
    parts: Arc<Parts>,
}

struct Parts {
    engine: Engine,
    authority: AuthorityPre<LentState>,
    verifier: InstancePre<VerifierState>,
    verification: GuestIndices,
}

/// Why a policy cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The machine does not support what the engine needs.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// The authority component is not WebAssembly that this host can run, or not of the contract's world.
    #[error("the authority component cannot be run: {0}")]
    Authority(String),
    /// The verifier component is not WebAssembly that this host can run, or not of the contract's world.
    #[error("the verifier component cannot be run: {0}")]
    Verifier(String),
}

impl PolicyError {
    pub(crate) fn authority(error: wasmtime::Error) -> Self {
        Self::Authority(describe(&error))
    }

    pub(crate) fn verifier(error: wasmtime::Error) -> Self {
        Self::Verifier(describe(&error))
    }
}

impl Policy {
    /// The policy that this binary carries. Takes about a millisecond: its machine code was made when it was built. On a
    /// machine whose processor lacks what that one had, it is compiled anew, which takes some hundred milliseconds.
    ///
    /// # Errors
    /// [`PolicyError`] when the engine does not start.
    pub fn embedded() -> Result<Self, PolicyError> {
        let engine = start_engine()?;
        let authority =
            load(&engine, artifacts::COMPILED_AUTHORITY, artifacts::WIDE_AUTHORITY).map_err(PolicyError::authority)?;
        let verifier =
            load(&engine, artifacts::COMPILED_VERIFIER, artifacts::WIDE_VERIFIER).map_err(PolicyError::verifier)?;
        Self::link(engine, &authority, &verifier)
    }

    /// A policy of two components, compiled now.
    ///
    /// # Errors
    /// [`PolicyError`] when one of them is not a component of its world: it exports too little, or imports more than is lent.
    pub fn compile(authority: &[u8], verifier: &[u8]) -> Result<Self, PolicyError> {
        let engine = start_engine()?;
        let authority = Component::new(&engine, authority).map_err(PolicyError::authority)?;
        let verifier = Component::new(&engine, verifier).map_err(PolicyError::verifier)?;
        Self::link(engine, &authority, &verifier)
    }

    fn link(engine: Engine, authority: &Component, verifier: &Component) -> Result<Self, PolicyError> {
        let authority = lent::linker(&engine)
            .and_then(|linker| linker.instantiate_pre(authority))
            .and_then(AuthorityPre::new)
            .map_err(PolicyError::authority)?;
        // Nothing is lent to a verifier, so one that imports a function is refused here.
        let verifier = Linker::new(&engine).instantiate_pre(verifier).map_err(PolicyError::verifier)?;
        let verification = GuestIndices::new(&verifier).map_err(PolicyError::verifier)?;
        Ok(Self { parts: Arc::new(Parts { engine, authority, verifier, verification }) })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.parts.engine
    }

    pub(crate) fn authority(&self) -> &AuthorityPre<LentState> {
        &self.parts.authority
    }

    pub(crate) fn verifier(&self) -> (&InstancePre<VerifierState>, &GuestIndices) {
        (&self.parts.verifier, &self.parts.verification)
    }
}

pub(crate) fn start_engine() -> Result<Engine, PolicyError> {
    engine::start().map_err(|error| PolicyError::Engine(describe(&error)))
}

/// Loads machine code that the build script made, or compiles the component it was made from.
fn load(engine: &Engine, compiled: &[u8], component: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` runs what it is given as machine code. `compiled` is one of two constants of this binary that
    // its own build script made with the same version of wasmtime: it is as trustworthy as the rest of the binary.
    #[allow(
        unsafe_code,
        reason = "compiling at every start would cost some hundred milliseconds and tens of megabytes"
    )]
    let loaded = unsafe { Component::deserialize(engine, compiled) };
    loaded.or_else(|error| {
        tracing::warn!(reason = describe(&error), "the precompiled policy does not fit this machine; compiling it");
        Component::new(engine, component)
    })
}

/// An error of the engine with its causes. They name types and interfaces, never data.
pub(crate) fn describe(error: &wasmtime::Error) -> String {
    format!("{error:#}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use super::*;

    #[test]
    fn the_machine_code_that_was_built_in_fits_the_engine() {
        let engine = engine::start().unwrap();
        for compiled in [artifacts::COMPILED_AUTHORITY, artifacts::COMPILED_VERIFIER] {
            assert!(load(&engine, compiled, b"not a component").is_ok());
        }
    }

    #[test]
    fn machine_code_that_does_not_fit_is_made_anew() {
        let engine = engine::start().unwrap();
        assert!(load(&engine, b"machine code of another machine", artifacts::WIDE_VERIFIER).is_ok());
    }
}
