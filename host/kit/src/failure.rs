//! Why a case does not hold, in a user's words.

use jeton_runtime::sandbox;

/// What a case comes to.
pub(crate) type Verdict = Result<(), Failure>;

/// A case does not hold.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What happened, as a sentence without a full stop.
    pub(crate) happened: String,
    /// Whether a call was ended because it took too long.
    pub(crate) overran: bool,
    /// Whether a rule of the house refused what the case needs: it says nothing of what must hold.
    pub(crate) narrowed: bool,
}

impl Failure {
    pub(crate) fn new(happened: impl Into<String>) -> Self {
        Self { happened: happened.into(), overran: false, narrowed: false }
    }

    /// A rule of the house refused what the case needs.
    pub(crate) fn narrowed(happened: impl Into<String>) -> Self {
        Self { narrowed: true, ..Self::new(happened) }
    }

    /// The same, with what it was that the policy was handed.
    pub(crate) fn handed(self, input: &str) -> Self {
        Self { happened: format!("{}, when it was handed {input}", self.happened), ..self }
    }

    /// The policy trapped, or did not end, in the call that is named.
    pub(crate) fn trap(call: &str, trap: &wasmtime::Error) -> Self {
        if sandbox::is_overrun(trap) {
            return Self { overran: true, ..Self::new(format!("`{call}` did not end within its deadline")) };
        }
        Self::new(format!("the policy trapped in `{call}`: {}", reason(trap)))
    }
}

/// What is at the root of a trap: the causes above it are a list of functions.
fn reason(trap: &wasmtime::Error) -> String {
    trap.root_cause().to_string().lines().next().unwrap_or("it did not say why").to_owned()
}

/// Holds if `holds` does.
pub(crate) fn must(holds: bool, otherwise: impl Into<String>) -> Verdict {
    if holds { Ok(()) } else { Err(Failure::new(otherwise)) }
}
