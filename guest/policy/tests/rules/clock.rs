//! Clocks that go back.

use jeton_policy::{
    authority::{Actor, ExchangeError, Expiry, IssueError},
    seconds::Seconds,
    verifier::Refusal,
};

use crate::world::{PLAIN, START, World, request};

#[test]
fn a_small_step_back_lets_time_stand_still() {
    let world = World::new();
    let issued = world.issue(|_| ());
    world.clock.pass(1_000);
    world.authority.sweep().unwrap();
    world.clock.set(START + 990, 0);
    let token = world.exchange(&issued);
    assert_eq!(token.jti.issued_at, Seconds(START + 1_000));
    assert_eq!(world.authority.time().unwrap().behind_by, Seconds(10));
}

#[test]
fn a_larger_step_back_stops_minting_and_nothing_else() {
    let world = World::new();
    let issued = world.issue(|_| ());
    world.clock.pass(1_000);
    world.authority.sweep().unwrap();
    let token = world.exchange(&issued);
    world.clock.set(START + 989, 0);
    assert_eq!(world.authority.exchange(&issued.secret, &PLAIN).map(|_| ()).unwrap_err(), ExchangeError::ClockBehind);
    assert_eq!(world.authority.issue(&Actor::Machine, &request()).map(|_| ()).unwrap_err(), IssueError::ClockBehind);
    assert_eq!(world.verdict(&token), Ok(()), "verification goes on");
    world.delete(&issued);
    assert_eq!(world.verdict(&token), Err(Refusal::Cut), "and so does ending");
    world.authority.advance(&Actor::Machine, None).unwrap();
    world.clock.set(START + 1_001, 0);
    assert!(world.authority.issue(&Actor::Machine, &request()).is_ok(), "until the clock has caught up");
}

#[test]
fn a_rewound_clock_revives_no_refresh_token() {
    let world = World::new();
    let issued = world.issue(|request| request.expiry = Expiry::After(Seconds(500)));
    world.clock.pass(1_000);
    world.authority.sweep().unwrap();
    for seconds in [START, START + 400, START + 995] {
        world.clock.set(seconds, 0);
        assert_eq!(
            world.authority.exchange(&issued.secret, &PLAIN).map(|_| ()).unwrap_err(),
            ExchangeError::InvalidGrant
        );
    }
}

#[test]
fn an_epoch_begun_on_a_rewound_clock_is_still_a_later_one() {
    let world = World::new();
    world.clock.pass(1_000);
    let before = world.authority.advance(&Actor::Machine, None).unwrap();
    world.clock.set(START - 5_000, 0);
    let after = world.authority.advance(&Actor::Machine, None).unwrap();
    assert!(after.number > before.number);
    assert!(after.began_at >= before.began_at);
}

#[test]
fn a_jump_forward_expires_and_what_expired_stays_expired() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    let mut verifier = world.verifier();
    world.clock.pass(1_000_000);
    assert_eq!(verifier.verify(&token.access_token, world.now()).map(|_| ()), Err(Refusal::Expired));
    world.clock.set(START + 1, 0);
    assert_eq!(verifier.verify(&token.access_token, world.now()).map(|_| ()), Err(Refusal::Expired));
}
