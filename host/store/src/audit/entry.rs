//! What is told of an act, before the writer numbers it.

use jiff::{SignedDuration, civil::date};
use serde_json::{Map, Value};

/// The most characters of a text: longer ones are cut, and end with `...`.
pub const MAX_TEXT: usize = 1024;
/// The most targets of one entry: those of a whole batch. Beyond them an act is told in several entries.
pub const MAX_TARGETS: usize = 1000;

/// An entry: when, who, what, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub(super) at: u64,
    pub(super) members: Map<String, Value>,
}

impl Entry {
    /// At `at` (Unix seconds) `actor` did `act`. `outcome` is one word: `done`, or how it was refused.
    #[must_use]
    pub fn new(at: u64, actor: &str, act: &str, outcome: &str) -> Self {
        Self { at, members: Map::new() }
            .with("at", moment(at))
            .with("actor", actor)
            .with("act", act)
            .with("outcome", outcome)
    }

    /// With another member. The names of the chain, `seq`, `prev` and `hash`, are the writer's: it overwrites them.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), bounded(value.into()));
        self
    }

    /// With another member, where there is something to say.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// RFC 3339, in UTC, whole seconds.
fn moment(seconds: u64) -> String {
    let since = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let moment = date(1970, 1, 1).at(0, 0, 0, 0).checked_add(since).unwrap_or(date(9999, 12, 31).at(23, 59, 59, 0));
    format!("{}Z", moment.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// A policy of a house's own may take what ours refuses: no text makes a line endless.
fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > MAX_TEXT => match text.char_indices().nth(MAX_TEXT) {
            Some((end, _)) => Value::String(format!("{}...", text.get(..end).unwrap_or_default())),
            None => Value::String(text),
        },
        Value::Array(mut items) => {
            items.truncate(MAX_TARGETS);
            Value::Array(items.into_iter().map(bounded).collect())
        }
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, member)| (name, bounded(member))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_says_when_who_what_and_what_came_of_it() {
        let entry = Entry::new(1_801_396_800, "machine", "epoch.begin", "done").with("boot", "advance");
        let told = json!({
            "at": "2027-01-31T12:00:00Z", "actor": "machine", "act": "epoch.begin", "outcome": "done", "boot": "advance",
        });
        assert_eq!(Value::Object(entry.members), told);
    }

    #[test]
    fn no_text_and_no_list_is_endless() {
        let long = "é".repeat(MAX_TEXT + 1);
        let entry = Entry::new(0, "machine", "x", "done").with("long", json!({ "in": [long.clone()] }));
        let whole = "é".repeat(MAX_TEXT);
        assert_eq!(entry.members.get("long"), Some(&json!({ "in": [format!("{whole}...")] })));
        let entry = entry.with("long", whole.clone()).with("many", vec![1; MAX_TARGETS + 1]);
        assert_eq!(entry.members.get("long"), Some(&json!(whole)));
        assert_eq!(entry.members.get("many").and_then(Value::as_array).map(Vec::len), Some(MAX_TARGETS));
    }
}
