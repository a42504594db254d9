//! What becomes of what has ended: its children, and itself when its time is over.

use jeton_policy::{
    authority::{Actor, Deletion, MAX_ENTOMBED, MAX_REMOVED, MAX_SWEPT, ShowError, State, Swept, Token},
    record::{Conduct, Reason},
    seconds::Seconds,
    store::{Direction, Store as _},
};

use crate::world::{Issued, PLAIN, World, scopes};

const DAY: u64 = 24 * 60 * 60;
const RETENTION: u64 = 400 * DAY;

/// Sweeps until nothing is left to do; gives what was done in all. No step exceeds its bounds.
pub(crate) fn sweep_all(world: &World) -> Swept {
    let mut sum = Swept::default();
    for _ in 0..10_000 {
        let swept = world.authority.sweep().unwrap();
        assert!(swept.dropped <= MAX_SWEPT && swept.forgotten <= MAX_SWEPT);
        assert!(swept.entombed <= MAX_ENTOMBED && swept.removed <= MAX_REMOVED);
        sum = Swept {
            dropped: sum.dropped + swept.dropped,
            entombed: sum.entombed + swept.entombed,
            removed: sum.removed + swept.removed,
            forgotten: sum.forgotten + swept.forgotten,
            more: swept.more,
        };
        if !swept.more {
            return sum;
        }
    }
    panic!("the sweep never ends: {sum:?}");
}

/// How many keys begin with `prefix`.
pub(crate) fn keys(world: &World, prefix: &[u8]) -> usize {
    let (mut count, mut after) = (0, None::<Vec<u8>>);
    loop {
        let page = world.store.scan(prefix, after.as_deref(), Direction::Ascending, 1000).unwrap().items;
        count += page.len();
        match page.last() {
            Some(last) => after = Some(last.key.clone()),
            None => return count,
        }
    }
}

fn shown(world: &World, ids: &[String]) -> Vec<Token> {
    ids.iter().map(|id| world.authority.show(id).unwrap()).collect()
}

#[test]
fn the_whole_tree_below_an_ended_token_becomes_tombstones_and_looks_as_it_did() {
    let world = World::new();
    let root = world.issue(|_| ());
    let mut ids = vec![root.token.id.to_string()];
    for _ in 0..5 {
        let child = world.child_of(&root);
        ids.push(child.token.id.to_string());
        for _ in 0..3 {
            let grandchild = world.issue(|request| {
                request.parent = Some(child.token.id.to_string());
                request.bindings.max_exchanges = Some(7);
            });
            ids.push(grandchild.token.id.to_string());
        }
    }
    let bystander = world.issue(|_| ());
    world.clock.pass(3);
    world.authority.delete(&Actor::Machine, &ids[..1], Reason::Compromised, Some("leaked")).unwrap();
    let before = shown(&world, &ids);
    assert!(before.iter().all(|token| token.state == State::Deleted));
    assert!(before[1..].iter().all(|token| token.ending.as_ref().unwrap().reason == Reason::ParentEnded));
    let swept = sweep_all(&world);
    assert_eq!(swept.entombed, 20);
    assert_eq!(shown(&world, &ids), before, "what had ended looks as it did");
    assert_eq!(keys(&world, b"ended/"), 21);
    assert_eq!(keys(&world, b"entomb/"), 0);
    assert_eq!(world.authority.show(&bystander.token.id.to_string()).unwrap().state, State::Active);
    assert_eq!(sweep_all(&world), Swept::default());
}

#[test]
fn a_tombstone_keeps_no_secret_of_any_kind() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.conduct = Conduct { rotates_on_use: true, ..Conduct::default() };
        request.bindings.max_exchanges = Some(9);
    });
    let exchanged = world.exchange(&issued);
    assert_eq!((keys(&world, b"rotation/"), keys(&world, b"exchanges/")), (1, 1));
    world.delete(&issued);
    assert_eq!((keys(&world, b"rotation/"), keys(&world, b"exchanges/")), (0, 0));
    for secret in [&issued.secret, &exchanged.refresh_token.unwrap()] {
        assert!(world.authority.exchange(secret, &PLAIN).is_err());
        let digest = jeton_policy::refresh_token::RefreshToken::parse(secret).unwrap().digest().0;
        let stored = world.store.scan(b"", None, Direction::Ascending, 1000).unwrap().items;
        assert!(stored.iter().all(|item| !item.value.windows(32).any(|part| part == digest)));
    }
    let token = world.authority.show(&issued.token.id.to_string()).unwrap();
    assert_eq!(token.exchanges_left, Some(0), "nothing is left of it");
}

