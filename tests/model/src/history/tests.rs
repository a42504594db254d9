//! Histories written by hand: right ones, and wrong ones that must be found out.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use super::{Act, Answer, Book, Call, Contradiction, Record, judge, shortest};
use crate::{Ask, Bindings, Deletion, Edit, Expiry, Reason, State, TokenAsk};

const NOW: u64 = 1_790_000_000;
const ADMIN: &str = "a0";

/// A history in the making: `t0` is the administrator's, `a0` its access token; `t1` is somebody's.
struct Script {
    book: Book,
    calls: Vec<Call>,
}

impl Script {
    fn new(bindings: Bindings) -> Self {
        let book = Book::begun(NOW, 7, "the administrator", ("t0", "t0/1")).unwrap();
        let mut script = Self { book, calls: Vec::new() };
        script.call(1, 2, None, exchange("t0/1"), minted_with(ADMIN, "jeton:admin"));
        let ask = Ask {
            name: "one".to_owned(),
            expiry: Expiry::BySetting,
            scopes: vec!["orders".to_owned()],
            parent: None,
            owner: None,
            access_ttl: None,
            bindings: bindings.clone(),
            may_delegate: false,
            rotates_on_use: false,
            key: None,
        };
        let record = Box::new(Record { max_exchanges: bindings.max_exchanges, ..record(1, bindings.max_exchanges) });
        let made = Answer::Created { token: "t1".to_owned(), secret: Some("t1/1".to_owned()), record };
        script.call(3, 4, Some(ADMIN), Act::Create { ask: Box::new(ask), parent: None }, made);
        script
    }

    fn call(&mut self, begun: u64, ended: u64, by: Option<&str>, act: Act, answer: Answer) -> &mut Self {
        let by = by.map(str::to_owned);
        self.calls.push(Call { client: self.calls.len() % 8, begun, ended, at: NOW, by, act, answer });
        self
    }

    fn is_right(&self) -> bool {
        judge(&self.book, &self.calls).is_ok()
    }

    fn contradiction(&self) -> Contradiction {
        *judge(&self.book, &self.calls).unwrap_err()
    }
}

fn record(generation: u64, left: Option<u64>) -> Record {
    Record {
        name: "one".to_owned(),
        owner: None,
        parent: None,
        depth: 0,
        scopes: vec!["orders".to_owned()],
        state: State::Active,
        created_by: "t0".to_owned(),
        expires_at: Some(NOW + 90 * 86_400),
        access_ttl: 900,
        audiences: Vec::new(),
        max_exchanges: left,
        exchanges_left: left,
        may_delegate: false,
        rotates_on_use: false,
        superseded_until: None,
        generation,
        disabled_by: None,
        ended: None,
    }
}

fn exchange(secret: &str) -> Act {
    Act::Exchange { secret: secret.to_owned(), ask: TokenAsk::default(), by_rfc_8693: false }
}

fn minted_with(access: &str, scope: &str) -> Answer {
    Answer::Minted {
        access: access.to_owned(),
        scopes: vec![scope.to_owned()],
        expires_in: 899,
        refresh_expires_in: Some(90 * 86_400 - 1),
        successor: None,
    }
}

fn minted(access: &str) -> Answer {
    minted_with(access, "orders")
}

fn delete() -> Act {
    Act::Delete { tokens: vec!["t1".to_owned()], reason: Reason::Deleted }
}

fn introspect(access: &str) -> Act {
    Act::Introspect { access: access.to_owned() }
}

fn alive() -> Answer {
    Answer::Alive { client: "t1".to_owned(), subject: "t1".to_owned(), scopes: vec!["orders".to_owned()] }
}

fn named(name: &str, generation: u64) -> (Act, Answer) {
    let edit = Edit { name: Some(name.to_owned()), ..Edit::default() };
    let shown = Record { name: name.to_owned(), ..record(generation + 1, None) };
    let act = Act::Edit { token: "t1".to_owned(), edit: Box::new(edit), generation: Some(generation) };
    (act, Answer::Shown(Box::new(shown)))
}

fn show(record: Record) -> (Act, Answer) {
    (Act::Show { token: "t1".to_owned() }, Answer::Shown(Box::new(record)))
}

#[test]
fn an_exchange_that_is_answered_while_a_delete_is_under_way_may_give_a_token_that_is_dead_afterwards() {
    let mut script = Script::new(Bindings::default());
    script.call(5, 9, Some(ADMIN), delete(), Answer::Done);
    script.call(6, 7, None, exchange("t1/1"), minted("a1"));
    script.call(10, 11, Some("a1"), introspect("a1"), Answer::CallerRefused);
    assert!(script.is_right());
    script.call(12, 13, Some(ADMIN), introspect("a1"), alive());
    assert!(!script.is_right(), "nothing comes back to life");
}

