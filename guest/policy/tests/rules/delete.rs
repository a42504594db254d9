//! Ending refresh tokens.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_policy::{
    authority::{Actor, COMMIT_GUARD, DeleteError, Deletion, MAX_BATCH, MAX_CUTS_IN_BUCKET, MAX_NOTE_LENGTH, State},
    digest::{CutDigest, Digest},
    record::Reason,
    refresh_token::RefreshToken,
    scope::{ADMIN, READ},
    seconds::Seconds,
    store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write},
    verifier::Refusal,
};
use jeton_store::MemoryStore;

use crate::world::{Issued, PLAIN, START, SetClock, World, scopes};

#[test]
fn a_tombstone_says_when_by_whom_and_why() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let id = issued.token.id.to_string();
    world.clock.pass(5);
    let actor = Actor::token("0000000000000000000009", &scopes(&[ADMIN])).unwrap();
    world.authority.delete(&actor, std::slice::from_ref(&id), Reason::Compromised, Some("seen in a log")).unwrap();
    let token = world.authority.show(&id).unwrap();
    let ending = token.ending.unwrap();
    assert_eq!(token.state, State::Deleted);
    assert_eq!((ending.at, ending.by.as_str()), (Seconds(START + 5), "0000000000000000000009"));
    assert_eq!((ending.reason, ending.note.as_deref()), (Reason::Compromised, Some("seen in a log")));
    assert_eq!(token.generation, 2);
}

#[test]
fn deleting_twice_changes_nothing_the_second_time() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let id = issued.token.id.to_string();
    world.delete(&issued);
    let first = world.authority.show(&id).unwrap();
    world.clock.pass(5);
    let again = world.authority.delete(&Actor::Machine, std::slice::from_ref(&id), Reason::Unused, None).unwrap();
    assert_eq!(again.results, [Deletion::AlreadyDeleted]);
    assert_eq!(world.authority.show(&id).unwrap(), first);
}

#[test]
fn a_batch_gives_one_result_for_each_id_in_their_order() {
    let world = World::new();
    let (one, other, dead) = (world.issue(|_| ()), world.issue(|_| ()), world.issue(|_| ()));
    world.delete(&dead);
    let [one, other, dead] = [one, other, dead].map(|issued| issued.token.id.to_string());
    let unknown = "0".repeat(22);
    let ids = [&other, "junk", &one, &other, &unknown, &dead, ""].map(str::to_owned);
    let deleted = world.authority.delete(&Actor::Machine, &ids, Reason::Deleted, None).unwrap();
    use Deletion::{AlreadyDeleted, Deleted, NotFound};
    assert_eq!(deleted.results, [Deleted, NotFound, Deleted, AlreadyDeleted, NotFound, AlreadyDeleted, NotFound]);
}

#[test]
fn a_whole_batch_of_the_largest_size_ends_in_one_call() {
    let world = World::new();
    let issued: Vec<_> = (0..MAX_BATCH).map(|_| world.issue(|_| ())).collect();
    let token = world.exchange(&issued[500]);
    let mut ids: Vec<_> = issued.iter().map(|issued| issued.token.id.to_string()).collect();
    let deleted = world.authority.delete(&Actor::Machine, &ids, Reason::Deleted, None).unwrap();
    assert!(deleted.results.iter().all(|result| *result == Deletion::Deleted));
    assert_eq!(world.verdict(&token), Err(Refusal::Cut));
    ids.push("x".to_owned());
    assert_eq!(world.authority.delete(&Actor::Machine, &ids, Reason::Deleted, None), Err(DeleteError::TooMany));
}

#[test]
fn a_note_has_its_bounds() {
    let world = World::new();
    let delete = |note: &str| world.authority.delete(&Actor::Machine, &[], Reason::Deleted, Some(note));
    assert!(delete(&"ä".repeat(MAX_NOTE_LENGTH)).is_ok());
    assert_eq!(delete(&"ä".repeat(MAX_NOTE_LENGTH + 1)), Err(DeleteError::NoteTooLong));
    assert_eq!(delete("one\ntwo"), Err(DeleteError::NoteHasControlCharacter));
}

#[test]
fn nobody_ends_what_holds_a_scope_that_they_lack() {
    let world = World::new();
    let admin = world.issue(|request| request.scopes = scopes(&[ADMIN]));
    let plain = world.issue(|request| request.scopes = scopes(&["orders"]));
    let reader = Actor::token("0000000000000000000009", &scopes(&[READ])).unwrap();
    let both = [plain, admin].map(|issued| issued.token.id.to_string());
    assert_eq!(world.authority.delete(&reader, &both, Reason::Deleted, None), Err(DeleteError::ScopeBeyondActor));
    for id in &both {
        assert_eq!(world.authority.show(id).unwrap().state, State::Active, "none of them ended");
    }
    assert!(world.authority.delete(&reader, &both[..1], Reason::Deleted, None).is_ok());
}

