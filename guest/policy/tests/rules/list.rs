//! Pages of refresh tokens.

use jeton_policy::{
    authority::{Expiry, ListError, MAX_EXAMINED, Query, Sort, Span, State, Token},
    seconds::Seconds,
};

use crate::world::World;

fn all(world: &World, query: &Query) -> Vec<Token> {
    let (mut tokens, mut cursor) = (Vec::new(), None);
    loop {
        let page = world.authority.list(&Query { cursor, ..query.clone() }).unwrap();
        assert!(page.items.len() <= query.limit.try_into().unwrap());
        tokens.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return tokens;
        }
    }
}

fn by(limit: u32) -> Query {
    Query { limit, ..Query::default() }
}

#[test]
fn pages_hold_every_token_once_and_the_newest_first() {
    let world = World::new();
    let mut made = Vec::new();
    for _ in 0..25 {
        made.push(world.issue(|_| ()).token);
        world.clock.pass(1);
    }
    made.reverse();
    for limit in [1, 7, 24, 25, 26, 1000] {
        assert_eq!(all(&world, &by(limit)), made, "limit {limit}");
    }
    let exact = world.authority.list(&by(25)).unwrap();
    assert_eq!(exact.next, None, "a full last page has no next");
}

#[test]
fn tokens_made_while_paging_neither_shift_nor_repeat() {
    let world = World::new();
    let made: Vec<_> = (0..6)
        .map(|_| {
            world.clock.pass(1);
            world.issue(|_| ()).token.id
        })
        .collect();
    let first = world.authority.list(&by(3)).unwrap();
    world.clock.pass(1);
    world.issue(|_| ());
    let second = world.authority.list(&Query { cursor: first.next, ..by(3) }).unwrap();
    let seen: Vec<_> = first.items.iter().chain(&second.items).map(|token| token.id).collect();
    assert_eq!(seen, made.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn filters_narrow_together() {
    let world = World::new();
    let make = |name: &str, owner: Option<&str>| {
        world.issue(|request| {
            request.name = name.to_owned();
            request.owner = owner.map(str::to_owned);
        })
    };
    let (backup, bill, other) = (make("backup", Some("alice")), make("billing", Some("alice")), make("build", None));
    let short = world.issue(|request| {
        request.name = "brief".to_owned();
        request.expiry = Expiry::After(Seconds(1));
    });
    world.clock.pass(1);
    world.delete(&bill);
    let names = |query: Query| all(&world, &query).into_iter().map(|token| token.name).collect::<Vec<_>>();
    let name = |name: &str| Query { name: Some(name.to_owned()), ..by(10) };
    let owner = |owner: &str| Query { owner: Some(owner.to_owned()), ..by(10) };
    assert_eq!(names(name("b")), ["backup", "billing", "brief", "build"], "in the order of names");
    assert_eq!(names(name("bi")), ["billing"]);
    assert_eq!(names(name("B")), Vec::<String>::new(), "case matters");
    assert_eq!(names(Query { owner: Some("alice".to_owned()), ..name("ba") }), ["backup"]);
    assert_eq!(names(owner("alice")).len(), 2);
    assert_eq!(names(owner("al")), Vec::<String>::new());
    let state = |state: State| names(Query { state: Some(state), ..by(10) });
    assert_eq!((state(State::Deleted), state(State::Expired)), (vec![bill.token.name], vec![short.token.name]));
    let mut active = state(State::Active);
    active.sort();
    assert_eq!(active, [backup.token.name, other.token.name]);
    assert_eq!(state(State::Disabled), Vec::<String>::new());
}

#[test]
fn names_longer_than_their_index_are_still_told_apart() {
    let world = World::new();
    let long = "x".repeat(150);
    for end in ["a", "b"] {
        world.issue(|request| request.name = format!("{long}{end}"));
    }
    let found = all(&world, &Query { name: Some(format!("{long}b")), ..by(10) });
    assert_eq!(found.len(), 1);
    assert!(found[0].name.ends_with('b'));
}

#[test]
fn a_page_examines_a_bounded_number_of_records() {
    let world = World::new();
    let hit = world.issue(|request| request.owner = Some("rare".to_owned()));
    world.clock.pass(1);
    for _ in 0..=MAX_EXAMINED {
        world.issue(|_| ());
    }
    world.delete(&hit);
    let query = Query { state: Some(State::Deleted), ..by(1) };
    let first = world.authority.list(&query).unwrap();
    assert!(first.items.is_empty() && first.next.is_some());
    assert_eq!(all(&world, &query).len(), 1);
}

#[test]
fn a_cursor_is_good_for_its_own_query_alone() {
    let world = World::new();
    for _ in 0..5 {
        world.issue(|request| request.owner = Some("alice".to_owned()));
    }
    let cursor = world.authority.list(&by(2)).unwrap().next.unwrap();
    let with = |cursor: String, query: Query| world.authority.list(&Query { cursor: Some(cursor), ..query }).err();
    assert_eq!(with(cursor.clone(), by(3)), None, "the size of a page may change");
    let owned = Query { owner: Some("alice".to_owned()), ..by(2) };
    assert_eq!(with(cursor.clone(), owned), Some(ListError::CursorInvalid));
    let mut tampered = cursor.clone().into_bytes();
    let place = tampered.len() - 3;
    tampered[place] = if tampered[place] == b'A' { b'B' } else { b'A' };
    for bad in [String::from_utf8(tampered).unwrap(), String::new(), "!".to_owned(), cursor[1..].to_owned()] {
        assert_eq!(with(bad, by(2)), Some(ListError::CursorInvalid));
    }
}

#[test]
fn limits_and_filters_have_their_rules() {
    let world = World::new();
    let refusal = |query: Query| world.authority.list(&query).err();
    assert_eq!(refusal(by(0)), Some(ListError::LimitOutOfRange));
    assert_eq!(refusal(by(1001)), Some(ListError::LimitOutOfRange));
    for part in ["x", "\u{e4}"] {
        let named = |length| Query { name: Some(part.repeat(length)), ..by(1) };
        let containing = |length| Query { name_contains: Some(part.repeat(length)), ..by(1) };
        assert_eq!((refusal(named(200)), refusal(containing(200))), (None, None));
        assert_eq!(refusal(named(201)), Some(ListError::NameTooLong));
        assert_eq!(refusal(containing(201)), Some(ListError::NameTooLong));
    }
    assert_eq!(refusal(Query { owner: Some("a b".to_owned()), ..by(1) }), Some(ListError::OwnerMalformed));
}

#[test]
fn the_order_follows_from_what_is_asked_for_and_the_narrowest_comes_first() {
    let some = |text: &str| Some(text.to_owned());
    let span = Span { from: Some(Seconds(1)), until: None };
    let plain = by(1);
    let orders = [
        (plain.clone(), (Sort::Created, true)),
        (Query { parent: some("p"), name: some("n"), ..plain.clone() }, (Sort::Created, true)),
        (Query { owner: some("o"), name: some("n"), ..plain.clone() }, (Sort::Created, true)),
        (Query { name: some("n"), expires: span, ..plain.clone() }, (Sort::Name, false)),
        (Query { expires: span, last_used: span, ..plain.clone() }, (Sort::Expires, false)),
        (Query { last_used: span, ..plain.clone() }, (Sort::LastUsed, false)),
        (Query { sort: Some(Sort::Name), owner: some("o"), ..plain.clone() }, (Sort::Name, false)),
        (Query { sort: Some(Sort::Name), descending: true, ..plain }, (Sort::Name, true)),
    ];
    for (query, order) in orders {
        assert_eq!(query.order(), order, "{query:?}");
    }
}
