//! A database that is looked at and not served: of one moment, beside whoever else has it open.

use std::path::{Path, PathBuf};

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{audit, error::OpenError, inspect, is_damage, open, readers, schema};
use crate::{
    audit::{AuditLog, Entry, Lines, MAX_LINES},
    bounds,
};

/// A database as it stands at one moment. It can be read while a server runs on it; commits to it are refused.
///
/// While it is open, the server's write-ahead log grows by what is written meanwhile.
pub struct SqliteReader {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl SqliteReader {
    /// Opens the database at `path`, or a backup.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |error| OpenError::from_sqlite(path.to_path_buf(), error);
        // It would be taken for an empty database.
        std::fs::metadata(path).map_err(|error| OpenError::from_file(path.to_path_buf(), "look at", error))?;
        let connection = open::reader(path).map_err(failed)?;
        match open::identify(&connection, path, schema::MIGRATIONS.len())? {
            version if version == schema::MIGRATIONS.len() => {}
            0 => return Err(OpenError::NotADatabase { path: path.to_path_buf() }),
            older => {
                let detail = format!("schema version {older}: serve it once, so that it is brought up to date");
                return Err(OpenError::Damaged { path: path.to_path_buf(), detail });
            }
        }
        connection.execute_batch("BEGIN").map_err(failed)?;
        // The first read is what fixes the moment.
        schema::revision(&connection).map_err(failed)?;
        Ok(Self { path: path.to_path_buf(), connection: Mutex::new(connection) })
    }

    /// What is wrong with the file itself, a line each. It takes as long as reading the file does.
    ///
    /// # Errors
    /// [`OpenError`], where it cannot be read at all.
    pub fn inspect(&self) -> Result<Vec<String>, OpenError> {
        match inspect(&self.connection.lock()) {
            Ok(found) => Ok(found),
            Err(error) if is_damage(&error) => Ok(vec![error.to_string()]),
            Err(error) => Err(OpenError::from_sqlite(self.path.clone(), error)),
        }
    }

    /// When this backup was made, in Unix seconds. `None`: it is none.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn backup_made_at(&self) -> Result<Option<u64>, Unavailable> {
        self.reading(|connection| {
            let made: Option<i64> = connection
                .query_row("SELECT value FROM meta WHERE name = 'backup-at'", [], |row| row.get(0))
                .optional()?;
            made.map(schema::unsigned).transpose()
        })
    }

    fn reading<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Unavailable> {
        read(&self.connection.lock()).map_err(|error| {
            tracing::error!(%error, "a read of the database failed");
            Unavailable
        })
    }
}

impl Store for SqliteReader {
    fn read(&self, keys: &[Vec<u8>], _freshness: Freshness) -> Result<Snapshot, Unavailable> {
        bounds::enforce(bounds::read(keys))?;
        self.reading(|connection| readers::read(connection, keys))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        bounds::enforce(bounds::scan(prefix, after, limit))?;
        self.reading(|connection| readers::scan(connection, prefix, after, direction, limit))
    }

    fn commit(&self, _: Vec<Check>, _: Vec<Write>) -> Result<u64, CommitError> {
        Err(CommitError::Unavailable)
    }
}

impl AuditLog for SqliteReader {
    fn commit_recorded(&self, _: Vec<Check>, _: Vec<Write>, _: Vec<Entry>) -> Result<u64, CommitError> {
        Err(CommitError::Unavailable)
    }

    fn audit_lines(&self, after: Option<u64>, direction: Direction, limit: u32) -> Result<Lines, Unavailable> {
        self.reading(|connection| audit::lines(connection, after, direction, limit.min(MAX_LINES)))
    }

    fn prune_audit(&self, _: u64, _: Entry) -> Result<u64, CommitError> {
        Err(CommitError::Unavailable)
    }
}

/// Copies the database at `from`, of one moment, into the empty file `to`, and writes down that it was done at `at`. A server may run
/// on it: its reads and commits go on. When this returns the copy is whole and on the disk.
///
/// # Errors
/// [`OpenError`]. The file may hold a part of the copy then.
pub fn back_up(from: &Path, to: &Path, at: u64) -> Result<(), OpenError> {
    let failed = |error| OpenError::from_sqlite(from.to_path_buf(), error);
    let copy_failed = |error| OpenError::from_sqlite(to.to_path_buf(), error);
    let source = open::reader(from).map_err(failed)?;
    open::identify(&source, from, schema::MIGRATIONS.len())?;
    let name = to.to_str().ok_or_else(|| {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, "its name is not text");
        OpenError::from_file(to.to_path_buf(), "write to", error)
    })?;
    source.execute("VACUUM INTO ?1", [name]).map_err(failed)?;
    drop(source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(to, flags).map_err(copy_failed)?;
    let at = i64::try_from(at).unwrap_or(i64::MAX);
    copy.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('backup-at', ?1)", [at]).map_err(copy_failed)?;
    let verdict: String = copy.query_row("PRAGMA quick_check", [], |row| row.get(0)).map_err(copy_failed)?;
    if verdict != "ok" {
        return Err(OpenError::Damaged { path: to.to_path_buf(), detail: verdict });
    }
    copy.close().map_err(|(_, error)| copy_failed(error))?;
    let file = std::fs::File::open(to).and_then(|file| file.sync_all());
    file.map_err(|error| OpenError::from_file(to.to_path_buf(), "sync", error))
}
