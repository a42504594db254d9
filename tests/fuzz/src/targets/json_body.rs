//! The JSON bodies of `/v1`, held against serde's own reading of the same bytes.

use jeton::api::{problem::Problem, reading};
use jeton_runtime::wit::refresh_tokens::Expiry;
use serde_json::Value;

use crate::{Target, choices::Choices, json::members_of, mutation, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "json-body",
    about: "JSON bodies of /v1: bytes, and objects of known and unknown members of any types, damaged or not",
    words: &[
        "\"name\":",
        "\"expires_at\":",
        "\"expires_in\":",
        "\"never\":true",
        "\"scopes\":[",
        "\"parent\":null",
        "\"owner\":",
        "\"access_ttl\":",
        "\"ids\":[",
        "\"reason\":\"unused\"",
        "\"note\":",
        "2027-01-31T12:00:00Z",
        "18446744073709551616",
        "-1",
        "1e3",
        "\\u0000",
        "\\ud800",
        "[[[[[[[[",
        "{}",
        "null",
        "jtn_rt_SECRETSECRETSECRET",
    ],
    run,
    short_pass: 25_000,
};

/// What must never come back in an answer.
const SECRET: &str = "jtn_rt_SECRETSECRETSECRET";
/// The members of a new refresh token.
const NEW: [&str; 15] = [
    "name",
    "expires_at",
    "expires_in",
    "never",
    "scopes",
    "parent",
    "owner",
    "access_ttl",
    "not_before",
    "networks",
    "networks_in_access_tokens",
    "audiences",
    "max_exchanges",
    "may_delegate",
    "rotates_on_use",
];
/// Those of a change that a new one has not.
const CHANGE: [&str; 2] = ["enabled", "note"];
/// Those that a change refuses.
const FOR_GOOD: [&str; 2] = ["owner", "parent"];
/// The members of a deletion.
const DELETIONS: [&str; 7] = ["ids", "owner", "filter", "cursor", "dry_run", "reason", "note"];
/// The settings.
const SETTINGS: [&str; 11] = [
    "access_token_expiration",
    "access_token_minimum",
    "access_token_maximum",
    "refresh_token_expiration",
    "refresh_token_maximum",
    "never_allowed",
    "unique_names",
    "scopes",
    "delegation_levels",
    "holder_delegation",
    "tombstone_retention",
];

fn run(data: &[u8], reached: &mut Reached) {
    read(data, reached);
    let mut choices = Choices::new(data);
    let mut body = object(&mut choices).into_bytes();
    for _ in 0..choices.below(3) {
        mutation::mutate(&mut choices, &mut body, TARGET.words);
    }
    read(&body, reached);
}

