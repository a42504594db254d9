//! The board: the live documents in memory, from which every verifier loads.
//!
//! It holds one whole document and the deltas that follow it without a gap. What it says is needed is one number that
//! verifiers read without a lock; the documents lie behind a lock that is taken only after something changed.
//!
//! INVARIANT: `required` is the sequence of the last document of the chain, or [`NOTHING`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::log::{Holding, Log, Missing};
use super::whole::merge;
use crate::wit::verification::Held;

/// The deltas that may follow a whole document. A verifier that was replaced loads them all, at about 2 us each, so this
/// bounds its way back to 2 ms; and a whole document is made for every so many commits that cut.
const MAX_DELTAS: usize = 1024;

/// As a sequence: nobody may answer anything.
const NOTHING: u64 = u64::MAX;

pub(crate) struct Board {
    required: AtomicU64,
    chain: Mutex<Chain>,
}

struct Chain {
    whole: Option<Document>,
    deltas: Vec<Document>,
    held: Option<Held>,
    /// What edges are told of the chain. Under the same lock: no edge is told less than a verifier here knows.
    log: Log,
    /// Since when the set is not known to be current. `None`: it is.
    doubtful: Option<Instant>,
    /// How often the board was retracted.
    retractions: u64,
}

#[derive(Clone)]
struct Document {
    /// The sequence after loading it.
    sequence: u64,
    bytes: Arc<[u8]>,
}

/// Documents to load one after the other.
pub(crate) struct Route {
    pub(crate) documents: Vec<Arc<[u8]>>,
    /// The sequence after the last of them.
    pub(crate) sequence: u64,
}

/// Why a whole document was not published.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PublishError {
    /// It is of a time before the one that was published last. A store whose disk forgot an acknowledged commit gives such:
    /// what it forgot may be a revocation.
    #[error("the live set went back from sequence {published} to {offered}")]
    WentBack { published: u64, offered: u64 },
    /// The board was retracted after the document was asked for: a commit may be acknowledged that it lacks.
    #[error("a later commit could not be followed")]
    Overtaken,
}

impl Board {
    /// A board on which nothing is published yet.
    pub(crate) fn new() -> Self {
        let chain = Chain {
            whole: None,
            deltas: Vec::new(),
            held: None,
            log: Log::default(),
            doubtful: Some(Instant::now()),
            retractions: 0,
        };
        Self { required: AtomicU64::new(NOTHING), chain: Mutex::new(chain) }
    }

    /// The sequence that a verdict needs. `None`: no verdict may be given.
    pub(crate) fn required(&self) -> Option<u64> {
        // Acquire, with the releases below: who sees the number sees everything that was acknowledged before it.
        match self.required.load(Ordering::Acquire) {
            NOTHING => None,
            sequence => Some(sequence),
        }
    }

    /// What leads from `loaded` to the end of the chain: the deltas after it, or the whole document and all deltas.
    pub(crate) fn route(&self, loaded: Option<u64>) -> Option<Route> {
        self.chain.lock().route(loaded)
    }

    /// Puts a whole document in the place of everything before it. It was asked for when there had been `retractions`.
    pub(crate) fn publish(&self, bytes: Vec<u8>, held: Held, retractions: u64) -> Result<(), PublishError> {
        let mut chain = self.chain.lock();
        if chain.retractions != retractions {
            return Err(PublishError::Overtaken);
        }
        if let Some(published) = chain.held.map(|held| held.sequence).filter(|last| *last > held.sequence) {
            return Err(PublishError::WentBack { published, offered: held.sequence });
        }
        chain.log.restart(held);
        chain.begin_with(bytes, held);
        self.reveal(&mut chain, held);
        Ok(())
    }

    /// Puts a whole document in the place of everything before it, which says the same: the last delta is in it, and nothing has
    /// changed since.
    pub(crate) fn compact(&self, bytes: Vec<u8>, held: Held) {
        let mut chain = self.chain.lock();
        chain.log.advance(held.sequence);
        chain.begin_with(bytes, held);
        self.reveal(&mut chain, held);
    }

