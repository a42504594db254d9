//! The feed: edges wait for what they lack, and are let go together.

use std::io;
use std::sync::Weak;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::live::Live;
use crate::live::log::Holding;

/// How long after the edges were let go they are let go again, at the earliest: what was revoked in between shares an answer.
/// With what it takes to write a thousand answers, each leaves within 100 ms of its commit.
const GATHERING: Duration = Duration::from_millis(70);

/// So soon after edges were let go they will probably be let go again.
const BUSY: Duration = Duration::from_millis(250);

/// Who waits, and for what.
pub(super) struct Feed {
    released: watch::Sender<Released>,
    changed: SyncSender<()>,
}

/// Up to where edges are told without waiting for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Released {
    epoch: u64,
    sequence: u64,
    /// Since when.
    at: Option<Instant>,
    /// Nobody waits any more.
    closed: bool,
}

/// What an edge is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// What came and went since: a live document.
    Changed(Vec<u8>),
    /// That nothing did: a live document too.
    Unchanged(Vec<u8>),
    /// That it must take the whole set, [`Live::document`].
    TakeWhole,
}

/// A feed, and where it hears of changes.
pub(super) fn feed() -> (Feed, Receiver<()>) {
    // One that waits is enough: what it announces is read from the board.
    let (changed, changes) = sync_channel(1);
    (Feed { released: watch::Sender::default(), changed }, changes)
}

/// Starts the thread that lets edges go. It ends with the live set.
pub(super) fn start(live: Weak<Live>, changes: Receiver<()>) -> io::Result<()> {
    thread::Builder::new().name("jeton-feed".to_owned()).spawn(move || {
        let mut released = None;
        while changes.recv().is_ok() {
            loop {
                let Some(live) = live.upgrade() else { return };
                let since = released.map_or(GATHERING, |at: Instant| at.elapsed());
                // What another epoch ended is worth no gathering: there is nothing more to come of it.
                if since >= GATHERING || live.has_another_epoch() {
                    live.release();
                    released = Some(Instant::now());
                    break;
                }
                drop(live);
                // Another change does not put the release off.
                let _ = changes.recv_timeout(GATHERING.saturating_sub(since));
            }
        }
    })?;
    Ok(())
}

impl Feed {
    /// Something may have changed.
    pub(super) fn changed(&self) {
        // Full: it is about to be looked at.
        let _ = self.changed.try_send(());
    }
}

impl Live {
    /// Waits until an edge that holds this is to be told something: what it lacks, within 100 ms of the commit; that it must take the
    /// whole set, at once; or, once the feed is closed, whatever there is.
    pub async fn news(&self, holding: Holding) {
        let mut released = self.feed.released.subscribe();
        if self.board.reaches(holding) {
            // The sender is as old as `self`.
            let _ = released.wait_for(|released| released.is_news_to(holding)).await;
        }
    }

    /// What an edge that holds this is told at Unix time `now`; it knows everything then that was acknowledged before this call.
    /// `None`: nothing can be known now.
    pub fn tell(&self, holding: Holding, now: u64) -> Option<Told> {
        let Some(missing) = self.board.since(holding)? else { return Some(Told::TakeWhole) };
        let as_of = self.latest.at(now);
        Some(if missing.is_nothing() {
            Told::Unchanged(missing.render(as_of))
        } else {
            Told::Changed(missing.render(as_of))
        })
    }

    /// Whether an edge that waits will probably hear of something at once: it is not worth much then to make its wait cheap.
    pub fn is_busy(&self) -> bool {
        self.feed.released.borrow().at.is_some_and(|at| at.elapsed() < BUSY)
    }

    /// Lets everybody go who waits, and lets nobody wait again.
    pub fn close_feed(&self) {
        self.feed.released.send_modify(|released| released.closed = true);
    }

    fn has_another_epoch(&self) -> bool {
        self.board.end().is_some_and(|(epoch, _)| epoch != self.feed.released.borrow().epoch)
    }

    fn release(&self) {
        // Where nothing is known, the next document that is published releases.
        let Some((epoch, sequence)) = self.board.end() else { return };
        self.feed.released.send_if_modified(|released| {
            let is_new = (released.epoch, released.sequence) != (epoch, sequence);
            if is_new {
                *released = Released { epoch, sequence, at: Some(Instant::now()), closed: released.closed };
            }
            is_new
        });
    }
}

impl Released {
    /// Whether an edge need not wait that holds something of the epoch that is, or of one before it. Where it holds something newer
    /// than what was released, the release is still to come.
    fn is_news_to(&self, holding: Holding) -> bool {
        self.closed || holding.epoch.is_some_and(|epoch| epoch < self.epoch) || self.sequence > holding.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_waits_for_the_release_of_what_it_already_holds() {
        let held = Holding { sequence: 7, epoch: Some(3) };
        let released = |epoch, sequence| Released { epoch, sequence, ..Released::default() };
        for behind in [Released::default(), released(2, 6), released(3, 6), released(3, 7)] {
            assert!(!behind.is_news_to(held), "{behind:?}");
            assert!(Released { closed: true, ..behind }.is_news_to(held), "{behind:?}");
        }
        for ahead in [released(3, 8), released(4, 7), released(4, 9)] {
            assert!(ahead.is_news_to(held), "{ahead:?}");
        }
    }
}
