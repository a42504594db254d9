//! Standard output.

use std::io::{ErrorKind, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
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

/// Writes rows under headings, as wide as the terminal allows.
pub(super) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> Result<(), OutputError> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(headings);
    table.add_rows(rows);
    line(&table.trim_fmt())
}

/// Writes the members of an object, a line each.
fn members(value: &Value) -> Result<(), OutputError> {
    let rows = value.as_object().into_iter().flatten().map(|(name, value)| vec![name.clone(), text(value)]).collect();
    table(&["member", "value"], rows)
}

/// Writes an object, as JSON or for people.
pub(super) fn object(value: &Value, as_json: bool) -> Result<(), OutputError> {
    if as_json { json(value) } else { members(value) }
}

/// A value as people read it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
