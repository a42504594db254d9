//! A store that fails on purpose: what the rules and the host do when storage breaks, at every operation in turn.

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use parking_lot::Mutex;

use crate::audit::{AuditLog, Entry, Lines};

/// How a [`FaultyStore`] fails. For reads and scans the two of each pair are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This operation is `Unavailable` and took no effect. Later ones work.
    Refused,
    /// This operation took effect, yet the caller is told `Unavailable`. Later ones work.
    AnswerLost,
    /// The store stops before this operation takes effect: from it on everything is `Unavailable`.
    CrashBefore,
    /// The store stops after this operation took effect: from it on everything is `Unavailable`.
    CrashAfter,
}

impl Fault {
    /// Every fault, so that a test can try each at each operation.
    pub const ALL: [Self; 4] = [Self::Refused, Self::AnswerLost, Self::CrashBefore, Self::CrashAfter];

    fn takes_effect(self) -> bool {
        matches!(self, Self::AnswerLost | Self::CrashAfter)
    }

    fn crashes(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }
}

/// Any store, with one fault at one operation. Reads, scans and commits all count as operations, the first is 1.
///
/// After a crash, [`FaultyStore::into_inner`] is what a restarted process would find.
pub struct FaultyStore<S> {
    inner: S,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    operations: u64,
    planned: Option<(u64, Fault)>,
    crashed: bool,
}

/// What one operation shall do.
#[derive(Clone, Copy)]
enum Course {
    Work,
    Fail,
    WorkButFail,
}

impl<S> FaultyStore<S> {
    /// A store that counts operations and fails at none until a fault is planned.
    pub fn new(inner: S) -> Self {
        Self { inner, state: Mutex::default() }
    }

    /// A store that fails at its `operation`-th operation, counted from 1.
    pub fn failing(inner: S, operation: u64, fault: Fault) -> Self {
        let store = Self::new(inner);
        store.plan(operation, fault);
        store
    }

    /// Plans a fault for the `operation`-th operation from now on, counted from 1. It replaces an earlier plan.
    pub fn plan(&self, operation: u64, fault: Fault) {
        let mut state = self.state.lock();
        state.planned = Some((state.operations.saturating_add(operation), fault));
    }

    /// How many operations were begun, failed ones included.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Whether a crash fault struck.
    pub fn crashed(&self) -> bool {
        self.state.lock().crashed
    }

    /// Whether the operation for which a fault is planned has come.
    pub fn has_struck(&self) -> bool {
        let state = self.state.lock();
        state.planned.is_some_and(|(at, _)| at <= state.operations)
    }

    /// The store underneath, which works.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The store underneath, as a restarted process would find it.
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn course(&self) -> Course {
        let mut state = self.state.lock();
        state.operations = state.operations.saturating_add(1);
        if state.crashed {
            return Course::Fail;
        }
        match state.planned {
            Some((at, fault)) if at == state.operations => {
                state.crashed = fault.crashes();
                if fault.takes_effect() { Course::WorkButFail } else { Course::Fail }
            }
            _ => Course::Work,
        }
    }

    fn run<T, E: From<Unavailable>>(&self, operation: impl FnOnce(&S) -> Result<T, E>) -> Result<T, E> {
        match self.course() {
            Course::Work => operation(&self.inner),
            Course::Fail => Err(Unavailable.into()),
            Course::WorkButFail => {
                // Its own answer is what gets lost, a conflict included.
                let _lost = operation(&self.inner);
                Err(Unavailable.into())
            }
        }
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.run(|inner| inner.read(keys, freshness))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.run(|inner| inner.scan(prefix, after, direction, limit))
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.run(|inner| inner.commit(checks, writes))
    }
}

impl<S: AuditLog> AuditLog for FaultyStore<S> {
    fn commit_recorded(&self, checks: Vec<Check>, writes: Vec<Write>, entries: Vec<Entry>) -> Result<u64, CommitError> {
        self.run(|inner| inner.commit_recorded(checks, writes, entries))
    }

    fn audit_lines(&self, after: Option<u64>, direction: Direction, limit: u32) -> Result<Lines, Unavailable> {
        self.run(|inner| inner.audit_lines(after, direction, limit))
    }

    fn prune_audit(&self, through: u64, seal: Entry) -> Result<u64, CommitError> {
        self.run(|inner| inner.prune_audit(through, seal))
    }
}
