//! Opening: what is refused, what is created, and what a connection is set to.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use jeton_policy::keys::LIVE_PREFIX;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{Access, access};

use super::{error::OpenError, schema};

/// The owner alone: the database holds names, scopes and hashes of secrets.
const MODE: u32 = 0o600;
const OTHERS: u32 = 0o077;
const OWNER_MAY_WRITE: u32 = 0o200;
/// Pages of the log after which it is copied back into the database (4 MiB): SQLite's own default, said here because
/// start-up time depends on it.
const CHECKPOINT_PAGES: i64 = 1000;
/// What the log is cut back to after a burst made it longer.
const LOG_BYTES: i64 = 16 * 1024 * 1024;

/// Whether a missing database is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    Create,
    Refuse,
}

/// The writing connection to a database that was checked and whose log was made durable and copied back.
pub(super) fn writer(path: &Path, absent: Absent, migrations: &[&str]) -> Result<Connection, OpenError> {
    let sqlite = |error| OpenError::from_sqlite(path.to_path_buf(), error);
    prepare_file(path, absent)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    let version = identify(&connection, path, migrations.len())?;
    if connection.is_readonly("main").map_err(sqlite)? {
        return Err(OpenError::ReadOnly { path: path.to_path_buf() });
    }
    set_up(&connection).map_err(sqlite)?;
    // The tables of a new database are made with a rollback journal, so that the file is either empty or Jeton's at
    // every moment; only then does it get a log.
    if version < migrations.len() {
        schema::migrate(&mut connection, version, migrations).map_err(sqlite)?;
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(sqlite)?;
    if mode != "wal" {
        let source = io::Error::new(io::ErrorKind::Unsupported, format!("the journal mode stays `{mode}`"));
        return Err(OpenError::File { path: path.to_path_buf(), action: "keep a write-ahead log for", source });
    }
    check_start(&connection, path)?;
    settle(&connection, path)?;
    tighten(path)?;
    Ok(connection)
}

/// A connection that can only read. The writing one must be open.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    harden(&connection)?;
    Ok(connection)
}

fn prepare_file(path: &Path, absent: Absent) -> Result<(), OpenError> {
    let failed = |action, error| OpenError::from_file(path.to_path_buf(), action, error);
    let directory = path.parent().unwrap_or(Path::new("/"));
    let wal = beside(path, "-wal");
    let log_bytes = fs::metadata(&wal).map_or(0, |log| log.len());
    match fs::metadata(path) {
        Ok(file) => {
            if !file.is_file() {
                return Err(OpenError::NotADatabase { path: path.to_path_buf() });
            }
            // SQLite deletes the log of an empty database, and with it every commit that the log holds.
            if file.len() == 0 && log_bytes > 0 {
                return Err(OpenError::OrphanedLog { path: path.to_path_buf(), wal });
            }
            writable(path, file.mode())?;
            let mode = fs::metadata(directory).map_err(|error| failed("look into the directory of", error))?.mode();
            writable(directory, mode)?;
            tighten(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && absent == Absent::Create => {
            if log_bytes > 0 {
                return Err(OpenError::OrphanedLog { path: path.to_path_buf(), wal });
            }
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(MODE)
                .open(path)
                .map_err(|error| failed("create", error))?;
            file.sync_all().map_err(|error| failed("sync", error))?;
            // Without this the name of the new file could be lost with the power, and every commit in it.
            File::open(directory)
                .and_then(|directory| directory.sync_all())
                .map_err(|error| failed("sync the directory of", error))
        }
        Err(error) => Err(failed("look at", error)),
    }
}

/// Refuses what is marked read-only, for root too, which the mode would not stop.
fn writable(path: &Path, mode: u32) -> Result<(), OpenError> {
    if mode & OWNER_MAY_WRITE == 0 || access(path, Access::WRITE_OK).is_err() {
        return Err(OpenError::ReadOnly { path: path.to_path_buf() });
    }
    Ok(())
}

/// Takes the database and its companions away from everybody but the owner.
fn tighten(path: &Path) -> Result<(), OpenError> {
    for file in [path.to_path_buf(), beside(path, "-wal"), beside(path, "-shm"), beside(path, "-journal")] {
        let Ok(found) = fs::metadata(&file) else {
            continue;
        };
        if found.mode() & OTHERS != 0 {
            tracing::warn!(file = %file.display(), "others could read this file; now its owner alone can");
            fs::set_permissions(&file, Permissions::from_mode(MODE))
                .map_err(|error| OpenError::from_file(file, "change the mode of", error))?;
        }
    }
    Ok(())
}

/// `jeton.db-wal` for `jeton.db`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The schema version: 0 for an empty file, else that of a database which is Jeton's and not too new.
pub(super) fn identify(connection: &Connection, path: &Path, known: usize) -> Result<usize, OpenError> {
    let pragma = |name: &str| -> Result<i64, OpenError> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|error| OpenError::from_sqlite(path.to_path_buf(), error))
    };
    if pragma("page_count")? == 0 {
        // SQLite takes a file of a single byte for an empty one.
        return match fs::metadata(path) {
            Ok(file) if file.len() > 0 => Err(OpenError::NotADatabase { path: path.to_path_buf() }),
            _ => Ok(0),
        };
    }
    let found = pragma("application_id")?;
    if found != schema::APPLICATION_ID {
        return Err(OpenError::OtherApplication { path: path.to_path_buf(), found });
    }
    let found = pragma("user_version")?;
    match usize::try_from(found) {
        Ok(version) if version > known => Err(OpenError::NewerSchema {
            path: path.to_path_buf(),
            found,
            known: i64::try_from(known).unwrap_or(i64::MAX),
        }),
        Ok(version) if version > 0 => Ok(version),
        _ => Err(damaged(path, format!("schema version {found}"))),
    }
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    harden(connection)?;
    // With a log, FULL syncs it at each COMMIT: that is what an acknowledgement rests on.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // macOS needs these for a sync that reaches the disk; elsewhere they do nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    for (pragma, value) in [("wal_autocheckpoint", CHECKPOINT_PAGES), ("journal_size_limit", LOG_BYTES)] {
        connection.pragma_update_and_check(None, pragma, value, |_row| Ok(()))?;
    }
    Ok(())
}

