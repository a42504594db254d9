//! Export and import: what comes out of one store goes into another, and nothing that could not be kept to.

use jeton_policy::{
    authority::{Actor, ExportError, ExportedToken, ImportError, Imported, IssueError, State},
    record::{Ending, Reason},
    scope::ADMIN,
    seconds::Seconds,
};

use crate::world::{Issued, PLAIN, START, World, scopes};

fn everything(world: &World) -> Vec<ExportedToken> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let page = world.authority.export(3, cursor.as_deref()).unwrap();
        items.extend(page.items);
        match page.next {
            None => return items,
            next => cursor = next,
        }
    }
}

fn import(world: &World, tokens: &[ExportedToken]) -> Vec<Imported> {
    world.authority.import(&Actor::Machine, tokens).unwrap()
}

fn one(world: &World, issued: &Issued) -> ExportedToken {
    let id = issued.token.id.to_string();
    everything(world).into_iter().find(|token| token.id == id).unwrap()
}

/// A store with some of everything.
fn filled() -> (World, Vec<Issued>) {
    let world = World::new();
    let parent = world.issue(|request| {
        request.owner = Some("alice".to_owned());
        request.scopes = scopes(&["orders", "reports"]);
        request.conduct.may_delegate = true;
    });
    world.clock.pass(1);
    let child = world.issue(|request| {
        request.parent = Some(parent.token.id.to_string());
        request.scopes = scopes(&["orders"]);
        request.bindings.max_exchanges = Some(3);
        request.bindings.audiences = scopes(&["https://api.example"]);
        request.access_ttl = Some(Seconds(1_200));
    });
    world.exchange(&child);
    world.clock.pass(1);
    let dead = world.issue(|_| {});
    world.delete(&dead);
    (world, vec![parent, child, dead])
}

#[test]
fn the_bearers_of_imported_tokens_notice_nothing() {
    let (from, issued) = filled();
    let to = World::new();
    to.clock.set(from.clock.seconds(), 0);
    // Both worlds draw the same: without this they would have the same key.
    to.authority.advance(&Actor::Machine, None).unwrap();
    let exported = everything(&from);
    assert_eq!(exported.len(), 3);
    assert_eq!(import(&to, &exported), [Imported::Imported; 3]);
    assert_eq!(everything(&to), exported, "what was imported is exported again, the same");

    let access = to.authority.exchange(&issued[1].secret, &PLAIN).unwrap();
    assert_eq!((access.scope.as_str(), access.expires_in), ("orders", Seconds(1_200)));
    assert_eq!(to.verdict(&access), Ok(()));
    let shown = to.authority.show(&issued[1].token.id.to_string()).unwrap();
    assert_eq!((shown.exchanges_left, shown.depth, shown.parent), (Some(1), 1, Some(issued[0].token.id)));
    assert_eq!(to.authority.show(&issued[2].token.id.to_string()).unwrap().state, State::Deleted);
    assert!(to.authority.exchange(&issued[2].secret, &PLAIN).is_err());

    // Another life: nothing that the other authority gave out is any good here, and the cascade holds.
    assert!(to.verdict(&from.exchange(&issued[1])).is_err());
    to.delete(&issued[0]);
    assert!(to.verdict(&access).is_err());
}

#[test]
fn an_import_cut_in_the_middle_is_simply_done_again() {
    let (from, issued) = filled();
    let to = World::new();
    to.clock.pass(10);
    let exported = everything(&from);
    assert_eq!(import(&to, &exported[..2]), [Imported::Imported; 2]);
    to.authority.exchange(&issued[1].secret, &PLAIN).unwrap();
    assert_eq!(import(&to, &exported), [Imported::AlreadyThere, Imported::AlreadyThere, Imported::Imported]);
    let mut other = exported[0].clone();
    other.name = "another".to_owned();
    assert_eq!(import(&to, &[other]), [Imported::Differs]);
}

