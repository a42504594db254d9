//! A store that keeps back what would be written all over the database, and writes it in the order of its keys.
//!
//! Of what a refresh token is found by, one goes by a digest: a thousand tokens have it on a thousand pages. A database that is filled
//! from nothing would be written many times over for it, so the rows of a million tokens are written together, each page once.

use std::sync::Arc;

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use jeton_store::SqliteStore;
use parking_lot::Mutex;

/// What the keys begin with that go by a digest.
const SCATTERED: &[u8] = b"holder/";
/// Keys that are kept back: some hundred megabytes.
const KEPT: usize = 1_000_000;
/// Keys of one commit.
const TOGETHER: usize = 16_384;

/// The store, and the keys without values that are not in it yet.
pub(crate) struct InOrder {
    store: Arc<SqliteStore>,
    kept: Mutex<Vec<Vec<u8>>>,
}

impl InOrder {
    pub(crate) fn new(store: Arc<SqliteStore>) -> Self {
        Self { store, kept: Mutex::default() }
    }

    /// Writes what was kept back.
    pub(crate) fn finish(&self) -> Result<(), CommitError> {
        self.write(&mut self.kept.lock())
    }

    fn write(&self, kept: &mut Vec<Vec<u8>>) -> Result<(), CommitError> {
        kept.sort_unstable();
        for keys in kept.chunks(TOGETHER) {
            let writes = keys.iter().map(|key| Write { key: key.clone(), value: Some(Vec::new()) }).collect();
            self.store.commit(Vec::new(), writes)?;
        }
        kept.clear();
        Ok(())
    }
}

impl Store for InOrder {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.store.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.store.scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        let is_scattered =
            |write: &Write| write.key.starts_with(SCATTERED) && write.value.as_ref().is_some_and(Vec::is_empty);
        let (scattered, writes): (Vec<Write>, Vec<Write>) = writes.into_iter().partition(is_scattered);
        let revision = self.store.commit(checks, writes)?;
        let mut kept = self.kept.lock();
        kept.extend(scattered.into_iter().map(|write| write.key));
        if kept.len() >= KEPT {
            self.write(&mut kept)?;
        }
        Ok(revision)
    }
}
