//! Edit: each member keeps the rule that it has at issue.

use jeton_policy::{
    authority::{Actor, Edit, EditError, Expiry, IssueError, LAST_EXPIRY, State},
    record::Settings,
    seconds::Seconds,
    store::{Direction, Store as _},
};

use crate::world::{Issued, PLAIN, START, World, scopes};

fn refused(world: &World, issued: &Issued, edit: &Edit) -> EditError {
    world.authority.edit(&Actor::Machine, &issued.token.id.to_string(), edit, None).map(|_| ()).unwrap_err()
}

#[test]
fn every_member_keeps_the_rule_that_it_has_at_issue() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let many = |count: u64, each: fn(u64) -> String| Some((0..count).map(each).collect::<Vec<_>>());
    let bad: Vec<(Edit, IssueError)> = vec![
        (Edit { name: Some(String::new()), ..Edit::default() }, IssueError::NameEmpty),
        (Edit { name: Some("x".repeat(201)), ..Edit::default() }, IssueError::NameTooLong),
        (Edit { name: Some("a\nb".to_owned()), ..Edit::default() }, IssueError::NameHasControlCharacter),
        (Edit { name: Some(" a".to_owned()), ..Edit::default() }, IssueError::NameHasOuterSpace),
        (Edit { expiry: Some(Expiry::At(Seconds(START))), ..Edit::default() }, IssueError::ExpiryInThePast),
        (Edit { expiry: Some(Expiry::After(LAST_EXPIRY)), ..Edit::default() }, IssueError::ExpiryOutOfRange),
        (Edit { scopes: Some(scopes(&["a b"])), ..Edit::default() }, IssueError::ScopeMalformed),
        (Edit { scopes: Some(scopes(&["jeton:root"])), ..Edit::default() }, IssueError::ScopeUnknown),
        (Edit { scopes: many(65, |n| format!("s{n}")), ..Edit::default() }, IssueError::TooManyScopes),
        (Edit { access_ttl: Some(Some(Seconds(0))), ..Edit::default() }, IssueError::AccessTtlOutOfRange),
        (Edit { access_ttl: Some(Some(Seconds(86_401))), ..Edit::default() }, IssueError::AccessTtlOutOfRange),
        (Edit { not_before: Some(Some(LAST_EXPIRY)), ..Edit::default() }, IssueError::NotBeforeOutOfRange),
        (Edit { networks: Some(scopes(&["10.0.0.1/8"])), ..Edit::default() }, IssueError::NetworkMalformed),
        (Edit { networks: many(9, |n| format!("10.{n}.0.0/16")), ..Edit::default() }, IssueError::TooManyNetworks),
        (Edit { audiences: Some(scopes(&["b"])), ..Edit::default() }, IssueError::AudienceMalformed),
        (
            Edit { audiences: many(9, |n| format!("https://{n}.example")), ..Edit::default() },
            IssueError::TooManyAudiences,
        ),
        (Edit { max_exchanges: Some(Some(0)), ..Edit::default() }, IssueError::MaxExchangesOutOfRange),
        (Edit { max_exchanges: Some(Some(1_000_000_001)), ..Edit::default() }, IssueError::MaxExchangesOutOfRange),
    ];
    for (edit, rule) in bad {
        assert_eq!(refused(&world, &issued, &edit), EditError::Invalid(rule), "{edit:?}");
    }
    let note = |note: String| Edit { note: Some(note), ..Edit::default() };
    assert_eq!(refused(&world, &issued, &note("x".repeat(501))), EditError::NoteTooLong);
    assert_eq!(refused(&world, &issued, &note("a\u{1b}".to_owned())), EditError::NoteHasControlCharacter);
    assert_eq!(world.show(&issued), issued.token, "and nothing was changed");
}

