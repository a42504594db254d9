//! Every order of an exchange and an act that should stop it. All schedules are run.

use std::{sync::Arc, thread};

use jeton_policy::{
    authority::{Actor, Authority},
    record::Reason,
};

use crate::{
    stage::{Ground, race, schedules},
    world::{FixedKey, PLAIN, World},
};

/// An exchange; gives the access token, where one was minted.
fn exchange(secret: &str) -> impl FnOnce(&Authority) -> Option<String> + Send {
    |authority| authority.exchange(secret, &PLAIN).ok().map(|exchanged| exchanged.access_token)
}

/// Steps of an exchange: clock, read and the issuer, each before and after.
const EXCHANGE: u32 = 6;
/// Steps of a delete: clock, read, the cut's bucket, commit and the clock again, each before and after.
const DELETE: u32 = 10;
/// Steps of an epoch's advance: clock, read and commit, each before and after.
const ADVANCE: u32 = 6;

#[test]
fn whatever_the_order_no_access_token_outlives_the_delete_of_its_parent() {
    let mut minted = 0_u32;
    for schedule in schedules([EXCHANGE, DELETE]) {
        let world = World::new();
        let issued = world.issue(|_| ());
        let id = issued.token.id.to_string();
        let act = |authority: &Authority| {
            authority.delete(&Actor::Machine, &[id], Reason::Deleted, None).unwrap();
        };
        if let (Some(token), ()) = race(&world, exchange(&issued.secret), act, &schedule) {
            minted += 1;
            assert!(world.verifier().verify(&token, world.now()).is_err(), "{schedule:?}");
        }
    }
    assert!(minted > 100, "the race was really run: {minted}");
}

#[test]
fn whatever_the_order_no_access_token_is_of_an_epoch_that_is_over() {
    let (mut dead, mut alive) = (0_u32, 0_u32);
    for schedule in schedules([EXCHANGE, ADVANCE]) {
        let world = World::new();
        let issued = world.issue(|_| ());
        let act = |authority: &Authority| {
            authority.advance(&Actor::Machine, None).unwrap();
        };
        let token = race(&world, exchange(&issued.secret), act, &schedule).0.unwrap();
        let epoch = world.authority.epoch().unwrap();
        let is_alive = world.verifier().verify(&token, world.now()).is_ok();
        let is_of_it = token.starts_with(world.verifier().live().unwrap().epoch().key().header());
        assert_eq!(is_alive, is_of_it, "{schedule:?} {}", epoch.number);
        if is_alive { alive += 1 } else { dead += 1 }
    }
    assert!(dead > 0 && alive > 0, "the race was really run: {dead} {alive}");
}

#[test]
fn whatever_the_order_a_delete_and_an_epoch_leave_nothing_alive_of_what_was_deleted() {
    for schedule in schedules([DELETE, ADVANCE]) {
        let world = World::new();
        let issued = world.issue(|_| ());
        let id = issued.token.id.to_string();
        let ground = &Ground::of(&world);
        let between = thread::scope(|scope| {
            let delete = |authority: &Authority| {
                authority.delete(&Actor::Machine, &[id], Reason::Deleted, None).unwrap();
            };
            scope.spawn(move || ground.act(0, delete));
            scope.spawn(move || ground.act(1, |authority| authority.advance(&Actor::Machine, None).unwrap()));
            for who in &schedule {
                ground.stage.step(*who);
            }
            // An exchange in the middle of both: whichever epoch it falls in, the delete must reach it.
            let other = Authority::new(
                Arc::clone(&ground.store),
                Arc::clone(&ground.clock),
                Arc::clone(&ground.entropy),
                FixedKey([1; 32]),
            );
            let between = other.exchange(&issued.secret, &PLAIN).ok();
            while ground.stage.step(0) || ground.stage.step(1) {}
            between
        });
        if let Some(token) = between {
            assert!(world.verdict(&token).is_err(), "{schedule:?}");
        }
    }
}
