//! Why a token is dead or alive: asked with the token itself, or with the id of a refresh token.

use jeton_policy::{
    authority::{Actor, Cause, Edit, Exchanged, Expiry, ExplainError, Explanation, Subject},
    record::{Conduct, EpochReason, Reason},
    seconds::Seconds,
};

use crate::world::{Issued, PLAIN, START, World, scopes};

pub(crate) fn of_token(world: &World, token: &str) -> Explanation {
    world.authority.explain(Subject::Token(token)).unwrap()
}

fn of_access(world: &World, token: &Exchanged) -> Explanation {
    of_token(world, &token.access_token)
}

fn of_id(world: &World, issued: &Issued) -> Explanation {
    world.authority.explain(Subject::TokenId(&issued.token.id.to_string())).unwrap()
}

pub(crate) fn end(world: &World, issued: &Issued, reason: Reason, note: Option<&str>) {
    world.authority.delete(&Actor::Machine, &[issued.token.id.to_string()], reason, note).unwrap();
}

pub(crate) fn edit(world: &World, issued: &Issued, edit: Edit) {
    world.authority.edit(&Actor::Machine, &issued.token.id.to_string(), &edit, None).unwrap();
}

pub(crate) fn disabled() -> Edit {
    Edit { enabled: Some(false), note: Some("overnight".to_owned()), ..Edit::default() }
}

/// Cause, since when, the link to blame, and the reason of whose act it was.
pub(crate) fn told(explanation: &Explanation) -> (Option<Cause>, Option<u64>, Option<String>, Option<Reason>) {
    let reason = explanation.ending.as_ref().map(|ending| ending.reason);
    (explanation.cause, explanation.since.map(|since| since.0), explanation.link.clone(), reason)
}

fn id(issued: &Issued) -> Option<String> {
    Some(issued.token.id.to_string())
}

#[test]
fn a_living_token_says_what_it_is_and_that_nothing_is_wrong() {
    let world = World::new();
    let parent = world.issue(|_| ());
    let child = world.child_of(&parent);
    let token = world.exchange(&child);
    let explained = of_access(&world, &token);
    assert!(explained.is_alive());
    assert_eq!(told(&explained), (None, None, None, None));
    assert_eq!((explained.client_id, explained.jti), (Some(child.token.id), Some(token.jti.to_string())));
    assert_eq!((explained.issued_at, explained.expires_at), (Some(Seconds(START)), Some(Seconds(START + 900))));
    let chain: Vec<_> = explained.chain.iter().map(|token| token.id).collect();
    assert_eq!(chain, [child.token.id, parent.token.id], "nearest first");
    assert!(of_id(&world, &child).is_alive() && of_token(&world, &child.secret).is_alive());
}

#[test]
fn an_expired_token_died_with_the_link_that_expired() {
    let world = World::new();
    let parent = world.issue(|request| request.expiry = Expiry::After(Seconds(100)));
    let child = world.child_of(&parent);
    let (capped, own) = (world.exchange(&child), world.exchange(&world.issue(|_| ())));
    world.clock.pass(1_000);
    let cause = Some(Cause::Expired);
    assert_eq!(told(&of_access(&world, &own)), (cause, Some(START + 900), Some(own.jti.to_string()), None));
    let explained = of_access(&world, &capped);
    assert_eq!((explained.cause, explained.since), (cause, Some(Seconds(START + 100))));
    assert!(!explained.is_alive());
    assert_eq!(told(&of_id(&world, &parent)), (cause, Some(START + 100), id(&parent), None));
    assert_eq!(of_id(&world, &child).cause, cause);
}

#[test]
fn a_deleted_parent_is_to_blame_with_whoever_deleted_it() {
    let world = World::new();
    let root = world.issue(|_| ());
    let child = world.child_of(&root);
    let token = world.exchange(&child);
    world.clock.pass(7);
    end(&world, &root, Reason::Compromised, Some("seen in a log"));
    for swept in [false, true] {
        if swept {
            crate::tombstones::sweep_all(&world);
        }
        let explained = of_access(&world, &token);
        assert_eq!(told(&explained), (Some(Cause::Cut), Some(START + 7), id(&root), Some(Reason::Compromised)));
        let ending = explained.ending.unwrap();
        assert_eq!((ending.by.as_str(), ending.note.as_deref()), ("machine", Some("seen in a log")));
        let below = (Some(Cause::Ended), Some(START + 7), id(&root), Some(Reason::Compromised));
        assert_eq!(told(&of_id(&world, &child)), below, "swept: {swept}");
        assert_eq!(told(&of_token(&world, &child.secret)), below);
    }
}

