//! The check of a store as a whole: it finds nothing where the rules alone wrote, and whatever somebody else takes away.

use jeton_policy::{
    authority::{Actor, Checked, Edit, Use, check},
    record::{Conduct, Reason},
    seconds::Seconds,
    store::{Direction, Store, Write},
};
use jeton_store::MemoryStore;

use crate::world::{World, scopes};

fn checked(store: &MemoryStore) -> Checked {
    check(store, &mut |_| ()).unwrap()
}

/// A store in which everything has been done that leaves something behind.
fn lived_in() -> World {
    let world = World::new();
    world.authority.open_uses().unwrap();
    let parent = world.issue(|request| {
        request.owner = Some("alice".to_owned());
        request.scopes = scopes(&["a", "b"]);
        request.idempotency_key = Some("key".to_owned());
    });
    let children: Vec<_> = (0..4).map(|_| world.child_of(&parent)).collect();
    let rotating = world.issue(|request| request.conduct = Conduct { rotates_on_use: true, may_delegate: true });
    let next = world.exchange(&rotating).refresh_token.unwrap();
    world.authority.exchange(&next, &crate::world::PLAIN).unwrap();
    let used = |id: &str| Use { id: id.to_owned(), at: Seconds(world.clock.seconds()), address: None, count: 1 };
    let ids: Vec<String> = children.iter().map(|child| child.token.id.to_string()).collect();
    world.authority.note_uses(&[used(&ids[0]), used(&ids[1])]).unwrap();
    world.clock.pass(100);
    world.authority.note_uses(&[used(&ids[1])]).unwrap();
    world.edit(&children[0], Edit { name: Some("another".to_owned()), ..Edit::default() });
    world.disable(&children[2]);
    world.rotate(&children[0], 60);
    world.delete(&children[1]);
    let exchanged = world.exchange(&children[3]);
    world.authority.delete_access_token(&Actor::Machine, &exchanged.jti.to_string(), Reason::Deleted, None).unwrap();
    let owned = world.issue(|request| request.owner = Some("bob".to_owned()));
    world.authority.delete_owned(&Actor::Machine, "bob", Reason::OwnerLeft, None).unwrap();
    drop(owned);
    for _ in 0..10 {
        world.authority.sweep().unwrap();
    }
    world
}

#[test]
fn nothing_is_wrong_where_the_rules_alone_wrote() {
    let world = lived_in();
    let found = checked(&world.store);
    assert_eq!((found.findings, found.wrong, found.unknown, found.tokens), (vec![], 0, 0, 7));
}

#[test]
fn an_index_that_was_taken_away_or_made_up_is_found_and_so_is_a_value_that_cannot_be_read() {
    let world = lived_in();
    let all = world.store.scan(b"", None, Direction::Ascending, 1000).unwrap().items;
    let put = |key: &[u8], value: Option<Vec<u8>>| {
        world.store.commit(vec![], vec![Write { key: key.to_vec(), value }]).unwrap();
    };
    let indexes = ["name/", "expires/", "owned/", "child/", "ended/", "holder/", "unused/", "last-used/", "token/"];
    let values = ["token/", "issuer", "settings", "clock", "live/", "owner/", "used/", "rotation", "spent/"];
    let (mut taken, mut spoiled) = (0, 0);
    for item in &all {
        let is_of = |kinds: &[&str]| kinds.iter().any(|kind| item.key.starts_with(kind.as_bytes()));
        if is_of(&indexes) {
            put(&item.key, None);
            assert!(checked(&world.store).wrong > 0, "{:?} was taken away", String::from_utf8_lossy(&item.key));
            taken += 1;
        }
        if is_of(&values) {
            put(&item.key, Some(b"\xff".to_vec()));
            assert!(checked(&world.store).wrong > 0, "{:?} was spoiled", String::from_utf8_lossy(&item.key));
            spoiled += 1;
        }
        put(&item.key, Some(item.value.clone()));
    }
    assert!(taken > 40 && spoiled > 10, "{taken} {spoiled}");
    for made_up in ["name/x\0", "expires/00000000", "ended/00000000", "unused/", "last-used/00000000"] {
        let key = [made_up.as_bytes(), &[7; 16]].concat();
        put(&key, Some(vec![]));
        assert_eq!(checked(&world.store).wrong, 1, "{made_up}");
        put(&key, None);
    }
    put(b"another/key", Some(vec![]));
    let found = checked(&world.store);
    assert_eq!((found.wrong, found.unknown), (0, 1));
}
