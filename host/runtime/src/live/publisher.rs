//! The publisher: between a commit being durable and its being acknowledged, what it changed goes to the board.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use jeton_store::{CommitObserver, Committed};

use crate::live::source::{Source, SourceError};
use crate::live::{Live, RepublishError};
use crate::wit::verification::Held;

/// Observes the commits of one store on behalf of a [`Live`].
pub struct Publisher {
    // Weak: the store owns its observer, and the live set reads from that store.
    live: Weak<Live>,
    source: Source,
}

impl Publisher {
    pub(super) fn new(live: &Arc<Live>, source: Source) -> Self {
        Self { live: Arc::downgrade(live), source }
    }

    /// Runs `publish`. Unless it succeeds no verdict may be given: what comes next is an acknowledgement.
    fn guard(&mut self, publish: impl FnOnce(&Live, &mut Source) -> Result<(), RepublishError>) {
        let Some(live) = self.live.upgrade() else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| publish(&live, &mut self.source)));
        let reason = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a panic".to_owned(),
        };
        live.board.retract();
        tracing::error!(reason, "the live set does not follow the store; no token is accepted until it does");
    }
}

impl CommitObserver for Publisher {
    fn committed(&mut self, group: &[Committed]) {
        self.guard(|live, source| live.follow(source, group));
    }

    fn outcome_unknown(&mut self) {
        self.guard(|live, source| {
            // What was published may be part of the truth only.
            live.board.retract();
            live.republish(source, 0)
        });
    }
}

impl Live {
    /// Publishes a group of commits: by deltas, or as a whole where one of them begins an epoch or anything else stands
    /// in the way.
    fn follow(&self, source: &mut Source, group: &[Committed]) -> Result<(), RepublishError> {
        for commit in group {
            match self.board.required() {
                // A snapshot that was taken since the commit shows it already.
                Some(base) if commit.revision <= base => {}
                Some(base) => match self.delta(source, base, commit) {
                    Ok((document, held)) => self.board.extend(document, held),
                    Err(reason) => {
                        tracing::debug!(%reason, "the live set is published as a whole");
                        return self.republish_group(source, group);
                    }
                },
                None => return self.republish_group(source, group),
            }
        }
        if self.board.is_full() {
            // The thread that commits is this one: nothing is committed beyond the group until it returns.
            let (document, held) = source.snapshot(self.board.required().unwrap_or(0))?;
            self.board.compact(document, held);
        }
        self.feed.changed();
        Ok(())
    }

    fn delta(&self, source: &mut Source, base: u64, commit: &Committed) -> Result<(Vec<u8>, Held), SourceError> {
        source.go_on_from(self.board.route(None))?;
        source.delta(base, commit.revision, &commit.changes)
    }

    fn republish_group(&self, source: &mut Source, group: &[Committed]) -> Result<(), RepublishError> {
        let last = group.iter().map(|commit| commit.revision).max().unwrap_or(0);
        self.republish(source, last)
    }
}
