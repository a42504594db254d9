//! Damage: small changes of bytes, as chosen.

use crate::choices::Choices;

/// Bytes that grammars are made of.
const SIGNS: &[u8] = b"\0\t\n\r \"%&'+,-./0:;=?@A[\\]_az{}~\x7f\x80\xc3\xff";
/// No change makes an input longer than this.
const MOST: usize = 70_000;

/// Changes `bytes` in one place.
pub fn mutate(choices: &mut Choices<'_>, bytes: &mut Vec<u8>, words: &[&str]) {
    let place = choices.below(bytes.len().saturating_add(1));
    let length = choices.below(bytes.len().saturating_sub(place).min(64).saturating_add(1));
    match choices.below(12) {
        0 => change(bytes, place, |byte, choices| byte ^ (1 << choices.below(8)), choices),
        1 => change(bytes, place, |_, choices| choices.byte(), choices),
        2 => change(bytes, place, |_, choices| choices.one_of(SIGNS), choices),
        3 => change(bytes, place, |byte, _| byte ^ 0x20, choices),
        4 => bytes.insert(place, choices.byte()),
        5 => bytes.insert(place, choices.one_of(SIGNS)),
        6 => drop(bytes.drain(place..place + length)),
        7 => bytes.truncate(place),
        8 if bytes.len() < MOST => {
            let copied = bytes[place..place + length].to_vec();
            let target = choices.below(bytes.len().saturating_add(1));
            bytes.splice(target..target, copied);
        }
        9 if !bytes.is_empty() => {
            let other = choices.below(bytes.len());
            let last = bytes.len() - 1;
            bytes.swap(place.min(last), other);
        }
        10 if bytes.len() < MOST => {
            let word = if words.is_empty() { "" } else { choices.one_of(words) };
            bytes.splice(place..place + length, word.bytes());
        }
        11 if bytes.len() < MOST => {
            let sign = choices.byte();
            let times = choices.one_of(&[1, 2, 3, 16, 200, 1_000, 9_000]);
            bytes.splice(place..place, std::iter::repeat_n(sign, times));
        }
        _ => {}
    }
}

/// Text after one to four changes; what is no text any more is replaced.
#[must_use]
pub fn mutated_text(choices: &mut Choices<'_>, text: &str, words: &[&str]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=choices.below(4) {
        mutate(choices, &mut bytes, words);
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn change(bytes: &mut [u8], place: usize, into: impl FnOnce(u8, &mut Choices<'_>) -> u8, choices: &mut Choices<'_>) {
    if let Some(byte) = bytes.get_mut(place) {
        *byte = into(*byte, choices);
    }
}
