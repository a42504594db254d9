//! Import: each member within its bounds, and what comes in while others write.

use jeton_policy::{
    authority::{Actor, Authority, ExportedToken, Imported, IssueError, LAST_EXPIRY, LastUse, Query, State},
    record::{Ending, Reason},
    seconds::Seconds,
};

use crate::{
    stage::{orders, race},
    tombstones::{keys, sweep_all},
    world::{Issued, START, World},
};

/// Operations of an import: clock, read, the commit, and one more that finds what came in meanwhile.
const IMPORT: u32 = 4;

fn exported(world: &World) -> Vec<ExportedToken> {
    world.authority.export(1_000, None).unwrap().items
}

fn import(authority: &Authority, tokens: &[ExportedToken]) -> Vec<Imported> {
    authority.import(&Actor::Machine, tokens).unwrap()
}

/// A store that a token may come into, a while later.
fn later() -> World {
    let world = World::new();
    world.clock.pass(100);
    world
}

/// One token that was changed before it came in, and what came of it.
fn changed(change: impl FnOnce(&mut ExportedToken)) -> Imported {
    let from = World::new();
    from.issue(|request| request.bindings.max_exchanges = Some(3));
    let mut token = exported(&from).pop().unwrap();
    change(&mut token);
    import(&later().authority, &[token])[0]
}

fn ending(at: Seconds) -> Option<Ending> {
    Some(Ending { at, by: "machine".to_owned(), reason: Reason::Deleted, note: None })
}

#[test]
fn an_export_goes_on_until_its_last_page() {
    let world = World::new();
    for _ in 0..7 {
        world.issue(|_| ());
    }
    for limit in [1, 3, 6, 7, 8] {
        let (mut count, mut cursor) = (0, None);
        loop {
            let page = world.authority.export(limit, cursor.as_deref()).unwrap();
            count += page.items.len();
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(count, 7, "limit {limit}");
    }
}

#[test]
fn times_and_counts_are_within_their_bounds_or_the_token_stays_outside() {
    assert_eq!(changed(|_| ()), Imported::Imported);
    assert_eq!(changed(|token| token.expires_at = Some(LAST_EXPIRY)), Imported::Imported);
    let beyond = Seconds(LAST_EXPIRY.0 + 1);
    let out_of_range = Imported::Refused(IssueError::ExpiryOutOfRange);
    assert_eq!(changed(|token| token.expires_at = Some(beyond)), out_of_range);
    assert_eq!(changed(|token| token.exchanges_left = Some(0)), Imported::Imported);
    assert_eq!(changed(|token| token.exchanges_left = Some(4)), Imported::ExchangesLeftOutOfRange);
    assert_eq!(changed(|token| token.exchanges_left = None), Imported::ExchangesLeftOutOfRange);
    assert_eq!(changed(|token| token.disabled = ending(LAST_EXPIRY)), Imported::Imported);
    assert_eq!(changed(|token| token.disabled = ending(beyond)), Imported::EndingMalformed);
    let noted = |length| {
        let note = Some("x".repeat(length));
        changed(|token| token.disabled = ending(Seconds(START)).map(|ending| Ending { note, ..ending }))
    };
    assert_eq!((noted(500), noted(501)), (Imported::Imported, Imported::EndingMalformed));
    let dead = |left| {
        changed(|token| {
            (token.secret_sha256, token.ending, token.exchanges_left) = (None, ending(Seconds(START)), Some(left));
        })
    };
    assert_eq!(
        (dead(0), dead(3), dead(4)),
        (Imported::Imported, Imported::Imported, Imported::ExchangesLeftOutOfRange)
    );
}

#[test]
fn a_chain_comes_in_as_deep_as_the_settings_allow_and_no_deeper() {
    let from = World::new();
    let mut last: Issued = from.issue(|_| ());
    for _ in 0..8 {
        from.clock.pass(1);
        last = from.child_of(&last);
    }
    for (levels, refused) in [(8, 0), (7, 1)] {
        let to = later();
        to.set(|settings| settings.delegation_levels = Some(levels));
        let results = import(&to.authority, &exported(&from));
        let too_deep = |result: &&Imported| **result == Imported::Refused(IssueError::TooDeep);
        assert_eq!(results.iter().filter(too_deep).count(), refused, "{results:?}");
        assert_eq!(results.iter().filter(|result| **result == Imported::Imported).count(), 9 - refused);
    }
}

#[test]
fn what_comes_in_under_a_token_that_ended_long_ago_becomes_a_tombstone_too() {
    let from = World::new();
    let parent = from.issue(|_| ());
    from.clock.pass(1);
    from.issue(|_| ());
    from.clock.pass(1);
    let child = from.child_of(&parent);
    let all = exported(&from);
    let to = later();
    assert_eq!(import(&to.authority, &all[..1]), [Imported::Imported]);
    to.delete(&parent);
    sweep_all(&to);
    assert_eq!(import(&to.authority, &all[1..]), [Imported::Imported; 2], "beside one that has nothing to do with it");
    sweep_all(&to);
    assert_eq!(keys(&to, b"ended/"), 2);
    assert_eq!(to.show(&child).state, State::Deleted);
}

#[test]
fn a_token_that_was_used_is_listed_as_used_where_it_comes_in_and_no_other_is() {
    let from = World::new();
    let (used, unused) = (from.issue(|_| ()), from.issue(|_| ()));
    let mut all = exported(&from);
    for token in all.iter_mut().filter(|token| token.id == used.token.id.to_string()) {
        token.last_use = Some(LastUse { at: Seconds(START), address: Some("192.0.2.1".to_owned()), count: 2 });
    }
    let to = later();
    assert_eq!(import(&to.authority, &all), [Imported::Imported; 2]);
    let never = Query { never_used: true, limit: 10, ..Query::default() };
    let ids: Vec<_> = to.authority.list(&never).unwrap().items.iter().map(|token| token.id).collect();
    assert_eq!(ids, [unused.token.id]);
    assert_eq!((keys(&to, b"unused/"), keys(&to, b"name/"), keys(&to, b"last-used/")), (1, 2, 1));
    assert_eq!(to.show(&used).last_use.unwrap().address.as_deref(), Some("192.0.2.1"));
    for bad in ["a b".to_owned(), "1".repeat(46)] {
        for token in all.iter_mut().filter(|token| token.last_use.is_some()) {
            token.last_use = Some(LastUse { at: Seconds(START), address: Some(bad.clone()), count: 2 });
        }
        let to = later();
        import(&to.authority, &all);
        assert_eq!(to.show(&used).last_use.unwrap().address, None, "{bad:?} is no address");
    }
}

#[test]
fn whatever_the_order_of_two_imports_a_token_comes_in_once() {
    let from = World::new();
    from.issue(|_| ());
    let all = exported(&from);
    for schedule in orders([IMPORT, IMPORT]) {
        let to = later();
        let come = |authority: &Authority| import(authority, &all)[0];
        let (one, other) = race(&to, come, come, &schedule);
        let mut both = [one, other];
        both.sort_by_key(|result| *result != Imported::Imported);
        assert_eq!(both, [Imported::Imported, Imported::AlreadyThere], "{schedule:?}");
    }
}
