//! Who judges: the rules, natively, or a verifier component.

#[cfg(feature = "component")]
mod component;
mod native;

use jeton_policy::live::LoadError;
use jeton_policy::verifier::Moment;

use crate::{Claims, Refusal};

#[cfg(feature = "component")]
pub(crate) use component::Component;
pub(crate) use native::Native;

/// One that judges, with a live set and a memo of its own.
pub(crate) trait Judge: Send {
    /// Takes a live document over what is held.
    fn load(&mut self, document: &[u8]) -> Result<(), LoadFailure>;

    /// Judges a token, and whether the peer may use it. The lease is enforced.
    fn verify(&mut self, token: &str, moment: Moment) -> Result<Claims, Refusal>;
}

/// Why a live document was not loaded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LoadFailure {
    /// It was refused. What was held is still held.
    Refused(LoadError),
    /// The judge is broken, and nothing is known of what it holds.
    #[cfg_attr(not(feature = "component"), allow(dead_code, reason = "the native rules do not break"))]
    Broken(String),
}

/// Makes judges that hold nothing.
pub(crate) trait Judges: Send + Sync {
    /// A new one.
    fn one(&self) -> Result<Box<dyn Judge>, String>;
}
