//! Scopes, held against the grammar of RFC 6749 section 3.3.

use jeton_policy::scope::{ADMIN, MAX_SCOPES, MAX_SCOPES_LENGTH, RESERVED_PREFIX, Scopes};

use crate::{Target, choices::Choices, mutation::mutated_text, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "scope",
    about: "scope parameters: text, and lists of scopes after damage, with the laws of covering and narrowing",
    words: &[
        "jeton:admin",
        "jeton:read",
        "jeton:introspect",
        "jeton:live",
        "jeton:",
        "jeton:x",
        " ",
        "  ",
        "\"",
        "\\",
        "a",
        "A",
    ],
    run,
    short_pass: 40_000,
};

const KNOWN: [&str; 4] = [ADMIN, "jeton:read", "jeton:introspect", "jeton:live"];

fn run(data: &[u8], reached: &mut Reached) {
    let one = str::from_utf8(data).ok().and_then(|text| read(text, reached)).unwrap_or_default();
    let mut choices = Choices::new(data);
    let some =
        [ADMIN, "jeton:read", "jeton:introspect", "jeton:live", "a", "A", "orders:read", "b", "jeton", "jeton-x"];
    let list: Vec<&str> = (0..choices.below(90)).map(|_| choices.one_of(&some)).collect();
    let text = mutated_text(&mut choices, &list.join(" "), TARGET.words);
    let Some(two) = read(&text, reached) else { return };
    laws(&one, &two);
    laws(&two, &one);
    reached.note("narrowed");
}

fn read(text: &str, reached: &mut Reached) -> Option<Scopes> {
    let scopes = Scopes::parse(text).ok();
    assert_eq!(scopes.as_ref().map(Scopes::joined), told(text), "{text:?}");
    match &scopes {
        Some(scopes) => {
            assert_eq!(Scopes::parse(&scopes.joined()).as_ref(), Ok(scopes));
            reached.note("scopes");
        }
        None => reached.note("no scopes"),
    }
    scopes
}

/// The same account by other means: what the parameter says, without repeats.
fn told(text: &str) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    let words: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split(' ').collect() };
    for word in words {
        let is_token = word.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\');
        let is_known = !word.starts_with(RESERVED_PREFIX) || KNOWN.contains(&word);
        if word.is_empty() || word.len() > 128 || !is_token || !is_known {
            return None;
        }
        if !kept.contains(&word) {
            kept.push(word);
        }
    }
    let joined = kept.join(" ");
    (kept.len() <= MAX_SCOPES && joined.len() <= MAX_SCOPES_LENGTH).then_some(joined)
}

/// Narrowing never widens, and covering is what narrowing goes by.
fn laws(wide: &Scopes, asked: &Scopes) {
    let narrowed = asked.within(wide);
    assert!(wide.cover_all(&narrowed) && asked.cover_all(&narrowed));
    assert_eq!(narrowed == *asked, wide.cover_all(asked));
    assert!(!wide.cover_all(asked) || wide.cover_reserved(asked));
    let is_admin = wide.as_slice().iter().any(|scope| scope == ADMIN);
    for scope in asked.as_slice() {
        let held = wide.as_slice().contains(scope) || (is_admin && scope.starts_with(RESERVED_PREFIX));
        assert_eq!(wide.cover(scope), held, "{scope}");
    }
}
