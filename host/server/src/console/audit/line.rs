//! An entry, as the page tells it: who, what, whom it was about, when, from where, and what came of it.

use jeton_policy::token_id::TokenId;
use jeton_store::audit::Line;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    super::{page::written, span},
    words,
};

/// Targets that are shown; the whole entry has them all.
const SHOWN_TARGETS: usize = 5;
/// Characters of a detail that are shown.
const LONGEST: usize = 80;
/// What is told in a place of its own, or is of interest only to who checks the chain.
const ELSEWHERE: [&str; 15] = [
    "act", "account", "actor", "at", "clients", "from", "hash", "id", "network", "outcome", "prev", "request", "seq",
    "subject", "targets",
];

/// What is the same of all sessions of an account.
const SESSIONS: [&str; 5] = ["expires", "name", "owner", "parent", "scopes"];

/// An entry as a row.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    seq: u64,
    when: String,
    who: String,
    /// Whose token it was that acted, where that says more.
    subject: String,
    act: String,
    what: String,
    about: Vec<Target>,
    more: usize,
    details: Vec<(String, String)>,
    from: String,
    outcome: String,
    is_refused: bool,
    /// As it was written.
    text: String,
}

/// Whom or what it was about.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Target {
    name: String,
    link: Option<String>,
}

impl Entry {
    /// What a line tells to somebody who administers or does not.
    pub(super) fn of(line: &Line, administers: bool) -> Self {
        let members: Map<String, Value> = serde_json::from_str(&line.text).unwrap_or_default();
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (act, outcome) = (text("act"), text("outcome"));
        let mut about = about(&act, &members, administers);
        let more = about.len().saturating_sub(SHOWN_TARGETS);
        about.truncate(SHOWN_TARGETS);
        let is_session = act.starts_with("session.");
        let is_of_interest = |name: &str| !(ELSEWHERE.contains(&name) || is_session && SESSIONS.contains(&name));
        let details = members.iter().filter(|(name, _)| is_of_interest(name.as_str()));
        Self {
            seq: line.seq,
            when: written(line.at),
            who: text("actor"),
            subject: text("subject"),
            what: words::of(&act).to_owned(),
            act,
            about,
            more,
            details: details.map(|(name, value)| (name.replace('_', " "), shortened(told(value)))).collect(),
            from: if members.contains_key("from") { text("from") } else { text("network") },
            is_refused: outcome != "done",
            outcome,
            text: line.text.clone(),
        }
    }
}

fn about(act: &str, members: &Map<String, Value>, administers: bool) -> Vec<Target> {
    let mut all = Vec::new();
    // The tokens that people sign in with have no page.
    let has_pages = !["account.", "session."].iter().any(|kind| act.starts_with(kind));
    if let Some(name) = members.get("account").and_then(Value::as_str) {
        let path = || format!("/console/users/{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
        all.push(Target { name: name.to_owned(), link: administers.then(path) });
    }
    let texts = |member: Option<&Value>| match member {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    };
    let targets = texts(members.get("targets"));
    // What was asked for is what was touched, where anything was.
    let ids = if targets.is_empty() { texts(members.get("id")) } else { targets };
    for name in ids.into_iter().chain(texts(members.get("clients"))) {
        // Nothing but the id of a token leads to one, whatever a line says.
        let link = TokenId::parse(&name).filter(|_| has_pages).map(|id| format!("/console/tokens/{id}"));
        all.push(Target { name, link });
    }
    all
}

/// What is longer is told by the whole entry.
fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// A member in a line.
fn told(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(told).collect::<Vec<_>>().join(" "),
        Value::Object(members) if members.len() == 1 && members.contains_key("after") => members
            .get("after")
            .and_then(Value::as_u64)
            .map(|seconds| format!("after {}", span::told(seconds)))
            .unwrap_or_default(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name} {}", told(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str, administers: bool) -> Entry {
        Entry::of(&Line { seq: 7, at: 1_801_396_800, text: text.to_owned() }, administers)
    }

    #[test]
    fn an_entry_is_told_in_words_and_links_to_what_it_was_about() {
        let id = "7mH7s6lg79RIaS3eD7phsU";
        let text = format!(
            r#"{{"act":"refresh-token.edit","actor":"root","changed":{{"expires":{{"at":5}},"scopes":["a","b"]}},"from":"192.0.2.7","outcome":"done","targets":["{id}"]}}"#
        );
        let told = entry(&text, false);
        assert_eq!(
            (told.what.as_str(), told.who.as_str(), told.from.as_str()),
            ("edited a refresh token", "root", "192.0.2.7")
        );
        assert_eq!(told.about, [Target { name: id.to_owned(), link: Some(format!("/console/tokens/{id}")) }]);
        assert_eq!(told.details, [("changed".to_owned(), "expires at 5, scopes a b".to_owned())]);
        assert_eq!((told.when.as_str(), told.seq, told.is_refused), ("2027-01-31 12:00", 7, false));
    }

    #[test]
    fn spans_are_told_in_words_and_sessions_without_what_they_have_in_common() {
        let text = |act: &str| format!(r#"{{"act":"{act}","expires":{{"after":7776000}},"note":"n","scopes":["a"]}}"#);
        let told = |act: &str| entry(&text(act), true).details.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(told("refresh-token.create"), ["after 90 days", "n", "a"]);
        assert_eq!(told("session.begin"), ["n"]);
    }

    #[test]
    fn a_batch_names_its_first_and_says_how_many_more_there_are() {
        let ids: Vec<String> = (0..9).map(|number| format!("id{number}")).collect();
        let told = entry(&serde_json::json!({ "act": "refresh-token.delete", "targets": ids }).to_string(), false);
        assert_eq!((told.about.len(), told.more), (SHOWN_TARGETS, 4));
        assert!(told.about.iter().all(|target| target.link.is_none()), "these are no ids");
    }

    #[test]
    fn what_people_sign_in_with_has_no_page_to_lead_to() {
        let told = entry(r#"{"act":"session.begin","targets":["7mH7s6lg79RIaS3eD7phsU"]}"#, true);
        assert!(told.about.iter().all(|target| target.link.is_none()));
    }

    #[test]
    fn only_who_may_see_accounts_is_led_to_one() {
        let text = r#"{"act":"account.disable","account":"a/../b","actor":"root","outcome":"done"}"#;
        assert_eq!(entry(text, false).about, [Target { name: "a/../b".to_owned(), link: None }]);
        let link = Some("/console/users/a%2F%2E%2E%2Fb".to_owned());
        assert_eq!(entry(text, true).about, [Target { name: "a/../b".to_owned(), link }]);
    }

    #[test]
    fn a_refusal_is_told_by_its_network_and_what_cannot_be_read_is_told_as_it_is() {
        let told = entry(
            r#"{"act":"session.refuse","actor":"nobody","code":"wrong-password","count":3,"network":"192.0.2.0/24","outcome":"refused"}"#,
            true,
        );
        assert!(told.is_refused && told.from == "192.0.2.0/24");
        assert_eq!(
            told.details,
            [("code".to_owned(), "wrong-password".to_owned()), ("count".to_owned(), "3".to_owned())]
        );
        assert_eq!(entry("nonsense", true).text, "nonsense");
    }
}