#[test]
fn a_child_is_never_wider_than_its_parent_whatever_state_that_is_in() {
    let world = World::new();
    let parent = world.issue(|request| {
        request.scopes = scopes(&["a", "b"]);
        request.expiry = Expiry::After(Seconds(1_000));
        request.bindings.networks = scopes(&["10.0.0.0/8"]);
        request.bindings.audiences = scopes(&["https://a.example"]);
    });
    let child = world.issue(|request| {
        request.parent = Some(parent.token.id.to_string());
        request.scopes = scopes(&["a"]);
    });
    let wider = [
        (Edit { scopes: Some(scopes(&["a", "c"])), ..Edit::default() }, IssueError::ScopeBeyondParent),
        (Edit { expiry: Some(Expiry::Never), ..Edit::default() }, IssueError::ExpiryBeyondParent),
        (Edit { expiry: Some(Expiry::After(Seconds(1_001))), ..Edit::default() }, IssueError::ExpiryBeyondParent),
        (Edit { networks: Some(scopes(&["192.0.2.0/24"])), ..Edit::default() }, IssueError::NetworkBeyondParent),
        (Edit { audiences: Some(scopes(&["https://b.example"])), ..Edit::default() }, IssueError::AudienceBeyondParent),
    ];
    for disabled in [false, true] {
        if disabled {
            world.disable(&parent);
        }
        for (edit, rule) in &wider {
            assert_eq!(refused(&world, &child, edit), EditError::Invalid(*rule), "{edit:?}");
        }
    }
    let within =
        Edit { networks: Some(scopes(&["10.1.0.0/16"])), scopes: Some(scopes(&["b", "a"])), ..Edit::default() };
    assert_eq!(world.edit(&child, within).state, State::Disabled, "under a parent that is disabled");
}

#[test]
fn a_parent_that_was_narrowed_does_not_keep_its_child_from_being_renamed() {
    let world = World::new();
    let parent = world.issue(|request| request.scopes = scopes(&["a", "b"]));
    let child = world.issue(|request| {
        request.parent = Some(parent.token.id.to_string());
        request.scopes = scopes(&["a", "b"]);
    });
    world.edit(&parent, Edit { scopes: Some(scopes(&["a"])), ..Edit::default() });
    let edit = Edit { name: Some("renamed".to_owned()), scopes: Some(scopes(&["a", "b"])), ..Edit::default() };
    assert_eq!(world.edit(&child, edit).name, "renamed");
    assert_eq!(world.exchange(&child).scope, "a", "what it is granted is the parent's matter");
    let widest = Edit { scopes: Some(scopes(&["b"])), ..Edit::default() };
    assert_eq!(refused(&world, &child, &widest), EditError::Invalid(IssueError::ScopeBeyondParent));
}

#[test]
fn a_later_not_before_and_an_earlier_expiry_must_leave_time_between_them() {
    let world = World::new();
    let issued = world.issue(|request| request.bindings.not_before = Some(Seconds(START + 1_000)));
    let expiry = |at: u64| Edit { expiry: Some(Expiry::At(Seconds(at))), ..Edit::default() };
    assert_eq!(refused(&world, &issued, &expiry(START + 1_000)), EditError::Invalid(IssueError::NotBeforeOutOfRange));
    world.edit(&issued, expiry(START + 1_001));
    world.clock.pass(1_000);
    assert_eq!(world.exchange(&issued).expires_in, Seconds(1));
}

#[test]
fn a_name_is_found_under_what_it_is_now() {
    let world = World::new();
    let issued = world.issue(|_| ());
    world.edit(&issued, Edit { name: Some("weekly job".to_owned()), ..Edit::default() });
    let found = |name: &str| {
        let prefix = format!("name/{name}");
        world.store.scan(prefix.as_bytes(), None, Direction::Ascending, 10).unwrap().items.len()
    };
    assert_eq!((found("nightly"), found("weekly")), (0, 1));
}

#[test]
fn a_ttl_that_is_raised_keeps_cuts_for_as_long() {
    let world = World::new();
    let issued = world.issue(|_| ());
    world.edit(&issued, Edit { access_ttl: Some(Some(Seconds(86_400))), ..Edit::default() });
    let token = world.exchange(&issued);
    assert_eq!(token.expires_in, Seconds(86_400));
    world.disable(&issued);
    world.clock.pass(80_000);
    while world.authority.sweep().unwrap().more {}
    assert!(world.verdict(&token).is_err(), "the cut is still there");
    assert_eq!(world.authority.settings().unwrap(), Settings::default());
}