#[test]
fn a_wide_tree_is_entombed_in_bounded_steps() {
    let world = World::new();
    let root = world.issue(|_| ());
    let count = MAX_ENTOMBED * 3 + 7;
    for _ in 0..count {
        world.child_of(&root);
    }
    world.delete(&root);
    let mut steps = 0;
    while keys(&world, b"ended/") <= usize::try_from(count).unwrap() {
        let swept = world.authority.sweep().unwrap();
        assert!(swept.entombed <= MAX_ENTOMBED && swept.more);
        steps += 1;
    }
    assert!(steps >= 4, "{steps} steps");
    sweep_all(&world);
    assert_eq!(keys(&world, b"entomb/"), 0);
}

#[test]
fn of_all_that_ended_a_child_the_first_stands_there_whenever_the_sweeper_comes() {
    for (child_is_first, reason) in [(true, Reason::Unused), (false, Reason::ParentEnded)] {
        for is_swept_between in [true, false] {
            let world = World::new();
            let root = world.issue(|_| ());
            let child = world.child_of(&root);
            let delete = |issued: &Issued| {
                let ids = [issued.token.id.to_string()];
                let deleted = world.authority.delete(&Actor::Machine, &ids, Reason::Unused, None).unwrap();
                world.clock.pass(1);
                deleted.results
            };
            let first = if child_is_first { delete(&child) } else { delete(&root) };
            assert_eq!(first, [Deletion::Deleted]);
            if is_swept_between {
                sweep_all(&world);
            }
            let second = if child_is_first { delete(&root) } else { delete(&child) };
            assert_eq!(second, [if child_is_first { Deletion::Deleted } else { Deletion::AlreadyDeleted }]);
            assert_eq!(world.show(&child).ending.unwrap().reason, reason);
            sweep_all(&world);
            assert_eq!(world.show(&child).ending.unwrap().reason, reason, "swept between: {is_swept_between}");
        }
    }
}

#[test]
fn a_tombstone_is_kept_for_its_time_and_then_every_key_of_it_goes() {
    let world = World::new();
    let empty = keys(&world, b"");
    let root = world.issue(|request| request.owner = Some("alice".to_owned()));
    let child = world.issue(|request| {
        request.parent = Some(root.token.id.to_string());
        request.conduct = Conduct { rotates_on_use: true, ..Conduct::default() };
        request.bindings.max_exchanges = Some(1_000);
        request.idempotency_key = Some("once".to_owned());
    });
    let mut secret = child.secret.clone();
    for _ in 0..5 {
        let exchanged = world.authority.exchange(&secret, &PLAIN).unwrap();
        world.authority.revoke(&exchanged.access_token).unwrap();
        secret = exchanged.refresh_token.unwrap();
    }
    world.delete(&root);
    sweep_all(&world);
    world.clock.pass(RETENTION - 1);
    sweep_all(&world);
    let ids = [&root, &child].map(|issued| issued.token.id.to_string());
    for id in &ids {
        assert_eq!(world.authority.show(id).unwrap().state, State::Deleted, "a second is left");
    }
    world.clock.pass(1);
    assert_eq!(sweep_all(&world).removed, 2);
    for id in &ids {
        assert_eq!(world.authority.show(id), Err(ShowError::NotFound));
    }
    let left = world.store.scan(b"", None, Direction::Ascending, 1000).unwrap().items;
    let left: Vec<_> = left.iter().map(|item| String::from_utf8_lossy(&item.key).into_owned()).collect();
    assert_eq!(left.len(), empty + 1, "nothing but the owner is left: {left:?}");
}