#[test]
fn children_come_in_beside_their_parents_in_any_order_and_never_without() {
    let (from, _) = filled();
    let mut exported = everything(&from);
    exported.reverse();
    let to = World::new();
    to.clock.pass(10);
    assert_eq!(import(&to, &exported), [Imported::Imported; 3]);
    let alone = World::new();
    alone.clock.pass(10);
    let child = exported.iter().find(|token| token.parent.is_some()).unwrap().clone();
    assert_eq!(import(&alone, &[child]), [Imported::Refused(IssueError::ParentNotFound)]);
}

#[test]
fn one_bad_token_spoils_no_other() {
    let (from, issued) = filled();
    let good = one(&from, &issued[0]);
    let bad = |change: &dyn Fn(&mut ExportedToken)| {
        let mut token = good.clone();
        token.id = "0000000000000000000001".to_owned();
        change(&mut token);
        token
    };
    let ending = |by: &str, note: Option<&str>| {
        Some(Ending { at: Seconds(START), by: by.to_owned(), reason: Reason::Deleted, note: note.map(str::to_owned) })
    };
    let cases: Vec<(ExportedToken, Imported)> = vec![
        (bad(&|token| token.id = "x".to_owned()), Imported::IdMalformed),
        (bad(&|token| token.name = " x".to_owned()), Imported::Refused(IssueError::NameHasOuterSpace)),
        (bad(&|token| token.owner = Some("a b".to_owned())), Imported::Refused(IssueError::OwnerMalformed)),
        (bad(&|token| token.parent = Some(token.id.clone())), Imported::Refused(IssueError::ParentMalformed)),
        (bad(&|token| token.parent = Some("z".to_owned())), Imported::Refused(IssueError::ParentMalformed)),
        (bad(&|token| token.scopes = scopes(&["a b"])), Imported::Refused(IssueError::ScopeMalformed)),
        (bad(&|token| token.secret_sha256 = None), Imported::SecretMalformed),
        (bad(&|token| token.secret_sha256 = Some(vec![0; 31])), Imported::SecretMalformed),
        (bad(&|token| token.ending = ending("machine", None)), Imported::SecretMalformed),
        (bad(&|token| token.disabled = ending("machine", Some("a\u{7}"))), Imported::EndingMalformed),
        (bad(&|token| token.disabled = ending("", None)), Imported::EndingMalformed),
        (bad(&|token| token.created_by = String::new()), Imported::EndingMalformed),
        (bad(&|token| token.created_at = Seconds(START + 100)), Imported::CreatedInTheFuture),
        (bad(&|token| token.exchanges_left = Some(1)), Imported::ExchangesLeftOutOfRange),
        (bad(&|token| token.access_ttl = Some(Seconds(86_401))), Imported::Refused(IssueError::AccessTtlOutOfRange)),
        (
            bad(&|token| token.bindings.networks = scopes(&["10.0.0.1/8"])),
            Imported::Refused(IssueError::NetworkMalformed),
        ),
    ];
    let to = World::new();
    to.clock.pass(10);
    let mut tokens: Vec<_> = cases.iter().map(|(token, _)| token.clone()).collect();
    tokens.push(good.clone());
    let results = import(&to, &tokens);
    for ((token, expected), result) in cases.iter().zip(&results) {
        assert_eq!(result, expected, "{token:?}");
    }
    assert_eq!(results.last(), Some(&Imported::Imported));
    assert_eq!(everything(&to), [good]);
}

#[test]
fn nobody_imports_an_administrative_scope_that_they_lack() {
    let from = World::new();
    let admin = from.issue(|request| request.scopes = scopes(&[ADMIN]));
    let token = one(&from, &admin);
    let to = World::new();
    let reader = Actor::token("0000000000000000000009", &scopes(&["jeton:read"])).unwrap();
    let refused = to.authority.import(&reader, std::slice::from_ref(&token)).unwrap();
    assert_eq!(refused, [Imported::Refused(IssueError::ScopeBeyondActor)]);
    assert_eq!(import(&to, &[token]), [Imported::Imported]);
}

