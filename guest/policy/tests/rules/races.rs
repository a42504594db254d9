//! Every order of an exchange and an act that should stop it.
//!
//! Both run on threads of their own and stop before and after each thing that they ask of the host, so a schedule decides
//! in which order clock, read, signature, commit, load and answer happen. All schedules are run.

use std::{
    sync::{Arc, Condvar, Mutex},
    thread,
};

use jeton_policy::{
    authority::{Actor, Authority},
    ports::{Clock, Reading},
    record::Reason,
    store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write},
};
use jeton_store::MemoryStore;
use zeroize::Zeroizing;

use crate::world::{Counting, FixedKey, PLAIN, SetClock, World};

/// Lets one thread at a time go one step on.
#[derive(Default)]
struct Stage {
    state: Mutex<Turns>,
    changed: Condvar,
}

#[derive(Default)]
struct Turns {
    /// Steps that each of the two may still take.
    granted: [u32; 2],
    waiting: [bool; 2],
    finished: [bool; 2],
}

impl Stage {
    /// Waits until the schedule lets this thread go on.
    fn pause(&self, who: usize) {
        let mut turns = self.state.lock().unwrap();
        turns.waiting[who] = true;
        self.changed.notify_all();
        turns = self.changed.wait_while(turns, |turns| turns.granted[who] == 0).unwrap();
        turns.granted[who] -= 1;
        turns.waiting[who] = false;
    }

    fn finish(&self, who: usize) {
        self.state.lock().unwrap().finished[who] = true;
        self.changed.notify_all();
    }

    /// Lets `who` take one step and waits until it has; gives whether it had one to take.
    fn step(&self, who: usize) -> bool {
        let settled = |turns: &Turns| turns.finished[who] || (turns.waiting[who] && turns.granted[who] == 0);
        let mut turns = self.changed.wait_while(self.state.lock().unwrap(), |turns| !settled(turns)).unwrap();
        if turns.finished[who] {
            return false;
        }
        turns.granted[who] += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(turns, |turns| !settled(turns)).unwrap());
        true
    }
}

/// A host that stops before and after everything it is asked for.
struct Staged<T> {
    inner: Arc<T>,
    ground: Arc<Ground>,
    who: usize,
}

impl<T> Staged<T> {
    fn around<R>(&self, ask: impl FnOnce(&T) -> R) -> R {
        self.ground.stage.pause(self.who);
        let answer = ask(&self.inner);
        self.ground.stage.pause(self.who);
        answer
    }
}

impl Clock for Staged<SetClock> {
    fn now(&self) -> Reading {
        self.around(|clock| clock.now())
    }
}

impl Store for Staged<MemoryStore> {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.around(|store| store.read(keys, freshness))
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.around(|store| store.scan(prefix, after, direction, limit))
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.around(|store| store.commit(checks, writes))
    }
}

/// What threads share of a world.
struct Ground {
    store: Arc<MemoryStore>,
    clock: Arc<SetClock>,
    entropy: Arc<Counting>,
    stage: Stage,
}

impl Ground {
    fn of(world: &World) -> Arc<Self> {
        let (store, clock, entropy) = (Arc::clone(&world.store), Arc::clone(&world.clock), Arc::clone(&world.entropy));
        Arc::new(Self { store, clock, entropy, stage: Stage::default() })
    }

    /// Runs `act` on an authority of its own that the stage leads.
    fn act<R>(self: &Arc<Self>, who: usize, act: impl FnOnce(&Authority) -> R) -> R {
        let store = Staged { inner: Arc::clone(&self.store), ground: Arc::clone(self), who };
        let clock = Staged { inner: Arc::clone(&self.clock), ground: Arc::clone(self), who };
        let acted = act(&Authority::new(store, clock, Arc::clone(&self.entropy), FixedKey([1; 32])));
        self.stage.finish(who);
        acted
    }
}