/// A damaged or doctored file shall give errors, not surprises.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Checks what every start depends on, `meta` and what lies below `live/`: the whole file would take too long.
fn check_start(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let wrong = |error: rusqlite::Error| match error.sqlite_error_code() {
        // A missing table or column.
        None | Some(ErrorCode::Unknown) => damaged(path, error.to_string()),
        Some(_) => OpenError::from_sqlite(path.to_path_buf(), error),
    };
    let verdict: String = connection.query_row("PRAGMA quick_check(meta)", [], |row| row.get(0)).map_err(wrong)?;
    if verdict != "ok" {
        return Err(damaged(path, verdict));
    }
    let revision = schema::revision(connection).map_err(wrong)?;
    let mut live =
        connection.prepare("SELECT key, value, version FROM kv WHERE key >= ?1 ORDER BY key").map_err(wrong)?;
    let mut rows = live.query([LIVE_PREFIX]).map_err(wrong)?;
    let mut previous: Option<Vec<u8>> = None;
    while let Some(row) = rows.next().map_err(wrong)? {
        let (key, _value, version): (Vec<u8>, Vec<u8>, i64) = row.try_into().map_err(wrong)?;
        if previous.is_some_and(|previous| previous >= key) {
            return Err(damaged(path, "keys out of order".to_owned()));
        }
        if !key.starts_with(LIVE_PREFIX) {
            break;
        }
        let version = schema::unsigned(version).map_err(wrong)?;
        if version == 0 || version > revision {
            return Err(damaged(path, format!("version {version} at revision {revision}")));
        }
        previous = Some(key);
    }
    Ok(())
}

/// Copies the log back into the database and syncs both. What a torn log or a failed sync left behind is thereby either
/// durable or gone before anybody is answered from it.
fn settle(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let (in_log, copied): (i64, i64) = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok((row.get(1)?, row.get(2)?)))
        .map_err(|error| OpenError::from_sqlite(path.to_path_buf(), error))?;
    if in_log != copied {
        return Err(OpenError::InUse { path: path.to_path_buf() });
    }
    Ok(())
}

fn damaged(path: &Path, detail: String) -> OpenError {
    OpenError::Damaged { path: path.to_path_buf(), detail }
}
