#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]

use std::sync::Arc;

use jeton_policy::token_id::TokenId;
use jeton_store::{MemoryStore, audit::AuditLog};

use super::*;
use crate::wit::refresh_tokens::{Change, IssueRequest};
use crate::wit::types::{ActingToken, Reason};

fn record(number: u16) -> Write {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    Write { key: [b"token/".as_slice(), &id].concat(), value: Some(vec![]) }
}

fn somebody() -> Actor {
    let (client_id, subject) = ("client".to_owned(), "alice".to_owned());
    Actor::Token(ActingToken { client_id, subject, scopes: vec!["jeton:admin".to_owned()] })
}

/// The entries as lines, without what chains them.
fn told(act: &Act, origin: Option<&Origin>, shown: Addresses, writes: &[Write]) -> Vec<Value> {
    let log = MemoryStore::new();
    log.commit_recorded(vec![], vec![], act.entries(1_801_396_800, origin, shown, writes)).unwrap();
    let page = log.audit_lines(None, jeton_policy::store::Direction::Ascending, 1000).unwrap();
    let lines = page.lines.iter().map(|line| serde_json::from_str::<Value>(&line.text).unwrap());
    lines
        .map(|mut line| {
            ["seq", "prev", "hash"].iter().for_each(|member| drop(line.as_object_mut().unwrap().remove(*member)));
            line
        })
        .collect()
}

#[test]
fn an_entry_says_who_did_what_to_whom_and_from_where() {
    let request = IssueRequest { scopes: vec!["a".to_owned()], ..IssueRequest::named("job\n\u{1b}[31m") };
    let origin = Origin { address: Some("192.0.2.7".parse().unwrap()), request: Some(Arc::from("17")) };
    let id = TokenId([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).to_string();
    let writes = [record(1), Write { key: b"name/job".to_vec(), value: Some(vec![]) }];
    assert_eq!(
        told(&issue(&somebody(), &request), Some(&origin), Addresses::Full, &writes),
        [json!({
            "at": "2027-01-31T12:00:00Z", "actor": "client", "subject": "alice", "act": "refresh-token.create",
            "outcome": "done", "name": "job\n\u{1b}[31m", "expires": "by-setting", "scopes": ["a"], "targets": [id],
            "from": "192.0.2.7", "request": "17",
        })]
    );
    let from = |shown| told(&issue(&somebody(), &request), Some(&origin), shown, &writes)[0]["from"].clone();
    assert_eq!((from(Addresses::Network), from(Addresses::Hidden)), (json!("192.0.2.0/24"), Value::Null));
    assert_eq!(Addresses::network_of("2001:db8:1:2:3::4".parse().unwrap()), "2001:db8:1::/48");
    assert_eq!(Addresses::network_of("::ffff:192.0.2.7".parse().unwrap()), "192.0.2.0/24");
}

#[test]
fn a_batch_is_one_entry_and_nothing_of_more_than_a_batch_is_lost() {
    let writes: Vec<Write> = (0..2500).map(record).collect();
    let act = delete(&Actor::Machine, Reason::Compromised, Some("found in a log"));
    assert_eq!(told(&act, None, Addresses::Full, &writes[..1000]).len(), 1);
    let entries = told(&act, None, Addresses::Full, &writes);
    let counts: Vec<usize> = entries.iter().map(|entry| entry["targets"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [1000, 1000, 500]);
    assert_eq!((&entries[2]["reason"], &entries[2]["note"]), (&json!("compromised"), &json!("found in a log")));
}

#[test]
fn an_edit_says_what_changed_and_disabling_is_called_so() {
    let change = Change { enabled: Some(false), access_ttl: Some(None), ..Change::default() };
    let act = edit(&Actor::Machine, "id", &change);
    let told = told(&act, None, Addresses::Full, &[record(1)]).remove(0);
    assert_eq!((&told["act"], &told["changed"]), (&json!("refresh-token.disable"), &json!({ "access_ttl": null })));
}

#[test]
fn an_exchange_tells_nothing_unless_the_policy_ends_a_token() {
    let counted = Write { key: b"exchanges/x".to_vec(), value: Some(vec![]) };
    assert_eq!(told(&exchange(), None, Addresses::Full, &[counted]), [Value::Null; 0]);
    assert_eq!(told(&exchange(), None, Addresses::Full, &[record(1)]).len(), 1);
}

#[test]
fn an_epoch_that_ends_with_another_act_is_told_and_so_is_a_second_commit() {
    let epoch = Write { key: b"live/epoch".to_vec(), value: Some(vec![]) };
    let mut act = delete(&Actor::Machine, Reason::Deleted, None);
    act.told();
    let told = told(&act, None, Addresses::Full, &[epoch]).remove(0);
    assert_eq!((&told["epoch_advanced"], &told["part"]), (&json!(true), &json!(2)));
}

#[test]
fn a_call_by_which_the_host_does_something_else_is_told_as_that() {
    let change = Change { scopes: Some(vec!["jeton:read".to_owned()]), ..Change::default() };
    let telling = Telling { act: "account.role", members: vec![("account", "alice".to_owned())] };
    let act = edit(&somebody(), "id", &change).told_as(telling);
    let told = told(&act, None, Addresses::Full, &[record(1)]).remove(0);
    assert_eq!(
        (&told["act"], &told["account"], &told["actor"]),
        (&json!("account.role"), &json!("alice"), &json!("client"))
    );
    assert_eq!(
        (&told["changed"]["scopes"], told["targets"].as_array().map(Vec::len)),
        (&json!(["jeton:read"]), Some(1))
    );
}
