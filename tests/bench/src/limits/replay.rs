//! What the engine alone can do: rows that Jeton wrote, recorded and written again by SQLite and nothing else.

use std::{path::Path, time::Instant};

use anyhow::Context as _;
use jeton_store::SqliteStore;
use rusqlite::{Connection, OpenFlags};

/// What one commit wrote.
struct Commit {
    version: i64,
    /// Keys and values.
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Lines of the audit log: their numbers, moments and texts.
    lines: Vec<(i64, i64, String)>,
}

/// How far a database was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    revision: i64,
    line: i64,
}

/// Commits in their order.
pub(crate) struct Recording(Vec<Commit>);

impl Mark {
    /// Before the first commit.
    pub(crate) const NEW: Self = Self { revision: 0, line: 0 };

    /// How far a database is written now; a server may run on it.
    pub(crate) fn of(database: &Path) -> anyhow::Result<Self> {
        let connection = reading(database)?;
        let meta =
            |name: &str| connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0));
        Ok(Self { revision: meta("revision")?, line: meta("audit")? })
    }
}

impl Recording {
    /// What was written since. Lines belong to the commits in their order, as many to each.
    pub(crate) fn since(database: &Path, mark: Mark) -> anyhow::Result<Self> {
        let connection = reading(database)?;
        let mut commits: Vec<Commit> = Vec::new();
        let mut rows =
            connection.prepare("SELECT version, key, value FROM kv WHERE version > ?1 ORDER BY version, key")?;
        let mut rows = rows.query([mark.revision])?;
        while let Some(row) = rows.next()? {
            let (version, entry) = (row.get(0)?, (row.get(1)?, row.get(2)?));
            match commits.last_mut().filter(|commit| commit.version == version) {
                Some(commit) => commit.rows.push(entry),
                None => commits.push(Commit { version, rows: vec![entry], lines: Vec::new() }),
            }
        }
        let mut lines = connection.prepare("SELECT seq, at, line FROM audit WHERE seq > ?1 ORDER BY seq")?;
        let lines = lines.query_map([mark.line], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let mut lines = lines.collect::<rusqlite::Result<Vec<_>>>()?.into_iter();
        let each = lines.len() / commits.len().max(1);
        for commit in &mut commits {
            commit.lines.extend(lines.by_ref().take(each));
        }
        Ok(Self(commits))
    }

    /// How many commits.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Rows of a commit, the median one.
    pub(crate) fn rows_each(&self) -> usize {
        let mut rows: Vec<usize> = self.0.iter().map(|commit| commit.rows.len() + commit.lines.len()).collect();
        rows.sort_unstable();
        rows.get(rows.len() / 2).copied().unwrap_or_default()
    }
}

/// A database with Jeton's tables and durability, written by SQLite alone.
pub(crate) struct Engine(Connection);

impl Engine {
    pub(crate) fn open(database: &Path) -> anyhow::Result<Self> {
        // Its tables are made by the store.
        SqliteStore::open(database)?.close();
        let connection = Connection::open(database)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(Self(connection))
    }

    /// Writes a recording, so many commits in each transaction; gives the seconds that it took.
    pub(crate) fn write(&mut self, Recording(commits): &Recording, together: usize) -> anyhow::Result<f64> {
        let begun = Instant::now();
        for group in commits.chunks(together.max(1)) {
            let transaction = self.0.transaction()?;
            {
                let mut put = transaction
                    .prepare_cached("INSERT OR REPLACE INTO kv (key, value, version) VALUES (?1, ?2, ?3)")?;
                let mut line = transaction.prepare_cached("INSERT INTO audit (seq, at, line) VALUES (?1, ?2, ?3)")?;
                for Commit { version, rows, lines } in group {
                    for (key, value) in rows {
                        put.execute((key, value, version))?;
                    }
                    for (seq, at, text) in lines {
                        line.execute((seq, at, text))?;
                    }
                }
                let mut meta = transaction.prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1")?;
                let last = group.last().context("a group has commits")?;
                meta.execute(("revision", last.version))?;
                if let Some((seq, ..)) = last.lines.last() {
                    meta.execute(("audit", seq))?;
                }
            }
            transaction.commit()?;
        }
        Ok(begun.elapsed().as_secs_f64())
    }
}

fn reading(database: &Path) -> anyhow::Result<Connection> {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).context("cannot read the database")
}
