//! Rotation on use, as RFC 9700 section 4.14.2 wants it.

use jeton_policy::{
    authority::{Edit, Exchanged, ROTATION_GRACE, Revocation, State},
    record::{Conduct, Reason},
    seconds::Seconds,
    verifier::Refusal,
};
use zeroize::Zeroizing;

use crate::world::{Issued, PLAIN, START, World};

const ROTATING: Conduct = Conduct { rotates_on_use: true, may_delegate: false };

fn rotating(world: &World) -> Issued {
    world.issue(|request| request.conduct = ROTATING)
}

/// Exchanges `secret`; gives the access token and the secret that takes its place.
fn spend(world: &World, secret: &str) -> (Exchanged, Zeroizing<String>) {
    let mut exchanged = world.authority.exchange(secret, &PLAIN).unwrap();
    let successor = exchanged.refresh_token.take().unwrap();
    (exchanged, successor)
}

/// That the whole family ended, by whom and why.
fn assert_reuse_detected(world: &World, issued: &Issued, given_out: &[&Exchanged]) {
    let shown = world.show(issued);
    let ending = shown.ending.unwrap();
    assert_eq!((shown.state, ending.by.as_str(), ending.reason), (State::Deleted, "policy", Reason::ReuseDetected));
    assert!(given_out.iter().all(|token| world.verdict(token) == Err(Refusal::Cut)));
}

#[test]
fn nothing_rotates_unless_it_is_asked_for() {
    let world = World::new();
    let issued = world.issue(|_| ());
    for _ in 0..3 {
        assert!(world.exchange(&issued).refresh_token.is_none());
    }
}

#[test]
fn each_use_replaces_the_secret_and_leaves_the_record_alone() {
    let world = World::new();
    let issued = rotating(&world);
    let mut secret = issued.secret.clone();
    for _ in 0..5 {
        let (exchanged, successor) = spend(&world, &secret);
        assert_eq!(world.verdict(&exchanged), Ok(()));
        assert_ne!(*successor, *secret);
        secret = successor;
        world.clock.pass(100);
    }
    assert_eq!(world.show(&issued).generation, 1);
}

#[test]
fn a_lost_answer_is_repeated_within_the_grace() {
    let world = World::new();
    let issued = rotating(&world);
    let (lost, lost_successor) = spend(&world, &issued.secret);
    world.clock.pass(ROTATION_GRACE.0 - 1);
    let (repeated, successor) = spend(&world, &issued.secret);
    assert_ne!(*successor, *lost_successor, "no plaintext was kept: it is a fresh one");
    assert_eq!((world.verdict(&lost), world.verdict(&repeated)), (Ok(()), Ok(())));
    world.clock.pass(900);
    let (exchanged, _) = spend(&world, &successor);
    assert_eq!(world.verdict(&exchanged), Ok(()));
}

#[test]
fn repeating_does_not_prolong_the_grace() {
    let world = World::new();
    let issued = rotating(&world);
    let (given_out, _) = spend(&world, &issued.secret);
    world.clock.pass(ROTATION_GRACE.0 - 1);
    spend(&world, &issued.secret);
    world.clock.pass(1);
    world.refusal(&issued.secret);
    assert_reuse_detected(&world, &issued, &[&given_out]);
}

#[test]
fn a_spent_secret_after_the_grace_ends_the_family() {
    let world = World::new();
    let issued = rotating(&world);
    let child = world.child_of(&issued);
    let (first, successor) = spend(&world, &issued.secret);
    let of_child = world.exchange(&child);
    world.clock.pass(ROTATION_GRACE.0);
    world.refusal(&issued.secret);
    assert_reuse_detected(&world, &issued, &[&first, &of_child]);
    world.refusal(&successor);
    world.refusal(&child.secret);
}

#[test]
fn within_the_grace_it_is_reuse_as_soon_as_a_successor_was_used() {
    let world = World::new();
    let issued = rotating(&world);
    let (first, successor) = spend(&world, &issued.secret);
    let (second, _) = spend(&world, &successor);
    world.refusal(&issued.secret);
    assert_reuse_detected(&world, &issued, &[&first, &second]);
}

#[test]
fn a_successor_that_a_repetition_ended_tells_of_a_copy() {
    let world = World::new();
    let issued = rotating(&world);
    let (first, ended) = spend(&world, &issued.secret);
    let (second, _) = spend(&world, &issued.secret);
    world.refusal(&ended);
    assert_reuse_detected(&world, &issued, &[&first, &second]);
}

#[test]
fn any_spent_secret_of_the_chain_tells_of_a_copy() {
    for back in 0..4 {
        let world = World::new();
        let issued = rotating(&world);
        let mut chain = vec![issued.secret.clone()];
        for _ in 0..4 {
            let (_, successor) = spend(&world, chain.last().unwrap());
            chain.push(successor);
            world.clock.pass(60);
        }
        world.refusal(&chain[back]);
        assert_reuse_detected(&world, &issued, &[]);
    }
}

