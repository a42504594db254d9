//! How something sound is spoiled: in its members where it is JSON, in its characters otherwise.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::dice::Dice;

/// Characters that mean something somewhere.
const CHARACTERS: [&str; 20] =
    ["", "A", "0", "-", "_", "+", "/", "=", ".", " ", "\n", "\0", "\"", "\\", "{", "]", ",", ":", "é", "\u{10ffff}"];

/// Text with a few characters changed, taken out, put in or said twice. Empty at the worst.
pub(super) fn spoil_text(dice: &mut Dice, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(2) {
        let place = dice.below(characters.len());
        let end = (place + 1 + dice.below(8)).min(characters.len());
        let begin = place.min(end);
        match dice.below(5) {
            0 => drop(characters.splice(begin..end, [])),
            1 => {
                let again: Vec<char> = characters.get(begin..end).unwrap_or_default().to_vec();
                drop(characters.splice(begin..begin, again));
            }
            2 => characters.truncate(place),
            3 => drop(characters.splice(begin..begin, dice.pick(&CHARACTERS).chars())),
            _ => drop(characters.splice(begin..end.min(begin + 1), dice.pick(&CHARACTERS).chars())),
        }
    }
    characters.into_iter().collect()
}

/// An object with a member changed, missing, said twice or more than there should be; or spelled otherwise.
pub(super) fn spoil_json(dice: &mut Dice, json: &str) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str::<Value>(json) else { return spoil_text(dice, json) };
    let names: Vec<String> = members.keys().cloned().collect();
    let name = dice.one_of(&names).cloned().unwrap_or_default();
    let value = members.get(&name).cloned().unwrap_or_default();
    match dice.below(9) {
        0 => drop(members.remove(&name)),
        1 => drop(members.insert(name, Value::Null)),
        2 => return json.replacen('{', &format!("{{\"{name}\":{value},"), 1),
        3 => drop(members.insert(dice.pick(&["admin", "nbf", "base", "", "iss", "version"]).to_owned(), true.into())),
        4 => drop(members.insert(name, Value::Array(vec![value]))),
        5 => drop(members.insert(name, dice.any_number().into())),
        6 => drop(members.insert(name, dice.pick(&CHARACTERS).into())),
        7 => return serde_json::to_string_pretty(&members).unwrap_or_default(),
        _ => {
            let within = serde_json::to_string(&value).unwrap_or_default();
            let spoiled = spoil_text(dice, &within);
            return json.replacen(&within, &spoiled, 1);
        }
    }
    serde_json::to_string(&members).unwrap_or_default()
}

/// Parts of one token and of another.
pub(super) fn mixed(dice: &mut Dice, one: &str, other: &str) -> String {
    let parts: Vec<&str> =
        one.split('.').zip(other.split('.')).map(|(one, other)| if dice.chance(50) { one } else { other }).collect();
    parts.join(".")
}

/// A token under another header.
pub(super) fn with_other_header(dice: &mut Dice, token: &str) -> String {
    let (header, rest) = token.split_once('.').unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let spoiled = spoil_json(dice, &String::from_utf8_lossy(&header));
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(spoiled))
}