fn read(body: &[u8], reached: &mut Reached) {
    let members = members_of(body);
    let members = members.as_deref();
    match reading::new_refresh_token(body) {
        Ok(request) => {
            let sent = Sent::new(members, &NEW);
            assert_eq!(sent.text("name"), Some(request.name.as_str()));
            assert_eq!(sent.text("owner"), request.owner.as_deref());
            assert_eq!(sent.text("parent"), request.parent.as_deref());
            assert_eq!(sent.number("access_ttl"), request.access_ttl);
            assert_eq!(sent.texts("scopes"), request.scopes);
            let bindings = request.bindings;
            assert_eq!(sent.moment("not_before"), bindings.not_before);
            assert_eq!((sent.texts("networks"), sent.texts("audiences")), (bindings.networks, bindings.audiences));
            assert_eq!(sent.truth("networks_in_access_tokens"), bindings.networks_in_access_tokens);
            assert_eq!(sent.number("max_exchanges"), bindings.max_exchanges);
            assert_eq!(sent.truth("may_delegate"), request.may_delegate);
            assert_eq!(sent.truth("rotates_on_use"), request.rotates_on_use);
            sent.says(Some(request.expiry).filter(|expiry| !matches!(expiry, Expiry::BySetting)));
            reached.note("a new refresh token");
        }
        Err(problem) => refused(&problem, body, reached),
    }
    match reading::change(body) {
        Ok(change) => {
            let sent = Sent::new(members, &[&NEW[..], &CHANGE].concat());
            assert!(FOR_GOOD.iter().all(|name| sent.value(name).is_none()));
            assert_eq!((sent.text("name"), sent.text("note")), (change.name.as_deref(), change.note.as_deref()));
            assert_eq!(sent.value("access_ttl").map(|_| sent.number("access_ttl")), change.access_ttl);
            assert_eq!(sent.value("not_before").map(|_| sent.moment("not_before")), change.not_before);
            assert_eq!(sent.value("max_exchanges").map(|_| sent.number("max_exchanges")), change.max_exchanges);
            assert_eq!(sent.value("scopes").map(|_| sent.texts("scopes")), change.scopes);
            assert_eq!(sent.value("networks").map(|_| sent.texts("networks")), change.networks);
            assert_eq!(sent.value("audiences").map(|_| sent.texts("audiences")), change.audiences);
            assert_eq!(sent.value("enabled").map(|_| sent.truth("enabled")), change.enabled);
            sent.says(change.expiry);
            reached.note("a change");
        }
        Err(problem) => refused(&problem, body, reached),
    }
    match reading::deletions(body) {
        Ok(()) => {
            let sent = Sent::new(members, &DELETIONS);
            assert_eq!(sent.count(&DELETIONS[..3]), 1);
            reached.note("deletions");
        }
        Err(problem) => refused(&problem, body, reached),
    }
    match reading::settings_change(body) {
        Ok(change) => {
            let sent = Sent::new(members, &SETTINGS);
            assert_eq!(sent.number("access_token_expiration"), change.access_token_expiration);
            assert_eq!(sent.number("refresh_token_expiration"), change.refresh_token_expiration);
            let maximum = sent.value("refresh_token_maximum").map(|_| sent.number("refresh_token_maximum"));
            assert_eq!(maximum, change.refresh_token_maximum);
            assert_eq!(sent.value("never_allowed").map(|_| sent.truth("never_allowed")), change.never_allowed);
            let scopes = sent.value("scopes").map(|scopes| (!scopes.is_null()).then(|| sent.texts("scopes")));
            assert_eq!(scopes, change.scopes);
            reached.note("a change of settings");
        }
        Err(problem) => refused(&problem, body, reached),
    }
}

/// A refusal is a problem document that repeats no value.
fn refused(problem: &Problem, body: &[u8], reached: &mut Reached) {
    let response = problem.response();
    let told = str::from_utf8(response.body()).expect("a problem is text");
    let document: Value = serde_json::from_str(told).expect("a problem is JSON");
    assert_eq!(document["status"], 400);
    assert_eq!(response.status(), 400);
    assert!(!told.contains(SECRET), "{told} of {}", String::from_utf8_lossy(body));
    assert!(document["errors"].as_array().is_none_or(|errors| errors.iter().all(|error| error["field"].is_string())));
    reached.note(if problem.code() == "malformed-json" { "refused: no object" } else { "refused: members" });
}

/// The members that were sent, each once and known.
struct Sent<'a>(&'a [(String, Value)]);

impl<'a> Sent<'a> {
    fn new(members: Option<&'a [(String, Value)]>, known: &[&str]) -> Self {
        let members = members.expect("what is accepted is an object");
        for (place, (name, _)) in members.iter().enumerate() {
            assert!(known.contains(&name.as_str()), "{name} is not known");
            assert!(members[..place].iter().all(|(before, _)| before != name), "{name} is repeated");
        }
        Self(members)
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.0.iter().find(|(sent, _)| sent == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        let value = self.value(name)?;
        assert!(value.is_string() || value.is_null(), "{name} is {value}");
        value.as_str()
    }

    fn number(&self, name: &str) -> Option<u64> {
        let value = self.value(name).filter(|value| !value.is_null())?;
        Some(value.as_u64().expect("a number"))
    }

    fn moment(&self, name: &str) -> Option<u64> {
        self.text(name).map(|text| reading::moment(text).expect("a moment"))
    }

    fn truth(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value.as_bool().expect("true or false"))
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let value = self.value(name).filter(|value| !value.is_null());
        value.map(|value| serde_json::from_value(value.clone()).expect("a list of texts")).unwrap_or_default()
    }