#[test]
fn an_exchange_that_began_after_a_delete_was_answered_gives_nothing() {
    let mut script = Script::new(Bindings::default());
    script.call(5, 6, Some(ADMIN), delete(), Answer::Done);
    script.call(7, 8, None, exchange("t1/1"), minted("a1"));
    let found = script.contradiction();
    assert_eq!((found.explained, found.given_up), (3, false));
    assert!(found.to_string().contains("the model refuses because [InvalidGrant]"), "{found}");
}

#[test]
fn what_one_client_has_seen_dead_no_other_sees_alive_later() {
    let mut script = Script::new(Bindings::default());
    script.call(5, 6, None, exchange("t1/1"), minted("a1"));
    // The delete is still under way: either is right, but not the one after the other.
    script.call(7, 20, Some(ADMIN), delete(), Answer::Done);
    script.call(8, 9, Some(ADMIN), introspect("a1"), alive());
    script.call(10, 11, Some(ADMIN), introspect("a1"), Answer::Dead);
    assert!(script.is_right());
    script.call(12, 13, Some(ADMIN), introspect("a1"), alive());
    assert!(!script.is_right());
}

#[test]
fn a_refresh_token_that_was_refused_has_given_out_nothing_that_is_alive() {
    let mut script = Script::new(Bindings::default());
    script.call(5, 6, None, exchange("t1/1"), minted("a1"));
    script.call(7, 20, Some(ADMIN), delete(), Answer::Done);
    script.call(8, 9, None, exchange("t1/1"), Answer::Refused("invalid-grant".to_owned()));
    assert!(script.is_right());
    script.call(10, 11, Some(ADMIN), introspect("a1"), alive());
    assert!(!script.is_right(), "the end of a refresh token and of its access tokens is one moment");
}

#[test]
fn of_two_changes_of_the_same_generation_one_is_refused() {
    let mut script = Script::new(Bindings::default());
    let ((one, first), (other, second)) = (named("by one", 1), named("by another", 1));
    script.call(5, 8, Some(ADMIN), one, first);
    let mut lost = Script { book: script.book.clone(), calls: script.calls.clone() };
    lost.call(6, 7, Some(ADMIN), other.clone(), second);
    assert!(!lost.is_right(), "both were served");
    script.call(6, 7, Some(ADMIN), other, Answer::Refused("generation-differs".to_owned()));
    assert!(script.is_right());
}

#[test]
fn a_change_that_nobody_sees_any_more_is_a_lost_update() {
    let mut script = Script::new(Bindings::default());
    let (edit, edited) = named("changed", 1);
    script.call(5, 6, Some(ADMIN), edit, edited);
    let (again, shown) = show(Record { name: "changed".to_owned(), ..record(2, None) });
    script.call(7, 8, Some(ADMIN), again, shown);
    assert!(script.is_right());
    let (again, shown) = show(record(2, None));
    script.call(9, 10, Some(ADMIN), again, shown);
    let found = script.contradiction();
    assert!(found.stuck.iter().any(|stuck| stuck.contains("its name differs")), "{found}");
}

#[test]
fn a_limit_of_uses_is_exact() {
    let most = |most: u64| Bindings { max_exchanges: Some(most), ..Bindings::default() };
    let two = |script: &mut Script| {
        script.call(5, 8, None, exchange("t1/1"), minted("a1"));
        script.call(6, 7, None, exchange("t1/1"), minted("a2"));
    };
    let mut script = Script::new(most(1));
    two(&mut script);
    assert!(!script.is_right(), "two were served where one was allowed");
    let left = |left: u64| Record { exchanges_left: Some(left), ..record(1, Some(5)) };
    for (seen, is_right) in [(4, false), (3, true), (2, false)] {
        let mut script = Script::new(most(5));
        two(&mut script);
        let (act, shown) = show(left(seen));
        script.call(9, 10, Some(ADMIN), act, shown);
        assert_eq!(script.is_right(), is_right, "{seen} left");
    }
}

#[test]
fn of_two_rotations_with_overlap_one_is_refused() {
    let mut script = Script::new(Bindings::default());
    let rotate = |overlap| Act::Rotate { token: "t1".to_owned(), overlap, generation: None };
    let rotated = |secret: &str, generation| {
        let record = Record { superseded_until: Some(NOW + 3600), ..record(generation, None) };
        Answer::Rotated { secret: secret.to_owned(), record: Box::new(record) }
    };
    script.call(5, 8, Some(ADMIN), rotate(3600), rotated("t1/2", 2));
    let mut both = Script { book: script.book.clone(), calls: script.calls.clone() };
    both.call(6, 7, Some(ADMIN), rotate(3600), rotated("t1/3", 3));
    assert!(!both.is_right());
    script.call(6, 7, Some(ADMIN), rotate(3600), Answer::Refused("overlap-not-over".to_owned()));
    script.call(9, 10, None, exchange("t1/2"), minted("a1"));
    assert!(script.is_right());
}

