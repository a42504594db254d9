//! Cuts are kept for as long as they can hit anything, and no longer.

use jeton_policy::{
    authority::{Authority, COMMIT_GUARD, MAX_SWEPT, REMEMBERED_FOR, Swept},
    seconds::Seconds,
};

use crate::{
    stage::{orders, race},
    tombstones::sweep_all,
    world::World,
};

fn cuts(world: &World) -> usize {
    world.verifier().live().unwrap().cuts()
}

#[test]
fn a_cut_is_dropped_once_nothing_is_left_that_it_could_hit() {
    let world = World::new();
    world.delete(&world.issue(|_| ()));
    world.clock.pass(900 + COMMIT_GUARD.0);
    world.authority.sweep().unwrap();
    assert_eq!(cuts(&world), 1);
    world.clock.pass(1);
    assert_eq!(world.authority.sweep().unwrap().dropped, 1);
    assert_eq!(cuts(&world), 0);
}

#[test]
fn a_cut_is_kept_for_the_largest_ttl_that_was_ever_in_force() {
    let world = World::new();
    let lives = |seconds: u64| world.set(|change| change.access_token_expiration = Some(Seconds(seconds)));
    lives(7_200);
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    lives(60);
    world.delete(&issued);
    world.clock.pass(7_199);
    world.authority.sweep().unwrap();
    assert!(world.verdict(&token).is_err(), "its last second, and the cut still holds");
    assert_eq!(cuts(&world), 1);
    world.clock.pass(COMMIT_GUARD.0 + 2);
    world.authority.sweep().unwrap();
    assert_eq!(cuts(&world), 0);
}

#[test]
fn a_refresh_tokens_own_ttl_keeps_cuts_as_well() {
    let world = World::new();
    let issued = world.issue(|request| request.access_ttl = Some(Seconds(86_400)));
    let token = world.exchange(&issued);
    world.delete(&issued);
    world.clock.pass(86_399);
    world.authority.sweep().unwrap();
    assert!(world.verdict(&token).is_err());
    assert_eq!(cuts(&world), 1);
}

#[test]
fn sweeping_goes_in_bounded_steps() {
    let world = World::new();
    let count = usize::try_from(MAX_SWEPT).unwrap() + 100;
    for _ in 0..count {
        world.delete(&world.issue(|_| ()));
    }
    world.clock.pass(961);
    let first = world.authority.sweep().unwrap();
    assert_eq!((first.dropped, first.more), (MAX_SWEPT, true));
    let second = world.authority.sweep().unwrap();
    assert_eq!((second.dropped, second.more), (100, true));
    assert_eq!(cuts(&world), 0);
    let rest = sweep_all(&world);
    assert_eq!((rest.dropped, rest.more), (0, false));
}

#[test]
fn the_mark_moves_in_coarse_steps() {
    use jeton_policy::store::{Direction, Store as _};
    let world = World::new();
    let revision = || world.store.scan(b"clock", None, Direction::Ascending, 1).unwrap().items[0].version;
    let before = revision();
    world.clock.pass(9);
    world.authority.sweep().unwrap();
    assert_eq!(revision(), before);
    world.clock.pass(1);
    world.authority.sweep().unwrap();
    assert!(revision() > before);
}

#[test]
fn whoever_of_two_sweepers_came_too_late_is_told_that_there_may_be_more() {
    let mut conflicts = 0_u32;
    for schedule in orders([4, 4]) {
        let world = World::new();
        world.delete(&world.issue(|_| ()));
        world.clock.pass(900 + COMMIT_GUARD.0 + 1);
        let sweep = |authority: &Authority| authority.sweep().unwrap();
        let (one, other) = race(&world, sweep, sweep, &schedule);
        assert_eq!(one.dropped + other.dropped, 1, "{schedule:?}");
        assert!(one.more && other.more, "its children are still to be looked for: {schedule:?}");
        let in_vain = |swept: &Swept| *swept == Swept { more: true, ..Swept::default() };
        conflicts += u32::from(in_vain(&one) || in_vain(&other));
        sweep_all(&world);
        assert_eq!(cuts(&world), 0);
    }
    assert!(conflicts > 10, "the race was really run: {conflicts}");
}

#[test]
fn a_step_that_forgot_something_is_followed_by_another() {
    let world = World::new();
    world.issue(|request| request.idempotency_key = Some("once".to_owned()));
    world.clock.pass(REMEMBERED_FOR.0);
    let first = world.authority.sweep().unwrap();
    assert_eq!((first.forgotten, first.more), (1, true));
    assert_eq!(world.authority.sweep().unwrap(), Swept::default());
}
