//! Standard output for data, standard error for everything else.

use std::{
    fmt::Display,
    io::{ErrorKind, Write as _},
};

use comfy_table::{ColumnConstraint, Table, Width, presets};
use serde_json::Value;

/// Why output could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// Whoever read it has gone, as `head` does.
    #[error("the reader is gone")]
    ReaderGone,
    /// The system refused.
    #[error("{0}")]
    Failed(std::io::Error),
}

/// So many refresh tokens, in words.
pub(super) fn refresh_tokens<N: Display + PartialEq + From<u8>>(count: N) -> String {
    let noun = if count == N::from(1) { "refresh token" } else { "refresh tokens" };
    format!("{count} {noun}")
}

/// Says a line to people. That nobody listens is no failure of the command.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes bytes as they are.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), OutputError> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => OutputError::ReaderGone,
        _ => OutputError::Failed(error),
    })
}

/// Writes a line.
pub(super) fn line(text: &str) -> Result<(), OutputError> {
    bytes(format!("{text}\n").as_bytes())
}

/// Writes JSON, a value a line.
pub(super) fn json(value: &Value) -> Result<(), OutputError> {
    line(&value.to_string())
}

/// Writes an object, as JSON or, a member a line, for people.
pub(super) fn object(value: &Value, as_json: bool) -> Result<(), OutputError> {
    if as_json {
        return json(value);
    }
    let mut members: Vec<(&str, &Value)> =
        value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect();
    members.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
    let rows = members.into_iter().map(|(name, value)| vec![name.to_owned(), member(name, value)]).collect();
    line(&Table::new().load_style(presets::NOTHING).add_rows::<Vec<Vec<String>>>(rows).trim_fmt())
}

/// The order in which people read members; JSON has none.
const ORDER: &[&str] = &[
    "id",
    "name",
    "state",
    "owner",
    "parent",
    "depth",
    "scopes",
    "created_at",
    "created_by",
    "not_before",
    "expires_at",
    "access_ttl",
    "networks",
    "networks_in_access_tokens",
    "audiences",
    "max_exchanges",
    "exchanges_left",
    "may_delegate",
    "rotates_on_use",
    "superseded_until",
    "last_used_at",
    "last_used_from",
    "exchange_count",
    "last_used_certain",
    "generation",
    "disabled_at",
    "disabled_by",
    "ended_at",
    "ended_by",
    "number",
    "began_at",
    "reason",
    "note",
    "by",
    "kid",
];

/// A member as people read it.
pub(super) fn member(name: &str, value: &Value) -> String {
    match (name, value) {
        ("expires_at", Value::Null) => "never".to_owned(),
        (_, Value::Null) => "-".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(items)) => items.iter().map(|item| member(name, item)).collect::<Vec<_>>().join(" "),
        (_, other) => other.to_string(),
    }
}

/// Rows under headings, page by page: none waits for the last one. Nothing is wrapped, so that `grep` sees whole rows.
pub(super) struct Rows<'a> {
    headings: Option<&'a [&'a str]>,
    /// The widest page so far, so that the columns of the next one stand below those of the last.
    widths: Vec<u16>,
}

/// What a column has beside its content: a space on either side.
const PADDING: u16 = 2;

impl<'a> Rows<'a> {
    pub(super) fn new(headings: &'a [&'a str]) -> Self {
        Self { headings: Some(headings), widths: vec![0; headings.len()] }
    }

    /// Writes a page. A page without rows writes nothing.
    pub(super) fn page(&mut self, rows: Vec<Vec<String>>) -> Result<(), OutputError> {
        if rows.is_empty() { Ok(()) } else { line(&self.lines(rows)) }
    }

    /// Where there was no row at all, the headings say of what.
    pub(super) fn finish(&mut self) -> Result<(), OutputError> {
        if self.headings.is_some() { line(&self.lines(Vec::new())) } else { Ok(()) }
    }

    fn lines(&mut self, rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if let Some(headings) = self.headings.take() {
            table.set_header(headings);
        }
        table.add_rows(rows);
        for (widest, width) in self.widths.iter_mut().zip(table.column_max_content_widths()) {
            *widest = width.saturating_add(PADDING).max(*widest);
        }
        table.set_constraints(self.widths.iter().map(|width| ColumnConstraint::LowerBoundary(Width::Fixed(*width))));
        table.trim_fmt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 2]) -> Vec<String> {
        cells.map(str::to_owned).to_vec()
    }

    #[test]
    fn pages_share_one_heading_and_the_columns_below_it() {
        let mut rows = Rows::new(&["ID", "RESULT"]);
        assert_eq!(
            rows.lines(vec![row(["first-of-all", "deleted"]), row(["b", "not-found"])]),
            " ID            RESULT\n first-of-all  deleted\n b             not-found"
        );
        assert_eq!(rows.lines(vec![row(["c", "deleted"])]), " c             deleted");
        assert_eq!(Rows::new(&["ID", "RESULT"]).lines(Vec::new()), " ID  RESULT");
    }

    #[test]
    fn members_are_shown_as_people_read_them() {
        let value = serde_json::json!({"expires_at": null, "owner": null, "scopes": ["a", "b"], "access_ttl": 900});
        let shown = |name: &str| value.get(name).map(|value| member(name, value)).unwrap_or_default();
        assert_eq!((shown("expires_at"), shown("owner")), ("never".to_owned(), "-".to_owned()));
        assert_eq!((shown("scopes"), shown("access_ttl")), ("a b".to_owned(), "900".to_owned()));
    }
}
