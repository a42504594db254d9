//! Edit: what ends with a change, and what a change cannot bring back.

use jeton_policy::{
    authority::{Actor, Edit, EditError, Exchanged, Expiry, State},
    record::Reason,
    scope::{ADMIN, READ},
    seconds::Seconds,
    store::{Direction, Store as _},
    verifier::Refusal,
};

use crate::world::{Issued, START, World, scopes};

fn edit_as(world: &World, actor: &Actor, issued: &Issued, edit: &Edit) -> Result<(), EditError> {
    world.authority.edit(actor, &issued.token.id.to_string(), edit, None).map(|_| ())
}

/// An access token of a refresh token, and one of its child's.
fn given_out(world: &World, issued: &Issued) -> [Exchanged; 2] {
    [world.exchange(issued), world.exchange(&world.child_of(issued))]
}

fn all_dead(world: &World, tokens: &[Exchanged]) -> bool {
    tokens.iter().all(|token| world.verdict(token) == Err(Refusal::Cut))
}

fn all_alive(world: &World, tokens: &[Exchanged]) -> bool {
    tokens.iter().all(|token| world.verdict(token).is_ok())
}

/// How many cuts there are.
fn cuts(world: &World) -> usize {
    world.store.scan(b"live/cut/", None, Direction::Ascending, 1000).unwrap().items.len()
}

#[test]
fn what_a_disabled_token_gave_out_stays_dead_when_it_is_enabled_again() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let child = world.child_of(&issued);
    let before = [world.exchange(&issued), world.exchange(&child)];
    world.disable(&issued);
    assert!(all_dead(&world, &before));
    assert_eq!(cuts(&world), 1, "one cut for all");
    for token in [&issued, &child] {
        world.refusal(&token.secret);
        assert_eq!(world.show(token).state, State::Disabled);
    }
    let disabled = world.show(&issued).disabled.unwrap();
    assert_eq!((disabled.at, disabled.by.as_str(), disabled.reason), (Seconds(START), "machine", Reason::Disabled));

    world.clock.pass(60);
    let enabled = world.edit(&issued, Edit { enabled: Some(true), ..Edit::default() });
    assert_eq!((enabled.state, enabled.disabled), (State::Active, None));
    assert!(all_dead(&world, &before), "enabling undoes nothing");
    assert!(all_alive(&world, &[world.exchange(&issued), world.exchange(&child)]));
    assert_eq!(cuts(&world), 1, "and no cut is taken back");
}

#[test]
fn every_change_that_takes_something_away_ends_what_is_out_by_one_cut() {
    let narrowings: [(&str, Edit); 7] = [
        ("disabled", Edit { enabled: Some(false), ..Edit::default() }),
        ("a shorter life", Edit { expiry: Some(Expiry::At(Seconds(START + 86_400))), ..Edit::default() }),
        ("fewer scopes", Edit { scopes: Some(scopes(&["a"])), ..Edit::default() }),
        ("a network less", Edit { networks: Some(scopes(&["10.0.0.0/8"])), ..Edit::default() }),
        ("smaller networks", Edit { networks: Some(scopes(&["10.1.0.0/16", "192.0.2.0/24"])), ..Edit::default() }),
        ("an audience less", Edit { audiences: Some(scopes(&["https://b.example"])), ..Edit::default() }),
        ("bound access tokens", Edit { networks_in_access_tokens: Some(true), ..Edit::default() }),
    ];
    for (what, edit) in narrowings {
        let world = World::new();
        let issued = world.issue(|request| {
            request.scopes = scopes(&["a", "b"]);
            request.bindings.audiences = scopes(&["https://a.example", "https://b.example"]);
        });
        let before = given_out(&world, &issued);
        let wide = Edit { networks: Some(scopes(&["10.0.0.0/8", "192.0.2.0/24"])), ..Edit::default() };
        let bound = world.edit(&issued, wide);
        assert!(all_dead(&world, &before), "to be bound to networks at all is narrower");
        assert_eq!((cuts(&world), bound.generation), (1, 2));
        let after = world.edit(&issued, edit);
        assert_eq!((cuts(&world), after.generation), (2, 3), "{what}");
        assert_ne!(after, bound, "{what}");
    }
}

