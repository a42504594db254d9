//! The keeper: a thread that makes the documents to hand out, so that no I/O thread waits for the store, and that brings
//! a live set back that lost touch with its store.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::live::source::{Source, SourceError};
use crate::live::{Live, LiveDocument, LiveError};
use crate::wit::verification::Held;

/// What is asked of the keeper, and who waits for it.
pub(super) enum Request {
    Document {
        /// One that was begun after this does.
        asked: Instant,
        compressed: bool,
        reply: tokio::sync::oneshot::Sender<Option<Arc<LiveDocument>>>,
    },
    Recover(SyncSender<Result<(), LiveError>>),
}

/// Requests that may wait: one for a document, from all who want one, and those of who wants the live set back.
const WAITING: usize = 64;

/// How often a live set that is not current is tried again.
const RETRY: Duration = Duration::from_secs(1);

// The standard channel: it drops what waits when its receiver ends, so that nobody waits for a keeper that is gone.
pub(super) fn queue() -> (SyncSender<Request>, Receiver<Request>) {
    sync_channel(WAITING)
}

/// Starts the thread. It ends with the live set.
pub(super) fn start(live: Weak<Live>, requests: Receiver<Request>, mut source: Source) -> io::Result<()> {
    thread::Builder::new().name("jeton-live".to_owned()).spawn(move || {
        let mut retry = Instant::now() + RETRY;
        loop {
            let request = requests.recv_timeout(retry.saturating_duration_since(Instant::now()));
            let Some(live) = live.upgrade() else { return };
            match request {
                Ok(Request::Document { asked, compressed, reply }) => {
                    let document = document(&live, &mut source, asked);
                    if let Some(document) = document.as_ref().filter(|document| compressed && !document.is_small()) {
                        document.compress();
                    }
                    drop(reply.send(document));
                }
                Ok(Request::Recover(reply)) => drop(reply.send(recover(&live, &mut source))),
                Err(RecvTimeoutError::Timeout) => {
                    retry_if_lost(&live, &mut source);
                    retry = Instant::now() + RETRY;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    })?;
    Ok(())
}

/// Brings a live set back. One that never held anything waits for its first epoch instead.
fn retry_if_lost(live: &Live, source: &mut Source) {
    if live.is_current() || live.held().is_none() {
        return;
    }
    match recover(live, source) {
        Ok(()) => tracing::info!("the live set is current again"),
        Err(error) => tracing::debug!(%error, "the live set is not current yet"),
    }
}

fn recover(live: &Live, source: &mut Source) -> Result<(), LiveError> {
    if live.is_current() {
        return Ok(());
    }
    let outcome = live.republish(source, 0);
    // The publisher may have been faster.
    if live.is_current() { Ok(()) } else { outcome.map_err(|error| LiveError(error.to_string())) }
}

/// A body, what it leads to, and the key set, out of what is held in memory. That is current: whatever is acknowledged came to the
/// board before, and while the store is down nothing is.
fn from_memory(live: &Live, source: &Source) -> Option<(Vec<u8>, Held, Option<Vec<u8>>)> {
    let body = live.board.whole(source.now())?;
    let held = source.tried(&body)?;
    let last = live.document.load_full().filter(|last| last.epoch == held.epoch);
    Some((body, held, last.and_then(|last| last.key_set.clone())))
}

/// The document of this moment, made anew where the last one is too old.
fn document(live: &Live, source: &mut Source, asked: Instant) -> Option<Arc<LiveDocument>> {
    if let Some(document) = live.fresh_document(asked, false) {
        return Some(document);
    }
    let made = Instant::now();
    let required = live.board.required()?;
    let parts = match source.snapshot(required).and_then(|(body, held)| Ok((body, held, Some(source.key_set()?)))) {
        Err(SourceError::Unavailable) => from_memory(live, source).ok_or(SourceError::Unavailable),
        parts => parts,
    };
    let (body, held, key_set) =
        parts.inspect_err(|reason| tracing::error!(%reason, "the live document cannot be made")).ok()?;
    let document = Arc::new(LiveDocument {
        body,
        sequence: held.sequence,
        epoch: held.epoch,
        cuts: held.cuts,
        etag: format!("W/\"{}-{}\"", held.epoch, held.sequence),
        key_set,
        made,
        compressed: OnceLock::new(),
    });
    live.board.hand_out(document.sequence);
    live.document.store(Some(Arc::clone(&document)));
    Some(document)
}
