//! Rotation on an administrator's order.

use jeton_policy::{
    authority::{Actor, Edit, Expiry, RotateError, State},
    record::Conduct,
    scope::ADMIN,
    seconds::Seconds,
    verifier::Refusal,
};

use crate::world::{Issued, START, World, scopes};

const HOUR: u64 = 3_600;

fn refused(world: &World, actor: &Actor, issued: &Issued, overlap: u64, generation: Option<u64>) -> RotateError {
    let id = issued.token.id.to_string();
    world.authority.rotate(actor, &id, Seconds(overlap), generation).map(|_| ()).unwrap_err()
}

#[test]
fn without_overlap_the_old_secret_and_all_that_it_gave_out_are_dead() {
    let world = World::new();
    let old = world.issue(|_| ());
    let child = world.child_of(&old);
    let before = [world.exchange(&old), world.exchange(&child)];
    let new = world.rotate(&old, 0);
    assert_eq!((new.token.id, new.token.generation), (old.token.id, 2), "it is the same token");
    assert_ne!(*new.secret, *old.secret);
    assert!(before.iter().all(|token| world.verdict(token) == Err(Refusal::Cut)));
    world.refusal(&old.secret);
    let after = [world.exchange(&new), world.exchange(&child)];
    assert!(after.iter().all(|token| world.verdict(token).is_ok()), "children stay what they are");
}

#[test]
fn with_an_hour_of_overlap_nobody_notices_and_what_the_old_secret_mints_ends_with_it() {
    let world = World::new();
    let old = world.issue(|_| ());
    let before = world.exchange(&old);
    let new = world.rotate(&old, HOUR);
    assert_eq!(new.token.superseded_until, Some(Seconds(START + HOUR)));
    assert_eq!(world.verdict(&before), Ok(()));
    world.clock.pass(HOUR - 600);
    let (by_old, by_new) = (world.exchange(&old), world.exchange(&new));
    assert_eq!((by_old.expires_in, by_old.refresh_expires_in), (Seconds(600), Some(Seconds(600))));
    assert_eq!(by_new.expires_in, Seconds(900));
    world.clock.pass(599);
    assert_eq!((world.verdict(&by_old), world.exchange(&old).expires_in), (Ok(()), Seconds(1)));
    world.clock.pass(1);
    assert_eq!((world.verdict(&by_old), world.verdict(&by_new)), (Err(Refusal::Expired), Ok(())));
    world.refusal(&old.secret);
    assert_eq!(world.show(&new).superseded_until, None);
    world.exchange(&new);
}

#[test]
fn a_second_rotation_waits_for_the_first_ones_overlap_unless_it_is_at_once() {
    let world = World::new();
    let first = world.issue(|_| ());
    let second = world.rotate(&first, HOUR);
    assert_eq!(refused(&world, &Actor::Machine, &second, 60, None), RotateError::OverlapNotOver);
    world.clock.pass(HOUR - 1);
    assert_eq!(refused(&world, &Actor::Machine, &second, 60, None), RotateError::OverlapNotOver);
    world.clock.pass(1);
    let third = world.rotate(&second, HOUR);
    world.refusal(&first.secret);
    let by_second = world.exchange(&second);
    let fourth = world.rotate(&third, 0);
    assert_eq!(fourth.token.superseded_until, None);
    assert_eq!(world.verdict(&by_second), Err(Refusal::Cut));
    for dead in [&first, &second, &third] {
        world.refusal(&dead.secret);
    }
    world.exchange(&fourth);
}

#[test]
fn an_overlap_is_at_most_a_week() {
    let world = World::new();
    let issued = world.issue(|_| ());
    assert_eq!(refused(&world, &Actor::Machine, &issued, 604_801, None), RotateError::OverlapOutOfRange);
    assert_eq!(world.rotate(&issued, 604_800).token.superseded_until, Some(Seconds(START + 604_800)));
}

