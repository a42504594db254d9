//! Many who present the same refresh token at the same time.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use jeton_policy::{
    authority::{Actor, Authority, ExchangeError, ExchangeRequest, Exchanged, Revocation, SettingsChange, State},
    record::Conduct,
    seconds::Seconds,
};

use crate::{
    stage::{orders, race},
    world::{FixedKey, PLAIN, World},
};

/// Operations of an advance, and of an exchange that is refused for its scope: clock, read and commit; clock and two reads.
const ADVANCE_AND_ASK: u32 = 6;
/// Operations of a change of a setting, and of the same: clock, two reads and commit; clock and two reads.
const SET_AND_ASK: u32 = 7;
/// Operations of an exchange that rotates: clock, two reads, the issuer and the commit.
const EXCHANGE: u32 = 5;

const CLIENTS: usize = 64;

/// What `CLIENTS` got that each presented `secret` on a thread of its own, `times` over.
fn storm(world: &World, secret: &str, times: usize) -> Vec<Result<Exchanged, ExchangeError>> {
    let barrier = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        let client = || {
            let (store, clock, entropy) =
                (Arc::clone(&world.store), Arc::clone(&world.clock), Arc::clone(&world.entropy));
            let barrier = &barrier;
            move || {
                let authority = Authority::new(store, clock, entropy, FixedKey([1; 32]));
                barrier.wait();
                (0..times).map(|_| authority.exchange(secret, &PLAIN)).collect::<Vec<_>>()
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client())).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn of_sixty_four_who_race_for_a_hundred_exchanges_exactly_a_hundred_succeed() {
    let world = World::new();
    let issued = world.issue(|request| request.bindings.max_exchanges = Some(100));
    let outcomes = storm(&world, &issued.secret, 4);
    let minted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!((outcomes.len(), minted), (256, 100));
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.is_ok() || outcome.as_ref().is_err_and(|one| *one == ExchangeError::InvalidGrant)),
        "whoever is refused is refused rightly"
    );
    assert_eq!(world.show(&issued).exchanges_left, Some(0));
}

#[test]
fn of_sixty_four_who_race_within_the_limit_nobody_is_refused() {
    let world = World::new();
    let issued = world.issue(|request| request.bindings.max_exchanges = Some(1_000));
    assert!(storm(&world, &issued.secret, 4).iter().all(Result::is_ok));
    assert_eq!(world.show(&issued).exchanges_left, Some(1_000 - 256));
}

#[test]
fn of_sixty_four_who_present_the_same_secret_all_are_answered_and_one_successor_is_in_force() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.conduct = Conduct { rotates_on_use: true, may_delegate: false };
        request.bindings.max_exchanges = Some(1_000);
    });
    let outcomes: Vec<Exchanged> = storm(&world, &issued.secret, 1).into_iter().map(Result::unwrap).collect();
    assert!(outcomes.iter().all(|exchanged| world.verdict(exchanged).is_ok()));
    let shown = world.show(&issued);
    assert_eq!(
        (shown.state, shown.exchanges_left),
        (State::Active, Some(1_000 - 64)),
        "each took one, rotation included"
    );
    let successors = outcomes.into_iter().map(|exchanged| exchanged.refresh_token.unwrap());
    let mut in_force = 0;
    for successor in successors {
        if world.authority.revoke(&successor).unwrap() != Revocation::Nothing {
            in_force += 1;
        }
    }
    assert_eq!(in_force, 1);
}

#[test]
fn whatever_the_order_two_presentations_of_one_secret_are_both_answered_and_the_family_lives() {
    for schedule in orders([EXCHANGE, EXCHANGE]) {
        let world = World::new();
        let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, may_delegate: false });
        let present = |authority: &Authority| authority.exchange(&issued.secret, &PLAIN).unwrap();
        let (one, other) = race(&world, present, present, &schedule);
        assert_eq!(world.show(&issued).state, State::Active, "{schedule:?}");
        let successors = [one.refresh_token.unwrap(), other.refresh_token.unwrap()];
        let taken = successors.iter().filter(|successor| world.authority.exchange(successor, &PLAIN).is_ok());
        assert!(taken.count() <= 1, "{schedule:?}");
    }
}

/// Runs an exchange of a token that has one in every order with `act`, which is followed by a question that tells whether the exchange had
/// been taken by then. Where it had not, what it gave is `as_after` the act.
fn what_is_counted_later_is_minted_later(
    operations: u32,
    act: impl Fn(&Authority) + Send + Sync,
    as_after: impl Fn(&World, &Exchanged) -> bool,
) {
    let wide = ExchangeRequest { scope: Some("wider"), ..PLAIN };
    let mut seen = [false; 2];
    for schedule in orders([EXCHANGE, operations]) {
        let world = World::new();
        let issued = world.issue(|request| request.bindings.max_exchanges = Some(1));
        let exchange = |authority: &Authority| authority.exchange(&issued.secret, &PLAIN).unwrap();
        let act_and_ask = |authority: &Authority| {
            act(authority);
            authority.exchange(&issued.secret, &wide).err().unwrap()
        };
        let (exchanged, refusal) = race(&world, exchange, act_and_ask, &schedule);
        let is_later = refusal == ExchangeError::InvalidScope;
        assert!(is_later || refusal == ExchangeError::InvalidGrant, "{refusal:?} {schedule:?}");
        assert!(!is_later || as_after(&world, &exchanged), "{schedule:?}");
        seen[usize::from(is_later)] = true;
    }
    assert_eq!(seen, [true, true]);
}

#[test]
fn whatever_the_order_what_was_not_counted_when_an_epoch_began_is_not_minted_in_the_one_before() {
    let advance = |authority: &Authority| drop(authority.advance(&Actor::Machine, None).unwrap());
    what_is_counted_later_is_minted_later(ADVANCE_AND_ASK, advance, |world, exchanged| {
        world.verdict(exchanged).is_ok()
    });
}

#[test]
fn whatever_the_order_what_was_not_counted_when_a_setting_changed_is_minted_by_the_new_one() {
    let set = |authority: &Authority| {
        let change = SettingsChange { access_token_expiration: Some(Seconds(60)), ..SettingsChange::default() };
        authority.set_settings(&Actor::Machine, &change, None, false).unwrap();
    };
    what_is_counted_later_is_minted_later(SET_AND_ASK, set, |_, exchanged| exchanged.expires_in <= Seconds(60));
}
