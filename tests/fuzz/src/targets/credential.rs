//! `Authorization`: Bearer and Basic.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use jeton::api::{
    bearer::{self, BearerError, Credential},
    limits::PRESENTED_TOKEN_BYTES,
};

use crate::{Target, choices::Choices, mutation, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "credential",
    about: "Authorization headers: bytes, and Bearer and Basic credentials after damage, one or two of them",
    words: &[
        "Bearer ",
        "bearer",
        "Basic ",
        "basic",
        "Digest a=b",
        ",",
        "\t",
        "  ",
        "dXNlcjpwYXNz",
        "jtn_rt_",
        "=",
        "Bearer a, Bearer b",
    ],
    run,
    short_pass: 60_000,
};

fn run(data: &[u8], reached: &mut Reached) {
    if let Ok(value) = HeaderValue::from_bytes(data) {
        read(&HeaderMap::from_iter([(AUTHORIZATION, value)]), reached);
    }
    let mut choices = Choices::new(data);
    let (token, user) = (choices.text(40), choices.text(12).replace(':', ""));
    let scheme = choices.one_of(&["Bearer", "bearer", "BEARER", "Basic", "bAsIc"]);
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let credential = if is_basic { STANDARD.encode(format!("{user}:{token}")) } else { token.clone() };
    let mut header = format!("{scheme} {credential}").into_bytes();
    if let Ok(value) = HeaderValue::from_bytes(&header) {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        let is_plain = !token.is_empty() && token.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b',');
        match read(&headers, reached) {
            Some(said) => assert!(said == token || !is_plain, "{said:?} of {token:?}"),
            None => assert!(!is_plain && !is_basic, "{token:?}"),
        }
    }
    for _ in 0..=choices.below(3) {
        mutation::mutate(&mut choices, &mut header, TARGET.words);
    }
    let Ok(value) = HeaderValue::from_bytes(&header) else { return reached.note("no header") };
    let mut headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    read(&headers, reached);
    if choices.below(4) == 0 {
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer other"));
        assert_eq!(bearer::from_headers(&headers).err(), Some(BearerError::Repeated));
    }
}

/// What is shown, and that it stands in the header.
fn read(headers: &HeaderMap, reached: &mut Reached) -> Option<String> {
    let header = headers[AUTHORIZATION].as_bytes();
    match bearer::from_headers(headers) {
        Ok(Some(Credential::Bearer(token))) => {
            assert!(!token.is_empty() && token.len() <= PRESENTED_TOKEN_BYTES);
            assert!(token.is_ascii() && !token.contains([' ', '\t', ',']));
            let text = str::from_utf8(header).unwrap().trim_matches(' ');
            assert!(text.ends_with(token) && text[..6].eq_ignore_ascii_case("bearer"));
            assert!(text[6..text.len() - token.len()].chars().all(|sign| sign == ' '));
            reached.note("a bearer token");
            Some(token.to_owned())
        }
        Ok(Some(Credential::Basic(password))) => {
            let text = str::from_utf8(header).unwrap().trim_matches(' ');
            let decoded = STANDARD.decode(text[5..].trim_matches(' ')).expect("base64 that was read");
            assert_eq!(str::from_utf8(&decoded).unwrap().split_once(':').unwrap().1, password.as_str());
            reached.note("a password");
            Some(password.to_string())
        }
        Ok(None) => {
            let known = [&b"bearer "[..], b"basic "];
            let lower = str::from_utf8(header).unwrap_or_default().trim_start_matches(' ').to_ascii_lowercase();
            assert!(!known.iter().any(|scheme| lower.as_bytes().starts_with(scheme)), "{:?}", headers[AUTHORIZATION]);
            reached.note("another scheme");
            None
        }
        Err(error) => {
            reached.note(match error {
                BearerError::Repeated => "refused: repeated",
                BearerError::Malformed => "refused: malformed",
                BearerError::TooLong => "refused: too long",
            });
            None
        }
    }
}
