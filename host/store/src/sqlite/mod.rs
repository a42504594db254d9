//! The store in one SQLite file: a log that is synced at each commit, one writer that shares a sync among the commits
//! that wait, and readers that never wait for a sync.

mod audit;
mod error;
mod open;
mod reader;
mod readers;
mod reply;
mod schema;
mod seam;
mod statistics;
mod writer;

#[cfg(test)]
mod failing;
#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle, ThreadId},
};

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};

pub use self::{
    error::{IntegrityError, OpenError},
    reader::{SqliteReader, back_up},
    statistics::Statistics,
};
use self::{
    open::Absent,
    readers::{Gate, ReadError, Readers},
    reply::reply,
    seam::Seam,
    writer::{Member, Message, Record, Writer},
};
use crate::{
    announced::Announced,
    audit::{AuditLog, Entry, Lines, MAX_LINES},
    bounds,
    observe::CommitObserver,
};

/// Commits that may wait for the writer; whoever comes later waits to be let in.
const QUEUE: usize = 1024;

/// A store in one file, durable when it acknowledges.
///
/// - A commit is acknowledged after its group was synced and the [`CommitObserver`] heard of it. A lone commit waits
///   for nobody: one sync, no timer.
/// - `latest` and `recent` are the same here: each read sees every commit acknowledged before it, and none that the observer has
///   not heard of: where it found one it waits for that.
/// - When COMMIT fails, each member of the group is `Unavailable`, every connection is closed, and the store answers
///   nobody until it was opened anew, its log made durable, and the observer told. While that fails everything is
///   `Unavailable`, and each later call lets it be tried again.
/// - A file belongs to one `SqliteStore` at a time; the lock on the data directory sees to it.
pub struct SqliteStore {
    shared: Arc<Shared>,
    outbox: SyncSender<Message>,
    writer: Mutex<Option<JoinHandle<()>>>,
    writer_id: ThreadId,
}

/// What callers and the writer share.
struct Shared {
    readers: Readers,
    announced: Announced,
    observer: Mutex<Option<Box<dyn CommitObserver>>>,
    statistics: Statistics,
    /// A request to open the store anew is under way: one is enough.
    nudged: AtomicBool,
    /// Commits that were sent and not yet taken by the writer.
    waiting: AtomicUsize,
    seam: Seam,
}

impl Shared {
    fn taken(&self, message: &Message) {
        if matches!(message, Message::Commit(_)) {
            self.waiting.fetch_sub(1, Relaxed);
        }
    }
}

