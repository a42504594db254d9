//! New refresh tokens, and the ones that are refused.

use std::sync::{Arc, Mutex};

use jeton_policy::{
    authority::{Actor, ActorError, Expiry, IssueError, IssueRequest, LAST_EXPIRY, MAX_ANCESTORS, State},
    record::Reason,
    refresh_token::RefreshToken,
    scope::{ADMIN, INTROSPECT, READ},
    seconds::Seconds,
    store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write},
};
use jeton_store::MemoryStore;

use crate::world::{START, World, request, scopes};

fn refusal(world: &World, change: impl FnOnce(&mut IssueRequest)) -> Option<IssueError> {
    let mut request = request();
    change(&mut request);
    world.authority.issue(&Actor::Machine, &request).err()
}

#[test]
fn a_new_token_is_what_was_asked_for() {
    let world = World::new();
    let issued = world.issue(|request| {
        request.name = "Nächtlicher Lauf".to_owned();
        request.owner = Some("alice@example.com".to_owned());
        request.scopes = scopes(&["b", "a", "b"]);
        request.access_ttl = Some(Seconds(60));
    });
    assert_eq!(RefreshToken::parse(&issued.secret).unwrap().id(), issued.token.id);
    let token = world.authority.show(&issued.token.id.to_string()).unwrap();
    assert_eq!(token, issued.token);
    assert_eq!((token.name.as_str(), token.owner.as_deref()), ("Nächtlicher Lauf", Some("alice@example.com")));
    assert_eq!(token.scopes.as_slice(), ["b", "a"]);
    assert_eq!((token.state, token.generation, token.access_ttl), (State::Active, 1, Seconds(60)));
    assert_eq!((token.created_at, token.created_by.as_str()), (Seconds(START), "machine"));
    assert_eq!(token.expires_at, Some(Seconds(START + 90 * 86_400)), "ninety days unless said otherwise");
}

#[test]
fn names_have_their_rules() {
    let world = World::new();
    let name = |name: &str| refusal(&world, |request| request.name = name.to_owned());
    assert_eq!(name(""), Some(IssueError::NameEmpty));
    assert_eq!(name(&"ä".repeat(200)), None);
    assert_eq!(name(&"ä".repeat(201)), Some(IssueError::NameTooLong));
    for control in ["a\nb", "a\0b", "a\u{7f}", "\u{85}"] {
        assert_eq!(name(control), Some(IssueError::NameHasControlCharacter), "{control:?}");
    }
    assert_eq!(name(" a"), Some(IssueError::NameHasOuterSpace));
    assert_eq!(name("a\u{2003}"), Some(IssueError::NameHasOuterSpace));
}

#[test]
fn expiries_have_their_rules() {
    let world = World::new();
    let expiry = |expiry: Expiry| refusal(&world, |request| request.expiry = expiry);
    assert_eq!(expiry(Expiry::At(Seconds(START))), Some(IssueError::ExpiryInThePast));
    assert_eq!(expiry(Expiry::After(Seconds(0))), Some(IssueError::ExpiryInThePast));
    assert_eq!(expiry(Expiry::At(Seconds(START + 1))), None);
    assert_eq!(expiry(Expiry::At(LAST_EXPIRY)), None);
    assert_eq!(expiry(Expiry::At(LAST_EXPIRY.plus(Seconds(1)))), Some(IssueError::ExpiryOutOfRange));
    assert_eq!(expiry(Expiry::After(Seconds(u64::MAX))), Some(IssueError::ExpiryOutOfRange));
    assert_eq!(expiry(Expiry::Never), None);
}

#[test]
fn owners_and_ttls_and_scopes_have_their_rules() {
    let world = World::new();
    let owner = |owner: &str| refusal(&world, |request| request.owner = Some(owner.to_owned()));
    assert_eq!(owner(&"o".repeat(200)), None);
    for bad in ["", "a b", "ä", "a\n", &"o".repeat(201), &"0".repeat(22)] {
        assert_eq!(owner(bad), Some(IssueError::OwnerMalformed), "{bad:?}");
    }
    let ttl = |ttl: u64| refusal(&world, |request| request.access_ttl = Some(Seconds(ttl)));
    assert_eq!((ttl(0), ttl(1)), (Some(IssueError::AccessTtlOutOfRange), None));
    assert_eq!((ttl(86_400), ttl(86_401)), (None, Some(IssueError::AccessTtlOutOfRange)));
    let with = |list: &[&str]| refusal(&world, |request| request.scopes = scopes(list));
    assert_eq!(with(&["a b"]), Some(IssueError::ScopeMalformed));
    assert_eq!(with(&["jeton:everything"]), Some(IssueError::ScopeUnknown));
    let many: Vec<String> = (0..65).map(|n| n.to_string()).collect();
    assert_eq!(refusal(&world, |request| request.scopes = many), Some(IssueError::TooManyScopes));
    let long: Vec<String> = (0..20).map(|n| format!("{n}{}", "x".repeat(100))).collect();
    assert_eq!(refusal(&world, |request| request.scopes = long), Some(IssueError::ScopesTooLong));
}

