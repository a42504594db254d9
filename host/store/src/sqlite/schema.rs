//! What lies in the file, and how an older file becomes a current one.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// "JETN": which application a database belongs to (`PRAGMA application_id`).
pub(super) const APPLICATION_ID: i64 = 0x4a45_544e;

/// The step at index `n` takes schema version `n` to `n + 1`; the first makes a new database. A released step never
/// changes. The length is the newest version that this build knows.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE kv (
        key BLOB NOT NULL PRIMARY KEY,
        value BLOB NOT NULL,
        version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE meta (
        name TEXT NOT NULL PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO meta (name, value) VALUES ('revision', 0);
",
    "
    CREATE TABLE audit (
        seq INTEGER NOT NULL PRIMARY KEY,
        at INTEGER NOT NULL,
        line TEXT NOT NULL
    ) STRICT;
    INSERT INTO meta (name, value) VALUES ('audit', 0);
",
];

/// Runs the steps from version `from` on, in one transaction.
pub(super) fn migrate(connection: &mut Connection, from: usize, migrations: &[&str]) -> rusqlite::Result<()> {
    let version = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    for step in migrations.iter().skip(from) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

/// The revision of the last commit that this connection's transaction sees.
pub(super) fn revision(connection: &Connection) -> rusqlite::Result<u64> {
    let stored: i64 =
        connection.prepare_cached("SELECT value FROM meta WHERE name = 'revision'")?.query_row([], |row| row.get(0))?;
    unsigned(stored)
}

pub(super) fn set_revision(connection: &Connection, revision: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'revision'")?
        .execute([signed(revision)?])
        .map(drop)
}

/// The version of a key, `None` when it is absent.
pub(super) fn version(connection: &Connection, key: &[u8]) -> rusqlite::Result<Option<u64>> {
    let stored: Option<i64> = connection
        .prepare_cached("SELECT version FROM kv WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    stored.map(unsigned).transpose()
}

pub(super) fn put(connection: &Connection, key: &[u8], value: &[u8], version: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO kv (key, value, version) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version",
        )?
        .execute((key, value, signed(version)?))
        .map(drop)
}

pub(super) fn remove(connection: &Connection, key: &[u8]) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM kv WHERE key = ?1")?.execute([key]).map(drop)
}

/// A stored revision or version. A negative one is none.
pub(super) fn unsigned(stored: i64) -> rusqlite::Result<u64> {
    u64::try_from(stored).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, stored))
}

fn signed(revision: u64) -> rusqlite::Result<i64> {
    i64::try_from(revision).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX))
}
