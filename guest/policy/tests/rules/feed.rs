//! News of the live set leads where the whole of it leads.

use std::sync::{Arc, Mutex};

use jeton_policy::{
    authority::{Actor, Change, FeedError, TakeSnapshot},
    live::{Delta, LoadError},
    verifier::{Refusal, Verifier},
};
use jeton_store::{CommitObserver, Committed, MemoryStore};

use crate::world::World;

/// Keeps what was committed below `live/`.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Committed>>>);

impl CommitObserver for Heard {
    fn committed(&mut self, group: &[Committed]) {
        self.0.lock().unwrap().extend_from_slice(group);
    }

    fn outcome_unknown(&mut self) {}
}

fn changes(committed: Committed) -> Vec<Change> {
    committed.changes.into_iter().map(|write| Change { key: write.key, value: write.value }).collect()
}

#[test]
fn a_verifier_that_hears_the_news_gives_the_verdicts_of_one_that_loads_everything() {
    let world = World::new();
    let heard = Heard::default();
    world.store.observe(Box::new(heard.clone()));
    let issued: Vec<_> = (0..10).map(|_| world.issue(|_| ())).collect();
    let tokens: Vec<_> = issued.iter().map(|issued| world.exchange(issued)).collect();
    let mut follower = world.verifier();
    for (count, victim) in issued.iter().enumerate() {
        world.delete(victim);
        for committed in std::mem::take(&mut *heard.0.lock().unwrap()) {
            let base = follower.live().unwrap().sequence();
            let revision = committed.revision;
            let news = world.authority.delta(base, revision, &changes(committed)).unwrap();
            follower.load(&news).unwrap();
        }
        assert_eq!(follower.live().unwrap().cuts(), count + 1);
        for token in &tokens {
            let verdict = follower.verify(&token.access_token, world.now()).map(|_| ());
            assert_eq!(verdict, world.verdict(token));
        }
    }
}

#[test]
fn a_verifier_says_what_it_holds() {
    let world = World::new();
    world.delete(&world.issue(|_| ()));
    let verifier = world.verifier();
    let live = verifier.live().unwrap();
    assert_eq!((live.issuer(), live.cuts()), (crate::world::ISSUER, 1));
    assert_eq!(live.epoch().number(), world.authority.epoch().unwrap().number);
    assert_eq!(live.as_of().0, world.clock.seconds());
    assert_eq!(live.lease(), jeton_policy::live::LEASE);
}

#[test]
fn dropped_cuts_are_news_too() {
    let world = World::new();
    let heard = Heard::default();
    world.store.observe(Box::new(heard.clone()));
    world.delete(&world.issue(|_| ()));
    let mut follower = world.verifier();
    heard.0.lock().unwrap().clear();
    world.clock.pass(1_000);
    world.authority.sweep().unwrap();
    let committed = heard.0.lock().unwrap().pop().unwrap();
    let (base, revision) = (follower.live().unwrap().sequence(), committed.revision);
    follower.load(&world.authority.delta(base, revision, &changes(committed)).unwrap()).unwrap();
    assert_eq!(follower.live().unwrap().cuts(), 0);
}

#[test]
fn a_new_epoch_is_no_news_but_a_whole_document() {
    let world = World::new();
    let heard = Heard::default();
    world.store.observe(Box::new(heard.clone()));
    world.authority.advance(&Actor::Machine, None).unwrap();
    let committed = heard.0.lock().unwrap().pop().unwrap();
    assert_eq!(world.authority.delta(1, committed.revision, &changes(committed)), Err(TakeSnapshot));
    assert_eq!(world.authority.delta(1, 2, &[]), Err(TakeSnapshot));
    let odd = Change { key: b"live/other".to_vec(), value: None };
    assert_eq!(world.authority.delta(1, 2, &[odd]), Err(TakeSnapshot));
}

#[test]
fn nothing_is_known_before_an_epoch_begins() {
    let world = World::unstarted(MemoryStore::new());
    assert_eq!(world.authority.snapshot(), Err(FeedError::NotBegun));
    assert_eq!(world.authority.key_set(), Err(FeedError::NotBegun));
}

#[test]
fn the_sequence_of_whole_documents_only_grows() {
    let world = World::new();
    let mut verifier = world.verifier();
    let old = world.authority.snapshot().unwrap();
    world.delete(&world.issue(|_| ()));
    verifier.load(&world.authority.snapshot().unwrap()).unwrap();
    assert_eq!(verifier.load(&old).map(|_| ()), Err(LoadError::Older));
    let news = Delta {
        base: 0,
        sequence: u64::MAX,
        as_of: jeton_policy::seconds::Seconds(0),
        epoch_number: world.authority.epoch().unwrap().number,
        cuts: Vec::new(),
        dropped: Vec::new(),
    };
    assert_eq!(verifier.load(&news.render()).map(|_| ()), Err(LoadError::Gap));
}

#[test]
fn the_key_set_verifies_what_the_authority_signs() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use ed25519_dalek::{Signature, VerifyingKey};
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ())).access_token;
    let keys: serde_json::Value = serde_json::from_slice(&world.authority.key_set().unwrap()).unwrap();
    let key = &keys["keys"][0];
    let [kty, crv, alg] = ["kty", "crv", "alg"].map(|name| key[name].as_str().unwrap());
    assert_eq!((kty, crv, alg), ("OKP", "Ed25519", "EdDSA"));
    let x = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    VerifyingKey::try_from(x.as_slice()).unwrap().verify_strict(signed.as_bytes(), &signature).unwrap();
}

#[test]
fn an_empty_verifier_accepts_nothing() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    assert_eq!(Verifier::new().verify(&token.access_token, world.now()).map(|_| ()), Err(Refusal::Stale));
}