    /// Adds a delta whose base is the sequence that is required now.
    pub(crate) fn extend(&self, bytes: Vec<u8>, held: Held) {
        let mut chain = self.chain.lock();
        chain.log.extend(&bytes, held);
        chain.deltas.push(Document { sequence: held.sequence, bytes: bytes.into() });
        self.reveal(&mut chain, held);
    }

    /// Whether an edge is told what it lacks, and not everything.
    pub(super) fn reaches(&self, holding: Holding) -> bool {
        self.chain.lock().log.reaches(holding)
    }

    /// What an edge lacks; within it `None`: everything. `None`: nothing can be known now.
    pub(super) fn since(&self, holding: Holding) -> Option<Option<Missing>> {
        let chain = self.chain.lock();
        self.required()?;
        Some(chain.log.since(holding))
    }

    /// Notes that a whole document of this sequence was handed out.
    pub(super) fn hand_out(&self, sequence: u64) {
        self.chain.lock().log.hand_out(sequence);
    }

    /// Everything, as a whole document made at `as_of`. `None`: nothing can be known now, or it is not for the host to put together.
    pub(super) fn whole(&self, as_of: u64) -> Option<Vec<u8>> {
        let (route, told) = {
            let chain = self.chain.lock();
            self.required()?;
            (chain.route(None)?, chain.log.told())
        };
        merge(&route.documents, told, as_of)
    }

    /// The epoch and the sequence of what is known. `None`: nothing can be known now.
    pub(super) fn end(&self) -> Option<(u64, u64)> {
        let chain = self.chain.lock();
        self.required()?;
        Some(chain.log.end())
    }

    /// Whether a whole document is due.
    pub(crate) fn is_full(&self) -> bool {
        self.chain.lock().deltas.len() >= MAX_DELTAS
    }

    /// From now on, and until the next [`Board::publish`], no verdict may be given.
    pub(crate) fn retract(&self) {
        let mut chain = self.chain.lock();
        chain.doubtful.get_or_insert_with(Instant::now);
        chain.retractions += 1;
        self.required.store(NOTHING, Ordering::Release);
    }

    /// How often the board was retracted.
    pub(crate) fn retractions(&self) -> u64 {
        self.chain.lock().retractions
    }

    /// What the last document led to.
    pub(crate) fn held(&self) -> Option<Held> {
        self.chain.lock().held
    }

    /// How long the set has not been known to be current. Zero while it is.
    pub(crate) fn doubt(&self) -> Duration {
        self.chain.lock().doubtful.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn reveal(&self, chain: &mut Chain, held: Held) {
        chain.held = Some(held);
        chain.doubtful = None;
        self.required.store(held.sequence, Ordering::Release);
    }
}

impl Chain {
    fn route(&self, loaded: Option<u64>) -> Option<Route> {
        let whole = self.whole.as_ref()?;
        let sequence = self.deltas.last().unwrap_or(whole).sequence;
        let place = loaded.and_then(|loaded| {
            if loaded == whole.sequence {
                return Some(0);
            }
            self.deltas.binary_search_by_key(&loaded, |delta| delta.sequence).ok().map(|index| index + 1)
        });
        let deltas = self.deltas.iter().skip(place.unwrap_or(0));
        let documents = place.is_none().then_some(whole).into_iter().chain(deltas);
        Some(Route { documents: documents.map(|document| Arc::clone(&document.bytes)).collect(), sequence })
    }

