//! The one way to write a line.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A JSON object with its members in the order of their names and nothing between them. Whatever a terminal or a viewer would obey
/// rather than show is escaped: control characters, and those that turn the direction of text or end a line.
#[must_use]
pub fn text(members: &Map<String, Value>) -> String {
    let mut text = String::with_capacity(LINE_BYTES);
    push_object(&mut text, members);
    text
}

/// The same, of lines that have a hash: their text without it, and where in it the hash belongs. Another member stands behind it.
pub(super) fn text_without_hash(members: &Map<String, Value>) -> (String, usize) {
    let (mut text, mut place) = (String::with_capacity(LINE_BYTES), 1);
    text.push('{');
    for (name, value) in sorted(members) {
        if name.as_str() > HASH {
            push_member(&mut text, name, value);
        } else if name != HASH {
            push_member(&mut text, name, value);
            place = text.len().saturating_add(1);
        }
    }
    text.push('}');
    (text, place)
}

/// The name of a line's hash.
pub(super) const HASH: &str = "hash";
/// What most lines are shorter than.
const LINE_BYTES: usize = 512;

fn sorted(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    // `serde_json` keeps a map in order unless a feature says otherwise; sorting says it here.
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| name.as_str());
    sorted
}

fn push_object(text: &mut String, members: &Map<String, Value>) {
    text.push('{');
    for (name, value) in sorted(members) {
        push_member(text, name, value);
    }
    text.push('}');
}

/// A member, behind a comma unless it is the first.
fn push_member(text: &mut String, name: &str, value: &Value) {
    if !text.ends_with('{') {
        text.push(',');
    }
    push_text(text, name);
    text.push(':');
    push(text, value);
}

fn push(text: &mut String, value: &Value) {
    match value {
        Value::Object(members) => push_object(text, members),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push(text, item);
            }
            text.push(']');
        }
        Value::String(string) => push_text(text, string),
        other => text.push_str(&other.to_string()),
    }
}

fn push_text(text: &mut String, string: &str) {
    // Most texts are written as they are.
    if string.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        text.push('"');
        text.push_str(string);
        text.push('"');
        return;
    }
    for character in Value::String(string.to_owned()).to_string().chars() {
        if must_be_escaped(character) {
            // All of them lie in the basic plane: one escape each. A `String` takes whatever it is given.
            let _always = write!(text, "\\u{:04x}", u32::from(character));
        } else {
            text.push(character);
        }
    }
}

/// A text as people may be shown it: what must be escaped in a line is so here, too.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if must_be_escaped(character) { shown.extend(character.escape_unicode()) } else { shown.push(character) }
    }
    shown
}

fn must_be_escaped(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use super::*;

    fn written(json: &str) -> String {
        text(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap())
    }

    #[test]
    fn members_stand_in_the_order_of_their_names_and_nothing_between_them() {
        assert_eq!(
            written(r#"{ "b" : [1, true, null], "a" : { "d": "é", "c": -1 } }"#),
            r#"{"a":{"c":-1,"d":"é"},"b":[1,true,null]}"#
        );
        assert_eq!(written("{}"), "{}");
    }

    #[test]
    fn nothing_that_a_terminal_or_a_viewer_obeys_stands_in_a_line_as_it_is() {
        let nasty =
            "\u{0}\u{7}\u{8}\t\n\r\u{1b}[31m\u{7f}\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}\u{feff}\"\\";
        let mut members = Map::new();
        members.insert(nasty.to_owned(), Value::String(nasty.to_owned()));
        let line = text(&members);
        assert!(!line.chars().any(must_be_escaped), "{line:?}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), Value::Object(members));
    }
}
