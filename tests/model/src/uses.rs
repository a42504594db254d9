//! Uses: when a refresh token was exchanged last, as the host tells it in batches.

use crate::{Model, TokenNumber};

/// When a refresh token was exchanged last, from where, and how often in all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the contract's words")]
pub struct Used {
    pub at: u64,
    pub address: Option<String>,
    pub count: u64,
}

/// Whether uses are being gathered, and when some that were gathered may have been lost last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gathering {
    is_open: bool,
    lost_until: Option<u64>,
}

impl Model {
    /// Remembers uses: the latest, and how many there were in all.
    pub fn note_uses(&mut self, uses: &[(TokenNumber, Used)]) {
        for (token, used) in uses {
            let token = &mut self.tokens[*token];
            if token.removed {
                continue;
            }
            let known = token.used.get_or_insert(Used { at: 0, address: None, count: 0 });
            if used.at >= known.at {
                known.at = used.at;
                known.address.clone_from(&used.address);
            }
            known.count += used.count;
        }
    }

    /// A process begins to gather uses. If one was at it already, that one died, and what it had gathered is lost.
    pub fn open_uses(&mut self) {
        if self.gathering.is_open {
            self.gathering.lost_until = Some(self.now());
        }
        self.gathering.is_open = true;
    }

    /// All that was gathered was told.
    pub fn close_uses(&mut self) {
        self.gathering.is_open = false;
    }

    /// Whether no use of a token can have been lost after its last one. Seconds are whole: in the last one of those that some may
    /// have been lost in, one more may have been.
    #[must_use]
    pub fn last_use_is_certain(&self, token: TokenNumber) -> bool {
        let token = &self.tokens[token];
        let last = token.used.as_ref().map_or(token.created_at, |used| used.at);
        self.gathering.lost_until.is_none_or(|until| last > until)
    }
}
