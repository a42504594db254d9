//! A stage: two acts on threads of their own that stop before and after each thing that they ask of the host, so that a schedule
//! decides in which order clock, read, commit and clock again happen.

use std::{
    sync::{Arc, Condvar, Mutex},
    thread,
};

use jeton_policy::{
    authority::Authority,
    ports::{Clock, Reading},
    store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write},
};
use jeton_store::MemoryStore;

use crate::world::{Counting, FixedKey, SetClock, World};

/// Lets one thread at a time go one step on.
#[derive(Default)]
pub(crate) struct Stage {
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
    pub(crate) fn step(&self, who: usize) -> bool {
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
pub(crate) struct Staged<T> {
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
pub(crate) struct Ground {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) entropy: Arc<Counting>,
    pub(crate) stage: Stage,
}

impl Ground {
    pub(crate) fn of(world: &World) -> Arc<Self> {
        let (store, clock, entropy) = (Arc::clone(&world.store), Arc::clone(&world.clock), Arc::clone(&world.entropy));
        Arc::new(Self { store, clock, entropy, stage: Stage::default() })
    }

    /// Runs `act` on an authority of its own that the stage leads.
    pub(crate) fn act<R>(self: &Arc<Self>, who: usize, act: impl FnOnce(&Authority) -> R) -> R {
        let store = Staged { inner: Arc::clone(&self.store), ground: Arc::clone(self), who };
        let clock = Staged { inner: Arc::clone(&self.clock), ground: Arc::clone(self), who };
        let acted = act(&Authority::new(store, clock, Arc::clone(&self.entropy), FixedKey([1; 32])));
        self.stage.finish(who);
        acted
    }
}

/// Runs two acts in the order that `schedule` says, and then to their ends; gives what came of both.
pub(crate) fn race<A: Send, B: Send>(
    world: &World,
    first: impl FnOnce(&Authority) -> A + Send,
    second: impl FnOnce(&Authority) -> B + Send,
    schedule: &[usize],
) -> (A, B) {
    let ground = &Ground::of(world);
    thread::scope(|scope| {
        let first = scope.spawn(move || ground.act(0, first));
        let second = scope.spawn(move || ground.act(1, second));
        for who in schedule {
            ground.stage.step(*who);
        }
        while ground.stage.step(0) || ground.stage.step(1) {}
        (first.join().unwrap(), second.join().unwrap())
    })
}

/// Every way to interleave the first `each` steps of both.
pub(crate) fn schedules(each: [u32; 2]) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for who in [0, 1] {
        let mut rest = each;
        let Some(left) = rest[who].checked_sub(1) else { continue };
        rest[who] = left;
        all.extend(schedules(rest).into_iter().map(|schedule| [&[who][..], &schedule].concat()));
    }
    if all.is_empty() { vec![Vec::new()] } else { all }
}

/// Every order of the first `each` operations of both on what the host lends: each is a step before it and one after.
pub(crate) fn orders(each: [u32; 2]) -> Vec<Vec<usize>> {
    let twice = |order: Vec<usize>| order.into_iter().flat_map(|who| [who, who]).collect();
    schedules(each).into_iter().map(twice).collect()
}