#[test]
fn a_live_set_without_room_makes_the_epoch_advance_instead() {
    let world = World::new();
    let (issued, bystander) = (world.issue(|_| ()), world.issue(|_| ()));
    let tokens = [world.exchange(&issued), world.exchange(&bystander)];
    let epoch = world.authority.epoch().unwrap().number;
    for first in 0..=u8::MAX {
        let writes = (0..u64::try_from(MAX_CUTS_IN_BUCKET).unwrap()).map(|count| {
            let mut key = b"live/cut/".to_vec();
            key.extend_from_slice(&epoch.to_be_bytes());
            key.extend_from_slice(&[first, 0, 0, 0, 0, 0, 0, 0]);
            key.extend_from_slice(&count.to_be_bytes());
            Write { key, value: Some(vec![0]) }
        });
        world.store.commit(Vec::new(), writes.collect()).unwrap();
    }
    assert_eq!(world.verifier().live().unwrap().cuts(), MAX_CUTS_IN_BUCKET * 256);
    let ids = [issued.token.id.to_string()];
    let deleted = world.authority.delete(&Actor::Machine, &ids, Reason::Deleted, None).unwrap();
    let advanced = deleted.advanced_epoch.unwrap();
    assert_eq!(world.authority.epoch().unwrap().number, advanced);
    for token in &tokens {
        assert_eq!(world.verdict(token), Err(Refusal::WrongEpoch));
    }
    assert_eq!(world.verifier().live().unwrap().cuts(), 0, "the new epoch begins without cuts");
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_err());
    assert_eq!(world.verdict(&world.exchange(&bystander)), Ok(()));
}

/// A store whose next commit takes a long time.
struct Slow {
    inner: MemoryStore,
    clock: Arc<SetClock>,
    takes: AtomicU64,
}

impl Store for Slow {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.inner.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.inner.scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        self.clock.pass(self.takes.swap(0, SeqCst));
        self.inner.commit(checks, writes)
    }
}

#[test]
fn a_cut_whose_commit_took_too_long_is_made_again_with_a_later_time() {
    let clock = Arc::new(SetClock::default());
    clock.set(START, 0);
    let world = World::over(Slow { inner: MemoryStore::new(), clock: Arc::clone(&clock), takes: AtomicU64::new(0) });
    let world = World {
        authority: jeton_policy::authority::Authority::new(
            Arc::clone(&world.store),
            Arc::clone(&clock),
            Arc::clone(&world.entropy),
            crate::world::FixedKey([1; 32]),
        ),
        clock,
        ..world
    };
    let issued = world.issue(|_| ());
    let slow = 2_000;
    world.store.takes.store(slow, SeqCst);
    world.delete(&issued);
    // A cut that still said when the act began would be dropped at once.
    world.authority.sweep().unwrap();
    assert_eq!(world.verifier().live().unwrap().cuts(), 1);
    world.clock.pass(900 + COMMIT_GUARD.0);
    world.authority.sweep().unwrap();
    assert_eq!(world.verifier().live().unwrap().cuts(), 1);
    world.clock.pass(1);
    assert_eq!(world.authority.sweep().unwrap().dropped, 1);
    assert_eq!(world.verifier().live().unwrap().cuts(), 0);
}

#[test]
fn an_expired_token_is_deleted_without_a_cut() {
    let world = World::new();
    let issued = world.issue(|request| request.expiry = jeton_policy::authority::Expiry::After(Seconds(10)));
    world.clock.pass(10);
    world.delete(&issued);
    assert_eq!(world.authority.show(&issued.token.id.to_string()).unwrap().state, State::Deleted);
    assert_eq!(world.verifier().live().unwrap().cuts(), 0);
}

/// The digest of the refresh token's own lineage id, as its access tokens tell it.
fn lineage_digest(world: &World, issued: &Issued) -> CutDigest {
    let token = world.exchange(issued).access_token;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    CutDigest::of(claims["lin"][0].as_str().unwrap())
}

/// Two refresh tokens whose cuts fall into one bucket, which has room for one of them.
fn two_for_the_last_room(world: &World) -> [Issued; 2] {
    let mut seen = BTreeMap::new();
    let (first, pair) = loop {
        let issued = world.issue(|_| ());
        let CutDigest([first, ..]) = lineage_digest(world, &issued);
        match seen.remove(&first) {
            Some(other) => break (first, [issued, other]),
            None => seen.insert(first, issued),
        };
    };
    let epoch = world.authority.epoch().unwrap().number;
    let all_but_one = (1..u64::try_from(MAX_CUTS_IN_BUCKET).unwrap()).map(|count| {
        let mut key = b"live/cut/".to_vec();
        key.extend_from_slice(&epoch.to_be_bytes());
        key.extend_from_slice(&[first, 0, 0, 0, 0, 0, 0, 0]);
        key.extend_from_slice(&count.to_be_bytes());
        Write { key, value: Some(vec![0]) }
    });
    world.store.commit(Vec::new(), all_but_one.collect()).unwrap();
    pair
}

#[test]
fn the_last_room_is_for_one_cut_and_not_for_two() {
    let advances = |count: usize| {
        let world = World::new();
        let pair = two_for_the_last_room(&world);
        let ids: Vec<_> = pair.iter().take(count).map(|issued| issued.token.id.to_string()).collect();
        world.authority.delete(&Actor::Machine, &ids, Reason::Deleted, None).unwrap().advanced_epoch.is_some()
    };
    assert!(!advances(1));
    assert!(advances(2));
}

#[test]
fn a_tombstone_keeps_nothing_of_a_secret() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let rotated = world.rotate(&issued, 3_600);
    let is_kept = |issued: &Issued| {
        let Digest(digest) = RefreshToken::parse(&issued.secret).unwrap().digest();
        let stored = world.store.scan(b"", None, Direction::Ascending, 1_000).unwrap().items;
        stored.iter().any(|item| item.value.windows(digest.len()).any(|bytes| bytes == digest))
    };
    assert!(is_kept(&issued) && is_kept(&rotated));
    world.delete(&rotated);
    assert!(!is_kept(&issued) && !is_kept(&rotated));
}
