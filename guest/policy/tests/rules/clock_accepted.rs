//! A clock that went back is accepted by an administrator. Nothing is revived.

use jeton_policy::{
    authority::{Accepted, Actor, Expiry, MAX_ENTOMBED, SettingsChange, State},
    record::{EpochReason, Reason},
    seconds::Seconds,
    verifier::Refusal,
};

use crate::{
    explain::{end, of_token, told},
    tombstones::sweep_all,
    world::{Issued, PLAIN, START, World},
};

/// The wrong clock is a day ahead.
const WRONG: u64 = START + 86_400;

/// Accepts until there is no more; gives how many ended and in how many steps.
fn accept(world: &World, keep: bool, reached: u64) -> (u32, u32) {
    let (mut ended, mut steps) = (0, 0);
    loop {
        let accepted = world.authority.accept_clock(keep, Seconds(reached)).unwrap();
        assert!(accepted.ended <= MAX_ENTOMBED);
        ended += accepted.ended;
        steps += 1;
        if !accepted.more {
            return (ended, steps);
        }
    }
}

fn expiring(world: &World, at: u64) -> Issued {
    world.issue(|request| request.expiry = Expiry::At(Seconds(at)))
}

/// The clock goes to the wrong time, the mark moves there, and it comes back.
fn go_wrong(world: &World) {
    world.clock.set(WRONG, 0);
    sweep_all(world);
    world.clock.set(START + 60, 0);
}

#[test]
fn minting_goes_on_and_nothing_is_revived() {
    let world = World::new();
    let (short, long) = (expiring(&world, START + 3_600), world.issue(|_| ()));
    let before = world.exchange(&long);
    go_wrong(&world);
    assert!(world.authority.exchange(&long.secret, &PLAIN).is_err(), "behind");
    let epoch = world.authority.epoch().unwrap();
    assert_eq!(accept(&world, false, 0).0, 1);
    let next = world.authority.epoch().unwrap();
    assert!(next.number > epoch.number);
    assert_eq!((next.reason, next.by.as_str(), next.began_at.0), (EpochReason::Order, "machine", START + 60));
    assert_eq!(world.verdict(&before), Err(Refusal::WrongEpoch), "its 900 s were over by the wrong clock");
    assert!(world.authority.exchange(&short.secret, &PLAIN).is_err(), "it had expired by the wrong clock");
    let shown = world.authority.show(&short.token.id.to_string()).unwrap();
    let ending = shown.ending.unwrap();
    assert_eq!((ending.at.0, ending.by.as_str(), ending.reason), (START + 60, "machine", Reason::ClockAccepted));
    let token = world.exchange(&long);
    assert_eq!((token.jti.issued_at, world.verdict(&token)), (Seconds(START + 60), Ok(())));
    assert_eq!(world.authority.time().unwrap().behind_by, Seconds(0));
    assert_eq!(told(&of_token(&world, &short.secret)).3, Some(Reason::ClockAccepted));
}

#[test]
fn keep_spares_the_refresh_tokens_and_nothing_else() {
    let world = World::new();
    let (short, long) = (expiring(&world, START + 3_600), world.issue(|_| ()));
    let before = world.exchange(&long);
    go_wrong(&world);
    assert_eq!(accept(&world, true, 0), (0, 1));
    assert_eq!(world.verdict(&before), Err(Refusal::WrongEpoch));
    let token = world.exchange(&short);
    assert_eq!(world.verdict(&token), Ok(()));
}

#[test]
fn a_clock_that_is_not_behind_is_accepted_already() {
    let world = World::new();
    let short = expiring(&world, START + 3_600);
    let epoch = world.authority.epoch().unwrap();
    let accepted = world.authority.accept_clock(false, Seconds(0)).unwrap();
    assert_eq!(accepted, Accepted { time: Seconds(START), ended: 0, more: false });
    assert_eq!(world.authority.epoch().unwrap(), epoch);
    assert!(world.authority.exchange(&short.secret, &PLAIN).is_ok());
}

#[test]
fn what_the_host_alone_has_seen_counts_as_reached() {
    let world = World::new();
    let short = expiring(&world, START + 3_600);
    world.clock.set(START + 60, 0);
    assert_eq!(accept(&world, false, WRONG).0, 1, "the leap was too short for the mark to move");
    assert!(world.authority.exchange(&short.secret, &PLAIN).is_err());
}

#[test]
fn only_what_the_wrong_clock_reached_ends() {
    let world = World::new();
    let expired_before = expiring(&world, START + 30);
    let expires_now = expiring(&world, START + 60);
    // The stored mark lags: what expired up to two of its steps later may have been found expired.
    let (reached, later) = (expiring(&world, WRONG + 20), expiring(&world, WRONG + 21));
    go_wrong(&world);
    assert_eq!(accept(&world, false, 0).0, 1);
    let state = |issued: &Issued| world.authority.show(&issued.token.id.to_string()).unwrap().state;
    assert_eq!([&expired_before, &expires_now].map(state), [State::Expired; 2], "by the right clock as well");
    assert_eq!([&reached, &later].map(state), [State::Deleted, State::Active]);
}

