//! Ending everything that one owner has.

use jeton_policy::{
    authority::{Actor, DeleteError, State},
    record::Reason,
    scope::{ADMIN, READ},
    seconds::Seconds,
    verifier::Refusal,
};

use crate::{
    tombstones::{keys, sweep_all},
    world::{Issued, PLAIN, START, World, scopes},
};

fn of(world: &World, owner: &str) -> Issued {
    world.issue(|request| request.owner = Some(owner.to_owned()))
}

fn end(world: &World, owner: &str) {
    world.authority.delete_owned(&Actor::Machine, owner, Reason::OwnerLeft, Some("left the house")).unwrap();
}

#[test]
fn an_owner_who_ends_takes_all_their_tokens_and_all_below_them() {
    let world = World::new();
    let (one, other, bobs) = (of(&world, "alice"), of(&world, "alice"), of(&world, "bob"));
    let child = world.issue(|request| {
        request.parent = Some(one.token.id.to_string());
        request.owner = Some("bob".to_owned());
    });
    let dead = [&one, &other, &child].map(|issued| world.exchange(issued));
    let living = world.exchange(&bobs);
    let cuts = world.verifier().live().unwrap().cuts();
    end(&world, "alice");
    assert_eq!(world.verifier().live().unwrap().cuts(), cuts + 1, "one cut, however many tokens");
    for token in &dead {
        assert_eq!(world.verdict(token), Err(Refusal::Cut));
    }
    assert_eq!(world.verdict(&living), Ok(()));
    for issued in [&one, &other, &child] {
        assert!(world.authority.exchange(&issued.secret, &PLAIN).is_err());
    }
    let shown = world.authority.show(&one.token.id.to_string()).unwrap();
    let ending = shown.ending.unwrap();
    assert_eq!((ending.at, ending.by.as_str(), ending.reason), (Seconds(START), "machine", Reason::OwnerLeft));
    assert_eq!(ending.note.as_deref(), Some("left the house"));
    let inherited = world.show(&child).ending.unwrap();
    assert_eq!((inherited.reason, inherited.note), (Reason::ParentEnded, None), "what was noted is of another");
}

#[test]
fn what_is_issued_to_an_owner_after_their_end_lives() {
    let world = World::new();
    let before = of(&world, "alice");
    end(&world, "alice");
    let after = of(&world, "alice");
    let token = world.exchange(&after);
    assert_eq!(world.verdict(&token), Ok(()));
    sweep_all(&world);
    assert_eq!(world.verdict(&token), Ok(()), "the sweep tells them apart");
    assert_eq!(world.authority.show(&after.token.id.to_string()).unwrap().state, State::Active);
    assert_eq!(world.authority.show(&before.token.id.to_string()).unwrap().state, State::Deleted);
    end(&world, "alice");
    assert_eq!(world.verdict(&token), Err(Refusal::Cut), "and they can end again");
}

#[test]
fn their_tokens_become_tombstones_step_by_step_and_look_as_they_did() {
    let world = World::new();
    let mut ids = Vec::new();
    for _ in 0..250 {
        ids.push(of(&world, "alice").token.id.to_string());
    }
    let child = world.issue(|request| request.parent = Some(ids[0].clone()));
    ids.push(child.token.id.to_string());
    end(&world, "alice");
    let before: Vec<_> = ids.iter().map(|id| world.authority.show(id).unwrap()).collect();
    assert_eq!(sweep_all(&world).entombed, 251);
    let after: Vec<_> = ids.iter().map(|id| world.authority.show(id).unwrap()).collect();
    assert_eq!(before, after);
    assert_eq!((keys(&world, b"entomb-owner/"), keys(&world, b"entomb/"), keys(&world, b"ended/")), (0, 0, 251));
}

#[test]
fn ending_an_owner_has_its_rules() {
    let world = World::new();
    of(&world, "alice");
    let end = |actor: &Actor, owner: &str, reason| world.authority.delete_owned(actor, owner, reason, None);
    assert_eq!(end(&Actor::Machine, "nobody", Reason::OwnerLeft), Err(DeleteError::OwnerNotFound));
    assert_eq!(end(&Actor::Machine, "two words", Reason::OwnerLeft), Err(DeleteError::OwnerMalformed));
    assert_eq!(end(&Actor::Machine, "alice", Reason::ParentEnded), Err(DeleteError::ReasonReserved));
    let reader = Actor::token("0000000000000000000009", &scopes(&[READ])).unwrap();
    assert_eq!(end(&reader, "alice", Reason::OwnerLeft), Err(DeleteError::ScopeBeyondActor));
    let admin = Actor::token("0000000000000000000009", &scopes(&[ADMIN])).unwrap();
    assert_eq!(end(&admin, "alice", Reason::OwnerLeft), Ok(None));
}
