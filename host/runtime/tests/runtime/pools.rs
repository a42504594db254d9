//! The pools: their bounds, their end, and what a failing call costs.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use jeton_runtime::{Authority, CallError, Class, Policy, PoolSizes};

use crate::scaffold::{NOW, lent, start};

fn small() -> Authority {
    let sizes = PoolSizes { exchange: 1, exchange_queue: 1, administration: 2, administration_queue: 8 };
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
            drop(release);
            second
        })
    });
    assert_eq!((first, second), (Ok(7), Err(CallError::Overloaded)));
    assert_eq!(running.join().unwrap(), Ok(()));
    assert_eq!(authority.call_blocking(Class::Exchange, |_| Ok(7)), Ok(7));
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
