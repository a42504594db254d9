//! The live set when all goes well, and when its store does not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jeton_runtime::wit::verification::Refusal;
use jeton_runtime::{Policy, VerifyError};
use jeton_store::CommitObserver;

use crate::scaffold::{ISSUER, NOW, Observer, Running, eventually, start, start_with};

fn document(running: &Running) -> Option<std::sync::Arc<jeton_runtime::LiveDocument>> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(running.live.document())
}

#[test]
fn a_document_is_never_older_than_the_last_acknowledged_commit() {
    let running = start();
    let first = document(&running).unwrap();
    assert_eq!(first.cuts, 0);
    let text = String::from_utf8(first.body.clone()).unwrap();
    assert!(text.contains(ISSUER), "{text}");
    assert_eq!(first.etag, format!("W/\"{}-{}\"", first.epoch, first.sequence));
    assert!(String::from_utf8(first.key_set.clone().unwrap()).unwrap().starts_with("{\"keys\":["));

    for cuts in 1..5 {
        let (_, id) = running.access_token(&[]);
        running.delete(&id);
        let document = document(&running).unwrap();
        assert_eq!(document.cuts, cuts);
        assert_ne!(document.etag, first.etag);
    }
    running.advance();
    let last = document(&running).unwrap();
    assert!(last.epoch > first.epoch);
    assert_eq!(last.cuts, 0);
    assert_ne!(last.key_set, first.key_set);
}

#[test]
fn nothing_is_judged_before_an_epoch_has_begun() {
    let policy = Policy::embedded().unwrap();
    let disk = std::sync::Arc::default();
    let lent = crate::scaffold::lent(&disk, &std::sync::Arc::default());
    let (live, _publisher) = jeton_runtime::Live::new(&policy, &lent).unwrap();
    let mut verifier = jeton_runtime::Verifier::new(&policy, std::sync::Arc::clone(&live)).unwrap();
    assert_eq!(verifier.verify("a token", NOW, None).unwrap_err(), VerifyError::Unready);
    assert!(live.recover().is_err());
    assert!(!live.is_current());
    assert!(live.held().is_none());
    assert!(verifier.in_service());
}

#[test]
fn a_live_set_that_cannot_follow_a_commit_permits_no_verdict_until_it_recovers() {
    let running = start();
    let mut verifier = running.verifier();
    let (token, _) = running.access_token(&[]);
    assert!(verifier.verify(&token, NOW, None).is_ok());
    assert_eq!(running.live.age(), Duration::ZERO);

    // An epoch that begins needs a whole document, and a whole document needs the store.
    running.disk.breaks_at_commit.store(true, Ordering::SeqCst);
    running.advance();
    assert_eq!(verifier.verify(&token, NOW, None).unwrap_err(), VerifyError::Unready);
    assert!(!running.live.is_current());
    assert!(running.live.age() > Duration::ZERO);
    assert!(document(&running).is_none());
    assert!(running.live.recover().is_err());
    assert!(verifier.in_service(), "the policy is not at fault");

    running.disk.repair();
    eventually("recovery", || running.live.is_current());
    assert_eq!(verifier.verify(&token, NOW, None).unwrap_err(), VerifyError::Refused(Refusal::WrongEpoch));
    assert_eq!(running.live.age(), Duration::ZERO);
}

#[test]
fn a_commit_of_unknown_outcome_permits_no_verdict_until_the_store_was_read_again() {
    let mut held = None;
    let running = start_with(Policy::embedded().unwrap(), |disk, mut publisher| {
        let (sender, heard) = std::sync::mpsc::channel::<bool>();
        let (done, finished) = std::sync::mpsc::channel();
        held = Some((sender, finished));
        disk.observe(Box::new(Observer(move |group: Option<&[jeton_store::Committed]>| {
            // A commit that the test announced has an unknown outcome.
            if heard.try_recv().is_ok() {
                publisher.outcome_unknown();
                done.send(()).unwrap();
            } else if let Some(group) = group {
                publisher.committed(group);
            }
        })));
    });
    let (unknown, finished) = held.unwrap();
    let mut verifier = running.verifier();
    let (token, id) = running.access_token(&[]);
    assert!(verifier.verify(&token, NOW, None).is_ok());

    running.disk.breaks_at_commit.store(true, Ordering::SeqCst);
    unknown.send(true).unwrap();
    running.delete(&id);
    finished.recv().unwrap();
    assert_eq!(verifier.verify(&token, NOW, None).unwrap_err(), VerifyError::Unready);

    running.disk.repair();
    eventually("recovery", || running.live.is_current());
    assert_eq!(verifier.verify(&token, NOW, None).unwrap_err(), VerifyError::Refused(Refusal::Cut));
}
