//! What people sign in with: an account's token, the sessions under it, and what somebody may do who is confined to her own.

use jeton_policy::{
    authority::{
        Actor, DeleteError, Deletion, Edit, EditError, Expiry, IssueError, IssueRequest, Query, RotateError,
        SettingsChange, State,
    },
    record::Reason,
    scope::{ADMIN, CONSOLE, OWN, READ, TOKENS},
    seconds::Seconds,
    verifier::Refusal,
};

use crate::world::{Issued, PLAIN, World};

fn account(world: &World, name: &str, scopes: &[&str]) -> Issued {
    world.issue(|request| {
        request.name = format!("account {name}");
        request.owner = Some(name.to_owned());
        request.expiry = Expiry::Never;
        request.scopes = scopes.iter().chain(&[CONSOLE]).map(|scope| (*scope).to_owned()).collect();
    })
}

fn session(world: &World, account: &Issued) -> Issued {
    world.issue(|request| {
        request.name = "console session".to_owned();
        request.owner.clone_from(&account.token.owner);
        request.parent = Some(account.token.id.to_string());
        request.expiry = Expiry::After(Seconds(12 * 60 * 60));
        request.scopes = account.token.scopes.as_slice().to_vec();
    })
}

fn bearer(name: &str, scopes: &[&str]) -> Actor {
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Actor::bearer("a-session", name, &scopes).unwrap()
}

/// What alice asks for when she makes a token of her own.
fn own(parent: &Issued, scopes: &[&str]) -> IssueRequest {
    IssueRequest {
        owner: Some("alice".to_owned()),
        parent: Some(parent.token.id.to_string()),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..IssueRequest::named("mine")
    }
}

#[test]
fn a_session_mints_what_its_account_may_do_and_never_the_mark() {
    let world = World::new();
    let alice = account(&world, "alice", &[ADMIN]);
    let token = world.exchange(&session(&world, &alice));
    assert_eq!(token.scope, ADMIN);
    assert_eq!(world.verdict(&token), Ok(()));
}

#[test]
fn nobody_but_the_machine_makes_or_touches_what_people_sign_in_with() {
    let world = World::new();
    let alice = account(&world, "alice", &[READ]);
    let session = session(&world, &alice);
    let admin = bearer("root", &[ADMIN]);
    let forged = IssueRequest { scopes: vec![CONSOLE.to_owned()], ..IssueRequest::named("forged") };
    assert_eq!(world.authority.issue(&admin, &forged).err(), Some(IssueError::ScopeBeyondActor));
    for issued in [&alice, &session] {
        let id = issued.token.id.to_string();
        let edit = Edit { enabled: Some(false), ..Edit::default() };
        assert_eq!(world.authority.edit(&admin, &id, &edit, None).err(), Some(EditError::ScopeBeyondActor));
        assert_eq!(world.authority.rotate(&admin, &id, Seconds(0), None).err(), Some(RotateError::ScopeBeyondActor));
        let deleted = world.authority.delete(&admin, &[id], Reason::Deleted, None);
        assert_eq!(deleted.err(), Some(DeleteError::ScopeBeyondActor));
    }
}

#[test]
fn disabling_an_account_ends_its_sessions_and_all_below_by_one_cut() {
    let world = World::new();
    let alice = account(&world, "alice", &[OWN, "orders"]);
    let session = session(&world, &alice);
    let mine = Issued::of(world.authority.issue(&bearer("alice", &[OWN]), &own(&alice, &["orders"])).unwrap());
    let dead = [world.exchange(&session), world.exchange(&mine)];
    let cuts = world.verifier().live().unwrap().cuts();
    let disable = |enabled| Edit { enabled: Some(enabled), ..Edit::default() };
    world.authority.edit(&Actor::Machine, &alice.token.id.to_string(), &disable(false), None).unwrap();
    assert_eq!(world.verifier().live().unwrap().cuts(), cuts + 1);
    for token in &dead {
        assert_eq!(world.verdict(token), Err(Refusal::Cut));
    }
    for issued in [&session, &mine] {
        assert!(world.authority.exchange(&issued.secret, &PLAIN).is_err());
    }
    world.authority.edit(&Actor::Machine, &alice.token.id.to_string(), &disable(true), None).unwrap();
    assert_eq!(world.verdict(&dead[0]), Err(Refusal::Cut), "what was out stays dead");
    assert_eq!(world.verdict(&world.exchange(&session)), Ok(()));
}

#[test]
fn settings_for_scripts_bind_no_account_and_no_session() {
    let world = World::new();
    let change = SettingsChange {
        refresh_token_expiration: Some(Seconds(60)),
        refresh_token_maximum: Some(Some(Seconds(60))),
        never_allowed: Some(false),
        unique_names: Some(true),
        delegation_levels: Some(1),
        ..SettingsChange::default()
    };
    world.authority.set_settings(&Actor::Machine, &change, None, false).unwrap();
    let alice = account(&world, "alice", &[OWN, "orders"]);
    let (first, second) = (session(&world, &alice), session(&world, &alice));
    assert_eq!(alice.token.expires_at, None);
    world.issue(|request| request.name = "console session".to_owned());
    let mine = world.authority.issue(&bearer("alice", &[OWN]), &own(&alice, &["orders"])).unwrap();
    assert_eq!(mine.token.expires_at, Some(Seconds(world.clock.seconds() + 60)));
    let below = IssueRequest { name: "below".to_owned(), ..own(&Issued::of(mine), &[]) };
    let below = Issued::of(world.authority.issue(&bearer("alice", &[OWN]), &below).unwrap());
    let deeper = IssueRequest { name: "deeper".to_owned(), ..own(&below, &[]) };
    let refused = world.authority.issue(&bearer("alice", &[OWN]), &deeper).err();
    assert_eq!(refused, Some(IssueError::TooDeep), "an account is no level of delegation, everything below it is");
    world.clock.pass(61);
    for issued in [&first, &second] {
        assert_eq!(world.verdict(&world.exchange(issued)), Ok(()));
    }
}

