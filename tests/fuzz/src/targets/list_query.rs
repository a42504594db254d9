//! The query string of `GET /v1/refresh-tokens`.

use http::Uri;
use jeton::api::reading;
use serde_json::Value;

use crate::{Target, choices::Choices, mutation, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "list-query",
    about: "query strings of lists: bytes, and queries of known parameters after damage",
    words: &[
        "state=",
        "name=",
        "owner=",
        "limit=",
        "cursor=",
        "&",
        "=",
        "%00",
        "%ff",
        "%zz",
        "%2B5",
        "active",
        "Active",
        "4294967296",
        "+5",
    ],
    run,
    short_pass: 40_000,
};

const KNOWN: [&str; 15] = [
    "state",
    "name",
    "name_contains",
    "owner",
    "parent",
    "created_from",
    "created_until",
    "expires_from",
    "expires_until",
    "last_used_from",
    "last_used_until",
    "never_used",
    "sort",
    "limit",
    "cursor",
];
const SORTS: [&str; 8] = ["created", "name", "expires", "last_used", "-created", "-name", "-expires", "-last_used"];
const STATES: [&str; 4] = ["active", "disabled", "expired", "deleted"];

fn run(data: &[u8], reached: &mut Reached) {
    read(data, reached);
    let mut choices = Choices::new(data);
    let pairs: Vec<String> = (0..choices.below(6))
        .map(|_| {
            let name = choices.one_of(&KNOWN);
            let value = match name {
                "state" => choices.one_of(&STATES).to_owned(),
                "sort" => choices.one_of(&SORTS).to_owned(),
                "never_used" => choices.flag().to_string(),
                _ if name.contains("_from") || name.contains("_until") => {
                    reading::written_moment(choices.number_near(1_900_000_000))
                }
                "limit" => choices.number_near(1_000).to_string(),
                _ => form_urlencoded::byte_serialize(choices.bytes(20)).collect(),
            };
            format!("{name}={value}")
        })
        .collect();
    let mut query = pairs.join("&").into_bytes();
    for _ in 0..choices.below(3) {
        mutation::mutate(&mut choices, &mut query, TARGET.words);
    }
    read(&query, reached);
}

fn read(query: &[u8], reached: &mut Reached) {
    let Ok(uri) = Uri::try_from([b"/v1/refresh-tokens?", query].concat()) else { return reached.note("no URI") };
    let sent: Vec<_> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).collect();
    match reading::list_query(&uri) {
        Ok(read) => {
            let value = |name: &str| {
                assert!(sent.iter().filter(|(sent, _)| sent == name).count() < 2, "{name} is repeated");
                sent.iter()
                    .find(|(sent, _)| sent == name)
                    .map(|(_, value)| value.clone())
                    .filter(|value| !value.is_empty())
            };
            assert!(sent.iter().all(|(name, _)| KNOWN.contains(&name.as_ref())), "{uri}");
            assert_eq!(value("name").as_deref(), read.name.as_deref());
            assert_eq!(value("owner").as_deref(), read.owner.as_deref());
            assert_eq!(value("name_contains").as_deref(), read.name_contains.as_deref());
            assert_eq!(value("parent").as_deref(), read.parent.as_deref());
            let moment = |name| value(name).map(|text| reading::moment(&text).expect("a moment"));
            for (span, from, until) in [
                (&read.created, "created_from", "created_until"),
                (&read.expires, "expires_from", "expires_until"),
                (&read.last_used, "last_used_from", "last_used_until"),
            ] {
                assert_eq!((span.from, span.until), (moment(from), moment(until)));
            }
            assert_eq!(read.never_used, value("never_used").is_some_and(|text| text == "true"));
            assert_eq!(value("sort").is_some(), read.sort.is_some());
            assert!(
                value("sort").is_none_or(|sort| SORTS.contains(&&*sort) && sort.starts_with('-') == read.descending)
            );
            assert_eq!(value("cursor").as_deref(), read.cursor.as_deref());
            assert_eq!(
                value("limit").map_or("50".to_owned(), |text| text.trim_start_matches('0').to_owned()),
                match read.limit {
                    0 => String::new(),
                    limit => limit.to_string(),
                }
            );
            assert_eq!(value("state").is_some(), read.state.is_some());
            assert!(value("state").is_none_or(|state| STATES.contains(&state.as_ref())));
            reached.note("a query");
        }
        Err(problem) => {
            let document: Value = serde_json::from_slice(problem.response().body()).expect("a problem is JSON");
            assert_eq!(document["status"], 400);
            reached.note(problem.code());
        }
    }
}
