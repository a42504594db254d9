//! What an explanation says beside the cause: times and links, and what is told of lives that are forgotten or that raced.

use jeton_policy::{
    authority::{Actor, Authority, Cause, Edit, Exchanged, Expiry, Explanation, Subject},
    record::{Conduct, MAX_PAST_LIVES, Reason},
    seconds::Seconds,
    token_id::Jti,
};

use crate::{
    explain::{disabled, edit, of_token, told},
    stage::race,
    world::{Issued, PLAIN, START, World, scopes},
};

fn of_id(world: &World, issued: &Issued) -> Explanation {
    world.authority.explain(Subject::TokenId(&issued.token.id.to_string())).unwrap()
}

fn of_jti(world: &World, token: &Exchanged) -> Explanation {
    world.authority.explain(Subject::Jti(&token.jti.to_string())).unwrap()
}

fn id(issued: &Issued) -> Option<String> {
    Some(issued.token.id.to_string())
}

/// Begins a new life: what was given out is dead, and the token is enabled again.
fn begin_life(authority: &Authority, issued: &Issued) {
    for enabled in [false, true] {
        let edit = Edit { enabled: Some(enabled), ..Edit::default() };
        authority.edit(&Actor::Machine, &issued.token.id.to_string(), &edit, None).map(|_| ()).unwrap();
    }
}

#[test]
fn a_refresh_token_says_when_it_was_made_and_when_it_ends_with_what_it_descends_from() {
    let world = World::new();
    let parent = world.issue(|request| request.expiry = Expiry::After(Seconds(100)));
    world.clock.pass(10);
    let child = world.child_of(&parent);
    let explained = of_id(&world, &child);
    assert_eq!((explained.issued_at, explained.expires_at), (Some(Seconds(START + 10)), Some(Seconds(START + 100))));
}

#[test]
fn a_jti_of_an_epoch_to_come_is_unknown_by_its_name() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    let jti = Jti { epoch: token.jti.epoch + 1, ..token.jti }.to_string();
    let explained = world.authority.explain(Subject::Jti(&jti)).unwrap();
    assert_eq!((explained.cause, explained.jti), (Some(Cause::Unknown), Some(jti)));
}

#[test]
fn a_secret_that_is_not_taken_names_its_token() {
    let world = World::new();
    let rotating = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, ..Conduct::default() });
    let successor = world.exchange(&rotating).refresh_token.unwrap();
    world.authority.exchange(&successor, &PLAIN).unwrap();
    world.clock.pass(100);
    assert_eq!(told(&of_token(&world, &rotating.secret)), (Some(Cause::WrongSecret), None, id(&rotating), None));
    let early = world.issue(|request| request.bindings.not_before = Some(Seconds(START + 160)));
    assert_eq!(told(&of_id(&world, &early)), (Some(Cause::NotBefore), None, id(&early), None));
}

#[test]
fn a_token_that_is_left_without_a_network_tells_who_narrowed_what_it_descends_from() {
    let world = World::new();
    let bound = |networks: &[&str], parent: Option<&Issued>| {
        world.issue(|request| {
            request.bindings.networks = scopes(networks);
            request.parent = parent.map(|parent| parent.token.id.to_string());
        })
    };
    let parent = bound(&["10.0.0.0/8", "192.0.2.0/24"], None);
    let child = bound(&["10.0.0.0/8"], Some(&parent));
    assert!(of_id(&world, &child).is_alive());
    world.clock.pass(5);
    edit(&world, &parent, Edit { networks: Some(scopes(&["192.0.2.0/24"])), ..Edit::default() });
    world.clock.pass(5);
    world.rotate(&parent, 0);
    let narrowed = (Some(Cause::Cut), Some(START + 5), id(&parent), Some(Reason::Narrowed));
    assert_eq!(told(&of_id(&world, &child)), narrowed);
    assert!(of_id(&world, &parent).is_alive());
}

#[test]
fn of_a_life_so_long_ago_that_it_is_forgotten_the_cut_tells_since_when() {
    let world = World::new();
    let issued = world.issue(|request| request.owner = Some("ann".to_owned()));
    let token = world.exchange(&issued);
    for _ in 0..=MAX_PAST_LIVES {
        world.clock.pass(1);
        begin_life(&world.authority, &issued);
    }
    let forgotten = (Some(Cause::Cut), Some(START + 1), None, None);
    assert_eq!(told(&of_token(&world, &token.access_token)), forgotten);
    world.clock.pass(1);
    world.authority.delete_owned(&Actor::Machine, "ann", Reason::OwnerLeft, None).unwrap();
    assert_eq!(told(&of_token(&world, &token.access_token)), forgotten, "what ended it first");
}

#[test]
fn a_jti_can_have_lived_as_long_as_was_ever_allowed_where_the_settings_were_changed() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    world.set(|settings| settings.access_token_expiration = Some(Seconds(60)));
    assert_eq!(of_jti(&world, &token).expires_at, Some(Seconds(START + 900)));
}

#[test]
fn a_jti_that_was_minted_as_a_life_began_is_of_the_life_that_it_descends_from() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let exchange = |authority: &Authority| authority.exchange(&issued.secret, &PLAIN).unwrap();
    let renew = |authority: &Authority| {
        // It waits at the first thing that it asks for.
        authority.time().unwrap();
        world.clock.pass(5);
        begin_life(authority, &issued);
    };
    // The exchange looks at the clock, then waits until the new life has begun.
    let (token, ()) = race(&world, exchange, renew, &[vec![0; 2], vec![1; 100]].concat());
    assert_eq!(token.jti.issued_at, Seconds(START));
    assert_eq!(world.verdict(&token), Ok(()));
    assert!(of_jti(&world, &token).is_alive());
}

#[test]
fn lives_of_the_same_second_are_told_apart_where_each_link_began_as_many() {
    let world = World::new();
    let parent = world.issue(|_| ());
    let child = world.child_of(&parent);
    for of in [&child, &parent, &child, &parent] {
        let token = world.exchange(&child);
        edit(&world, of, disabled());
        edit(&world, of, Edit { enabled: Some(true), ..Edit::default() });
        assert_eq!(told(&of_jti(&world, &token)), told(&of_token(&world, &token.access_token)));
        assert_eq!(of_jti(&world, &token).cause, Some(Cause::Cut));
    }
    assert!(of_jti(&world, &world.exchange(&child)).is_alive());
}