#[test]
fn only_what_can_live_again_gets_a_new_secret() {
    let world = World::new();
    let (dead, short) = (world.issue(|_| ()), world.issue(|request| request.expiry = Expiry::After(Seconds(60))));
    let orphan = world.child_of(&dead);
    world.delete(&dead);
    world.clock.pass(60);
    for issued in [&dead, &orphan, &short] {
        assert_eq!(refused(&world, &Actor::Machine, issued, 0, None), RotateError::NotActive);
    }
    for id in ["no id", "0000000000000000000000"] {
        let refused = world.authority.rotate(&Actor::Machine, id, Seconds(0), None).map(|_| ()).unwrap_err();
        assert_eq!(refused, RotateError::NotFound);
    }
}

#[test]
fn one_that_is_disabled_gets_its_new_secret_before_it_is_enabled_again() {
    let world = World::new();
    let leaked = world.issue(|_| ());
    world.disable(&leaked);
    let new = world.rotate(&leaked, 0);
    assert_eq!(new.token.state, State::Disabled);
    world.refusal(&new.secret);
    world.edit(&leaked, Edit { enabled: Some(true), ..Edit::default() });
    world.exchange(&new);
    world.refusal(&leaked.secret);
}

#[test]
fn whoever_rotates_holds_its_jeton_scopes_and_knows_its_generation() {
    let world = World::new();
    let issued = world.issue(|request| request.scopes = scopes(&[ADMIN]));
    let reader = Actor::token("reader", &scopes(&["jeton:read"])).unwrap();
    assert_eq!(refused(&world, &reader, &issued, 0, None), RotateError::ScopeBeyondActor);
    assert_eq!(refused(&world, &Actor::Machine, &issued, 0, Some(2)), RotateError::GenerationDiffers);
    let id = issued.token.id.to_string();
    let rotated = world.authority.rotate(&Actor::Machine, &id, Seconds(0), Some(1)).unwrap();
    assert_eq!(rotated.token.generation, 2);
}

#[test]
fn while_the_clock_is_behind_there_are_no_new_secrets() {
    let world = World::new();
    let issued = world.issue(|_| ());
    world.clock.pass(600);
    world.authority.sweep().unwrap();
    world.clock.set(START, 0);
    assert_eq!(refused(&world, &Actor::Machine, &issued, 0, None), RotateError::ClockBehind);
}

/// A token of which each use replaces the secret, after `uses` of them: its first secret and its present one.
fn used(world: &World, uses: usize) -> (Issued, Issued) {
    let first = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, ..Conduct::default() });
    let mut secret = first.secret.clone();
    for _ in 0..uses {
        secret = world.exchange(&Issued { secret, token: first.token.clone() }).refresh_token.unwrap();
    }
    let token = first.token.clone();
    (first, Issued { secret, token })
}

#[test]
fn where_each_use_replaces_the_secret_the_one_in_force_is_the_one_superseded() {
    for uses in [0, 1, 3] {
        let world = World::new();
        let (first, present) = used(&world, uses);
        let new = world.rotate(&first, HOUR);
        for _ in 0..2 {
            let by_old = world.exchange(&present);
            assert!(by_old.refresh_token.is_none(), "a superseded secret is not replaced");
        }
        world.clock.pass(HOUR - 60);
        assert_eq!(world.exchange(&present).expires_in, Seconds(60));
        let successor = world.exchange(&new).refresh_token.unwrap();
        assert_eq!(world.exchange(&Issued { secret: successor, token: new.token }).expires_in, Seconds(900));
    }
}

#[test]
fn secrets_that_were_spent_before_a_rotation_end_nothing_after_it() {
    for overlap in [0, HOUR] {
        let world = World::new();
        let (first, present) = used(&world, 3);
        let new = world.rotate(&present, overlap);
        world.clock.pass(60);
        world.refusal(&first.secret);
        assert_eq!(
            world.show(&new).state,
            State::Active,
            "a copy of an older chain is good for nothing, and harms nobody"
        );
        world.exchange(&new);
    }
}