/// Runs an exchange against `act` in the order that `schedule` says; gives the access token, where one was minted.
fn race(
    world: &World,
    secret: &Zeroizing<String>,
    act: impl FnOnce(&Authority) + Send,
    schedule: &[usize],
) -> Option<String> {
    let ground = &Ground::of(world);
    thread::scope(|scope| {
        let exchange =
            |authority: &Authority| authority.exchange(secret, &PLAIN).ok().map(|exchanged| exchanged.access_token);
        let exchanging = scope.spawn(move || ground.act(0, exchange));
        let acting = scope.spawn(move || ground.act(1, act));
        for who in schedule {
            ground.stage.step(*who);
        }
        while ground.stage.step(0) || ground.stage.step(1) {}
        acting.join().unwrap();
        exchanging.join().unwrap()
    })
}

/// Every way to interleave the first `each` steps of both.
fn schedules(each: [u32; 2]) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for who in [0, 1] {
        let mut rest = each;
        let Some(left) = rest[who].checked_sub(1) else { continue };
        rest[who] = left;
        all.extend(schedules(rest).into_iter().map(|schedule| [&[who][..], &schedule].concat()));
    }
    if all.is_empty() { vec![Vec::new()] } else { all }
}

/// Steps of an exchange: clock, read and the issuer, each before and after.
const EXCHANGE: u32 = 6;
/// Steps of a delete: clock, read, the cut's bucket, commit and the clock again, each before and after.
const DELETE: u32 = 10;
/// Steps of an epoch's advance: clock, read and commit, each before and after.
const ADVANCE: u32 = 6;

#[test]
fn whatever_the_order_no_access_token_outlives_the_delete_of_its_parent() {
    let mut minted = 0_u32;
    for schedule in schedules([EXCHANGE, DELETE]) {
        let world = World::new();
        let issued = world.issue(|_| ());
        let id = issued.token.id.to_string();
        let act = |authority: &Authority| {
            authority.delete(&Actor::Machine, &[id], Reason::Deleted, None).unwrap();
        };
        if let Some(token) = race(&world, &issued.secret, act, &schedule) {
            minted += 1;
            assert!(world.verifier().verify(&token, world.now()).is_err(), "{schedule:?}");
        }
    }
    assert!(minted > 100, "the race was really run: {minted}");
}

#[test]
fn whatever_the_order_no_access_token_is_of_an_epoch_that_is_over() {
    let (mut dead, mut alive) = (0_u32, 0_u32);
    for schedule in schedules([EXCHANGE, ADVANCE]) {
        let world = World::new();
        let issued = world.issue(|_| ());
        let act = |authority: &Authority| {
            authority.advance(&Actor::Machine).unwrap();
        };
        let token = race(&world, &issued.secret, act, &schedule).unwrap();
        let epoch = world.authority.epoch().unwrap();
        let is_alive = world.verifier().verify(&token, world.now()).is_ok();
        let is_of_it = token.starts_with(world.verifier().live().unwrap().epoch().key().header());
        assert_eq!(is_alive, is_of_it, "{schedule:?} {}", epoch.number);
        if is_alive { alive += 1 } else { dead += 1 }
    }
    assert!(dead > 0 && alive > 0, "the race was really run: {dead} {alive}");
}

#[test]
fn whatever_the_order_a_delete_and_an_epoch_leave_nothing_alive_of_what_was_deleted() {
    for schedule in schedules([DELETE, ADVANCE]) {
        let world = World::new();
        let issued = world.issue(|_| ());
        let id = issued.token.id.to_string();
        let ground = &Ground::of(&world);
        let between = thread::scope(|scope| {
            let delete = |authority: &Authority| {
                authority.delete(&Actor::Machine, &[id], Reason::Deleted, None).unwrap();
            };
            scope.spawn(move || ground.act(0, delete));
            scope.spawn(move || ground.act(1, |authority| authority.advance(&Actor::Machine).unwrap()));
            for who in &schedule {
                ground.stage.step(*who);
            }
            // An exchange in the middle of both: whichever epoch it falls in, the delete must reach it.
            let other = Authority::new(
                Arc::clone(&ground.store),
                Arc::clone(&ground.clock),
                Arc::clone(&ground.entropy),
                FixedKey([1; 32]),
            );
            let between = other.exchange(&issued.secret, &PLAIN).ok();
            while ground.stage.step(0) || ground.stage.step(1) {}
            between
        });
        if let Some(token) = between {
            assert!(world.verdict(&token).is_err(), "{schedule:?}");
        }
    }
}
