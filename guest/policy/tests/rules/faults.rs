//! The store fails at every operation in turn: nothing acknowledged is lost, nothing ended is accepted.

use jeton_policy::{
    authority::{Actor, Boot, State},
    record::Reason,
    verifier::Refusal,
};
use jeton_store::{Fault, FaultyStore, MemoryStore};

use crate::world::{ISSUER, Issued, PLAIN, World, request};

/// More than any operation here needs.
const ENOUGH: u64 = 12;

fn world() -> World<FaultyStore<MemoryStore>> {
    World::over(FaultyStore::new(MemoryStore::new()))
}

#[test]
fn an_issue_that_was_acknowledged_is_there_and_one_that_was_not_is_whole_or_absent() {
    for fault in [Fault::Refused, Fault::AnswerLost] {
        for operation in 1..=ENOUGH {
            let world = world();
            world.store.plan(operation, fault);
            let issued = world.authority.issue(&Actor::Machine, &request());
            world.store.plan(u64::MAX / 2, fault);
            let listed =
                world.authority.list(&jeton_policy::authority::Query { limit: 10, ..Default::default() }).unwrap();
            match issued {
                Ok(issued) => {
                    let issued = Issued::of(issued);
                    assert_eq!(listed.items, std::slice::from_ref(&issued.token));
                    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_ok());
                }
                Err(_) => assert!(listed.items.len() <= 1),
            }
        }
    }
}

#[test]
fn a_delete_that_was_acknowledged_holds_and_one_that_was_not_is_whole_or_has_not_begun() {
    for fault in [Fault::Refused, Fault::AnswerLost] {
        for operation in 1..=ENOUGH {
            let world = world();
            let issued = world.issue(|_| ());
            let token = world.exchange(&issued);
            let id = issued.token.id.to_string();
            world.store.plan(operation, fault);
            let deleted = world.authority.delete(&Actor::Machine, std::slice::from_ref(&id), Reason::Deleted, None);
            world.store.plan(u64::MAX / 2, fault);
            let is_dead = world.authority.show(&id).unwrap().state == State::Deleted;
            assert!(deleted.is_err() || is_dead);
            let verdict = if is_dead { Err(Refusal::Cut) } else { Ok(()) };
            assert_eq!(world.verdict(&token), verdict, "tombstone and cut are one commit");
            assert_eq!(world.authority.exchange(&issued.secret, &PLAIN).is_err(), is_dead);
        }
    }
}

#[test]
fn an_epoch_whose_commit_was_lost_is_the_old_one_or_the_new_one() {
    for fault in [Fault::Refused, Fault::AnswerLost] {
        for operation in 1..=ENOUGH {
            let world = world();
            let before = world.authority.epoch().unwrap();
            world.store.plan(operation, fault);
            let advanced = world.authority.advance(&Actor::Machine, None);
            world.store.plan(u64::MAX / 2, fault);
            let after = world.authority.epoch().unwrap();
            match advanced {
                Ok(epoch) => assert_eq!(after, epoch),
                Err(_) => assert!(after == before || after.number == before.number + 1),
            }
            assert_eq!(world.verdict(&world.exchange(&world.issue(|_| ()))), Ok(()));
        }
    }
}

#[test]
fn a_store_that_is_down_mints_and_ends_nothing() {
    let world = world();
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    let mut verifier = world.verifier();
    world.store.plan(1, Fault::CrashBefore);
    let id = issued.token.id.to_string();
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_err());
    assert!(world.authority.issue(&Actor::Machine, &request()).is_err());
    assert!(world.authority.delete(&Actor::Machine, std::slice::from_ref(&id), Reason::Deleted, None).is_err());
    assert!(world.authority.show(&id).is_err());
    assert!(world.authority.revoke(&issued.secret).is_err());
    assert!(world.authority.revoke(&token.access_token).is_err());
    assert!(world.authority.settings().is_err());
    assert!(world.authority.sweep().is_err());
    assert!(world.authority.snapshot().is_err());
    assert!(world.authority.begin(Boot::Advance, None).is_err());
    assert!(world.authority.configure(Some(ISSUER), "").is_err());
    assert!(verifier.verify(&token.access_token, world.now()).is_ok(), "verification goes on from memory");
}

#[test]
fn damaged_values_are_a_store_that_cannot_be_asked() {
    use jeton_policy::store::{Direction, Store as _, Write};
    let world = World::new();
    let issued = world.issue(|_| ());
    for item in world.store.scan(b"", None, Direction::Ascending, 1000).unwrap().items {
        if item.value.is_empty() {
            continue;
        }
        let damaged = item.value[..item.value.len() - 1].to_vec();
        let put = |value: Vec<u8>| {
            world.store.commit(Vec::new(), vec![Write { key: item.key.clone(), value: Some(value) }]).unwrap();
        };
        put(damaged);
        // Whatever was damaged: no panic, and no token from a record that cannot be read.
        let exchanged = world.authority.exchange(&issued.secret, &PLAIN);
        assert!(exchanged.is_err() || !item.key.starts_with(b"token/"));
        let _ = world.authority.snapshot();
        let _ = world.authority.sweep();
        let _ = world.authority.show(&issued.token.id.to_string());
        put(item.value.clone());
    }
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_ok());
}
