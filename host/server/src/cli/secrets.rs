//! Secrets have no place among the arguments: every user of the machine can read those, and shells keep them.

use std::ffi::OsString;

use jeton_policy::refresh_token;

/// What is said instead of repeating it.
pub(super) const REFUSAL: &str = "there is a token among the arguments, where other users and the shell's history can see it: \
     give a refresh token in JETON_TOKEN, an access token on standard input. If others could see it, delete it and make another. \
     (Where an id is asked for, it is the 22 characters after `jtn_rt_`.)";

/// Whether one of the arguments holds a refresh token or an access token.
pub(super) fn among(mut arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.any(|argument| {
        let text = argument.to_string_lossy();
        holds_refresh_token(&text) || holds_access_token(&text)
    })
}

fn holds_refresh_token(text: &str) -> bool {
    let body = refresh_token::LENGTH.saturating_sub(refresh_token::PREFIX.len());
    text.match_indices(refresh_token::PREFIX)
        .filter_map(|(at, prefix)| text.get(at.saturating_add(prefix.len())..))
        .any(|rest| rest.bytes().take(body).filter(u8::is_ascii_alphanumeric).count() == body)
}

/// Three parts of base64url, of which the first is an object.
fn holds_access_token(text: &str) -> bool {
    text.split(|character: char| !(character.is_ascii_alphanumeric() || "-_.".contains(character)))
        .any(|word| word.starts_with("eyJ") && word.split('.').filter(|part| part.len() >= SHORTEST_PART).count() == 3)
}

/// The header alone is longer than this: what is shorter is no token.
const SHORTEST_PART: usize = 20;

/// Whether a text can be a refresh token at all: the published form, `^jtn_rt_[0-9A-Za-z]{72}$`.
pub(super) fn is_refresh_token(text: &str) -> bool {
    text.len() == refresh_token::LENGTH && text.starts_with(refresh_token::PREFIX) && holds_refresh_token(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: &str = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9";

    fn is_refused(argument: &str) -> bool {
        among(["jeton", "exchange", argument].into_iter().map(OsString::from))
    }

    #[test]
    fn a_token_among_the_arguments_is_seen_wherever_it_stands() {
        let refresh_token = format!("jtn_rt_{}", "a".repeat(72));
        for argument in [
            refresh_token.clone(),
            format!("--name={refresh_token}"),
            format!("--note=found {refresh_token} in a log"),
            format!("jtn_rt_{refresh_token}"),
            format!("{PART}.{PART}.{PART}"),
            format!("Bearer {PART}.{PART}.{PART}"),
        ] {
            assert!(is_refused(&argument), "{argument}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_none() {
        for argument in
            ["jtn_rt_", "--name=jtn_rt_ rotation", "7lpW51ZSEDuhUKTqgdJrVL", "eyJ.a.b", "a.b.c", "www.example.com", "ä"]
        {
            assert!(!is_refused(argument), "{argument}");
        }
        assert!(!is_refused(&format!("jtn_rt_{}", "a".repeat(71))));
    }

    #[test]
    fn the_published_form_is_a_refresh_token_and_nothing_else_is() {
        assert!(is_refresh_token(&format!("jtn_rt_{}", "0".repeat(72))));
        for bad in
            ["".to_owned(), format!("jtn_rt_{}", "0".repeat(73)), format!("jtn_rt_{}-", "0".repeat(71)), "x".repeat(79)]
        {
            assert!(!is_refresh_token(&bad), "{bad}");
        }
    }
}
