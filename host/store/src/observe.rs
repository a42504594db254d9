//! What an engine tells of its commits: the changes below `live/`, which verifiers must have before the commit is
//! acknowledged.

use jeton_policy::{keys::LIVE_PREFIX, store::Write};

/// What one commit wrote below `live/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The revision of the commit.
    pub revision: u64,
    /// The writes whose keys begin with `live/`, in the order of the commit. Never empty.
    pub changes: Vec<Write>,
}

impl Committed {
    /// `None` for a commit that wrote nothing below `live/`: observers are not told of it.
    pub(crate) fn new(revision: u64, writes: Vec<Write>) -> Option<Self> {
        let changes: Vec<Write> = writes.into_iter().filter(|write| write.key.starts_with(LIVE_PREFIX)).collect();
        (!changes.is_empty()).then_some(Self { revision, changes })
    }
}

/// Hears of commits on the engine's writer, one call at a time, in the order of their revisions.
///
/// It may read the store, on the thread that it is called on; it must not commit to it (such a commit is `Unavailable`, or never returns in
/// [`MemoryStore`](crate::MemoryStore)). Commits wait while it works.
pub trait CommitObserver: Send {
    /// These commits are durable and none of them is acknowledged yet. Reads of others that see them wait until this returns: what
    /// the store shows, the observer knows.
    fn committed(&mut self, group: &[Committed]);

    /// A commit failed in a way that leaves its outcome open, and the store has been opened anew: what was heard so far
    /// may lack a commit that took effect. Nobody else is answered from the store before this returns.
    fn outcome_unknown(&mut self);
}
