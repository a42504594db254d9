//! Every statement of a commit fails in turn.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use rusqlite::ffi;
use tempfile::TempDir;

use super::*;
use crate::conformance::{Breakable, Engine, a_commit_is_all_or_nothing_wherever_it_fails};

struct Sqlite {
    directory: TempDir,
    made: AtomicU64,
}

struct Filed {
    store: SqliteStore,
    path: PathBuf,
}

impl Store for Filed {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.store.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.store.scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.store.commit(checks, writes)
    }
}

impl Engine for Sqlite {
    type Store = Filed;

    fn create(&self) -> Filed {
        let path = self.directory.path().join(format!("{}.db", self.made.fetch_add(1, Relaxed)));
        Filed { store: SqliteStore::open(&path).unwrap(), path }
    }

    fn reopen(&self, store: Filed) -> Option<Filed> {
        let Filed { store, path } = store;
        drop(store);
        Some(Filed { store: SqliteStore::open(&path).unwrap(), path })
    }
}

/// A failure that lets the store go on, and one after which it is opened anew.
impl Breakable for Sqlite {
    type Way = ErrorCode;

    fn ways(&self) -> Vec<ErrorCode> {
        vec![ErrorCode::DiskFull, ErrorCode::SystemIoFailure]
    }

    fn break_at(&self, filed: &Filed, step: u64, way: ErrorCode) {
        let code = if way == ErrorCode::DiskFull { ffi::SQLITE_FULL } else { ffi::SQLITE_IOERR_WRITE };
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        *filed.store.shared.seam.planned.lock() = Some((step, error));
    }

    fn mend(&self, filed: Filed) -> (Filed, bool) {
        // It mends itself: only a failure that never struck must be taken back.
        let has_struck = filed.store.shared.seam.planned.lock().take().is_none();
        (filed, has_struck)
    }
}

#[test]
fn a_commit_is_all_or_nothing_whichever_statement_fails() {
    let sqlite = Sqlite { directory: tempfile::tempdir().unwrap(), made: AtomicU64::new(0) };
    a_commit_is_all_or_nothing_wherever_it_fails(&sqlite);
}