#[test]
fn the_answer_stays_when_the_cut_was_dropped_and_the_token_has_expired() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    world.clock.pass(7);
    end(&world, &issued, Reason::Unused, None);
    world.clock.pass(5_000);
    crate::tombstones::sweep_all(&world);
    assert_eq!(world.verifier().live().unwrap().cuts(), 0);
    let cut = (Some(Cause::Cut), Some(START + 7), id(&issued), Some(Reason::Unused));
    assert_eq!(told(&of_access(&world, &token)), cut, "it died of the delete, not of age");
}

#[test]
fn disabling_is_told_while_it_lasts_and_of_what_it_killed_for_ever() {
    let world = World::new();
    let (issued, by) = (world.issue(|_| ()), Some(Reason::Disabled));
    let child = world.child_of(&issued);
    let token = world.exchange(&child);
    world.clock.pass(3);
    edit(&world, &issued, disabled());
    assert_eq!(told(&of_access(&world, &token)), (Some(Cause::Cut), Some(START + 3), id(&issued), by));
    assert_eq!(told(&of_id(&world, &child)), (Some(Cause::Disabled), Some(START + 3), id(&issued), by));
    edit(&world, &issued, Edit { enabled: Some(true), ..Edit::default() });
    assert!(of_id(&world, &child).is_alive());
    let explained = of_access(&world, &token);
    assert_eq!(told(&explained), (Some(Cause::Cut), Some(START + 3), id(&issued), by), "enabling revives nothing");
    assert_eq!(explained.ending.unwrap().note.as_deref(), Some("overnight"));
}

#[test]
fn narrowing_rotating_and_giving_back_each_have_their_reason() {
    let world = World::new();
    let issue = || world.issue(|request| request.scopes = scopes(&["orders", "stock"]));
    let issued = issue();
    let token = world.exchange(&issued);
    edit(&world, &issued, Edit { scopes: Some(scopes(&["orders"])), ..Edit::default() });
    assert_eq!(told(&of_access(&world, &token)).3, Some(Reason::Narrowed));

    let issued = issue();
    let token = world.exchange(&issued);
    world.clock.pass(4);
    let rotated = (Some(START + 4), id(&issued), Some(Reason::Rotated));
    world.authority.rotate(&Actor::Machine, &issued.token.id.to_string(), Seconds(0), None).unwrap();
    let (cause, since, link, reason) = told(&of_access(&world, &token));
    assert_eq!((cause, (since, link, reason)), (Some(Cause::Cut), rotated.clone()));
    let (cause, since, link, reason) = told(&of_token(&world, &issued.secret));
    assert_eq!((cause, (since, link, reason)), (Some(Cause::WrongSecret), rotated));
    assert!(of_id(&world, &issued).is_alive(), "the token itself lives");

    let issued = issue();
    let token = world.exchange(&issued);
    world.authority.revoke(&issued.secret).unwrap();
    let explained = of_access(&world, &token);
    assert_eq!(told(&explained).3, Some(Reason::RevokedByHolder));
    assert_eq!(explained.ending.unwrap().by, "holder");
}

#[test]
fn a_secret_whose_overlap_is_over_is_told_since_when() {
    let world = World::new();
    let issued = world.issue(|_| ());
    world.authority.rotate(&Actor::Machine, &issued.token.id.to_string(), Seconds(60), None).unwrap();
    assert!(of_token(&world, &issued.secret).is_alive());
    world.clock.pass(60);
    assert_eq!(
        told(&of_token(&world, &issued.secret)),
        (Some(Cause::WrongSecret), Some(START + 60), id(&issued), None)
    );
}

#[test]
fn reuse_is_told_and_asking_with_a_spent_secret_is_no_reuse() {
    let world = World::new();
    let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, ..Conduct::default() });
    let first = world.exchange(&issued);
    let second = world.authority.exchange(&first.refresh_token.clone().unwrap(), &PLAIN).unwrap();
    world.clock.pass(100);
    let asked = of_token(&world, &issued.secret);
    assert_eq!(asked.cause, Some(Cause::WrongSecret));
    assert!(of_id(&world, &issued).is_alive(), "an explanation changes nothing");
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_err());
    let reused = (Some(Cause::Cut), Some(START + 100), id(&issued), Some(Reason::ReuseDetected));
    assert_eq!(told(&of_access(&world, &second)), reused);
    assert_eq!(of_token(&world, &second.refresh_token.unwrap()).cause, Some(Cause::Ended));
}

