//! What dies with what, and what it costs.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use jeton_policy::{
    authority::{Actor, ExchangeError, Expiry, MAX_ANCESTORS, State},
    record::Reason,
    seconds::Seconds,
    store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write},
    verifier::Refusal,
};
use jeton_store::MemoryStore;

use crate::world::{PLAIN, World};

#[test]
fn a_deleted_refresh_token_kills_every_access_token_it_gave_out() {
    let world = World::new();
    let (issued, other) = (world.issue(|_| ()), world.issue(|_| ()));
    let tokens: Vec<_> = (0..50).map(|_| world.exchange(&issued)).collect();
    let bystander = world.exchange(&other);
    world.delete(&issued);
    for token in &tokens {
        assert_eq!(world.verdict(token), Err(Refusal::Cut));
    }
    assert_eq!(world.verdict(&bystander), Ok(()));
    assert_eq!(world.authority.exchange(&issued.secret, &PLAIN).map(|_| ()).unwrap_err(), ExchangeError::InvalidGrant);
}

#[test]
fn a_deleted_ancestor_kills_all_generations_below_it_and_none_beside_it() {
    let world = World::new();
    let root = world.issue(|_| ());
    let mut line = vec![root];
    for _ in 0..MAX_ANCESTORS {
        line.push(world.child_of(line.last().unwrap()));
    }
    let sibling = world.child_of(&line[2]);
    let tokens: Vec<_> = line.iter().map(|issued| world.exchange(issued)).collect();
    let beside = world.exchange(&sibling);
    world.delete(&line[3]);
    for (generation, (issued, token)) in line.iter().zip(&tokens).enumerate() {
        let is_below = generation >= 3;
        assert_eq!(world.verdict(token).is_err(), is_below, "generation {generation}");
        assert_eq!(world.authority.exchange(&issued.secret, &PLAIN).is_err(), is_below, "generation {generation}");
        let state = world.authority.show(&issued.token.id.to_string()).unwrap().state;
        assert_eq!(state == State::Deleted, is_below, "orphans never appear alive: generation {generation}");
    }
    assert_eq!(world.verdict(&beside), Ok(()));
    let orphan = world.authority.show(&line[5].token.id.to_string()).unwrap().ending.unwrap();
    assert_eq!(orphan.reason, Reason::ParentEnded);
}

#[test]
fn an_expired_ancestor_stops_everything_below_it() {
    let world = World::new();
    let parent = world.issue(|request| request.expiry = Expiry::After(Seconds(100)));
    let child = world.child_of(&parent);
    assert_eq!(child.token.expires_at, parent.token.expires_at, "what was not asked for is capped");
    let token = world.exchange(&child);
    assert_eq!(token.expires_in, Seconds(100));
    world.clock.pass(100);
    assert_eq!(world.verdict(&token), Err(Refusal::Expired));
    assert!(world.authority.exchange(&child.secret, &PLAIN).is_err());
    assert_eq!(world.authority.show(&child.token.id.to_string()).unwrap().state, State::Expired);
}

/// Counts what reaches the store.
struct Counted(MemoryStore, AtomicUsize, AtomicUsize);

impl Store for Counted {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.0.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.0.scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.1.fetch_add(1, SeqCst);
        self.2.fetch_add(writes.len(), SeqCst);
        self.0.commit(checks, writes)
    }
}

#[test]
fn a_revoke_is_one_commit_of_eight_writes_however_many_access_tokens_and_children_there_are() {
    let world = World::over(Counted(MemoryStore::new(), AtomicUsize::new(0), AtomicUsize::new(0)));
    let parent = world.issue(|_| ());
    for _ in 0..20 {
        let child = world.child_of(&parent);
        for _ in 0..50 {
            world.exchange(&child);
        }
    }
    let before = (world.store.1.load(SeqCst), world.store.2.load(SeqCst));
    world.authority.delete(&Actor::Machine, &[parent.token.id.to_string()], Reason::Deleted, None).unwrap();
    let after = (world.store.1.load(SeqCst), world.store.2.load(SeqCst));
    // The record, its place among the ended ones and no more among the holders of its name, what exchanges kept (two), the work that follows, the cut, and when it is due.
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 8));
}

#[test]
fn an_exchange_writes_nothing() {
    let world = World::over(Counted(MemoryStore::new(), AtomicUsize::new(0), AtomicUsize::new(0)));
    let issued = world.issue(|_| ());
    let before = world.store.1.load(SeqCst);
    world.exchange(&issued);
    assert_eq!(world.store.1.load(SeqCst), before);
}
