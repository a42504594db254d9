//! The audit log: who did what, in a chain in which no line can be changed, left out or moved unnoticed.
//!
//! Lines are no entries of the store that a policy is lent: no key leads to them. They are written in the very commit that they
//! tell of, and the engine's writer numbers and chains them inside its write transaction, so that no commit waits for another
//! because of them.
//!
//! A line is canonical JSON: one object, its members in the order of their names, nothing between them. `seq` counts from 1;
//! `prev` is the `hash` of the line before, 64 zeros for the first; `hash` is the SHA-256 of the line without its `hash`.

mod canonical;
mod chain;
mod check;
mod entry;

use jeton_policy::store::{Check, CommitError, Direction, Store, Unavailable, Write};

pub use canonical::{shown, text as written};
pub(crate) use chain::Tip;
pub use chain::{Head, Line};
pub use check::{Checker, Finding, HeadError, Report, Start};
pub use entry::{Entry, MAX_TARGETS, MAX_TEXT};

/// The most lines of one page.
pub const MAX_LINES: u32 = 1000;
/// The act of the line that seals what was pruned: `through` is the last line that is gone, and `through_hash` its hash.
pub const PRUNED: &str = "audit.prune";

/// Lines of one moment, in the direction asked for, and what the log is then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// At most as many as asked for.
    pub lines: Vec<Line>,
    /// The last line that was written, whether it is still there or not.
    pub head: u64,
}

/// A store that keeps an audit log.
pub trait AuditLog: Store + Send + Sync {
    /// [`Store::commit`] whose act the entries tell: both or neither. Without checks and writes it is a commit of the entries alone.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn commit_recorded(&self, checks: Vec<Check>, writes: Vec<Write>, entries: Vec<Entry>) -> Result<u64, CommitError>;

    /// Lines after the one of number `after` in that direction, at most [`MAX_LINES`]. Downwards, `None` begins with the last.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn audit_lines(&self, after: Option<u64>, direction: Direction, limit: u32) -> Result<Lines, Unavailable>;

    /// Takes away the lines up to `through`, and writes `seal`, with what they were, in the same commit. Nothing happens where the
    /// line `through` is not there, or is the last.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn prune_audit(&self, through: u64, seal: Entry) -> Result<u64, CommitError>;
}
