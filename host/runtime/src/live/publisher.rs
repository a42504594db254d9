//! The publisher: between a commit being durable and its being acknowledged, what it changed goes to the board.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use jeton_store::{CommitObserver, Committed};

use crate::live::source::Source;
use crate::live::{Live, RepublishError};

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
                Some(base) if !self.board.is_full() => match source.delta(base, commit.revision, &commit.changes) {
                    Ok((document, held)) => self.board.extend(document, held),
                    Err(reason) => {
                        tracing::debug!(%reason, "the live set is published as a whole");
                        return self.republish_group(source, group);
                    }
                },
                _ => return self.republish_group(source, group),
            }
        }
        Ok(())
    }

    fn republish_group(&self, source: &mut Source, group: &[Committed]) -> Result<(), RepublishError> {
        let last = group.iter().map(|commit| commit.revision).max().unwrap_or(0);
        self.republish(source, last)
    }
}
