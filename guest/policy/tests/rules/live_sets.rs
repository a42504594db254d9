//! Which live sets a verifier takes over the one that it holds, and how long it goes by one.

use jeton_policy::{
    authority::Actor,
    digest::CutDigest,
    live::{Delta, LEASE, LoadError},
    seconds::Seconds,
    verifier::{Moment, Refusal, Verifier},
};

use crate::world::{START, World};

/// What is made different in news.
type Change = fn(&mut Delta);

/// News that fits what `verifier` holds, changed by `change`.
fn news(verifier: &Verifier, change: impl FnOnce(&mut Delta)) -> Vec<u8> {
    let live = verifier.live().unwrap();
    let mut delta = Delta {
        base: live.sequence(),
        sequence: live.sequence() + 1,
        as_of: live.as_of(),
        epoch_number: live.epoch().number(),
        cuts: vec![CutDigest([7; 16])],
        dropped: Vec::new(),
    };
    change(&mut delta);
    delta.render()
}

#[test]
fn news_of_the_past_is_older_and_news_of_another_base_or_epoch_leaves_a_gap() {
    let world = World::new();
    let mut verifier = world.verifier();
    let (sequence, cuts) = (verifier.live().unwrap().sequence(), verifier.live().unwrap().cuts());
    let cases: [(Change, LoadError); 5] = [
        (|delta| delta.epoch_number -= 1, LoadError::Older),
        (|delta| delta.sequence -= 2, LoadError::Older),
        (|delta| delta.epoch_number += 1, LoadError::Gap),
        (|delta| delta.base -= 1, LoadError::Gap),
        (|delta| delta.base += 1, LoadError::Gap),
    ];
    for (change, refusal) in cases {
        let news = news(&verifier, change);
        assert_eq!(verifier.load(&news).map(|_| ()), Err(refusal));
        let live = verifier.live().unwrap();
        assert_eq!((live.sequence(), live.cuts()), (sequence, cuts), "what is held is unchanged");
    }
}

#[test]
fn news_that_changes_nothing_but_the_time_is_taken() {
    let world = World::new();
    let mut verifier = world.verifier();
    let sequence = verifier.live().unwrap().sequence();
    let later = news(&verifier, |delta| (delta.sequence, delta.as_of) = (delta.base, Seconds(START + 5)));
    let live = verifier.load(&later).unwrap();
    assert_eq!((live.sequence(), live.as_of()), (sequence, Seconds(START + 5)));
    let earlier = news(&verifier, |delta| delta.as_of = Seconds(START));
    assert_eq!(verifier.load(&earlier).unwrap().as_of(), Seconds(START + 5), "time never goes back");
}

#[test]
fn the_same_document_is_taken_again_and_one_of_an_earlier_time_turns_no_clock_back() {
    let world = World::new();
    let mut verifier = world.verifier();
    let same = world.authority.snapshot().unwrap();
    assert!(verifier.load(&same).is_ok());
    world.clock.pass(5);
    verifier.load(&world.authority.snapshot().unwrap()).unwrap();
    assert_eq!(verifier.load(&same).unwrap().as_of(), Seconds(START + 5));
}

#[test]
fn a_live_set_is_gone_by_until_its_lease_is_over_where_the_lease_counts() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ())).access_token;
    let mut verifier = world.verifier();
    let mut verdict = |held_for, enforce_lease| {
        let at = Moment { held_for: Seconds(held_for), enforce_lease, ..world.now() };
        verifier.verify(&token, at).map(|_| ())
    };
    assert_eq!(verdict(0, true), Ok(()));
    assert_eq!(verdict(LEASE.0 - 1, true), Ok(()));
    assert_eq!(verdict(LEASE.0, true), Err(Refusal::Stale));
    assert_eq!(verdict(LEASE.0, false), Ok(()));
}

#[test]
fn news_within_an_epoch_turns_no_time_back_and_a_new_epoch_has_a_time_of_its_own() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued).access_token;
    let mut verifier = world.verifier();
    let late = Moment { now: Seconds(START + 10_000), ..world.now() };
    assert_eq!(verifier.verify(&token, late).map(|_| ()), Err(Refusal::Expired));
    let news = news(&verifier, |_| ());
    verifier.load(&news).unwrap();
    assert_eq!(verifier.verify(&token, world.now()).map(|_| ()), Err(Refusal::Expired), "the clock went back");
    world.authority.advance(&Actor::Machine, None).unwrap();
    verifier.load(&world.authority.snapshot().unwrap()).unwrap();
    let token = world.exchange(&issued).access_token;
    assert_eq!(verifier.verify(&token, world.now()).map(|_| ()), Ok(()));
}
