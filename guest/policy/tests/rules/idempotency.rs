//! Idempotency: a request that is repeated under its key makes nothing new.

use jeton_policy::{
    authority::{Actor, Expiry, IssueError, IssueRequest, MAX_KEY_LENGTH, REMEMBERED_FOR},
    record::Conduct,
    scope::ADMIN,
    seconds::Seconds,
};

use crate::{
    tombstones::keys,
    world::{World, request, scopes},
};

fn under(key: &str) -> IssueRequest {
    IssueRequest { idempotency_key: Some(key.to_owned()), ..request() }
}

fn made(world: &World, actor: &Actor, request: &IssueRequest) -> Result<(String, bool), IssueError> {
    world.authority.issue(actor, request).map(|issued| (issued.token.id.to_string(), issued.secret.is_some()))
}

#[test]
fn a_repeated_request_makes_nothing_new_and_shows_no_secret_again() {
    let world = World::new();
    let (id, is_secret_shown) = made(&world, &Actor::Machine, &under("once")).unwrap();
    assert!(is_secret_shown);
    for _ in 0..2 {
        world.clock.pass(REMEMBERED_FOR.0 / 2 - 1);
        assert_eq!(made(&world, &Actor::Machine, &under("once")), Ok((id.clone(), false)));
    }
    assert_eq!(keys(&world, b"token/"), 1);
}

#[test]
fn a_request_is_forgotten_after_a_day() {
    let world = World::new();
    let (first, _) = made(&world, &Actor::Machine, &under("once")).unwrap();
    world.clock.pass(REMEMBERED_FOR.0 - 1);
    assert_eq!(made(&world, &Actor::Machine, &under("once")), Ok((first.clone(), false)), "a second is left");
    world.clock.pass(1);
    let (second, is_secret_shown) = made(&world, &Actor::Machine, &under("once")).unwrap();
    assert!(is_secret_shown && second != first);
    assert_eq!(made(&world, &Actor::Machine, &under("once")), Ok((second, false)), "and is remembered anew");
}

#[test]
fn a_key_that_was_used_for_another_request_is_refused_whatever_the_difference() {
    let changes: [fn(&mut IssueRequest); 13] = [
        |request| request.name.push('x'),
        |request| request.expiry = Expiry::Never,
        |request| request.expiry = Expiry::After(Seconds(1_000)),
        |request| request.scopes = scopes(&["a"]),
        |request| request.owner = Some("alice".to_owned()),
        |request| request.access_ttl = Some(Seconds(60)),
        |request| request.bindings.not_before = Some(Seconds(5)),
        |request| request.bindings.networks = scopes(&["10.0.0.0/8"]),
        |request| request.bindings.networks_in_access_tokens = true,
        |request| request.bindings.audiences = scopes(&["https://a.example"]),
        |request| request.bindings.max_exchanges = Some(3),
        |request| request.conduct = Conduct { may_delegate: true, rotates_on_use: false },
        |request| request.conduct = Conduct { may_delegate: false, rotates_on_use: true },
    ];
    let world = World::new();
    made(&world, &Actor::Machine, &under("once")).unwrap();
    for (place, change) in changes.into_iter().enumerate() {
        let mut other = under("once");
        change(&mut other);
        assert_eq!(made(&world, &Actor::Machine, &other), Err(IssueError::IdempotencyKeyReused), "{place}");
    }
    assert_eq!(keys(&world, b"token/"), 1);
}

#[test]
fn nobody_meets_the_keys_of_another() {
    let world = World::new();
    let by = |client: &str| Actor::token(client, &scopes(&[ADMIN])).unwrap();
    let ids: Vec<_> = [(by("one"), "key"), (by("other"), "key"), (by("one"), "keys"), (by("onek"), "ey")]
        .into_iter()
        .map(|(actor, key)| made(&world, &actor, &under(key)).unwrap())
        .collect();
    assert!(ids.iter().all(|(_, is_secret_shown)| *is_secret_shown), "each made one of its own: {ids:?}");
}

#[test]
fn a_key_is_of_1_to_255_visible_ascii_characters() {
    let world = World::new();
    for bad in [String::new(), "x".repeat(MAX_KEY_LENGTH + 1), "a b".to_owned(), "a\n".to_owned(), "\u{e4}".to_owned()]
    {
        assert_eq!(made(&world, &Actor::Machine, &under(&bad)), Err(IssueError::IdempotencyKeyMalformed), "{bad:?}");
    }
    for good in ["x".to_owned(), "x".repeat(MAX_KEY_LENGTH), "!~".to_owned()] {
        assert!(made(&world, &Actor::Machine, &under(&good)).is_ok(), "{good:?}");
    }
    assert_eq!(MAX_KEY_LENGTH, 255);
}