#[test]
fn an_owner_who_left_is_to_blame_by_name() {
    let world = World::new();
    let issued = world.issue(|request| request.owner = Some("alice".to_owned()));
    let child = world.child_of(&issued);
    let tokens = [world.exchange(&issued), world.exchange(&child)];
    world.clock.pass(9);
    world.authority.delete_owned(&Actor::Machine, "alice", Reason::OwnerLeft, None).unwrap();
    let alice = || (Some(START + 9), Some("alice".to_owned()), Some(Reason::OwnerLeft));
    for swept in [false, true] {
        if swept {
            crate::tombstones::sweep_all(&world);
        }
        for token in &tokens {
            let (cause, since, link, reason) = told(&of_access(&world, token));
            assert_eq!((cause, (since, link, reason)), (Some(Cause::Cut), alice()), "swept: {swept}");
        }
        for issued in [&issued, &child] {
            let (cause, since, link, reason) = told(&of_id(&world, issued));
            assert_eq!((cause, (since, link, reason)), (Some(Cause::Ended), alice()), "swept: {swept}");
        }
    }
}

#[test]
fn one_access_token_that_was_ended_says_who_did_it() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let (one, other) = (world.exchange(&issued), world.exchange(&issued));
    world.clock.pass(2);
    let jti = one.jti.to_string();
    let admin = Actor::token("0000000000000000000009", &scopes(&["jeton:admin"])).unwrap();
    world.authority.delete_access_token(&admin, &jti, Reason::Compromised, Some("in a ticket")).unwrap();
    let explained = of_access(&world, &one);
    assert_eq!(told(&explained), (Some(Cause::Cut), Some(START + 2), Some(jti), Some(Reason::Compromised)));
    let ending = explained.ending.unwrap();
    assert_eq!((ending.by.as_str(), ending.note.as_deref()), ("0000000000000000000009", Some("in a ticket")));
    assert!(of_access(&world, &other).is_alive());
    world.authority.revoke(&other.access_token).unwrap();
    assert_eq!(told(&of_access(&world, &other)).3, Some(Reason::RevokedByHolder));
}

#[test]
fn an_epoch_that_is_over_says_when_by_whom_and_why() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    world.clock.pass(5);
    let admin = Actor::token("0000000000000000000009", &scopes(&["jeton:admin"])).unwrap();
    world.authority.advance(&admin, None).unwrap();
    let explained = of_access(&world, &token);
    let of_the_past = Some(token.jti.epoch.to_string());
    assert_eq!(told(&explained), (Some(Cause::Epoch), Some(START + 5), of_the_past, None));
    let epoch = explained.epoch.unwrap();
    assert_eq!((epoch.by.as_str(), epoch.reason), ("0000000000000000000009", EpochReason::Order));
    assert_eq!(explained.client_id, Some(issued.token.id));
    world.clock.pass(5_000);
    world.authority.advance(&admin, None).unwrap();
    assert_eq!(of_access(&world, &token).cause, Some(Cause::Expired), "the first thing that ended it");
}

#[test]
fn a_token_before_its_hour_and_one_without_exchanges_left_say_so() {
    let world = World::new();
    let early = world.issue(|request| request.bindings.not_before = Some(Seconds(START + 60)));
    assert_eq!(of_token(&world, &early.secret).cause, Some(Cause::NotBefore));
    world.clock.pass(60);
    assert!(of_token(&world, &early.secret).is_alive());
    let counted = world.issue(|request| request.bindings.max_exchanges = Some(1));
    assert!(of_token(&world, &counted.secret).is_alive());
    world.exchange(&counted);
    assert_eq!(told(&of_token(&world, &counted.secret)), (Some(Cause::UsedUp), None, id(&counted), None));
}

#[test]
fn what_was_never_a_token_is_unknown_or_malformed() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    let guessed = jeton_policy::refresh_token::RefreshToken::new(issued.token.id, [0; 32]).reveal();
    assert_eq!(of_token(&world, &guessed).cause, Some(Cause::WrongSecret));
    let unknown = jeton_policy::refresh_token::RefreshToken::new(jeton_policy::token_id::TokenId([9; 16]), [0; 32]);
    assert_eq!(of_token(&world, &unknown.reveal()).cause, Some(Cause::Unknown));
    let (rest, _) = token.access_token.rsplit_once('.').unwrap();
    assert_eq!(of_token(&world, &format!("{rest}.{}", "A".repeat(86))).cause, Some(Cause::Unknown), "forged");
    let (_, body) = token.access_token.split_once('.').unwrap();
    assert_eq!(of_token(&world, &format!("e30.{body}")).cause, Some(Cause::Unknown), "of this epoch by its own word");
    let malformed = |subject| world.authority.explain(subject).unwrap_err();
    let too_long = format!("{}x", issued.secret.as_str());
    for text in ["", "junk", "jtn_rt_", "a.b", &too_long] {
        assert_eq!(malformed(Subject::Token(text)), ExplainError::Malformed, "{text}");
    }
    assert_eq!(malformed(Subject::TokenId("junk")), ExplainError::Malformed);
    assert_eq!(malformed(Subject::TokenId(&"0".repeat(22))), ExplainError::NotFound);
}