#[test]
fn an_administrators_right_is_judged_while_the_call_is_under_way_and_not_after_it() {
    let advanced = || (Act::Advance, Answer::Epoch(8));
    let deletes = |begun| {
        let mut script = Script::new(Bindings::default());
        let (act, answer) = advanced();
        script.call(6, 9, Some(ADMIN), act, answer);
        script.call(begun, 20, Some(ADMIN), delete(), Answer::Done);
        script.is_right()
    };
    assert!(deletes(5), "it was let in before the epoch ended, and did its work after");
    assert!(deletes(8), "the epoch may have ended later");
    assert!(!deletes(10), "it was made with a token that was dead");
}

#[test]
fn an_epoch_ends_every_access_token_and_has_a_greater_number() {
    let mut script = Script::new(Bindings::default());
    script.call(5, 6, None, exchange("t1/1"), minted("a1"));
    script.call(7, 8, Some(ADMIN), Act::Advance, Answer::Epoch(8));
    script.call(9, 10, Some("a1"), introspect("a1"), Answer::CallerRefused);
    script.call(11, 12, None, exchange("t1/1"), minted("a2"));
    assert!(script.is_right());
    let mut alive_still = Script { book: script.book.clone(), calls: script.calls.clone() };
    alive_still.call(13, 14, None, Act::ForwardAuth { access: "a1".to_owned(), peer: None }, alive());
    assert!(!alive_still.is_right());
    script.call(13, 14, None, Act::ForwardAuth { access: "a2".to_owned(), peer: None }, Answer::Dead);
    assert!(!script.is_right(), "a token of the new epoch is alive");
}

#[test]
fn what_a_batch_answers_adds_up() {
    let batch = |results: [Deletion; 2]| (delete(), Answer::Deletions(results[..1].to_vec()));
    for (one, other, is_right) in [
        (Deletion::Deleted, Deletion::AlreadyDeleted, true),
        (Deletion::AlreadyDeleted, Deletion::Deleted, true),
        (Deletion::Deleted, Deletion::Deleted, false),
        (Deletion::AlreadyDeleted, Deletion::AlreadyDeleted, false),
    ] {
        let mut script = Script::new(Bindings::default());
        for (begun, result) in [(5, one), (6, other)] {
            let (act, answer) = batch([result; 2]);
            script.call(begun, 10 - (begun - 5), Some(ADMIN), act, answer);
        }
        assert_eq!(script.is_right(), is_right, "{one:?} and {other:?}");
    }
}

/// Eight clients make a token each, at the same time: there are 40,320 orders, and one thing that they all lead to.
#[test]
fn the_order_of_what_is_alike_is_not_searched() {
    let mut script = Script::new(Bindings::default());
    for number in 0..8_u64 {
        let Some(Call { act, .. }) = script.calls.get(1).cloned() else { unreachable!("the second call makes t1") };
        let (token, secret) = (format!("t{}", number + 2), Some(format!("t{}/1", number + 2)));
        let made = Answer::Created { token, secret, record: Box::new(record(1, None)) };
        script.call(5 + number, 30 + number, Some(ADMIN), act, made);
    }
    let (act, shown) = show(record(2, None));
    script.call(50, 51, Some(ADMIN), act, shown);
    let found = script.contradiction();
    assert_eq!((found.explained, found.given_up), (10, false), "generation 2 is explained by nothing");
}

#[test]
fn a_script_says_what_contradicts_itself_and_leaves_out_what_does_not_matter() {
    let mut script = Script::new(Bindings::default());
    script.call(5, 6, None, exchange("t1/1"), minted("a1"));
    for place in 0..20 {
        script.call(10 + 2 * place, 11 + 2 * place, Some(ADMIN), introspect("a1"), alive());
    }
    script.call(60, 61, Some(ADMIN), delete(), Answer::Done);
    script.call(62, 63, None, exchange("t1/1"), minted("a2"));
    for place in 0..20 {
        script.call(70 + 2 * place, 71 + 2 * place, Some(ADMIN), introspect("a1"), Answer::Dead);
    }
    let short = shortest(&script.book, script.contradiction()).to_string();
    let expected = "\
there is no order in which the model answers so:
    1 to 2     client 0: exchange t0/1 -> a0 with \"jeton:admin\" for 899 s
    3 to 4     client 1 with a0: create \"one\" with \"orders\" -> t1, its secret t1/1, Active at generation 1, scopes \"orders\"
    5 to 6     client 2: exchange t1/1 -> a1 with \"orders\" for 899 s
   60 to 61    client 7 with a0: delete t1 (Deleted) -> done
   62 to 63    client 0: exchange t1/1 -> a2 with \"orders\" for 899 s

at most 4 of these 5 can be put into an order; then:
     62 to 63    client 0: exchange t1/1 -> a2 with \"orders\" for 899 s
      but the model refuses because [InvalidGrant]
";
    assert_eq!(short, expected);
}
