//! Each clause of the one rule, alone. Take any of them away and one of these fails.

use crate::world::World;
use jeton_policy::{
    authority::Actor,
    life::SKEW,
    seconds::Seconds,
    verifier::{Moment, Refusal},
};

#[test]
fn a_token_lives_from_its_minting_to_the_second_before_its_expiry() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    assert_eq!(world.verdict(&token), Ok(()));
    world.clock.pass(899);
    assert_eq!(world.verdict(&token), Ok(()));
    world.clock.pass(1);
    assert_eq!(world.verdict(&token), Err(Refusal::Expired));
}

#[test]
fn a_token_of_another_epoch_is_dead_even_where_its_signature_is_remembered() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    let mut verifier = world.verifier();
    assert!(verifier.verify(&token.access_token, world.now()).is_ok());
    world.authority.advance(&Actor::Machine, None).unwrap();
    verifier.load(&world.authority.snapshot().unwrap()).unwrap();
    assert_eq!(verifier.verify(&token.access_token, world.now()).map(|_| ()), Err(Refusal::WrongEpoch));
}

#[test]
fn a_remembered_token_still_expires_and_is_still_cut() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let (one, other) = (world.exchange(&issued), world.exchange(&issued));
    let mut verifier = world.verifier();
    for token in [&one, &other] {
        assert!(verifier.verify(&token.access_token, world.now()).is_ok());
    }
    let late = Moment { now: Seconds(world.clock.seconds() + 900), ..world.now() };
    let mut late_verifier = world.verifier();
    assert!(late_verifier.verify(&one.access_token, world.now()).is_ok());
    assert_eq!(late_verifier.verify(&one.access_token, late).map(|_| ()), Err(Refusal::Expired));
    world.delete(&issued);
    verifier.load(&world.authority.snapshot().unwrap()).unwrap();
    for token in [&one, &other] {
        assert_eq!(verifier.verify(&token.access_token, world.now()).map(|_| ()), Err(Refusal::Cut));
    }
}

#[test]
fn a_token_from_the_future_is_not_yet_valid_beyond_the_skew() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let verifier = || {
        // The live set is old, so that only the caller's clock tells the time.
        let mut verifier = jeton_policy::verifier::Verifier::new();
        verifier.load(&world.authority.snapshot().unwrap()).unwrap();
        verifier
    };
    let (mut at_the_edge, mut beyond) = (verifier(), verifier());
    world.clock.pass(1_000);
    let token = world.exchange(&issued);
    let minted = world.clock.seconds();
    let at = |now: u64| Moment { now: Seconds(now), ..world.now() };
    assert!(at_the_edge.verify(&token.access_token, at(minted - SKEW.0)).is_ok());
    let early = beyond.verify(&token.access_token, at(minted - SKEW.0 - 1)).map(|_| ());
    assert_eq!(early, Err(Refusal::NotYetValid));
}

#[test]
fn leeway_never_revives_what_has_expired() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    let mut verifier = world.verifier();
    let at = |now: u64| Moment { now: Seconds(now), ..world.now() };
    let expiry = world.clock.seconds() + 900;
    assert_eq!(verifier.verify(&token.access_token, at(expiry)).map(|_| ()), Err(Refusal::Expired));
    let rewound = verifier.verify(&token.access_token, at(expiry - 800)).map(|_| ());
    assert_eq!(rewound, Err(Refusal::Expired), "a clock that is set back revives nothing");
}