#[test]
fn an_id_given_twice_is_imported_once() {
    let (from, issued) = filled();
    let token = one(&from, &issued[0]);
    let mut other = token.clone();
    other.name = "another".to_owned();
    let to = World::new();
    let results = import(&to, &[token.clone(), token, other]);
    assert_eq!(results, [Imported::Imported, Imported::AlreadyThere, Imported::Differs]);
}

#[test]
fn the_longest_access_ttl_that_comes_in_is_one_that_cuts_are_kept_for() {
    let (from, _) = filled();
    let to = World::new();
    to.clock.pass(10);
    import(&to, &everything(&from));
    let child = everything(&to).into_iter().find(|token| token.parent.is_some()).unwrap();
    let issued = to.authority.show(&child.id).unwrap();
    assert_eq!(issued.access_ttl, Seconds(1_200));
}

#[test]
fn bounds_are_kept_and_cursors_are_an_exports_own() {
    let (world, _) = filled();
    for limit in [0, 1_001] {
        assert_eq!(world.authority.export(limit, None), Err(ExportError::LimitOutOfRange));
    }
    let list = world.authority.list(&jeton_policy::authority::Query { limit: 1, ..Default::default() }).unwrap();
    assert_eq!(world.authority.export(1, list.next.as_deref()), Err(ExportError::CursorInvalid));
    assert_eq!(world.authority.export(1, Some("x")), Err(ExportError::CursorInvalid));
    let many = vec![everything(&world)[0].clone(); 1_001];
    assert_eq!(world.authority.import(&Actor::Machine, &many), Err(ImportError::TooMany));
}

#[test]
fn a_thousand_tokens_come_in_by_one_commit() {
    let from = World::new();
    for _ in 0..1_000 {
        from.issue(|request| request.owner = Some("alice".to_owned()));
    }
    let page = from.authority.export(1_000, None).unwrap();
    let to = World::new();
    let before = to.authority.snapshot().unwrap();
    assert!(import(&to, &page.items).iter().all(|result| *result == Imported::Imported));
    let sequence = |document: &[u8]| -> u64 {
        let text = String::from_utf8(document.to_vec()).unwrap();
        let (_, rest) = text.split_once("\"sequence\":").unwrap();
        rest.split_once(',').unwrap().0.parse().unwrap()
    };
    assert_eq!(sequence(&to.authority.snapshot().unwrap()), sequence(&before) + 1);
}

#[test]
fn what_ended_with_its_owner_or_its_parent_is_exported_as_a_tombstone_before_the_sweeper_comes() {
    let from = World::new();
    let parent = from.issue(|request| request.owner = Some("alice".to_owned()));
    from.clock.pass(1);
    let child = from.issue(|request| {
        request.parent = Some(parent.token.id.to_string());
        request.bindings.max_exchanges = Some(3);
    });
    from.authority.delete_owned(&Actor::Machine, "alice", Reason::OwnerLeft, None).unwrap();
    let exported = everything(&from);
    for token in &exported {
        assert_eq!((token.ending.is_some(), &token.secret_sha256), (true, &None));
    }
    assert_eq!(one(&from, &child).exchanges_left, Some(0), "what was counted goes with the secret");
    while from.authority.sweep().unwrap().more {}
    assert_eq!(everything(&from), exported, "the sweeper changes nothing of it");

    let to = World::new();
    to.clock.pass(10);
    assert_eq!(import(&to, &exported), [Imported::Imported; 2]);
    for issued in [&parent, &child] {
        assert_eq!(to.authority.show(&issued.token.id.to_string()).unwrap().state, State::Deleted);
        assert!(to.authority.exchange(&issued.secret, &PLAIN).is_err(), "alice may live here, her old tokens do not");
    }
}