#[test]
fn a_change_that_gives_more_or_gates_the_next_exchange_leaves_what_is_out_alone() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.scopes = scopes(&["a"]);
        request.bindings.audiences = scopes(&["https://a.example"]);
        request.expiry = Expiry::After(Seconds(86_400));
    });
    let before = given_out(&world, &issued);
    let edits = [
        Edit { scopes: Some(scopes(&["b", "a"])), ..Edit::default() },
        Edit { audiences: Some(scopes(&["https://b.example", "https://a.example"])), ..Edit::default() },
        Edit { expiry: Some(Expiry::Never), ..Edit::default() },
        Edit { not_before: Some(Some(Seconds(START + 60))), ..Edit::default() },
        Edit { max_exchanges: Some(Some(1)), ..Edit::default() },
        Edit { access_ttl: Some(Some(Seconds(60))), ..Edit::default() },
        Edit { name: Some("other".to_owned()), ..Edit::default() },
        Edit { may_delegate: Some(true), rotates_on_use: Some(true), ..Edit::default() },
        Edit { audiences: Some(Vec::new()), ..Edit::default() },
    ];
    for (times, edit) in edits.into_iter().enumerate() {
        let edited = world.edit(&issued, edit.clone());
        assert_eq!(edited.generation, u64::try_from(times).unwrap() + 2, "{edit:?}");
        assert!(all_alive(&world, &before), "{edit:?}");
    }
    assert_eq!(cuts(&world), 0);
}

#[test]
fn widening_never_widens_what_is_out() {
    let world = World::new();
    let issued = world.issue(|request| request.scopes = scopes(&["a"]));
    let token = world.exchange(&issued);
    world.edit(&issued, Edit { scopes: Some(scopes(&["a", "b"])), ..Edit::default() });
    let mut verifier = world.verifier();
    assert_eq!(verifier.claims(&token.access_token, world.now()).unwrap().0.scope, "a");
    assert_eq!(world.exchange(&issued).scope, "a b");
}

#[test]
fn two_changes_of_one_edit_are_one_cut() {
    let world = World::new();
    let issued = world.issue(|request| request.scopes = scopes(&["a", "b"]));
    let before = given_out(&world, &issued);
    let edit = Edit { scopes: Some(scopes(&["a"])), enabled: Some(false), ..Edit::default() };
    assert_eq!(world.edit(&issued, edit).generation, 2);
    assert!(all_dead(&world, &before));
    assert_eq!(cuts(&world), 1);
}

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.scopes = scopes(&["a", "b"]);
        request.bindings.networks = scopes(&["10.0.0.0/8"]);
    });
    world.disable(&issued);
    let shown = world.show(&issued);
    let revision = world.store.read(&[], jeton_policy::store::Freshness::Latest).unwrap().revision;
    let same = Edit {
        name: Some(shown.name.clone()),
        expiry: shown.expires_at.map(Expiry::At),
        enabled: Some(false),
        scopes: Some(scopes(&["a", "b"])),
        access_ttl: Some(None),
        not_before: Some(None),
        networks: Some(scopes(&["10.0.0.0/8"])),
        networks_in_access_tokens: Some(false),
        audiences: Some(Vec::new()),
        max_exchanges: Some(None),
        may_delegate: Some(false),
        rotates_on_use: Some(false),
        note: Some("again".to_owned()),
    };
    assert_eq!(world.edit(&issued, same), shown);
    assert_eq!(world.edit(&issued, Edit::default()), shown);
    assert_eq!(world.store.read(&[], jeton_policy::store::Freshness::Latest).unwrap().revision, revision);
}

#[test]
fn whatever_ended_cannot_be_edited() {
    let world = World::new();
    let parent = world.issue(|_| ());
    let child = world.child_of(&parent);
    world.delete(&parent);
    for issued in [&parent, &child] {
        for edit in [Edit { enabled: Some(true), ..Edit::default() }, Edit::default()] {
            assert_eq!(edit_as(&world, &Actor::Machine, issued, &edit), Err(EditError::Ended));
        }
    }
    let unknown = ["no id", "0000000000000000000000"];
    for id in unknown {
        let refused = world.authority.edit(&Actor::Machine, id, &Edit::default(), None).unwrap_err();
        assert_eq!(refused, EditError::NotFound);
    }
}

