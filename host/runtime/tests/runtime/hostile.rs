//! Policies that mean harm, or have gone mad: none gets more than its budget, and none gets a token accepted.

#[allow(dead_code, reason = "the end-to-end tests use it too, and other parts of it")]
mod component;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jeton_runtime::wit::verification::Refusal;
use jeton_runtime::{
    Authority, CallError, Class, Lent, Live, Policy, PolicyError, PoolSizes, Verifier, VerifyError, artifacts,
};

use crate::scaffold::{NOW, Running, eventually, lent, start_with};
use component::{Behaviour, SEQUENCE, component};

/// An authority whose `read-clock` behaves so, and which otherwise traps.
fn authority(read_clock: Behaviour) -> Authority {
    let authority = component("authority", &[("jeton:policy/upkeep@0.1.0#read-clock", read_clock)]);
    let policy = Policy::compile(&authority, artifacts::VERIFIER).unwrap();
    let lent = lent(&Arc::default(), &Arc::new(NOW.into()));
    let sizes = PoolSizes { exchange: 1, administration: 1, ..PoolSizes::default() };
    Authority::start(&policy, lent, sizes).unwrap()
}

/// The real authority with a verifier whose `verify` behaves so.
fn with_verifier(verify: Behaviour) -> Running {
    let behaviours = [
        ("jeton:policy/verification@0.1.0#load", Behaviour::Holds),
        ("jeton:policy/verification@0.1.0#verify", verify),
    ];
    let verifier = component("verifier", &behaviours);
    let policy = Policy::compile(artifacts::AUTHORITY, &verifier).unwrap();
    start_with(policy, |disk, publisher| disk.observe(Box::new(publisher)))
}

fn call(authority: &Authority) -> Result<(), CallError> {
    authority.call_blocking(Class::Exchange, |authority| authority.read_clock().map(drop))
}

#[test]
fn an_authority_that_computes_for_ever_is_stopped_and_its_thread_goes_on() {
    let authority = authority(Behaviour::Loops);
    let begun = Instant::now();
    assert_eq!(call(&authority), Err(CallError::Failed));
    assert!(begun.elapsed() >= Duration::from_secs(2), "a budget of 2 s ended after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(authority.call_blocking(Class::Exchange, |_| Ok(7)), Ok(7));
}

#[test]
fn an_authority_that_traps_is_replaced() {
    let authority = authority(Behaviour::Traps);
    for _ in 0..100 {
        assert_eq!(call(&authority), Err(CallError::Failed));
    }
    assert_eq!(authority.call_blocking(Class::Exchange, |_| Ok(7)), Ok(7));
}

#[test]
fn an_authority_that_takes_all_memory_gets_64_mebibytes() {
    let authority = authority(Behaviour::GrowsTo(64 << 20));
    // It traps where it got more, and answers where it was stopped at exactly that.
    assert_eq!(call(&authority), Ok(()));
}

#[test]
fn an_authority_whose_memory_grows_with_each_call_is_replaced_before_it_has_none_left() {
    let authority = authority(Behaviour::Leaks(20 << 20));
    for number in 0..20 {
        assert_eq!(call(&authority), Ok(()), "call {number}");
    }
}

#[test]
fn a_verifier_that_traps_accepts_nothing_and_goes_out_of_service() {
    let running = with_verifier(Behaviour::Traps);
    assert_eq!(running.live.held().unwrap().sequence, SEQUENCE);
    let mut verifier = running.verifier();
    for failures in 1..=3 {
        assert!(verifier.in_service(), "after {failures} failures");
        assert_eq!(verifier.verify("a token", NOW, None).unwrap_err(), VerifyError::Unready);
    }
    assert!(!verifier.in_service());
    // It is tried again with one request after a second, and no sooner.
    assert_eq!(verifier.verify("a token", NOW, None).unwrap_err(), VerifyError::Unready);
}

#[test]
fn a_verifier_that_computes_for_ever_delays_its_thread_by_milliseconds() {
    let running = with_verifier(Behaviour::Loops);
    let mut verifier = running.verifier();
    let shortest = (0..3)
        .map(|_| {
            let begun = Instant::now();
            assert_eq!(verifier.verify("a token", NOW, None).unwrap_err(), VerifyError::Unready);
            begun.elapsed()
        })
        .min()
        .unwrap();
    assert!(shortest >= Duration::from_millis(2), "{shortest:?}");
    assert!(shortest < Duration::from_millis(50), "{shortest:?}");
    assert!(!verifier.in_service());
}

#[test]
fn a_verifier_that_traps_once_is_replaced_and_goes_on() {
    let running = with_verifier(Behaviour::TrapsOnNothing);
    let mut verifier = running.verifier();
    for _ in 0..10 {
        assert_eq!(verifier.verify("", NOW, None).unwrap_err(), VerifyError::Unready);
        assert_eq!(verifier.verify("", NOW, None).unwrap_err(), VerifyError::Unready);
        assert_eq!(verifier.verify("a token", NOW, None).unwrap_err(), VerifyError::Refused(Refusal::Malformed));
        assert!(verifier.in_service());
    }
}

#[test]
fn a_verifier_out_of_service_comes_back_when_a_trial_succeeds() {
    let running = with_verifier(Behaviour::TrapsOnNothing);
    let mut verifier = running.verifier();
    for _ in 0..3 {
        assert_eq!(verifier.verify("", NOW, None).unwrap_err(), VerifyError::Unready);
    }
    assert_eq!(verifier.verify("a token", NOW, None).unwrap_err(), VerifyError::Unready);
    eventually("a trial", || {
        verifier.verify("a token", NOW, None).unwrap_err() == VerifyError::Refused(Refusal::Malformed)
    });
    assert!(verifier.in_service());
}

#[test]
fn a_verifier_that_refuses_the_live_set_stops_it_from_being_published() {
    let verifier = component("verifier", &[("jeton:policy/verification@0.1.0#load", Behaviour::Traps)]);
    let policy = Policy::compile(artifacts::AUTHORITY, &verifier).unwrap();
    let real = crate::scaffold::start();
    let lent = Lent::new(Arc::clone(&real.disk) as _, None);
    let (live, _publisher) = Live::new(&policy, &lent).unwrap();
    assert!(live.recover().is_err());
    assert!(!live.is_current());
    let mut verifier = Verifier::new(&policy, live).unwrap();
    assert_eq!(verifier.verify("a token", NOW, None).unwrap_err(), VerifyError::Unready);
    assert_eq!(real.clock.load(Ordering::SeqCst), NOW);
}

#[test]
fn a_component_that_imports_or_lacks_something_is_refused() {
    assert!(matches!(Policy::compile(artifacts::VERIFIER, artifacts::VERIFIER), Err(PolicyError::Authority(_))));
    assert!(matches!(Policy::compile(artifacts::AUTHORITY, artifacts::AUTHORITY), Err(PolicyError::Verifier(_))));
    assert!(matches!(Policy::compile(b"\0asm", artifacts::VERIFIER), Err(PolicyError::Authority(_))));
}