impl SqliteStore {
    /// Opens the database at `path`, or creates it (mode 0600, in a directory that exists).
    ///
    /// # Errors
    /// [`OpenError`]: each says what to do.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, schema::MIGRATIONS)
    }

    fn open_with(path: &Path, migrations: &'static [&'static str]) -> Result<Self, OpenError> {
        // Absolute, so that opening it anew finds the same file, and SQLite takes no path for a URI.
        let path =
            std::path::absolute(path).map_err(|error| OpenError::from_file(path.to_path_buf(), "resolve", error))?;
        let connection = open::writer(&path, Absent::Create, migrations)?;
        let shared = Arc::new(Shared {
            readers: Readers::new(&path),
            announced: Announced::default(),
            observer: Mutex::new(None),
            statistics: Statistics::default(),
            nudged: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            seam: Seam::default(),
        });
        let revision = schema::revision(&connection).map_err(|error| OpenError::from_sqlite(path.clone(), error))?;
        shared.announced.announce(revision);
        let (outbox, inbox) = sync_channel(QUEUE);
        let writer = Writer::new(path.clone(), migrations, connection, Arc::clone(&shared), inbox);
        let writer = thread::Builder::new()
            .name("jeton-store".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::from_file(path, "start a thread for", error))?;
        shared.readers.admit(Gate::Open);
        let writer_id = writer.thread().id();
        Ok(Self { shared, outbox, writer: Mutex::new(Some(writer)), writer_id })
    }

    /// Lets `observer` hear of every commit that is acknowledged after this returns. It replaces an earlier one.
    ///
    /// An observer that holds this store keeps it alive until [`SqliteStore::close`]. One that panics closes the store.
    pub fn observe(&self, observer: Box<dyn CommitObserver>) {
        *self.shared.observer.lock() = Some(observer);
    }

    /// Counters for metrics.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.shared.statistics
    }

    /// Commits that wait for the writer now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Relaxed)
    }

    /// Reads the whole database and checks it against itself. It takes as long as reading the file does; reads and
    /// commits go on meanwhile.
    ///
    /// # Errors
    /// [`IntegrityError::Damaged`] with what is wrong, [`IntegrityError::Unavailable`] when the store is closed.
    pub fn check_integrity(&self) -> Result<(), IntegrityError> {
        let found = self.shared.readers.with(inspect).map_err(|error| {
            self.failed(&error);
            match error {
                ReadError::Sqlite(error) if is_damage(&error) => IntegrityError::Damaged(vec![error.to_string()]),
                _ => IntegrityError::Unavailable,
            }
        })?;
        if found.is_empty() { Ok(()) } else { Err(IntegrityError::Damaged(found)) }
    }

    /// Finishes the commits that wait, copies the log back into the database, closes the file and lets go of the
    /// observer. From then on everything is `Unavailable`. Dropping the store does the same.
    pub fn close(&self) {
        // An error means that the writer has ended already.
        let _ended = self.outbox.send(Message::Close);
        let writer = self.writer.lock().take();
        if let Some(writer) = writer
            && thread::current().id() != self.writer_id
        {
            // A panic of the writer was an observer's, and was reported where it happened.
            let _reported = writer.join();
            self.shared.observer.lock().take();
        }
    }

    /// `revision`: of which moment something is that was read.
    fn reading<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
        revision: impl FnOnce(&T) -> u64,
    ) -> Result<T, Unavailable> {
        let read = self.shared.readers.with(work).map_err(|error| {
            self.failed(&error);
            Unavailable
        })?;
        // The observer reads on the writer's thread, and nobody would let it go on if it waited for itself.
        let may_be_shown = thread::current().id() == self.writer_id || self.shared.announced.wait(revision(&read));
        if may_be_shown { Ok(read) } else { Err(Unavailable) }
    }

    /// Has the writer make a commit, and waits until it is durable and the observer has heard of it.
    fn send(&self, checks: Vec<Check>, writes: Vec<Write>, record: Record) -> Result<u64, CommitError> {
        bounds::enforce(bounds::commit(&checks, &writes))?;
        if thread::current().id() == self.writer_id {
            tracing::error!("an observer tried to commit; it would wait for itself");
            return Err(CommitError::Unavailable);
        }
        let (answer, waiting) = reply();
        self.shared.waiting.fetch_add(1, Relaxed);
        let member = Member { checks, writes, record, answer };
        self.outbox.send(Message::Commit(member)).map_err(|_| CommitError::Unavailable)?;
        waiting.wait()
    }

    fn failed(&self, error: &ReadError) {
        self.shared.statistics.failed();
        match error {
            // A full queue will have the store opened anew as well.
            ReadError::Closed if !self.shared.nudged.swap(true, Relaxed) => {
                let _full = self.outbox.try_send(Message::Reopen);
            }
            ReadError::Closed => {}
            ReadError::Sqlite(error) => tracing::error!(%error, "a read of the store failed"),
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store for SqliteStore {
    fn read(&self, keys: &[Vec<u8>], _freshness: Freshness) -> Result<Snapshot, Unavailable> {
        bounds::enforce(bounds::read(keys))?;
        self.reading(|connection| readers::read(connection, keys), |snapshot| snapshot.revision)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        bounds::enforce(bounds::scan(prefix, after, limit))?;
        self.reading(|connection| readers::scan(connection, prefix, after, direction, limit), |page| page.revision)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.send(checks, writes, Record::default())
    }
}

impl AuditLog for SqliteStore {
    fn commit_recorded(&self, checks: Vec<Check>, writes: Vec<Write>, entries: Vec<Entry>) -> Result<u64, CommitError> {
        self.send(checks, writes, Record { entries, prune: None })
    }

    fn audit_lines(&self, after: Option<u64>, direction: Direction, limit: u32) -> Result<Lines, Unavailable> {
        let limit = limit.min(MAX_LINES);
        // What is in the file is durable: a line may be shown before its commit is acknowledged.
        self.shared.readers.with(|connection| audit::lines(connection, after, direction, limit)).map_err(|error| {
            self.failed(&error);
            Unavailable
        })
    }

    fn prune_audit(&self, through: u64, seal: Entry) -> Result<u64, CommitError> {
        self.send(Vec::new(), Vec::new(), Record { entries: Vec::new(), prune: Some((through, seal)) })
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// What is wrong with the database, a line each.
fn inspect(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found: Vec<String> = connection
        .prepare("PRAGMA integrity_check")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    found.retain(|line| line != "ok");
    let impossible: i64 = connection.query_row(
        "SELECT count(*) FROM kv
         WHERE version < 1 OR version > (SELECT value FROM meta WHERE name = 'revision')",
        [],
        |row| row.get(0),
    )?;
    if impossible > 0 {
        found.push(format!("{impossible} entries have a version that no commit had"));
    }
    Ok(found)
}
