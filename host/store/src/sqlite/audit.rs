//! The audit log as a table: a line each, by its number.

use jeton_policy::store::Direction;
use rusqlite::{Connection, OptionalExtension, Row};

use super::schema::unsigned;
use crate::audit::{Entry, Line, Lines, Tip};

/// The last line that was written. The row of a log that was cut short tells of it.
fn head(connection: &Connection) -> rusqlite::Result<u64> {
    let stored: Option<i64> = connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'audit'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    stored.map_or(Ok(0), unsigned)
}

/// Where the log goes on.
pub(super) fn tip(connection: &Connection) -> rusqlite::Result<Tip> {
    let last: Option<String> = connection
        .prepare_cached("SELECT line FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(Tip::of(head(connection)?, last.as_deref()))
}

/// Writes the next lines.
pub(super) fn append(connection: &Connection, tip: &mut Tip, entries: &[Entry]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT INTO audit (seq, at, line) VALUES (?1, ?2, ?3)")?;
    for entry in entries {
        let line = tip.seal(entry.clone());
        insert.execute((signed(line.seq)?, i64::try_from(line.at).unwrap_or(i64::MAX), line.text))?;
    }
    connection.prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'audit'")?.execute([signed(tip.seq)?]).map(drop)
}

/// Takes the lines up to `through` away and gives what the last of them was. `None`: it is not there, or the last of all.
pub(super) fn prune(connection: &Connection, through: u64) -> rusqlite::Result<Option<Tip>> {
    if through >= head(connection)? {
        return Ok(None);
    }
    let line: Option<String> = connection
        .prepare_cached("SELECT line FROM audit WHERE seq = ?1")?
        .query_row([signed(through)?], |row| row.get(0))
        .optional()?;
    let Some(line) = line else { return Ok(None) };
    connection.prepare_cached("DELETE FROM audit WHERE seq <= ?1")?.execute([signed(through)?])?;
    Ok(Some(Tip::of(through, Some(&line))))
}

/// A page.
pub(super) fn lines(
    connection: &Connection,
    after: Option<u64>,
    direction: Direction,
    limit: u32,
) -> rusqlite::Result<Lines> {
    let sql = match direction {
        Direction::Ascending => "SELECT seq, at, line FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        Direction::Descending => "SELECT seq, at, line FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
    };
    let from_the_end = match direction {
        Direction::Ascending => 0,
        Direction::Descending => i64::MAX,
    };
    let after = after.map_or(from_the_end, |after| i64::try_from(after).unwrap_or(i64::MAX));
    let line = |row: &Row<'_>| Ok(Line { seq: unsigned(row.get(0)?)?, at: unsigned(row.get(1)?)?, text: row.get(2)? });
    let lines = connection.prepare_cached(sql)?.query_map((after, limit), line)?.collect::<rusqlite::Result<_>>()?;
    Ok(Lines { lines, head: head(connection)? })
}

fn signed(seq: u64) -> rusqlite::Result<i64> {
    i64::try_from(seq).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX))
}
