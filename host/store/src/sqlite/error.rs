//! Why a database is not opened, and what to do then.

use std::{io, path::PathBuf};

use rusqlite::ErrorCode;

/// Why a store is not opened. Each message names the file and says what to do; nothing was changed in the file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is something else.
    #[error(
        "`{path}` is not a database: choose another data directory, or move that file away if a new store may begin there"
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A SQLite database, but not Jeton's.
    #[error(
        "`{path}` is the database of another application (application id {found:#010x}): choose another data directory"
    )]
    OtherApplication {
        /// The file.
        path: PathBuf,
        /// Its `PRAGMA application_id`; 0 where none was set.
        found: i64,
    },
    /// Written by a newer Jeton.
    #[error(
        "`{path}` has schema version {found} and this Jeton knows versions up to {known}: run a Jeton at least as new \
         as the one that wrote it, or restore a backup from before the upgrade"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version that this build knows.
        known: i64,
    },
    /// Contents that cannot be right.
    #[error("`{path}` is damaged ({detail}): keep a copy of the data directory, then restore it from a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The database file is missing or empty, yet its write-ahead log holds commits.
    #[error(
        "`{path}` is missing or empty, but its write-ahead log `{wal}` is not: put the database file back beside the \
         log, or restore both from a backup; a new store would delete the log"
    )]
    OrphanedLog {
        /// The database file.
        path: PathBuf,
        /// The log.
        wal: PathBuf,
    },
    /// The file, its directory or its file system cannot be written.
    #[error("`{path}` is read-only: let the user that runs Jeton write the file and its directory")]
    ReadOnly {
        /// The file or directory.
        path: PathBuf,
    },
    /// Another program keeps it locked.
    #[error("`{path}` is in use by another program: end that program's access to it and start again")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// No space is left.
    #[error("the disk that holds `{path}` is full: make room and start again")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} `{path}`: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The file system's answer.
        source: io::Error,
    },
    /// Anything else that SQLite reports.
    #[error("cannot open `{path}`: {source}; see that the disk works, else restore the data directory from a backup")]
    Engine {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
}

impl OpenError {
    pub(super) fn from_sqlite(path: PathBuf, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, detail: source.to_string() },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse { path },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            _ => Self::Engine { path, source },
        }
    }

    pub(super) fn from_file(path: PathBuf, action: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::StorageFull => Self::Full { path },
            _ => Self::File { path, action, source },
        }
    }
}

/// Why a store is not known to be whole.
#[derive(Debug, thiserror::Error)]
pub enum IntegrityError {
    /// What is wrong, a line each, at most 100.
    #[error("the database is damaged, restore it from a backup: {}", .0.join("; "))]
    Damaged(Vec<String>),
    /// The store cannot be asked now.
    #[error("the store is unavailable, so that it could not be checked")]
    Unavailable,
}
