//! A policy: the two components, compiled and linked, ready to instantiate.

use std::sync::{Arc, OnceLock};

use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::bindings::AuthorityPre;
use crate::instance::VerifierState;
use crate::lent::LentState;
use crate::sandbox::Kind;
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
    members: [Member; 2],
}

/// One of the two components of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its world.
    pub kind: Kind,
    /// SHA-256 of the component, in hexadecimal. Of one that this binary carries, that of the file which `jeton policy export`
    /// writes: what runs here is built of the same source for this host.
    pub sha256: String,
    /// Whether this binary carries it.
    pub is_shipped: bool,
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
        Self::of(None, None)
    }

    /// A policy of these components, compiled now, and where there is none of the one that this binary carries.
    ///
    /// # Errors
    /// [`PolicyError`] when one of them is not a component of its world: it exports too little, or imports more than is lent.
    pub fn of(authority: Option<&[u8]>, verifier: Option<&[u8]>) -> Result<Self, PolicyError> {
        let engine = start_engine()?;
        let authority_component = match authority {
            Some(bytes) => Component::new(&engine, bytes),
            None => load(&engine, artifacts::COMPILED_AUTHORITY, artifacts::WIDE_AUTHORITY),
        };
        let verifier_component = match verifier {
            Some(bytes) => Component::new(&engine, bytes),
            None => load(&engine, artifacts::COMPILED_VERIFIER, artifacts::WIDE_VERIFIER),
        };
        let members = [Member::of(Kind::Authority, authority), Member::of(Kind::Verifier, verifier)];
        Self::link(
            engine,
            &authority_component.map_err(PolicyError::authority)?,
            &verifier_component.map_err(PolicyError::verifier)?,
            members,
        )
    }

    /// A policy of two components, compiled now.
    ///
    /// # Errors
    /// [`PolicyError`] when one of them is not a component of its world: it exports too little, or imports more than is lent.
    pub fn compile(authority: &[u8], verifier: &[u8]) -> Result<Self, PolicyError> {
        Self::of(Some(authority), Some(verifier))
    }

    /// Its authority, and its verifier.
    #[must_use]
    pub fn members(&self) -> [Member; 2] {
        self.parts.members.clone()
    }

    fn link(
        engine: Engine,
        authority: &Component,
        verifier: &Component,
        members: [Member; 2],
    ) -> Result<Self, PolicyError> {
        let authority = lent::linker(&engine)
            .and_then(|linker| linker.instantiate_pre(authority))
            .and_then(AuthorityPre::new)
            .map_err(PolicyError::authority)?;
        // Nothing is lent to a verifier, so one that imports a function is refused here.
        let verifier = Linker::new(&engine).instantiate_pre(verifier).map_err(PolicyError::verifier)?;
        let verification = GuestIndices::new(&verifier).map_err(PolicyError::verifier)?;
        Ok(Self { parts: Arc::new(Parts { engine, authority, verifier, verification, members }) })
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

impl Member {
    fn of(kind: Kind, given: Option<&[u8]>) -> Self {
        let sha256 = given.map_or_else(|| shipped(kind).to_owned(), artifacts::digest);
        Self { kind, sha256, is_shipped: given.is_none() }
    }
}

/// The digest of a component that this binary carries, computed once.
fn shipped(kind: Kind) -> &'static str {
    static AUTHORITY: OnceLock<String> = OnceLock::new();
    static VERIFIER: OnceLock<String> = OnceLock::new();
    match kind {
        Kind::Authority => AUTHORITY.get_or_init(|| artifacts::digest(artifacts::AUTHORITY)),
        Kind::Verifier => VERIFIER.get_or_init(|| artifacts::digest(artifacts::VERIFIER)),
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
