//! The live set in memory: current by construction, since it follows every commit before that is acknowledged.

mod board;
mod feed;
mod keeper;
mod log;
mod publisher;
mod source;
mod whole;

use std::io::Write as _;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use flate2::{Compression, write::GzEncoder};

use crate::in_force::InForce;
use crate::lent::{Latest, Lent};
use crate::policy::Policy;
use crate::wit::verification::Held;

use board::PublishError;
pub(crate) use board::{Board, Route};
use feed::Feed;
pub use feed::Told;
pub use log::Holding;
pub use publisher::Publisher;
pub(crate) use source::load;
use source::{Source, SourceError};

/// How old a document may be while nothing changes. It carries the time it was made, by which an edge corrects a clock
/// that is behind.
const DOCUMENT_AGE: Duration = Duration::from_secs(1);

/// A body of so many bytes is compressed where that is asked for. Cuts are random, so a quarter is all there is to save: below
/// this that is less than two packets.
const COMPRESSED_ABOVE: usize = 8 * 1024;

/// The live set, and what its verifiers load. One for each store.
pub struct Live {
    board: Board,
    latest: Arc<Latest>,
    document: ArcSwapOption<LiveDocument>,
    keeper: SyncSender<keeper::Request>,
    /// Whose turn it is to ask for a document, so that all who wait share it; and when the last one was begun that came to nothing.
    making: tokio::sync::Mutex<Option<Instant>>,
    feed: Feed,
    /// What a policy is tried with before it comes into force.
    lent: Arc<Lent>,
}

/// The live set as it is handed out.
#[derive(Debug)]
pub struct LiveDocument {
    /// The body of `GET /v1/live`.
    pub body: Vec<u8>,
    /// Its sequence.
    pub sequence: u64,
    /// The epoch's number.
    pub epoch: u64,
    /// How many cuts it has.
    pub cuts: u32,
    /// A header value for `ETag`. Weak: documents of one sequence differ in the time they were made.
    pub etag: String,
    /// The JSON Web Key Set (RFC 7517), read after `body`: where an epoch began in between it is the newer one. `None`: the store
    /// cannot be read, and nobody asked for it earlier in this epoch.
    pub key_set: Option<Vec<u8>>,
    /// The moment before it was made.
    made: Instant,
    compressed: OnceLock<Vec<u8>>,
}

/// The live set cannot be made current; until it can, no verdict is given.
#[derive(Debug, thiserror::Error)]
#[error("the live set cannot be made current: {0}")]
pub struct LiveError(String);