#[test]
fn many_tokens_end_in_bounded_steps_and_until_the_last_nothing_is_accepted() {
    let world = World::new();
    let count = MAX_ENTOMBED * 3 + 5;
    let mut last = None;
    for _ in 0..count {
        last = Some(expiring(&world, START + 3_600));
    }
    let last = last.unwrap();
    go_wrong(&world);
    let first = world.authority.accept_clock(false, Seconds(0)).unwrap();
    assert_eq!((first.ended, first.more), (MAX_ENTOMBED, true));
    assert!(world.authority.time().unwrap().behind_by > Seconds(10), "not accepted yet");
    assert!(world.authority.exchange(&last.secret, &PLAIN).is_err());
    // The command was interrupted; it goes on where it stopped, and a little later.
    world.clock.pass(5);
    let (ended, steps) = accept(&world, false, 0);
    assert_eq!(ended, count - MAX_ENTOMBED);
    assert!(steps >= 4, "{steps}");
    assert_eq!(world.authority.time().unwrap().behind_by, Seconds(0));
}

#[test]
fn a_clock_that_goes_back_again_begins_anew() {
    let world = World::new();
    for _ in 0..150 {
        expiring(&world, START + 3_600);
    }
    let early = expiring(&world, START + 50);
    go_wrong(&world);
    world.authority.accept_clock(false, Seconds(0)).unwrap();
    world.clock.set(START + 40, 0);
    accept(&world, false, 0);
    assert!(world.authority.exchange(&early.secret, &PLAIN).is_err(), "it had expired when the command began");
}

#[test]
fn a_token_that_the_settings_capped_is_not_revived_either() {
    let world = World::new();
    let capped = world.issue(|request| request.expiry = Expiry::At(Seconds(WRONG + 90_000)));
    let change = SettingsChange {
        refresh_token_expiration: Some(Seconds(3_600)),
        refresh_token_maximum: Some(Some(Seconds(3_600))),
        ..SettingsChange::default()
    };
    world.authority.set_settings(&Actor::Machine, &change, None, false).unwrap();
    go_wrong(&world);
    assert_eq!(accept(&world, false, 0).0, 1);
    assert!(world.authority.exchange(&capped.secret, &PLAIN).is_err());
}

#[test]
fn a_secret_whose_overlap_was_over_is_not_taken_again() {
    let world = World::new();
    let issued = world.issue(|_| ());
    world.authority.rotate(&Actor::Machine, &issued.token.id.to_string(), Seconds(3_600), None).unwrap();
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_ok());
    go_wrong(&world);
    let generation = world.show(&issued).generation;
    accept(&world, false, 0);
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_err());
    assert_eq!(world.show(&issued).generation, generation + 1, "an edit that knew it before is told");
}

#[test]
fn what_descends_from_an_ended_one_ends_with_it() {
    let world = World::new();
    let parent = expiring(&world, START + 3_600);
    let child = world.child_of(&parent);
    let gone = world.issue(|_| ());
    end(&world, &gone, Reason::Deleted, None);
    go_wrong(&world);
    assert!(accept(&world, false, 0).0 >= 1);
    sweep_all(&world);
    for issued in [&parent, &child] {
        assert_eq!(world.authority.show(&issued.token.id.to_string()).unwrap().state, State::Deleted);
    }
}

#[test]
fn a_tombstone_tells_what_it_told_whatever_ends_above_it_at_an_earlier_time() {
    for (keep, is_swept) in [(false, true), (true, true), (true, false)] {
        let world = World::new();
        let top = world.issue(|_| ());
        let middle = world.child_of(&top);
        let below = world.child_of(&middle);
        world.clock.set(WRONG, 0);
        world.authority.sweep().unwrap();
        end(&world, &middle, Reason::Compromised, Some("seen on a wall"));
        let told_before =
            [&middle, &below].map(|issued| (world.show(issued).ending, told(&of_token(&world, &issued.secret))));
        if is_swept {
            sweep_all(&world);
        }
        world.clock.set(START + 60, 0);
        accept(&world, keep, 0);
        world.delete(&top);
        for _ in 0..2 {
            let told_now =
                [&middle, &below].map(|issued| (world.show(issued).ending, told(&of_token(&world, &issued.secret))));
            assert_eq!(told_now, told_before, "keep: {keep}, swept: {is_swept}");
            sweep_all(&world);
        }
        assert_eq!(world.show(&middle).ending.unwrap().at.0, WRONG);
    }
}