#[test]
fn how_long_tombstones_are_kept_is_a_setting_and_the_many_go_in_bounded_steps() {
    let world = World::new();
    let issued: Vec<_> = (0..200).map(|_| world.issue(|_| ()).token.id.to_string()).collect();
    world.authority.delete(&Actor::Machine, &issued, Reason::Unused, None).unwrap();
    world.clock.pass(RETENTION);
    let living = world.issue(|_| ());
    let expired = world.issue(|request| request.expiry = jeton_policy::authority::Expiry::After(Seconds(1)));
    let mut removed = 0;
    for _ in 0..100 {
        let swept = world.authority.sweep().unwrap();
        assert!(swept.removed <= MAX_REMOVED);
        removed += swept.removed;
        if !swept.more {
            break;
        }
    }
    assert_eq!(removed, 200);
    world.clock.pass(RETENTION);
    sweep_all(&world);
    for left in [&living, &expired] {
        assert!(world.authority.show(&left.token.id.to_string()).is_ok(), "what was never deleted stays");
    }
}

#[test]
fn more_spent_secrets_than_a_step_may_remove_go_before_their_tombstone() {
    let world = World::new();
    let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, ..Conduct::default() });
    let mut secret = issued.secret.clone();
    for _ in 0..MAX_SWEPT {
        secret = world.authority.exchange(&secret, &PLAIN).unwrap().refresh_token.unwrap();
    }
    let spent = keys(&world, b"spent/");
    assert!(spent > 400, "{spent}");
    world.delete(&issued);
    world.clock.pass(RETENTION);
    assert_eq!(sweep_all(&world).removed, 1);
    assert_eq!((keys(&world, b"spent/"), keys(&world, b"spent-due/"), keys(&world, b"token/")), (0, 0, 0));
}

#[test]
fn spent_secrets_and_requests_are_forgotten_when_their_time_is_over() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.conduct = Conduct { rotates_on_use: true, ..Conduct::default() };
        request.expiry = jeton_policy::authority::Expiry::Never;
        request.idempotency_key = Some("once".to_owned());
    });
    let mut secret = issued.secret.clone();
    for _ in 0..3 {
        secret = world.authority.exchange(&secret, &PLAIN).unwrap().refresh_token.unwrap();
    }
    let spent = keys(&world, b"spent/");
    assert_eq!((keys(&world, b"idempotent/"), spent > 0), (1, true));
    world.clock.pass(DAY - 1);
    assert_eq!(sweep_all(&world).forgotten, 0);
    world.clock.pass(1);
    assert_eq!(sweep_all(&world).forgotten, 1);
    assert_eq!((keys(&world, b"idempotent/"), keys(&world, b"idempotent-due/")), (0, 0));
    world.clock.pass(89 * DAY);
    assert_eq!(sweep_all(&world).forgotten, u32::try_from(spent).unwrap());
    assert_eq!((keys(&world, b"spent/"), keys(&world, b"spent-due/")), (0, 0));
    assert!(world.authority.exchange(&secret, &PLAIN).is_ok(), "the one in force is none of them");
}

#[test]
fn only_the_policy_says_what_it_found_itself() {
    use jeton_policy::authority::DeleteError;
    let world = World::new();
    let issued = world.issue(|request| request.scopes = scopes(&["orders"]));
    let id = [issued.token.id.to_string()];
    for reason in [Reason::ParentEnded, Reason::ReuseDetected, Reason::RevokedByHolder, Reason::ClockAccepted] {
        let refused = world.authority.delete(&Actor::Machine, &id, reason, None);
        assert_eq!(refused, Err(DeleteError::ReasonReserved), "{reason:?}");
    }
    assert_eq!(world.authority.show(&id[0]).unwrap().state, State::Active);
}

#[test]
fn a_tombstone_with_more_spent_secrets_than_a_step_removes_takes_all_of_them_along() {
    let world = World::new();
    world.set(|settings| settings.tombstone_retention = Some(Seconds(86_400)));
    let issued = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, ..Conduct::default() });
    let mut secret = issued.secret.clone();
    for _ in 0..MAX_SWEPT {
        secret = world.authority.exchange(&secret, &PLAIN).unwrap().refresh_token.unwrap();
    }
    world.delete(&issued);
    sweep_all(&world);
    assert!(keys(&world, b"spent/") > (MAX_SWEPT / 2) as usize);
    world.clock.pass(86_400);
    sweep_all(&world);
    assert_eq!((keys(&world, b"spent/"), keys(&world, b"spent-due/"), keys(&world, b"token/")), (0, 0, 0));
}
