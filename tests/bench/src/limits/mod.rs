//! What nothing can be faster than: one signature, one read, one commit, each done by its library alone.

pub(crate) mod fixed_reply;
pub(crate) mod replay;

use std::{cell::Cell, path::Path};

use anyhow::Context as _;
use ed25519_dalek::{Signer as _, SigningKey};
use rusqlite::Connection;

use crate::measure::{Work, interleaved};

/// The bytes that an access token's signature is over, about.
const SIGNED_BYTES: usize = 530;
/// Rows among which the read looks.
const ROWS: u32 = 1_000;
/// More than a log has when it is copied back into the database and begun anew.
const LOG_BYTES: u32 = 6_000_000;

/// Nanoseconds of an Ed25519 signature and of a read by primary key in SQLite.
pub(crate) fn signature_and_read(dir: &Path) -> anyhow::Result<[f64; 2]> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = [7; SIGNED_BYTES];
    let mut connection = Connection::open(dir.join("limit.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute("CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT", [])?;
    let filling = connection.transaction()?;
    for row in 0..ROWS {
        filling.execute("INSERT INTO kv VALUES (?1, ?2)", (row.to_be_bytes(), [7_u8; 150]))?;
    }
    filling.commit()?;
    let mut read = connection.prepare("SELECT value FROM kv WHERE key = ?1")?;
    let mut works: Vec<Work<'_>> = vec![
        Box::new(|calls| {
            for _ in 0..calls {
                std::hint::black_box(key.sign(std::hint::black_box(&message)));
            }
        }),
        Box::new(|calls| {
            for row in 0..calls {
                let value = read.query_row([(row % ROWS).to_be_bytes()], |row| row.get::<_, Vec<u8>>(0));
                std::hint::black_box(value.is_ok());
            }
        }),
    ];
    let [signature, read] = *interleaved(9, 5_000, &mut works).as_slice() else { anyhow::bail!("two figures") };
    Ok([signature, read])
}

/// Milliseconds of a durable commit of one small row, by the engine alone: the median of `rounds`.
pub(crate) struct Commits {
    connection: Connection,
    count: Cell<u64>,
}

impl Commits {
    /// A database of its own beside the one that is measured, with the same durability.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(dir.join("commits.db"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute("CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT", [])?;
        // A log that is written over is synced sooner than one that grows, and that of a server grows only at first.
        connection.execute("INSERT INTO kv VALUES (x'01', zeroblob(?1))", [LOG_BYTES])?;
        connection.execute("DELETE FROM kv", [])?;
        Ok(Self { connection, count: Cell::new(0) })
    }

    /// Commits once. The row is another each time: SQLite writes and syncs nothing where it stays the same.
    pub(crate) fn commit(&self) -> anyhow::Result<()> {
        self.count.set(self.count.get() + 1);
        let mut put = self.connection.prepare_cached("INSERT OR REPLACE INTO kv VALUES (x'00', ?1)")?;
        put.execute([self.count.get().to_be_bytes()]).map(drop).context("an empty commit")
    }
}
