//! A worker's verifier: it follows the board, and judges by what it read there.

use jeton_policy::{
    live::{LiveSet, LoadError},
    network::Address,
    verifier::{Accepted, Moment, Refusal, Verifier},
};

use crate::{
    board::{self, Board, HEAD, Head, SLOTS, WHOLE},
    time::Now,
};

/// Verifies by the live set on the board. It is brought up to date before each verdict, which costs a read of 32 bytes.
#[derive(Debug, Default)]
pub struct Edge {
    verifier: Verifier,
    /// The head that was followed last, as it stood on the board.
    seen: Vec<u8>,
    /// When what is held was asked for. `None`: it is known that there is something newer, or nothing was heard yet.
    asked: Option<Now>,
}

impl Edge {
    /// Takes what is new on the board.
    ///
    /// # Errors
    /// The reason for which the policy refused what stands there. Until something else stands there, nothing is accepted.
    pub fn follow(&mut self, board: &impl Board) -> Result<(), LoadError> {
        let Some(entry) = board.read(HEAD) else { return Ok(()) };
        if entry.value == self.seen {
            return Ok(());
        }
        let Some(head) = Head::from_bytes(&entry.value) else { return Err(LoadError::Malformed) };
        self.seen = entry.value;
        self.asked = None;
        self.catch_up(board, &head)?;
        self.asked = Some(head.asked);
        Ok(())
    }

    /// Judges a token. Before the first live set, past the lease and where the board leads further than could be followed, the
    /// answer is [`Refusal::Stale`].
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(&mut self, token: &str, now: &Now, peer: Option<Address>) -> Result<Accepted<'_>, Refusal> {
        let asked = self.asked.as_ref().ok_or(Refusal::Stale)?;
        let moment = Moment { now: now.unix(), held_for: now.since(asked), enforce_lease: true, peer };
        self.verifier.verify(token, moment)
    }

    fn catch_up(&mut self, board: &impl Board, head: &Head) -> Result<(), LoadError> {
        self.take_changes(board);
        if !self.has_reached(head) {
            self.verifier.load(&board.read(WHOLE).ok_or(LoadError::Gap)?.value)?;
            self.take_changes(board);
        }
        if self.has_reached(head) { Ok(()) } else { Err(LoadError::Gap) }
    }

    /// Takes change after change, up to the last one, which may be empty and then renews the time that is judged by.
    fn take_changes(&mut self, board: &impl Board) {
        for _ in 0..=SLOTS {
            let Some(held) = self.verifier.live().map(LiveSet::sequence) else { return };
            let Some(change) = board.read(&board::change(held)) else { return };
            // What does not follow is of another round, or of another epoch, and refused.
            match self.verifier.load(&change.value) {
                Ok(live) if live.sequence() != held => {}
                _ => return,
            }
        }
    }

    fn has_reached(&self, head: &Head) -> bool {
        self.verifier.live().is_some_and(|live| (live.epoch().number(), live.sequence()) >= head.place())
    }
}

#[cfg(test)]
mod tests;
