//! The authority's lives.

use jeton_policy::{
    access_token::Algorithm,
    authority::{Actor, BeginError, Boot, EpochError, ExchangeError},
    record::EpochReason,
    scope::ADMIN,
    store::{Direction, Freshness, Store as _, Write},
    verifier::{Refusal, Verifier},
};
use jeton_store::MemoryStore;

use crate::world::{PLAIN, START, World, scopes};

#[test]
fn advancing_kills_every_access_token_and_no_refresh_token() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    let actor = Actor::token("0000000000000000000009", &scopes(&[ADMIN])).unwrap();
    let epoch = world.authority.advance(&actor, None).unwrap();
    assert_eq!((epoch.reason, epoch.by.as_str()), (EpochReason::Order, "0000000000000000000009"));
    assert_eq!(world.verdict(&token), Err(Refusal::WrongEpoch));
    assert_eq!(world.verdict(&world.exchange(&issued)), Ok(()));
}

#[test]
fn a_start_with_advance_kills_and_a_start_with_resume_does_not() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    let number = world.authority.epoch().unwrap().number;
    assert_eq!(world.another([1; 32]).begin(Boot::Resume, None).unwrap().number, number);
    assert_eq!(world.verdict(&token), Ok(()));
    let epoch = world.another([1; 32]).begin(Boot::Advance, None).unwrap();
    assert_eq!(epoch.reason, EpochReason::Boot);
    assert_eq!(world.verdict(&token), Err(Refusal::WrongEpoch));
}

#[test]
fn only_resume_wants_the_root_key_that_fits() {
    let world = World::new();
    assert_eq!(world.another([2; 32]).begin(Boot::Resume, None), Err(BeginError::RootKeyDoesNotFit));
    assert!(world.another([2; 32]).begin(Boot::Advance, None).is_ok());
    let issued = world.issue(|_| ());
    let with_the_old_key = world.authority.exchange(&issued.secret, &PLAIN).map(|_| ()).unwrap_err();
    assert_eq!(with_the_old_key, ExchangeError::Unavailable, "a key that does not fit mints nothing");
}

#[test]
fn the_first_epoch_begins_either_way() {
    for boot in [Boot::Advance, Boot::Resume] {
        let world = World::unstarted(MemoryStore::new());
        assert_eq!(world.authority.epoch(), Err(EpochError::NotBegun));
        assert_eq!(world.authority.advance(&Actor::Machine, None), Err(EpochError::NotBegun));
        let epoch = world.authority.begin(boot, None).unwrap();
        assert_eq!((epoch.number, epoch.reason), (START, EpochReason::First));
    }
}

#[test]
fn the_number_is_the_time_or_one_more_than_the_last() {
    let world = World::new();
    assert_eq!(world.authority.advance(&Actor::Machine, None).unwrap().number, START + 1);
    assert_eq!(world.authority.advance(&Actor::Machine, None).unwrap().number, START + 2);
    world.clock.pass(1_000);
    assert_eq!(world.authority.advance(&Actor::Machine, None).unwrap().number, START + 1_000);
}

#[test]
fn no_two_epochs_have_one_key() {
    let world = World::new();
    let mut keys: Vec<_> =
        (0..20).map(|_| world.authority.advance(&Actor::Machine, None).unwrap().public_key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 20);
}

#[test]
fn the_store_never_holds_the_root_key_or_a_signing_key() {
    let world = World::new();
    world.exchange(&world.issue(|_| ()));
    let held = world.store.scan(b"", None, Direction::Ascending, 1000).unwrap();
    let epoch = world.authority.epoch().unwrap();
    let seed = {
        let mut info = *b"jeton epoch signing key ........";
        info[24..].copy_from_slice(&epoch.number.to_be_bytes());
        let mut seed = [0; 32];
        hkdf::Hkdf::<sha2::Sha256>::new(Some(&epoch.nonce), &[1; 32]).expand(&info, &mut seed).unwrap();
        seed
    };
    for item in held.items {
        for secret in [[1; 32], seed] {
            assert!(!item.value.windows(32).any(|window| window == secret));
        }
    }
}