#[test]
fn lists_and_exports_hold_no_sessions_unless_an_accounts_children_are_asked_for() {
    let world = World::new();
    let alice = account(&world, "alice", &[READ]);
    session(&world, &alice);
    let script = world.issue(|request| request.name = "script".to_owned());
    let names = |query: Query| {
        let page = world.authority.list(&Query { limit: 10, ..query }).unwrap();
        page.items.into_iter().map(|token| token.name).collect::<Vec<_>>()
    };
    assert_eq!(names(Query::default()), ["script"]);
    assert_eq!(names(Query { owner: Some("alice".to_owned()), ..Query::default() }), [""; 0]);
    assert_eq!(names(Query { name: Some("console".to_owned()), ..Query::default() }), [""; 0]);
    assert_eq!(names(Query { parent: Some(alice.token.id.to_string()), ..Query::default() }), ["console session"]);
    let exported = world.authority.export(10, None).unwrap().items;
    assert_eq!(exported.into_iter().map(|token| token.id).collect::<Vec<_>>(), [script.token.id.to_string()]);
}

#[test]
fn who_is_confined_issues_to_herself_alone_and_within_her_account() {
    let world = World::new();
    let alice = account(&world, "alice", &[OWN, "orders"]);
    let bob = account(&world, "bob", &[OWN, "orders", "stock"]);
    let elsewhere = world.issue(|request| {
        request.owner = Some("alice".to_owned());
        request.scopes = vec!["stock".to_owned()];
    });
    let actor = bearer("alice", &[OWN, "orders"]);
    let issue = |request: IssueRequest| world.authority.issue(&actor, &request).map(|issued| issued.token.state);
    assert_eq!(issue(own(&alice, &["orders"])), Ok(State::Active));
    assert_eq!(issue(own(&alice, &["stock"])), Err(IssueError::ScopeBeyondParent));
    assert_eq!(issue(own(&alice, &[READ])), Err(IssueError::ScopeBeyondActor));
    assert_eq!(issue(own(&bob, &["stock"])), Err(IssueError::ParentNotFound));
    assert_eq!(issue(own(&elsewhere, &["stock"])), Err(IssueError::ParentNotFound), "nothing of hers binds it");
    assert_eq!(issue(IssueRequest { parent: None, ..own(&alice, &[]) }), Err(IssueError::ScopeBeyondActor));
    for owner in [None, Some("bob".to_owned())] {
        assert_eq!(issue(IssueRequest { owner, ..own(&alice, &[]) }), Err(IssueError::ScopeBeyondActor));
    }
}

#[test]
fn what_is_not_her_own_does_not_exist_for_whom_is_confined() {
    let world = World::new();
    let alice = account(&world, "alice", &[OWN, "orders"]);
    let bob = account(&world, "bob", &[OWN]);
    let actor = bearer("alice", &[OWN, "orders"]);
    let mine = Issued::of(world.authority.issue(&actor, &own(&alice, &["orders"])).unwrap());
    let bobs = world.issue(|request| {
        request.owner = Some("bob".to_owned());
        request.parent = Some(bob.token.id.to_string());
    });
    let given = world.issue(|request| request.owner = Some("alice".to_owned()));
    let rename = Edit { name: Some("another".to_owned()), ..Edit::default() };
    for foreign in [&bobs, &given] {
        let id = foreign.token.id.to_string();
        assert_eq!(world.authority.edit(&actor, &id, &rename, None).err(), Some(EditError::NotFound));
        assert_eq!(world.authority.rotate(&actor, &id, Seconds(0), None).err(), Some(RotateError::NotFound));
        let jti = world.exchange(foreign).jti.to_string();
        let cut = world.authority.delete_access_token(&actor, &jti, Reason::Deleted, None);
        assert_eq!(cut, Ok(Deletion::NotFound));
        assert_eq!(world.show(foreign).state, State::Active);
    }
    let id = mine.token.id.to_string();
    assert_eq!(world.authority.edit(&actor, &id, &rename, None).map(|token| token.name), Ok("another".to_owned()));
    world.authority.rotate(&actor, &id, Seconds(0), None).map(|_| ()).unwrap();
    let ids = [bobs.token.id.to_string(), id, given.token.id.to_string()];
    let deleted = world.authority.delete(&actor, &ids, Reason::Deleted, None).unwrap();
    assert_eq!(deleted.results, [Deletion::NotFound, Deletion::Deleted, Deletion::NotFound]);
    assert_eq!(world.show(&bobs).state, State::Active);
}

#[test]
fn who_may_do_everything_with_tokens_is_not_confined_and_grants_no_more_than_that() {
    let world = World::new();
    let operator = bearer("olga", &[TOKENS]);
    let issue = |scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        world.authority.issue(&operator, &IssueRequest { scopes, ..IssueRequest::named("job") }).map(|_| ())
    };
    assert_eq!(issue(&["orders", READ, TOKENS, OWN]), Ok(()));
    assert_eq!(issue(&[ADMIN]), Err(IssueError::ScopeBeyondActor));
    let admins = world.issue(|request| request.scopes = vec![ADMIN.to_owned()]);
    let deleted = world.authority.delete(&operator, &[admins.token.id.to_string()], Reason::Deleted, None);
    assert_eq!(deleted.err(), Some(DeleteError::ScopeBeyondActor));
}
