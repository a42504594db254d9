//! Forms in bodies and query strings, held against the WHATWG reading of the same bytes.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, Uri, header::CONTENT_TYPE};
use jeton::api::{
    form::{Form, FormError},
    limits::PRESENTED_TOKEN_BYTES,
    oauth_request, reading,
};

use crate::{Target, choices::Choices, mutation, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "form",
    about: "OAuth forms: bytes, and forms of any names and values in any spelling, in the body and in the query string",
    words: &[
        "token=",
        "&",
        "=",
        "%00",
        "%",
        "%4",
        "%zz",
        "%ff",
        "%C3%A9",
        "%ED%A0%80",
        "+",
        "%2B",
        "scope=",
        "grant_type=",
        "tok%65n=",
        ";",
    ],
    run,
    short_pass: 40_000,
};

const NAMES: [&str; 4] = ["token", "refresh_token", "grant_type", "scope"];
const TYPES: [&str; 6] = [
    "application/x-www-form-urlencoded",
    "Application/X-WWW-Form-Urlencoded;charset=UTF-8",
    "application/json",
    "application/x-www-form-urlencodedx",
    "multipart/form-data; boundary=x",
    "",
];

fn run(data: &[u8], reached: &mut Reached) {
    read(data, reached);
    let mut choices = Choices::new(data);
    let mut form = written(&mut choices, reached);
    for _ in 0..choices.below(3) {
        mutation::mutate(&mut choices, &mut form, TARGET.words);
    }
    read(&form, reached);
    request(&mut choices, &form, reached);
    exchange(&mut choices, reached);
}

/// A form that is written right says what was written, however it is spelled.
fn written(choices: &mut Choices<'_>, reached: &mut Reached) -> Vec<u8> {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for _ in 0..choices.below(6) {
        pairs.push((choices.one_of(&NAMES), choices.text(24).replace('\0', "?")));
    }
    let spell = |text: &str, choices: &mut Choices<'_>| -> String {
        if choices.flag() {
            return form_urlencoded::byte_serialize(text.as_bytes()).collect();
        }
        text.bytes().map(|byte| if byte == b' ' { "+".to_owned() } else { format!("%{byte:02x}") }).collect()
    };
    let text: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", spell(name, choices), spell(value, choices))).collect();
    let text = text.join("&").into_bytes();
    let form = Form::parse(&text).expect("a form that is written right");
    for name in NAMES {
        let mut values = pairs.iter().filter(|(sent, _)| *sent == name).map(|(_, value)| value.as_str());
        let (first, second) = (values.next(), values.next());
        let expected = match (first, second) {
            (_, Some(_)) => Err(FormError::Repeated(name)),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        };
        assert_eq!(form.one(name).as_ref().map(Option::as_deref), expected.as_ref().map(|value| *value));
    }
    reached.note("a form that is written right");
    text
}

fn read(bytes: &[u8], reached: &mut Reached) {
    let lenient: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(bytes).collect();
    let form = match Form::parse(bytes) {
        Ok(form) => form,
        Err(error) => {
            is_just(bytes, &error);
            return reached.note(match error {
                FormError::NotUtf8 => "refused: not UTF-8",
                FormError::BrokenEscape => "refused: a broken escape",
                FormError::Nul => "refused: NUL",
                FormError::Repeated(_) => "refused: repeated",
            });
        }
    };
    let names: Vec<Cow<'_, str>> = form.names().collect();
    assert_eq!(names, lenient.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    assert!(lenient.iter().all(|(name, value)| !name.contains('\0') && !value.contains('\0')));
    for name in NAMES {
        let mut values = lenient.iter().filter(|(sent, _)| sent == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (_, Some(_)) => {
                assert_eq!(form.one(name), Err(FormError::Repeated(name)));
                reached.note("a repeated parameter");
            }
            (value, None) => assert_eq!(form.one(name), Ok(value.filter(|value| !value.is_empty()).cloned())),
        }
    }
    reached.note("read");
}

/// A refusal has its reason in the bytes.
fn is_just(bytes: &[u8], error: &FormError) {
    let escapes = || {
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').map(|(place, _)| bytes.get(place + 1..place + 3))
    };
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    let holds = match error {
        FormError::NotUtf8 => str::from_utf8(bytes).is_err() || bytes.contains(&b'%'),
        FormError::BrokenEscape => escapes().any(|digits| !digits.is_some_and(is_hex)),
        FormError::Nul => bytes.contains(&0) || escapes().any(|digits| digits == Some(b"00")),
        FormError::Repeated(_) => false,
    };
    assert!(holds, "{error:?} of {:?}", String::from_utf8_lossy(bytes));
}

/// A token exchange is read only where each of its parameters was sent once, and says what was sent.
fn exchange(choices: &mut Choices<'_>, reached: &mut Reached) {
    const TYPES: [&str; 3] =
        ["urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:refresh_token", "x"];
    const PARAMETERS: [&str; 9] = [
        "subject_token",
        "subject_token_type",
        "requested_token_type",
        "scope",
        "audience",
        "resource",
        "actor_token",
        "name",
        "expires_in",
    ];
    let mut form = form_urlencoded::Serializer::new(String::new());
    let (token, is_typed) = (choices.text(24), choices.below(8) != 0);
    form.append_pair(PARAMETERS[0], &token);
    if is_typed {
        form.append_pair(PARAMETERS[1], choices.one_of(&TYPES));
    }
    for _ in 0..choices.below(4) {
        let name = choices.one_of(&PARAMETERS[2..]);
        let value = if name.ends_with("type") { choices.one_of(&TYPES).to_owned() } else { choices.text(24) };
        form.append_pair(name, &value);
    }
    let mut form = form.finish().into_bytes();
    if choices.below(3) == 0 {
        mutation::mutate(choices, &mut form, TARGET.words);
    }
    let Ok(read) = Form::parse(&form) else { return };
    match reading::token_exchange(&read) {
        Ok(request) => {
            let sent: Vec<_> = form_urlencoded::parse(&form).collect();
            for (name, value) in [(PARAMETERS[0], Some(&request.subject_token)), ("scope", request.scope.as_ref())] {
                let mut sent = sent.iter().filter(|(sent, value)| sent == name && !value.is_empty());
                assert_eq!(sent.next().map(|(_, value)| value.as_ref()), value.map(String::as_str), "{name}");
                assert!(sent.next().is_none());
            }
            assert!(sent.iter().all(|(name, value)| name != "actor_token" || value.is_empty()));
            reached.note("a token exchange");
        }
        Err(_) => reached.note("no token exchange"),
    }
}

/// A token comes out of a request only where the body alone holds it, once, as a declared form, and within the bound.
fn request(choices: &mut Choices<'_>, body: &[u8], reached: &mut Reached) {
    let declared = if choices.below(4) == 0 { choices.one_of(&TYPES) } else { TYPES[0] };
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(declared))]);
    let query = if choices.below(3) == 0 { choices.text(24) } else { String::new() };
    let Ok(uri) = format!("/oauth2/revoke?{query}").parse::<Uri>() else { return };
    let token =
        oauth_request::in_body(&headers, &uri, body, &["token"]).and_then(|form| oauth_request::token(&form, "token"));
    let Ok(token) = token else { return reached.note("a request without a token") };
    let sent: Vec<_> = form_urlencoded::parse(body).filter(|(name, _)| name == "token").collect();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1, token);
    assert!(!token.is_empty() && token.len() <= PRESENTED_TOKEN_BYTES && TYPES[..2].contains(&declared));
    let in_query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).any(|(name, _)| name == "token");
    assert!(!in_query);
    reached.note("a request with a token");
}