#[test]
fn an_epoch_signs_with_the_algorithm_it_began_with_and_verifiers_follow() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let mut follower = world.verifier();
    let mut before = world.exchange(&issued);
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        let epoch = world.authority.advance(&Actor::Machine, Some(algorithm)).unwrap();
        assert_eq!(epoch.algorithm, algorithm);
        let token = world.exchange(&issued);
        assert_eq!(header(&token.access_token)["alg"], algorithm.name());
        follower.load(&world.authority.snapshot().unwrap()).unwrap();
        for _ in 0..2 {
            let verdict = |token: &str, follower: &mut Verifier| follower.verify(token, world.now()).map(|_| ());
            assert_eq!(verdict(&token.access_token, &mut follower), Ok(()));
            assert_eq!(verdict(&before.access_token, &mut follower), Err(Refusal::WrongEpoch));
        }
        assert_eq!(world.verdict(&token), Ok(()));
        before = token;
    }
}

#[test]
fn an_epoch_keeps_the_algorithm_of_the_one_before_unless_told_otherwise() {
    let world = World::new();
    assert_eq!(world.authority.epoch().unwrap().algorithm, Algorithm::EdDsa);
    world.authority.advance(&Actor::Machine, Some(Algorithm::Es256)).unwrap();
    assert_eq!(world.authority.advance(&Actor::Machine, None).unwrap().algorithm, Algorithm::Es256);
    assert_eq!(world.another([1; 32]).begin(Boot::Advance, None).unwrap().algorithm, Algorithm::Es256);
    let epoch = world.another([1; 32]).begin(Boot::Advance, Some(Algorithm::EdDsa)).unwrap();
    assert_eq!(epoch.algorithm, Algorithm::EdDsa);
}

#[test]
fn an_epoch_that_goes_on_keeps_its_algorithm_whatever_is_asked_for() {
    let world = World::unstarted(MemoryStore::new());
    let first = world.authority.begin(Boot::Resume, Some(Algorithm::Es256)).unwrap();
    assert_eq!(first.algorithm, Algorithm::Es256);
    assert_eq!(world.another([1; 32]).begin(Boot::Resume, Some(Algorithm::EdDsa)).unwrap(), first);
}

#[test]
fn another_process_with_the_root_key_has_the_same_key_and_without_it_none() {
    for algorithm in Algorithm::ALL {
        let world = World::new();
        let issued = world.issue(|_| ());
        world.authority.advance(&Actor::Machine, Some(algorithm)).unwrap();
        let another = world.another([1; 32]);
        another.begin(Boot::Resume, None).unwrap();
        let token = another.exchange(&issued.secret, &PLAIN).unwrap();
        assert_eq!(world.verdict(&token), Ok(()), "{algorithm:?}");
        assert_eq!(world.another([2; 32]).begin(Boot::Resume, None), Err(BeginError::RootKeyDoesNotFit));
    }
}

#[test]
fn a_holder_revokes_an_access_token_of_any_algorithm() {
    for algorithm in Algorithm::ALL {
        let world = World::new();
        world.authority.advance(&Actor::Machine, Some(algorithm)).unwrap();
        let token = world.exchange(&world.issue(|_| ()));
        world.authority.revoke(&token.access_token).unwrap();
        assert_eq!(world.verdict(&token), Err(Refusal::Cut), "{algorithm:?}");
    }
}

#[test]
fn a_store_from_before_algorithms_could_be_chosen_goes_on() {
    // What that version wrote: an array of six, and no algorithm among them.
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    let epoch = world.authority.epoch().unwrap();
    let mut old = minicbor::Encoder::new(Vec::new());
    old.array(6).unwrap().u64(epoch.number).unwrap().u64(epoch.began_at.0).unwrap();
    old.u32(0).unwrap().str(&epoch.by).unwrap().bytes(&epoch.nonce).unwrap().bytes(&epoch.public_key).unwrap();
    let old = Write { key: b"live/epoch".to_vec(), value: Some(old.into_writer()) };
    world.store.commit(Vec::new(), vec![old]).unwrap();
    assert_eq!(world.another([1; 32]).begin(Boot::Resume, None).unwrap(), epoch);
    assert_eq!(world.verdict(&token), Ok(()));
}

#[test]
fn the_store_never_holds_a_factor_of_an_rsa_key() {
    let world = World::new();
    let epoch = world.authority.advance(&Actor::Machine, Some(Algorithm::Rs256)).unwrap();
    let gaps = epoch.prime_gaps.unwrap();
    assert!(gaps.p < 50_000 && gaps.q < 50_000, "a distance is a small number: {gaps:?}");
    // Number, time, reason, actor, nonce, modulus, algorithm and two distances leave no room for 128 bytes more.
    let [stored] = world.store.read(&[b"live/epoch".to_vec()], Freshness::Latest).unwrap().entries.try_into().unwrap();
    assert!(stored.unwrap().value.len() < 256 + 100);
}

fn header(token: &str) -> serde_json::Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}