    fn begin_with(&mut self, whole: Vec<u8>, held: Held) {
        self.whole = Some(Document { sequence: held.sequence, bytes: whole.into() });
        self.deltas.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use super::*;

    fn held(sequence: u64) -> Held {
        Held { sequence, epoch: 1, cuts: 0 }
    }

    fn board() -> Board {
        let board = Board::new();
        board.publish(b"whole at 10".to_vec(), held(10), 0).unwrap();
        board.extend(b"to 12".to_vec(), held(12));
        board.extend(b"to 15".to_vec(), held(15));
        board
    }

    fn texts(board: &Board, loaded: Option<u64>) -> Vec<String> {
        let documents = board.route(loaded).unwrap().documents;
        documents.iter().map(|document| String::from_utf8(document.to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_board_without_a_document_permits_no_verdict() {
        assert_eq!(Board::new().required(), None);
        assert!(Board::new().route(None).is_none());
    }

    #[test]
    fn who_is_behind_loads_only_what_is_missing() {
        let board = board();
        assert_eq!(board.required(), Some(15));
        assert_eq!(texts(&board, Some(10)), ["to 12", "to 15"]);
        assert_eq!(texts(&board, Some(12)), ["to 15"]);
        assert!(texts(&board, Some(15)).is_empty());
    }

    #[test]
    fn who_holds_nothing_or_something_unknown_loads_everything() {
        let board = board();
        assert_eq!(texts(&board, None), ["whole at 10", "to 12", "to 15"]);
        assert_eq!(texts(&board, Some(11)), ["whole at 10", "to 12", "to 15"]);
        assert_eq!(texts(&board, Some(3)), ["whole at 10", "to 12", "to 15"]);
    }

    #[test]
    fn a_whole_document_replaces_the_deltas() {
        let board = board();
        board.publish(b"whole at 20".to_vec(), held(20), 0).unwrap();
        assert_eq!(texts(&board, Some(15)), ["whole at 20"]);
        assert_eq!(board.required(), Some(20));
    }

    #[test]
    fn a_chain_that_is_compacted_is_gone_on_from() {
        let board = board();
        board.compact(b"whole at 17".to_vec(), held(17));
        assert_eq!(texts(&board, Some(15)), ["whole at 17"]);
        board.extend(b"to 20".to_vec(), held(20));
        assert_eq!(texts(&board, Some(17)), ["to 20"]);
        assert_eq!(board.required(), Some(20));
    }

    #[test]
    fn an_edge_is_told_nothing_by_a_board_that_permits_no_verdict() {
        let board = board();
        let holding = Holding { sequence: 15, epoch: Some(1) };
        assert!(board.since(holding).unwrap().unwrap().is_nothing());
        board.retract();
        assert_eq!((board.since(holding), board.end()), (None, None));
        board.publish(b"whole at 15".to_vec(), held(15), 1).unwrap();
        assert_eq!(board.end(), Some((1, 15)));
    }

    #[test]
    fn a_retracted_board_permits_no_verdict_until_a_whole_document_comes() {
        let board = board();
        board.retract();
        assert_eq!(board.required(), None);
        board.publish(b"whole at 15".to_vec(), held(15), 1).unwrap();
        assert_eq!(board.required(), Some(15));
        assert_eq!(board.doubt(), Duration::ZERO);
    }

    #[test]
    fn a_live_set_that_went_back_is_refused() {
        let board = board();
        board.retract();
        let refused = board.publish(b"whole at 12".to_vec(), held(12), 1);
        assert_eq!(refused, Err(PublishError::WentBack { published: 15, offered: 12 }));
        assert_eq!(board.required(), None);
    }

    #[test]
    fn a_document_that_was_asked_for_before_a_retraction_is_refused() {
        let board = board();
        let asked = board.retractions();
        board.retract();
        assert_eq!(board.publish(b"whole at 15".to_vec(), held(15), asked), Err(PublishError::Overtaken));
        assert_eq!(board.required(), None);
    }

    #[test]
    fn a_full_chain_asks_for_a_whole_document() {
        let board = board();
        let room = u64::try_from(MAX_DELTAS).unwrap() - 2;
        for sequence in 16..16 + room {
            assert!(!board.is_full());
            board.extend(Vec::new(), held(sequence));
        }
        assert!(board.is_full());
    }
}