#[test]
fn an_expired_token_lives_again_when_its_expiry_is_put_off_and_what_it_gave_out_does_not() {
    let world = World::new();
    let issued = world.issue(|request| request.expiry = Expiry::After(Seconds(60)));
    let before = world.exchange(&issued);
    world.clock.pass(60);
    assert_eq!(world.show(&issued).state, State::Expired);
    assert_eq!(
        world.edit(&issued, Edit { expiry: Some(Expiry::After(Seconds(60))), ..Edit::default() }).state,
        State::Active
    );
    assert_eq!(world.verdict(&before), Err(Refusal::Expired));
    assert_eq!(world.exchange(&issued).expires_in, Seconds(60));
}

#[test]
fn nobody_changes_what_has_or_would_have_a_jeton_scope_that_they_lack() {
    let world = World::new();
    let reader = Actor::token("reader", &scopes(&[READ, "orders"])).unwrap();
    let administrator = Actor::token("administrator", &scopes(&[ADMIN])).unwrap();
    let (admins, plain) = (
        world.issue(|request| request.scopes = scopes(&[ADMIN])),
        world.issue(|request| request.scopes = scopes(&["orders"])),
    );
    for edit in [
        Edit { enabled: Some(false), ..Edit::default() },
        Edit { name: Some("mine".to_owned()), ..Edit::default() },
        Edit { scopes: Some(Vec::new()), ..Edit::default() },
    ] {
        assert_eq!(edit_as(&world, &reader, &admins, &edit), Err(EditError::ScopeBeyondActor), "{edit:?}");
    }
    let raise = |scope: &str| Edit { scopes: Some(scopes(&["orders", scope])), ..Edit::default() };
    assert_eq!(edit_as(&world, &reader, &plain, &raise(ADMIN)), Err(EditError::ScopeBeyondActor));
    assert_eq!(edit_as(&world, &reader, &plain, &raise(READ)), Ok(()));
    assert_eq!(edit_as(&world, &administrator, &plain, &raise(ADMIN)), Ok(()));
    assert_eq!(edit_as(&world, &administrator, &admins, &Edit { enabled: Some(false), ..Edit::default() }), Ok(()));
}

#[test]
fn an_edit_goes_by_the_generation_that_it_was_made_for() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let id = issued.token.id.to_string();
    let rename = |name: &str, generation: u64| {
        let edit = Edit { name: Some(name.to_owned()), ..Edit::default() };
        world.authority.edit(&Actor::Machine, &id, &edit, Some(generation)).map(|token| token.generation)
    };
    assert_eq!(rename("first", 1), Ok(2));
    assert_eq!(rename("second", 1), Err(EditError::GenerationDiffers));
    assert_eq!(rename("first", 1), Err(EditError::GenerationDiffers), "even where it would change nothing");
    assert_eq!(rename("second", 2), Ok(3));
    assert_eq!(world.show(&issued).name, "second");
    assert_eq!(
        world.authority.edit(&Actor::Machine, &id, &Edit::default(), Some(9)),
        Err(EditError::GenerationDiffers)
    );
}

#[test]
fn while_the_clock_is_behind_disabling_is_all_that_is_done() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let before = world.exchange(&issued);
    world.clock.pass(600);
    world.authority.sweep().unwrap();
    world.clock.set(START, 0);
    let edits = [
        Edit { name: Some("other".to_owned()), ..Edit::default() },
        Edit { enabled: Some(false), name: Some("other".to_owned()), ..Edit::default() },
    ];
    for edit in edits {
        assert_eq!(edit_as(&world, &Actor::Machine, &issued, &edit), Err(EditError::ClockBehind));
    }
    world.disable(&issued);
    assert_eq!(world.verdict(&before), Err(Refusal::Cut));
    let enable = Edit { enabled: Some(true), ..Edit::default() };
    assert_eq!(edit_as(&world, &Actor::Machine, &issued, &enable), Err(EditError::ClockBehind));
}