#[test]
fn fewer_exchanges_count_those_that_were_made() {
    let world = World::new();
    let issued = world.issue(|request| request.bindings.max_exchanges = Some(10));
    for _ in 0..3 {
        world.exchange(&issued);
    }
    let limit = |limit: Option<u64>| world.edit(&issued, Edit { max_exchanges: Some(limit), ..Edit::default() });
    assert_eq!(limit(Some(4)).exchanges_left, Some(1));
    world.exchange(&issued);
    world.refusal(&issued.secret);
    assert_eq!(limit(Some(2)).exchanges_left, Some(0));
    assert_eq!(limit(None).exchanges_left, None);
    world.exchange(&issued);
    assert_eq!(limit(Some(5)).exchanges_left, Some(1), "without a limit nothing is counted");
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_ok());
    world.refusal(&issued.secret);
}

#[test]
fn what_is_out_keeps_its_life_whatever_the_settings_become() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    world.set(|change| change.access_token_expiration = Some(Seconds(60)));
    world.edit(&issued, Edit { access_ttl: Some(Some(Seconds(30))), ..Edit::default() });
    assert_eq!(world.exchange(&issued).expires_in, Seconds(30));
    world.clock.pass(899);
    assert_eq!(world.verdict(&token), Ok(()));
}

#[test]
fn where_what_is_above_shares_no_network_none_is_within_it_until_that_is_widened() {
    let world = World::new();
    let top = world.issue(|request| request.bindings.networks = scopes(&["10.0.0.0/8"]));
    let middle = world.issue(|request| {
        request.parent = Some(top.token.id.to_string());
        request.bindings.networks = scopes(&["10.1.0.0/16"]);
    });
    let below = world.child_of(&middle);
    let to = |networks: &[&str]| Edit { networks: Some(scopes(networks)), ..Edit::default() };
    world.edit(&top, to(&["10.2.0.0/16"]));
    for networks in ["10.1.1.0/24", "10.2.1.0/24"] {
        let refused = refused(&world, &below, &to(&[networks]));
        assert_eq!(refused, EditError::Invalid(IssueError::NetworkBeyondParent), "{networks}");
    }
    world.edit(&middle, to(&["10.2.0.0/16"]));
    world.edit(&below, to(&["10.2.1.0/24"]));
}

#[test]
fn what_an_edit_or_a_rotation_answers_is_the_token_as_it_is_shown_from_then_on() {
    let world = World::new();
    let of = |owner: &str, parent: Option<&Issued>| {
        world.issue(|request| {
            request.owner = Some(owner.to_owned());
            request.parent = parent.map(|parent| parent.token.id.to_string());
        })
    };
    let parent = of("alice", None);
    let child = of("bob", Some(&parent));
    world.exchange(&child);
    for issued in [&parent, &child] {
        let edited = world.edit(issued, Edit { name: Some("renamed".to_owned()), ..Edit::default() });
        assert_eq!((edited.state, &edited.ending), (State::Active, &None), "its owner is there");
        assert_eq!(edited, world.show(issued));
        let rotated = world.rotate(issued, 60);
        assert_eq!(rotated.token.state, State::Active);
        assert_eq!(rotated.token, world.show(issued));
    }
}

#[test]
fn an_expiry_that_stays_as_it_is_needs_no_rule_that_came_later() {
    let world = World::new();
    let never = world.issue(|request| request.expiry = Expiry::Never);
    let late = world.issue(|request| request.expiry = Expiry::At(Seconds(START + 90_000)));
    world.set(|settings| {
        settings.never_allowed = Some(false);
        settings.refresh_token_expiration = Some(Seconds(3_600));
        settings.refresh_token_maximum = Some(Some(Seconds(3_600)));
    });
    let edit = |expiry| Edit { name: Some("renamed".to_owned()), expiry: Some(expiry), ..Edit::default() };
    for (issued, same) in [(&never, Expiry::Never), (&late, Expiry::At(Seconds(START + 90_000)))] {
        assert_eq!(world.edit(issued, edit(same)).name, "renamed");
    }
    assert_eq!(refused(&world, &late, &edit(Expiry::Never)), EditError::Invalid(IssueError::NeverNotAllowed));
}
