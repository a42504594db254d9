//! The pools: their bounds, their end, and what a failing call costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use jeton_runtime::wit::configuration::SettingsChange;
use jeton_runtime::wit::epochs::{Algorithm, Boot};
use jeton_runtime::wit::exchange::ExchangeRequest;
use jeton_runtime::wit::refresh_tokens::{Bindings, IssueRequest};
use jeton_runtime::wit::types::Actor;
use jeton_runtime::{Authority, AuthorityCall, CallError, Class, Lent, Policy, PoolSizes, RootKey};
use jeton_store::MemoryStore;
use parking_lot::{Condvar, Mutex};

use crate::scaffold::{ISSUER, NOW, lent, start};

fn small() -> Authority {
    let sizes = PoolSizes {
        exchange: 1,
        exchange_committing: 0,
        exchange_queue: 1,
        administration: 2,
        administration_queue: 8,
        reading: 1,
        reading_queue: 1,
    };
    let lent = lent(&Arc::default(), &Arc::new(NOW.into()));
    Authority::start(&Policy::embedded().unwrap(), lent, sizes).unwrap()
}

/// Begins a call that ends when the sender is dropped.
fn occupy(authority: &Authority, class: Class) -> (mpsc::Sender<()>, thread::JoinHandle<Result<(), CallError>>) {
    let (release, held) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let authority = authority.clone();
    let thread = thread::spawn(move || {
        authority.call_blocking(class, move |_| {
            begun.send(()).unwrap();
            let _ = held.recv();
            Ok(())
        })
    });
    begins.recv().unwrap();
    (release, thread)
}

#[test]
fn a_full_queue_turns_calls_away_and_harms_no_other_class() {
    let authority = small();
    let (release, running) = occupy(&authority, Class::Exchange);
    // The one instance is busy; the first call waits, and there is no room for a second.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (first, second) = runtime.block_on(async {
        tokio::join!(authority.call(Class::Exchange, |_| Ok(7)), async {
            let second = authority.call(Class::Exchange, |_| Ok(7)).await;
            assert_eq!(authority.call(Class::Administration, |_| Ok(7)).await, Ok(7));
            assert_eq!([Class::Exchange, Class::Administration].map(|class| authority.is_full(class)), [true, false]);
            drop(release);
            second
        })
    });
    assert!(!authority.is_full(Class::Exchange));
    assert_eq!((first, second), (Ok(7), Err(CallError::Overloaded)));
    assert_eq!(running.join().unwrap(), Ok(()));
    assert_eq!(authority.call_blocking(Class::Exchange, |_| Ok(7)), Ok(7));
}

#[test]
fn a_revocation_does_not_stand_behind_searches() {
    let authority = small();
    let (release, running) = occupy(&authority, Class::Reading);
    assert!(authority.call_blocking(Class::Administration, |authority| authority.read_clock()).is_ok());
    drop(release);
    assert_eq!(running.join().unwrap(), Ok(()));
}

#[test]
fn a_panic_costs_only_the_call_that_panicked() {
    let authority = small();
    let outcome = authority.call_blocking(Class::Exchange, |_| -> wasmtime::Result<()> { panic!("on purpose") });
    assert_eq!(outcome, Err(CallError::Failed));
    assert_eq!(authority.call_blocking(Class::Exchange, |_| Ok(7)), Ok(7));
}

#[test]
fn stopping_finishes_what_was_accepted_and_takes_no_more() {
    let authority = small();
    let (release, running) = occupy(&authority, Class::Exchange);
    let accepted = {
        let authority = authority.clone();
        thread::spawn(move || authority.call_blocking(Class::Administration, |authority| authority.read_clock()))
    };
    assert!(accepted.join().unwrap().is_ok());
    let stopping = {
        let authority = authority.clone();
        thread::spawn(move || authority.stop())
    };
    crate::scaffold::eventually("the stop", || {
        authority.call_blocking(Class::Administration, |_| Ok(())) == Err(CallError::Overloaded)
    });
    drop(release);
    assert_eq!(running.join().unwrap(), Ok(()));
    stopping.join().unwrap();
    assert_eq!(authority.call_blocking(Class::Exchange, |_| Ok(())), Err(CallError::Overloaded));
    assert_eq!(authority.call_blocking(Class::Administration, |_| Ok(())), Err(CallError::Overloaded));
}

