//! Verdicts of the real policy, through the runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use jeton_runtime::artifacts;
use jeton_runtime::wit::verification::{Refusal, Verified};
use jeton_runtime::{IntrospectError, Lent, Live, Policy, Verifier, VerifyError};

use crate::scaffold::{NOW, Running, start};

/// How often a race is run.
const RACES: usize = 50;

#[test]
fn a_token_lives_until_its_refresh_token_is_deleted() {
    let running = start();
    let mut verifier = running.verifier();
    let (token, id) = running.access_token(&["repo:read"]);
    let (other, _) = running.access_token(&[]);

    let claims = verifier.claims(&token, NOW, None).unwrap();
    assert_eq!((claims.client_id.as_str(), claims.scopes.as_slice()), (id.as_str(), &["repo:read".to_owned()][..]));
    assert!(verifier.verify(&token, NOW, None).is_ok());

    running.delete(&id);
    assert_eq!(verifier.verify(&token, NOW, None).unwrap_err(), VerifyError::Refused(Refusal::Cut));
    assert!(verifier.verify(&other, NOW, None).is_ok());
}

#[test]
fn a_new_epoch_kills_every_token() {
    let running = start();
    let mut verifier = running.verifier();
    let (token, _) = running.access_token(&[]);
    assert!(verifier.verify(&token, NOW, None).is_ok());
    running.advance();
    assert_eq!(verifier.verify(&token, NOW, None).unwrap_err(), VerifyError::Refused(Refusal::WrongEpoch));
    let (token, _) = running.access_token(&[]);
    assert!(verifier.verify(&token, NOW, None).is_ok());
}

#[test]
fn time_that_is_set_back_revives_nothing() {
    let running = start();
    let mut verifier = running.verifier();
    let (token, _) = running.access_token(&[]);
    assert!(verifier.verify(&token, NOW, None).is_ok());
    assert_eq!(verifier.verify(&token, NOW + 900, None).unwrap_err(), VerifyError::Refused(Refusal::Expired));
    assert_eq!(verifier.verify(&token, NOW, None).unwrap_err(), VerifyError::Refused(Refusal::Expired));
}

#[test]
fn introspection_judges_the_caller_first() {
    let running = start();
    let mut verifier = running.verifier();
    let (token, _) = running.access_token(&[]);
    let (asker, _) = running.access_token(&["jeton:introspect"]);

    let answer = String::from_utf8(verifier.introspect(&asker, &token, NOW, None).unwrap()).unwrap();
    assert!(answer.starts_with("{\"active\":true"), "{answer}");
    let answer = verifier.introspect(&asker, "nothing of the kind", NOW, None).unwrap();
    assert_eq!(answer, b"{\"active\":false}");
    assert!(verifier.introspect(&token, &token, NOW, None).is_ok());
    assert_eq!(verifier.introspect(&token, &asker, NOW, None), Err(IntrospectError::InsufficientScope));
    assert_eq!(verifier.introspect("nobody", &token, NOW, None), Err(IntrospectError::InvalidToken));
}

#[test]
fn no_verifier_gives_an_old_verdict_after_the_acknowledgement() {
    let running = Arc::new(start());
    for _ in 0..RACES {
        let (token, id) = running.access_token(&[]);
        let acknowledged = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (running, token, acknowledged) = (Arc::clone(&running), token.clone(), Arc::clone(&acknowledged));
                thread::spawn(move || judge_until_refused(&mut running.verifier(), &token, &acknowledged))
            })
            .collect();
        running.delete(&id);
        acknowledged.store(true, Ordering::SeqCst);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    }
}

/// Judges a token again and again; once its deletion is acknowledged, it must be refused at once.
fn judge_until_refused(verifier: &mut Verifier, token: &str, acknowledged: &AtomicBool) {
    loop {
        let acknowledged = acknowledged.load(Ordering::SeqCst);
        let verdict = verifier.verify(token, NOW, None).map(drop);
        if acknowledged {
            assert_eq!(verdict, Err(VerifyError::Refused(Refusal::Cut)));
            return;
        }
        assert!(matches!(verdict, Ok(()) | Err(VerifyError::Refused(Refusal::Cut))), "{verdict:?}");
    }
}

#[test]
fn a_verifier_that_slept_through_more_than_the_board_keeps_is_current_at_once() {
    let running = start();
    let mut verifier = running.verifier();
    let (token, id) = running.access_token(&[]);
    assert!(verifier.verify(&token, NOW, None).is_ok());
    running.delete(&id);
    for _ in 0..1100 {
        let issued = running.issue("short-lived", &[]);
        running.delete(&issued.token.id);
    }
    assert_eq!(verifier.verify(&token, NOW, None).unwrap_err(), VerifyError::Refused(Refusal::Cut));
    let mut newcomer = running.verifier();
    assert_eq!(newcomer.verify(&token, NOW, None).unwrap_err(), VerifyError::Refused(Refusal::Cut));
    assert_eq!(running.live.held().unwrap().cuts, 1101);
}

#[test]
fn the_compiled_and_the_portable_policy_give_the_same_verdicts() {
    let running = start();
    let portable = Policy::compile(artifacts::AUTHORITY, artifacts::VERIFIER).unwrap();
    let (live, _publisher) = Live::new(&portable, &reading(&running)).unwrap();

    let (living, _) = running.access_token(&["a", "b"]);
    let (dead, id) = running.access_token(&[]);
    running.delete(&id);
    let broken = living.get(..living.len() - 2).unwrap().to_owned() + "AA";
    live.recover().unwrap();

    let mut wide = running.verifier();
    let mut other = Verifier::new(&portable, live).unwrap();
    for (token, now) in
        [(&living, NOW), (&living, NOW + 899), (&dead, NOW), (&broken, NOW), (&ISSUED_ELSEWHERE.to_owned(), NOW)]
    {
        assert_eq!(shown(wide.verify(token, now, None)), shown(other.verify(token, now, None)), "{token} at {now}");
    }
    assert_eq!(shown(wide.verify(&living, NOW + 900, None)), shown(other.verify(&living, NOW + 900, None)));
}

/// Something of the shape of a token.
const ISSUED_ELSEWHERE: &str = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0.eyJpc3MiOiJub2JvZHkifQ.";

fn shown(verdict: Result<Verified, VerifyError>) -> Result<(Vec<u8>, u64), VerifyError> {
    verdict.map(|verified| (verified.answer, verified.expires_at))
}

/// The same store, without a root key.
fn reading(running: &Running) -> Lent {
    Lent::new(Arc::clone(&running.disk) as _, None).with_clock(Arc::new(|| (NOW, 0)))
}
