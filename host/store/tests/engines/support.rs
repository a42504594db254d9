//! What the tests share: the engines, and short ways to say reads and writes.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use jeton_store::{
    Fault, FaultyStore, MemoryStore, OpenError, SqliteStore,
    conformance::{Breakable, Engine},
};
use tempfile::TempDir;

/// SQLite, each store in a file of its own.
pub(crate) struct Sqlite {
    directory: TempDir,
    made: AtomicU64,
}

impl Sqlite {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), made: AtomicU64::new(0) }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// A store that knows its file.
pub(crate) struct Filed {
    store: SqliteStore,
    path: PathBuf,
}

impl Filed {
    /// Whether it answers.
    pub(crate) fn is_open(&self) -> bool {
        self.store.read(&[], Freshness::Latest).is_ok()
    }
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

pub(crate) struct Memory;

impl Engine for Memory {
    type Store = MemoryStore;

    fn create(&self) -> MemoryStore {
        MemoryStore::new()
    }

    fn reopen(&self, _: MemoryStore) -> Option<MemoryStore> {
        None
    }
}

/// The faulty store, with no fault planned. A crash and its end stand for a restart.
pub(crate) struct Faultless;

impl Engine for Faultless {
    type Store = FaultyStore<MemoryStore>;

    fn create(&self) -> Self::Store {
        FaultyStore::new(MemoryStore::new())
    }

    fn reopen(&self, store: Self::Store) -> Option<Self::Store> {
        Some(FaultyStore::new(store.into_inner()))
    }
}

impl Breakable for Faultless {
    type Way = Fault;

    fn ways(&self) -> Vec<Fault> {
        Fault::ALL.to_vec()
    }

    fn break_at(&self, store: &Self::Store, step: u64, way: Fault) {
        store.plan(step, way);
    }

    fn mend(&self, store: Self::Store) -> (Self::Store, bool) {
        let has_struck = store.has_struck();
        (FaultyStore::new(store.into_inner()), has_struck)
    }
}

/// The faulty store over SQLite: what a caller sees whose calls fail, with a file underneath.
pub(crate) struct FaultySqlite(pub(crate) Sqlite);

impl Engine for FaultySqlite {
    type Store = FaultyStore<Filed>;

    fn create(&self) -> Self::Store {
        FaultyStore::new(self.0.create())
    }

    fn reopen(&self, store: Self::Store) -> Option<Self::Store> {
        self.0.reopen(store.into_inner()).map(FaultyStore::new)
    }
}

impl Breakable for FaultySqlite {
    type Way = Fault;

    fn ways(&self) -> Vec<Fault> {
        Fault::ALL.to_vec()
    }

    fn break_at(&self, store: &Self::Store, step: u64, way: Fault) {
        store.plan(step, way);
    }

    fn mend(&self, store: Self::Store) -> (Self::Store, bool) {
        let has_struck = store.has_struck();
        (FaultyStore::new(store.into_inner()), has_struck)
    }
}

pub(crate) fn put(key: &[u8], value: &[u8]) -> Write {
    Write { key: key.to_vec(), value: Some(value.to_vec()) }
}

pub(crate) fn commit(store: &impl Store, key: &[u8], value: &[u8]) -> Result<u64, CommitError> {
    store.commit(vec![], vec![put(key, value)])
}

pub(crate) fn value(store: &impl Store, key: &[u8]) -> Result<Option<Vec<u8>>, Unavailable> {
    let snapshot = store.read(&[key.to_vec()], Freshness::Latest)?;
    Ok(snapshot.entries[0].clone().map(|entry| entry.value))
}

/// Waits for an event; a bound only for the case that it never comes.
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} did not happen within 30 s");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// `jeton.db-wal` beside `jeton.db`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A directory and the database in it.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jeton.db");
    Place { directory, path }
}

/// A database that was closed properly, with some entries.
pub(crate) fn closed() -> Place {
    let place = place();
    let store = SqliteStore::open(&place.path).unwrap();
    for index in 0..200_u32 {
        commit(&store, format!("live/cut/{index:04}").as_bytes(), &[7; 100]).unwrap();
    }
    drop(store);
    place
}

pub(crate) fn refusal(path: &Path) -> OpenError {
    match SqliteStore::open(path) {
        Ok(_) => panic!("`{}` was opened", path.display()),
        Err(error) => error,
    }
}
