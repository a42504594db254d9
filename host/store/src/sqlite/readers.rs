//! Connections that read: a few, lent for one call each, and a gate that closes while the store is in doubt.

use std::{
    path::{Path, PathBuf},
    thread::{self, ThreadId},
};

use jeton_policy::store::{Direction, Entry, Item, Page, Snapshot};
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{open, schema};
use crate::range::Range;

/// Reads are short and mostly in memory, so more connections than a small machine has cores gain nothing.
const MAX_READERS: usize = 8;

/// Who may read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// One thread alone: the writer's, while observers learn that the store was opened anew.
    Only(ThreadId),
    Closed,
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("the store is closed")]
    Closed,
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    changed: Condvar,
}

struct Pool {
    gate: Gate,
    idle: Vec<Connection>,
    lent: usize,
}

/// A connection on loan. It comes back to the pool only when its call went well.
struct Loan<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        let pool = Pool { gate: Gate::Closed, idle: Vec::new(), lent: 0 };
        Self { path: path.to_path_buf(), pool: Mutex::new(pool), changed: Condvar::new() }
    }

    /// Opens the gate for some or for all. The writing connection must be open.
    pub(super) fn admit(&self, gate: Gate) {
        self.pool.lock().gate = gate;
        self.changed.notify_all();
    }

    /// Closes the gate, waits for the reads that are under way, and closes their connections.
    pub(super) fn close(&self) {
        let mut pool = self.pool.lock();
        pool.gate = Gate::Closed;
        self.changed.notify_all();
        while pool.lent > 0 {
            self.changed.wait(&mut pool);
        }
        pool.idle.clear();
    }

    /// Runs `work` on a connection, inside one read transaction: all it sees is of one moment, and that moment is after
    /// every commit that was acknowledged before the call.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadError> {
        let mut loan = self.borrow()?;
        let connection = match loan.connection.take() {
            Some(idle) => idle,
            None => open::reader(&self.path)?,
        };
        // On an error the connection is dropped, and its transaction with it.
        connection.prepare_cached("BEGIN")?.execute([])?;
        let answer = work(&connection)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        loan.connection = Some(connection);
        Ok(answer)
    }

    fn borrow(&self) -> Result<Loan<'_>, ReadError> {
        let mut pool = self.pool.lock();
        loop {
            let admitted = match pool.gate {
                Gate::Open => true,
                Gate::Only(thread) => thread == thread::current().id(),
                Gate::Closed => false,
            };
            if !admitted {
                return Err(ReadError::Closed);
            }
            if pool.lent < MAX_READERS {
                pool.lent = pool.lent.saturating_add(1);
                return Ok(Loan { readers: self, connection: pool.idle.pop() });
            }
            self.changed.wait(&mut pool);
        }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool.lock();
        pool.idle.extend(self.connection.take());
        pool.lent = pool.lent.saturating_sub(1);
        self.readers.changed.notify_all();
    }
}

pub(super) fn read(connection: &Connection, keys: &[Vec<u8>]) -> rusqlite::Result<Snapshot> {
    let revision = schema::revision(connection)?;
    let mut statement = connection.prepare_cached("SELECT value, version FROM kv WHERE key = ?1")?;
    let entries = keys
        .iter()
        .map(|key| {
            statement
                .query_row([key.as_slice()], |row| {
                    Ok(Entry { value: row.get(0)?, version: schema::unsigned(row.get(1)?)? })
                })
                .optional()
        })
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Snapshot { entries, revision })
}

pub(super) fn scan(
    connection: &Connection,
    prefix: &[u8],
    after: Option<&[u8]>,
    direction: Direction,
    limit: u32,
) -> rusqlite::Result<Page> {
    let revision = schema::revision(connection)?;
    let Range { from, to } = Range::of(prefix, after, direction);
    // A statement for each shape of the range, so that each is one walk along the key order. Where nothing bounds it
    // above, `?2` is NULL and only keeps the parameters alike.
    let sql = match (direction, to.is_some()) {
        (Direction::Ascending, true) => {
            "SELECT key, value, version FROM kv WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3"
        }
        (Direction::Ascending, false) => {
            "SELECT key, value, version FROM kv WHERE key >= ?1 AND ?2 IS NULL ORDER BY key LIMIT ?3"
        }
        (Direction::Descending, true) => {
            "SELECT key, value, version FROM kv WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3"
        }
        (Direction::Descending, false) => {
            "SELECT key, value, version FROM kv WHERE key >= ?1 AND ?2 IS NULL ORDER BY key DESC LIMIT ?3"
        }
    };
    let item =
        |row: &Row<'_>| Ok(Item { key: row.get(0)?, value: row.get(1)?, version: schema::unsigned(row.get(2)?)? });
    let items = connection.prepare_cached(sql)?.query_map((from, to, limit), item)?.collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, revision })
}
