//! The component that is tried.

use jeton_runtime::artifacts::World;
use jeton_runtime::sandbox::{Kind, Sandbox};

/// The component, looked at from outside and, if it can be, ready to run.
pub(crate) struct Subject {
    /// What it imports and exports.
    pub(crate) world: World,
    /// What it is taken for.
    pub(crate) kind: Kind,
    sandbox: Result<Sandbox, String>,
}

impl Subject {
    pub(crate) fn new(component: &[u8], world: World, kind: Kind) -> Self {
        Self { world, kind, sandbox: Sandbox::compile(component, kind).map_err(|error| error.to_string()) }
    }

    /// Where it can be run; else why it cannot.
    pub(crate) fn sandbox(&self) -> Result<&Sandbox, &str> {
        self.sandbox.as_ref().map_err(String::as_str)
    }
}