    /// What is said of the expiry, in the one member that says it.
    fn says(&self, expiry: Option<Expiry>) {
        let given = self.count(&NEW[1..4]);
        match expiry {
            None | Some(Expiry::BySetting) => assert_eq!(given, 0),
            Some(Expiry::Never) => assert_eq!((given, self.value("never")), (1, Some(&Value::Bool(true)))),
            Some(Expiry::After(seconds)) => assert_eq!((given, self.number("expires_in")), (1, Some(seconds))),
            Some(Expiry::At(moment)) => assert_eq!((given, self.moment("expires_at")), (1, Some(moment))),
        }
    }

    fn count(&self, names: &[&str]) -> usize {
        names.iter().filter(|name| self.value(name).is_some()).count()
    }
}

fn object(choices: &mut Choices<'_>) -> String {
    let known = choices.one_of(&[&NEW[..], &NEW, &CHANGE, &DELETIONS, &SETTINGS]);
    let mut members = Vec::new();
    if known[0] == "name" && choices.below(8) != 0 {
        members.push("\"name\":\"nightly job\"".to_owned());
    }
    for _ in 0..choices.below(6) {
        let name = if choices.below(16) == 0 { choices.text(50) } else { choices.one_of(known).to_owned() };
        let value = if choices.below(4) == 0 { any(choices, 3) } else { fitting(choices, &name) };
        members.push(format!("{}:{value}", Value::String(name)));
    }
    format!("{{{}}}", members.join(","))
}

/// A value of the type that the member has.
fn fitting(choices: &mut Choices<'_>, name: &str) -> String {
    match name {
        "never" | "dry_run" => "true".to_owned(),
        "networks_in_access_tokens"
        | "may_delegate"
        | "rotates_on_use"
        | "enabled"
        | "never_allowed"
        | "unique_names"
        | "holder_delegation" => choices.flag().to_string(),
        "expires_in" | "access_ttl" | "max_exchanges" | "delegation_levels" | "tombstone_retention" => {
            choices.number_near(900).to_string()
        }
        _ if name.starts_with("access_token_") || name.starts_with("refresh_token_") => {
            choices.number_near(900).to_string()
        }
        "scopes" | "ids" | "networks" | "audiences" => {
            let texts: Vec<String> = (0..choices.below(4)).map(|_| choices.text(12)).collect();
            Value::from(texts).to_string()
        }
        "expires_at" | "not_before" => {
            Value::String(reading::written_moment(choices.number_near(1_900_000_000))).to_string()
        }
        "reason" => "\"unused\"".to_owned(),
        "filter" => {
            choices.one_of(&["\"state=expired\"", "\"name=%zz\"", "\"owner=alice&limit=5\"", "\"\""]).to_owned()
        }
        _ => Value::String(choices.text(20)).to_string(),
    }
}

fn any(choices: &mut Choices<'_>, depth: usize) -> String {
    match choices.below(9) {
        0 => "null".to_owned(),
        1 => choices.flag().to_string(),
        2 => format!("{}", choices.number().cast_signed()),
        3 => format!("{}.{}e{}", choices.byte(), choices.byte(), choices.byte()),
        4 => Value::String(choices.text(20)).to_string(),
        5 => format!("\"{SECRET}\""),
        6 if depth > 0 => format!("[{}]", any(choices, depth - 1)),
        7 if depth > 0 => format!("{{\"a\":{}}}", any(choices, depth - 1)),
        _ => "[]".to_owned(),
    }
}