#[test]
fn a_child_only_narrows() {
    let world = World::new();
    let parent = world.issue(|request| {
        request.scopes = scopes(&["orders", READ]);
        request.expiry = Expiry::After(Seconds(1_000));
    });
    let id = parent.token.id.to_string();
    let child = |change: &dyn Fn(&mut IssueRequest)| {
        refusal(&world, |request| {
            request.parent = Some(id.clone());
            change(request);
        })
    };
    assert_eq!(child(&|request| request.scopes = scopes(&["orders"])), None);
    for wider in [&["Orders"][..], &["orders", "bills"], &[ADMIN], &[INTROSPECT]] {
        assert_eq!(child(&|request| request.scopes = scopes(wider)), Some(IssueError::ScopeBeyondParent), "{wider:?}");
    }
    assert_eq!(child(&|request| request.expiry = Expiry::After(Seconds(1_000))), None);
    for beyond in [Expiry::After(Seconds(1_001)), Expiry::Never] {
        assert_eq!(child(&|request| request.expiry = beyond), Some(IssueError::ExpiryBeyondParent));
    }
}

#[test]
fn parents_have_their_rules() {
    let world = World::new();
    let under = |id: &str| refusal(&world, |request| request.parent = Some(id.to_owned()));
    assert_eq!(under("junk"), Some(IssueError::ParentMalformed));
    assert_eq!(under(&"0".repeat(22)), Some(IssueError::ParentNotFound));
    let dead = world.issue(|_| ());
    let orphan = world.child_of(&dead);
    world.delete(&dead);
    assert_eq!(under(&dead.token.id.to_string()), Some(IssueError::ParentEnded));
    assert_eq!(under(&orphan.token.id.to_string()), Some(IssueError::ParentEnded));
    let mut last = world.issue(|_| ());
    for _ in 0..MAX_ANCESTORS {
        last = world.child_of(&last);
    }
    assert_eq!(under(&last.token.id.to_string()), Some(IssueError::TooDeep));
}

#[test]
fn nobody_grants_what_they_lack() {
    let world = World::new();
    let issue = |held: &[&str], wanted: &[&str]| {
        let actor = Actor::token("0000000000000000000009", &scopes(held)).unwrap();
        world.authority.issue(&actor, &IssueRequest { scopes: scopes(wanted), ..request() }).err()
    };
    assert_eq!(issue(&[ADMIN], &[ADMIN, INTROSPECT, "orders"]), None);
    assert_eq!(issue(&[READ], &[READ, "orders"]), None);
    assert_eq!(issue(&[READ], &[ADMIN]), Some(IssueError::ScopeBeyondActor));
    assert_eq!(issue(&["orders"], &[INTROSPECT]), Some(IssueError::ScopeBeyondActor));
}

/// Ends the parent once the child's issue has read it: just before its commit.
struct Interrupting {
    inner: MemoryStore,
    before_commit: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Store for Interrupting {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        self.inner.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        self.inner.scan(prefix, after, direction, limit)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        let interruption = self.before_commit.lock().unwrap().take();
        if let Some(interruption) = interruption {
            interruption();
        }
        self.inner.commit(checks, writes)
    }
}

#[test]
fn a_parent_that_ends_between_the_check_and_the_write_gets_no_child() {
    let world = World::over(Interrupting { inner: MemoryStore::new(), before_commit: Mutex::new(None) });
    let grandparent = world.issue(|_| ());
    let parent = world.child_of(&grandparent);
    let (store, clock, entropy) = (Arc::clone(&world.store), Arc::clone(&world.clock), Arc::clone(&world.entropy));
    let id = grandparent.token.id.to_string();
    *world.store.before_commit.lock().unwrap() = Some(Box::new(move || {
        let other = jeton_policy::authority::Authority::new(store, clock, entropy, crate::world::FixedKey([1; 32]));
        other.delete(&Actor::Machine, &[id], Reason::Deleted, None).unwrap();
    }));
    let request = IssueRequest { parent: Some(parent.token.id.to_string()), ..request() };
    let refusal = world.authority.issue(&Actor::Machine, &request).map(|_| ()).unwrap_err();
    assert_eq!(refusal, IssueError::ParentEnded);
}

#[test]
fn a_secret_is_shown_once_and_stored_never() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let secret = &issued.secret[29..73];
    let stored = world.store.scan(b"", None, Direction::Ascending, 1000).unwrap();
    for item in stored.items {
        assert!(!item.value.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    assert!(!format!("{:?}", world.authority.show(&issued.token.id.to_string())).contains(secret));
}

#[test]
fn an_actor_whose_client_id_would_not_fit_a_record_is_none() {
    for bad in
        [String::new(), "x".repeat(201), "x".repeat(70_000), "a b".to_owned(), "a\n".to_owned(), "\u{e4}".to_owned()]
    {
        assert_eq!(Actor::token(&bad, &scopes(&["jeton:admin"])), Err(ActorError::ClientIdMalformed), "{bad:?}");
    }
    let longest = "x".repeat(200);
    let actor = Actor::token(&longest, &scopes(&["jeton:admin"])).unwrap();
    let world = World::new();
    let issued = world.authority.issue(&actor, &IssueRequest::named("job")).unwrap();
    assert_eq!(issued.token.created_by, longest);
}