impl Live {
    /// A live set in which nothing is held yet, and what must observe the store's commits from now on. What is lent is used
    /// for reading alone.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(policy: impl Into<InForce>, lent: &Lent) -> std::io::Result<(Arc<Self>, Publisher)> {
        let policy = policy.into();
        let lent = Arc::new(lent.read_only());
        let (keeper, requests) = keeper::queue();
        let (feed, changes) = feed::feed();
        let live = Arc::new(Self {
            board: Board::new(),
            latest: Arc::clone(lent.latest()),
            document: ArcSwapOption::empty(),
            keeper,
            making: tokio::sync::Mutex::new(None),
            feed,
            lent: Arc::clone(&lent),
        });
        // Each has a source of its own: the publisher runs on the thread that commits, and may wait for nobody who reads.
        let publisher = Publisher::new(&live, Source::new(&policy, Arc::clone(&lent)));
        keeper::start(Arc::downgrade(&live), requests, Source::new(&policy, lent))?;
        feed::start(Arc::downgrade(&live), changes)?;
        Ok((live, publisher))
    }

    /// Loads the live set as it stands in the store, unless it is current. To be called once after the epoch has begun:
    /// later it follows the commits, and where it could not it recovers by itself within a second or two. Blocks.
    ///
    /// # Errors
    /// [`LiveError`] when the store or the policy gives none.
    pub fn recover(&self) -> Result<(), LiveError> {
        let gone = || LiveError("its keeper is gone".to_owned());
        let (reply, answer) = sync_channel(1);
        self.keeper.send(keeper::Request::Recover(reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    /// Whether a policy could go on from here: its authority makes a live document of this epoch of what is in the store, and its
    /// verifier loads that as well as everything that verifiers hold now. It changes nothing. Blocks.
    ///
    /// # Errors
    /// [`LiveError`]: what it does not do.
    pub fn admits(&self, policy: &Policy) -> Result<(), LiveError> {
        let failed = |error: SourceError| LiveError(error.to_string());
        let required = self.board.required().ok_or_else(|| LiveError("nothing can be known now".to_owned()))?;
        // In force for nobody else: what it fails at here is no failure of what serves.
        let in_force = InForce::new(policy.clone());
        let (_, made) = Source::new(&in_force, Arc::clone(&self.lent)).snapshot(required).map_err(failed)?;
        Source::new(&in_force, Arc::clone(&self.lent)).go_on_from(self.board.route(None)).map_err(failed)?;
        match self.board.held() {
            // An epoch may have begun since the document was made, never before.
            Some(held) if made.epoch != held.epoch => {
                Err(LiveError(format!("the epoch is {}, and the policy finds {}", held.epoch, made.epoch)))
            }
            _ => Ok(()),
        }
    }

    /// The live document, at least as new as the last commit that was acknowledged before this call, and made within the
    /// last second: from the store, or from memory while that cannot be read. `None`: it cannot be known now.
    pub async fn document(&self) -> Option<Arc<LiveDocument>> {
        self.made(false).await
    }

    /// The same, [compressed](LiveDocument::compressed) where it is large enough.
    pub async fn compressed_document(&self) -> Option<Arc<LiveDocument>> {
        self.made(true).await
    }

    async fn made(&self, compressed: bool) -> Option<Arc<LiveDocument>> {
        let asked = Instant::now();
        if let Some(document) = self.fresh_document(asked, compressed) {
            return Some(document);
        }
        let mut failed = self.making.lock().await;
        // One that was begun after this call answers it, whatever was committed meanwhile.
        if failed.is_some_and(|begun| begun >= asked) {
            return None;
        }
        if let Some(document) = self.fresh_document(asked, compressed) {
            return Some(document);
        }
        let begun = Instant::now();
        let (reply, answer) = tokio::sync::oneshot::channel();
        let document = match self.keeper.try_send(keeper::Request::Document { asked, compressed, reply }) {
            Ok(()) => answer.await.ok().flatten(),
            Err(_) => None,
        };
        *failed = document.is_none().then_some(begun);
        document
    }

    /// What is held. `None`: nothing yet.
    pub fn held(&self) -> Option<Held> {
        self.board.held()
    }

    /// How long the live set has not been known to be current. Zero while it is.
    pub fn age(&self) -> Duration {
        self.board.doubt()
    }

    /// Whether verdicts can be given.
    pub fn is_current(&self) -> bool {
        self.board.required().is_some()
    }

    /// How many seconds a clock that shows `now` is behind what this process has seen it show.
    pub fn clock_behind_by(&self, now: u64) -> u64 {
        self.latest.ahead_of(now)
    }

    /// The latest time that verifiers and authority have seen.
    pub(crate) fn latest(&self) -> &Latest {
        &self.latest
    }

    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// The last document, where it does for a caller who asked at `asked`.
    fn fresh_document(&self, asked: Instant, compressed: bool) -> Option<Arc<LiveDocument>> {
        let required = self.board.required()?;
        let document = self.document.load_full()?;
        let is_current = document.sequence >= required && document.made.elapsed() < DOCUMENT_AGE;
        let is_ready = !compressed || document.is_small() || document.compressed().is_some();
        (is_ready && (is_current || document.made >= asked)).then_some(document)
    }

    /// Publishes the whole live set as it stands in the store, of sequence `at_least` or later.
    fn republish(&self, source: &mut Source, at_least: u64) -> Result<(), RepublishError> {
        let retractions = self.board.retractions();
        let (document, held) = source.snapshot(at_least)?;
        self.board.publish(document, held, retractions)?;
        self.feed.changed();
        Ok(())
    }
}

impl LiveDocument {
    /// The body in the gzip format (RFC 1952), where it was asked for and saves anything.
    pub fn compressed(&self) -> Option<&[u8]> {
        self.compressed.get().map(Vec::as_slice)
    }

    fn is_small(&self) -> bool {
        self.body.len() <= COMPRESSED_ABOVE
    }

    /// Compresses it. Blocks, for some tens of milliseconds where it has megabytes.
    fn compress(&self) {
        self.compressed.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::with_capacity(self.body.len()), Compression::fast());
            // Writing into memory does not fail.
            let _ = encoder.write_all(&self.body);
            encoder.finish().unwrap_or_default()
        });
    }
}

/// Why the board could not be made current.
#[derive(Debug, thiserror::Error)]
enum RepublishError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}