#[test]
fn calls_from_asynchronous_code_wait_without_blocking() {
    let running = start();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let epoch = runtime
        .block_on(running.authority.call(Class::Exchange, |authority| authority.current_epoch()))
        .unwrap()
        .unwrap();
    assert!(epoch.number >= NOW);
}

/// A store whose commits wait while it is shut.
#[derive(Default)]
struct Gate {
    memory: MemoryStore,
    shut: Mutex<bool>,
    changed: Condvar,
    /// Commits that wait.
    waiting: AtomicUsize,
}

impl Gate {
    fn set(&self, shut: bool) {
        *self.shut.lock() = shut;
        self.changed.notify_all();
    }
}

impl Store for Gate {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.memory.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.memory.scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.changed.wait_while(&mut self.shut.lock(), |shut| *shut);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.memory.commit(checks, writes)
    }
}

/// An authority over the gate in which one exchange computes at a time, and its refresh tokens: one without and one with a limit.
fn gated(gate: &Arc<Gate>) -> (Authority, [ExchangeRequest; 2]) {
    let sizes = PoolSizes { exchange: 1, exchange_committing: 2, exchange_queue: 8, ..PoolSizes::default() };
    let lent = Lent::new(Arc::clone(gate) as _, Some(RootKey::draw().unwrap()));
    let authority = Authority::start(&Policy::embedded().unwrap(), lent, sizes).unwrap();
    let call = Class::Administration;
    authority.call_blocking(call, |authority| authority.configure(Some(ISSUER), ISSUER)).unwrap().unwrap();
    authority.call_blocking(call, |authority| authority.begin(Boot::Advance, None)).unwrap().unwrap();
    let requests = [None, Some(100)].map(|max_exchanges| {
        let bindings = Bindings { max_exchanges, ..Bindings::default() };
        let request = IssueRequest { bindings, ..IssueRequest::named("job") };
        let issued = authority.call_blocking(call, move |authority| authority.issue(&Actor::Machine, &request));
        let refresh_token = issued.unwrap().unwrap().secret.unwrap();
        ExchangeRequest { refresh_token, scope: None, resource: None, peer: None }
    });
    (authority, requests)
}

#[test]
fn exchanges_that_wait_for_the_disk_hold_up_none_that_do_not() {
    let gate = Arc::new(Gate::default());
    let (authority, [plain, counted]) = gated(&gate);
    gate.set(true);
    thread::scope(|scope| {
        let counting: Vec<_> = (0..2)
            .map(|_| {
                let (authority, counted) = (authority.clone(), counted.clone());
                scope.spawn(move || authority.call_blocking(Class::Exchange, move |call| call.exchange(&counted)))
            })
            .collect();
        crate::scaffold::eventually("both commits", || gate.waiting.load(Ordering::SeqCst) == 2);
        for _ in 0..10 {
            let plain = plain.clone();
            assert!(authority.call_blocking(Class::Exchange, move |call| call.exchange(&plain)).unwrap().is_ok());
        }
        assert_eq!(gate.waiting.load(Ordering::SeqCst), 2, "the disk has not answered yet");
        gate.set(false);
        for counting in counting {
            assert!(counting.join().unwrap().unwrap().is_ok());
        }
    });
}

#[test]
fn an_epoch_with_primes_begins_by_whatever_call_it_takes() {
    let (authority, [plain, _]) = gated(&Arc::default());
    let call = Class::Administration;
    let begun = authority.call_blocking(call, |authority| authority.advance(&Actor::Machine, Some(Algorithm::Rs256)));
    let begun = begun.unwrap().unwrap();
    let change = SettingsChange { access_token_expiration: Some(60), ..SettingsChange::default() };
    let set = move |call: &mut AuthorityCall<'_>| call.set_settings(&Actor::Machine, &change, None, true);
    assert_eq!(authority.call_blocking(call, set).unwrap().unwrap().access_token_expiration, 60);
    let next = authority.call_blocking(call, |authority| authority.current_epoch()).unwrap().unwrap();
    assert_eq!((next.alg, next.number > begun.number), (Algorithm::Rs256, true));
    assert!(authority.call_blocking(Class::Exchange, move |call| call.exchange(&plain)).unwrap().is_ok());
}
