//! What the host lends the rules to remember things: an ordered key-value store.
//!
//! The same three functions as `jeton:policy/store` in `wit/`, so that an engine serves the component and native
//! callers alike, and tests put a failing one underneath.

/// The most bytes of a key.
pub const MAX_KEY: usize = 512;
/// The most bytes of a value.
pub const MAX_VALUE: usize = 64 * 1024;
/// The most keys of one `read`: a full batch with all its ancestors fits.
pub const MAX_READ: usize = 4096;
/// The most items of one `scan`.
pub const MAX_SCAN: u32 = 1000;
/// The most checks and writes of one `commit`: a full batch of deletions fits, with all that each of them descends from.
pub const MAX_COMMIT: usize = 32_768;

/// A value, and the revision of the commit that last wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was written.
    pub value: Vec<u8>,
    /// The revision of the commit that wrote it.
    pub version: u64,
}

/// An entry found by [`Store::scan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The whole key, prefix included.
    pub key: Vec<u8>,
    /// What was written.
    pub value: Vec<u8>,
    /// The revision of the commit that wrote it.
    pub version: u64,
}

/// How new an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Linearizable: it shows every commit that was acknowledged before the call.
    Latest,
    /// It may lag by the bound that the host publishes.
    Recent,
}

/// Which way [`Store::scan`] goes through the keys: one index serves a list sorted either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the least key to the greatest.
    Ascending,
    /// From the greatest key to the least.
    Descending,
}

/// Entries of one moment, in the order of the keys asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// `None` where the key is absent.
    pub entries: Vec<Option<Entry>>,
    /// The store's revision at that moment.
    pub revision: u64,
}

/// Items of one moment, in the direction asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most as many as asked for.
    pub items: Vec<Item>,
    /// The store's revision at that moment.
    pub revision: u64,
}

/// A key, and the version that it must still have when the commit takes effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The key.
    pub key: Vec<u8>,
    /// `None`: the key must be absent.
    pub version: Option<u64>,
}

/// A key, and what it shall hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: Vec<u8>,
    /// `None`: the key shall be absent.
    pub value: Option<Vec<u8>>,
}

/// The store cannot be asked now. Nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable")]
pub struct Unavailable;

/// Why nothing of a commit took effect, or why that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A check did not hold. Nothing was written.
    #[error("a check of the commit did not hold")]
    Conflict,
    /// The store failed. Whether it was written is not known.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for CommitError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// An ordered key-value store. Keys are ordered by their bytes; revisions only grow.
pub trait Store {
    /// Reads many keys of one moment.
    ///
    /// # Errors
    /// [`Unavailable`] when the store cannot answer with the freshness asked for.
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable>;

    /// The first `limit` items (at most [`MAX_SCAN`]) met on the way through the keys that begin with `prefix`.
    ///
    /// The way begins behind `after`: [`Direction::Ascending`] gives keys greater than `after`,
    /// [`Direction::Descending`] keys less than `after`; without one it begins at that end of the prefix. `after` need
    /// not be there, nor begin with `prefix`; the last key of one page as `after` gives the next.
    /// Always [`Freshness::Latest`].
    ///
    /// # Errors
    /// [`Unavailable`] when the store cannot answer.
    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable>;

    /// All or nothing: if every check holds, every write takes effect, durably, before this returns the new revision.
    /// A key may be written once.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when a check did not hold, [`CommitError::Unavailable`] when the outcome is not known.
    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError>;
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        (**self).read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        (**self).scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        (**self).commit(checks, writes)
    }
}
