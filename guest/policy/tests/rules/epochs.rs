//! The authority's lives.

use jeton_policy::{
    authority::{Actor, BeginError, Boot, EpochError, ExchangeError},
    record::EpochReason,
    scope::ADMIN,
    verifier::Refusal,
};
use jeton_store::MemoryStore;

use crate::world::{PLAIN, START, World, scopes};

#[test]
fn advancing_kills_every_access_token_and_no_refresh_token() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    let actor = Actor::token("0000000000000000000009", &scopes(&[ADMIN])).unwrap();
    let epoch = world.authority.advance(&actor).unwrap();
    assert_eq!((epoch.reason, epoch.by.as_str()), (EpochReason::Order, "0000000000000000000009"));
    assert_eq!(world.verdict(&token), Err(Refusal::WrongEpoch));
    assert_eq!(world.verdict(&world.exchange(&issued)), Ok(()));
}

#[test]
fn a_start_with_advance_kills_and_a_start_with_resume_does_not() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    let number = world.authority.epoch().unwrap().number;
    assert_eq!(world.another([1; 32]).begin(Boot::Resume).unwrap().number, number);
    assert_eq!(world.verdict(&token), Ok(()));
    let epoch = world.another([1; 32]).begin(Boot::Advance).unwrap();
    assert_eq!(epoch.reason, EpochReason::Boot);
    assert_eq!(world.verdict(&token), Err(Refusal::WrongEpoch));
}

#[test]
fn only_resume_wants_the_root_key_that_fits() {
    let world = World::new();
    assert_eq!(world.another([2; 32]).begin(Boot::Resume), Err(BeginError::RootKeyDoesNotFit));
    assert!(world.another([2; 32]).begin(Boot::Advance).is_ok());
    let issued = world.issue(|_| ());
    let with_the_old_key = world.authority.exchange(&issued.secret, &PLAIN).map(|_| ()).unwrap_err();
    assert_eq!(with_the_old_key, ExchangeError::Unavailable, "a key that does not fit mints nothing");
}

#[test]
fn the_first_epoch_begins_either_way() {
    for boot in [Boot::Advance, Boot::Resume] {
        let world = World::unstarted(MemoryStore::new());
        assert_eq!(world.authority.epoch(), Err(EpochError::NotBegun));
        assert_eq!(world.authority.advance(&Actor::Machine), Err(EpochError::NotBegun));
        let epoch = world.authority.begin(boot).unwrap();
        assert_eq!((epoch.number, epoch.reason), (START, EpochReason::First));
    }
}

#[test]
fn the_number_is_the_time_or_one_more_than_the_last() {
    let world = World::new();
    assert_eq!(world.authority.advance(&Actor::Machine).unwrap().number, START + 1);
    assert_eq!(world.authority.advance(&Actor::Machine).unwrap().number, START + 2);
    world.clock.pass(1_000);
    assert_eq!(world.authority.advance(&Actor::Machine).unwrap().number, START + 1_000);
}

#[test]
fn no_two_epochs_have_one_key() {
    let world = World::new();
    let mut keys: Vec<_> = (0..20).map(|_| world.authority.advance(&Actor::Machine).unwrap().public_key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 20);
}

#[test]
fn the_store_never_holds_the_root_key_or_a_signing_key() {
    use jeton_policy::store::{Direction, Store as _};
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