#[test]
fn a_spent_secret_ends_a_disabled_family_as_well_and_a_wrong_one_ends_nothing() {
    let world = World::new();
    let issued = rotating(&world);
    let (_, successor) = spend(&world, &issued.secret);
    let wrong = jeton_policy::refresh_token::RefreshToken::new(issued.token.id, [9; 32]).reveal();
    world.refusal(&wrong);
    assert_eq!(world.show(&issued).state, State::Active);
    world.disable(&issued);
    world.refusal(&successor);
    assert_eq!(world.show(&issued).state, State::Disabled, "the secret in force is only refused");
    world.clock.pass(60);
    world.refusal(&issued.secret);
    assert_reuse_detected(&world, &issued, &[]);
}

#[test]
fn a_refused_exchange_spends_and_counts_nothing() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.conduct = ROTATING;
        request.bindings.max_exchanges = Some(2);
    });
    for request in [
        jeton_policy::authority::ExchangeRequest { scope: Some("wider"), ..PLAIN },
        jeton_policy::authority::ExchangeRequest { resource: Some("no uri"), ..PLAIN },
    ] {
        assert!(world.authority.exchange(&issued.secret, &request).is_err());
    }
    world.clock.pass(60);
    assert_eq!(world.show(&issued).exchanges_left, Some(2));
    spend(&world, &issued.secret);
}

#[test]
fn each_use_is_counted_together_with_its_rotation() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.conduct = ROTATING;
        request.bindings.max_exchanges = Some(3);
    });
    let (_, second) = spend(&world, &issued.secret);
    let (_, third) = spend(&world, &second);
    spend(&world, &second);
    assert_eq!(world.show(&issued).exchanges_left, Some(0), "a repetition mints, so it counts");
    world.refusal(&third);
    assert_reuse_detected(&world, &issued, &[]);
}

#[test]
fn a_token_without_uses_left_keeps_its_secret_as_it_is() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.conduct = ROTATING;
        request.bindings.max_exchanges = Some(1);
    });
    let (_, successor) = spend(&world, &issued.secret);
    world.refusal(&successor);
    world.edit(&issued, Edit { max_exchanges: Some(Some(2)), ..Edit::default() });
    spend(&world, &successor);
}

#[test]
fn a_holder_gives_back_with_what_is_in_force_and_not_with_what_is_spent() {
    let world = World::new();
    let issued = rotating(&world);
    let (_, second) = spend(&world, &issued.secret);
    let (token, third) = spend(&world, &second);
    assert_eq!(world.authority.revoke(&issued.secret).unwrap(), Revocation::Nothing, "spent");
    assert_eq!((world.show(&issued).state, world.verdict(&token)), (State::Active, Ok(())));
    assert_eq!(world.authority.revoke(&third).unwrap(), Revocation::RefreshToken(issued.token.id));
    assert_eq!(world.show(&issued).ending.unwrap().reason, Reason::RevokedByHolder);
}

#[test]
fn switched_on_it_begins_from_the_present_secret_and_switched_off_it_stays_with_the_last() {
    let world = World::new();
    let issued = world.issue(|_| ());
    world.exchange(&issued);
    let rotates = |on: bool| world.edit(&issued, Edit { rotates_on_use: Some(on), ..Edit::default() });
    rotates(true);
    let (_, second) = spend(&world, &issued.secret);
    let (_, third) = spend(&world, &second);
    rotates(false);
    for _ in 0..2 {
        let exchanged = world.authority.exchange(&third, &PLAIN).unwrap();
        assert!(exchanged.refresh_token.is_none());
    }
    for old in [&issued.secret, &second] {
        world.refusal(old);
        assert_eq!(world.show(&issued).state, State::Active, "where nothing rotates, an old secret is a wrong one");
    }
    rotates(true);
    let (_, fourth) = spend(&world, &third);
    world.refusal(&second);
    assert_eq!(world.show(&issued).state, State::Active, "of a chain that is over");
    world.clock.set(START + 100, 0);
    world.refusal(&third);
    assert_reuse_detected(&world, &issued, &[]);
    world.refusal(&fourth);
}

#[test]
fn the_switch_finds_rotation_where_exchanges_are_counted_too() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.conduct = ROTATING;
        request.bindings.max_exchanges = Some(10);
    });
    let (_, second) = spend(&world, &issued.secret);
    world.edit(&issued, Edit { rotates_on_use: Some(false), ..Edit::default() });
    assert!(world.authority.exchange(&second, &PLAIN).is_ok());
    assert_eq!(world.show(&issued).exchanges_left, Some(8));
    assert_eq!(world.show(&issued).generation, 2);
    assert_eq!(world.verdict(&world.authority.exchange(&second, &PLAIN).unwrap()), Ok(()));
    assert_eq!(Seconds(START), world.show(&issued).created_at);
}
