//! What the feed puts on the board, and in which order.

use std::collections::HashSet;

use jeton_policy::live::{LiveSet, Written};

use crate::{
    board::{self, Board, HEAD, Head, SLOTS, WHOLE},
    time::Now,
};

/// How many changes stand on the board before they are taken into the whole document: half the places, so that no worker finds its
/// next change overwritten while it still needs it.
const MOST_CHANGES: usize = SLOTS as usize / 2;
/// Bytes of changes beyond which the same happens, so that the board holds megabytes at most.
const MOST_CHANGED_BYTES: usize = 256 * 1024;
/// How often a head is written anew that another feed spoiled. Two feeds are a mistake in the configuration.
const ATTEMPTS: usize = 4;

/// The board leads further than what was to be written: another feed is at work, or this one was reloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the board leads further already")]
pub struct LedFurther;

/// Keeps what stands on the board, so that the whole document can follow the changes.
#[derive(Debug, Default)]
pub struct Publisher {
    whole: Vec<u8>,
    /// Each with the sequence that it starts from.
    changes: Vec<(u64, Vec<u8>)>,
    changed_bytes: usize,
}

impl Publisher {
    /// Puts a whole document on the board, which led to `live`.
    ///
    /// # Errors
    /// [`LedFurther`].
    pub fn whole(&mut self, board: &impl Board, document: &[u8], live: &LiveSet, asked: Now) -> Result<(), LedFurther> {
        self.replace_whole(board, document.to_vec());
        lead_to(board, Head::of(live, asked))
    }

    /// Puts a change on the board, which starts from `base` and led to `live`. It may be empty: then it renews the lease.
    ///
    /// # Errors
    /// [`LedFurther`].
    pub fn change(
        &mut self,
        board: &impl Board,
        base: u64,
        document: &[u8],
        live: &LiveSet,
        asked: Now,
    ) -> Result<(), LedFurther> {
        board.write(&board::change(base), document);
        if base != live.sequence() {
            self.changed_bytes = self.changed_bytes.saturating_add(document.len());
            self.changes.push((base, document.to_vec()));
            if self.changes.len() >= MOST_CHANGES || self.changed_bytes >= MOST_CHANGED_BYTES {
                self.take_in_changes(board);
            }
        }
        lead_to(board, Head::of(live, asked))
    }

    fn take_in_changes(&mut self, board: &impl Board) {
        // Documents that were loaded can be read; were they not, the old whole document and the changes would still serve.
        if let Some(whole) = with_changes(&self.whole, self.changes.iter().map(|(_, change)| change.as_slice())) {
            self.replace_whole(board, whole);
        }
    }

    /// The whole document first: whoever finds a change gone finds there what it led to.
    fn replace_whole(&mut self, board: &impl Board, whole: Vec<u8>) {
        board.write(WHOLE, &whole);
        self.whole = whole;
        self.changed_bytes = 0;
        for (base, _) in self.changes.drain(..) {
            board.write(&board::change(base), &[]);
        }
    }
}

/// Moves the head, and never back.
fn lead_to(board: &impl Board, head: Head) -> Result<(), LedFurther> {
    for _ in 0..ATTEMPTS {
        let Some(entry) = board.read(HEAD) else {
            board.write(HEAD, &head.to_bytes());
            return Ok(());
        };
        if let Some(there) = Head::from_bytes(&entry.value) {
            if there.place() > head.place() {
                return Err(LedFurther);
            }
            if there.place() == head.place() && there.asked.monotonic >= head.asked.monotonic {
                return Ok(());
            }
        }
        if board.replace(HEAD, &head.to_bytes(), entry.version).is_ok() {
            return Ok(());
        }
    }
    Err(LedFurther)
}

/// The whole document that a whole one and the changes since lead to.
fn with_changes<'d>(whole: &'d [u8], changes: impl Iterator<Item = &'d [u8]>) -> Option<Vec<u8>> {
    let Ok(Written::Whole(mut whole)) = Written::parse(whole) else { return None };
    let mut cuts: HashSet<_> = whole.cuts.drain(..).collect();
    for change in changes {
        let Ok(Written::Delta(delta)) = Written::parse(change) else { return None };
        if delta.base != whole.sequence || delta.epoch_number != whole.epoch.number {
            return None;
        }
        for cut in &delta.dropped {
            cuts.remove(cut);
        }
        cuts.extend(delta.cuts);
        whole.sequence = delta.sequence;
        whole.as_of = whole.as_of.max(delta.as_of);
    }
    whole.cuts.extend(cuts);
    Some(whole.render())
}
