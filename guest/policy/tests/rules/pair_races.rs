//! Every order of two acts upon tokens that hang together: by their owner, by their parent, by a limit, by the token they came from.

use jeton_policy::{
    authority::{
        Actor, Authority, Deletion, Edit, EditError, ExportedToken, Imported, IssueError, IssueRequest, Revocation,
        ShowError, State, TokenExchangeRequest, TokenExchanged, TokenType,
    },
    record::Reason,
    seconds::Seconds,
};

use crate::{
    stage::{orders, race},
    tombstones::{keys, sweep_all},
    world::{Issued, PLAIN, World, request, scopes},
};

/// Operations of an exchange that is counted: clock, read, read again for what the record speaks of, the issuer, and commit.
const EXCHANGE: u32 = 5;
/// Operations of an end: clock, read, the cut's bucket, and commit.
const END: u32 = 4;
/// Operations of an exchange of an access token: clock, read, the cuts that it may meet, and its chain's length.
const NARROW: u32 = 4;
/// Operations of giving back an access token: clock, read, the cuts that it may meet, those of its refresh token, the bucket, and commit.
const GIVE_BACK: u32 = 6;
/// Steps of disabling a token and looking at one, and then some: whoever has finished takes no more.
const MORE_THAN_IT_TAKES: usize = 100;
/// Operations of making a token under another: clock, read, read again, the owner, and commit.
const MAKE: u32 = 5;
/// Operations of making a token under the one that is held: clock, read, read again for what the record speaks of, and commit.
const DELEGATE: u32 = 4;

fn delete(issued: &Issued) -> impl Fn(&Authority) + Sync {
    let ids = [issued.token.id.to_string()];
    move |authority| authority.delete(&Actor::Machine, &ids, Reason::Deleted, None).map(|_| ()).unwrap()
}

fn asking(subject: &str, from: TokenType, to: TokenType) -> TokenExchangeRequest<'_> {
    TokenExchangeRequest {
        subject_token: subject,
        subject_token_type: from,
        requested_token_type: to,
        scope: None,
        resource: None,
        name: None,
        expires_in: None,
        peer: None,
    }
}

#[test]
fn whatever_the_order_no_access_token_outlives_the_end_of_its_owner() {
    let (mut minted, mut refused) = (0_u32, 0_u32);
    // The owner is the parent's, and so is read for itself.
    for schedule in orders([EXCHANGE + 1, END]) {
        let world = World::new();
        let parent = world.issue(|request| request.owner = Some("ann".to_owned()));
        let child = world.issue(|request| {
            request.parent = Some(parent.token.id.to_string());
            request.bindings.max_exchanges = Some(10);
        });
        let exchange = |authority: &Authority| authority.exchange(&child.secret, &PLAIN).ok();
        let leave = |authority: &Authority| {
            authority.delete_owned(&Actor::Machine, "ann", Reason::OwnerLeft, None).map(|_| ()).unwrap();
        };
        match race(&world, exchange, leave, &schedule).0 {
            None => refused += 1,
            Some(exchanged) => {
                minted += 1;
                assert!(world.verdict(&exchanged).is_err(), "{schedule:?}");
            }
        }
        assert_eq!(world.show(&child).state, State::Deleted, "{schedule:?}");
    }
    assert!(minted > 5 && refused > 5, "the race was really run: {minted} {refused}");
}

#[test]
fn whatever_the_order_nothing_is_alive_that_was_delegated_by_a_token_that_was_deleted() {
    let (mut made, mut refused) = (0_u32, 0_u32);
    for schedule in orders([MAKE, END]) {
        let world = World::new();
        let parent = world.issue(|request| {
            request.scopes = scopes(&["orders"]);
            request.conduct.may_delegate = true;
        });
        let wanted = asking(&parent.secret, TokenType::RefreshToken, TokenType::RefreshToken);
        let delegate = |authority: &Authority| authority.exchange_token(&wanted).ok();
        let (delegated, ()) = race(&world, delegate, delete(&parent), &schedule);
        match delegated {
            None => refused += 1,
            Some(TokenExchanged { token, client, .. }) => {
                made += 1;
                assert_eq!(world.authority.show(&client.to_string()).unwrap().state, State::Deleted, "{schedule:?}");
                assert!(world.authority.exchange(&token, &PLAIN).is_err(), "{schedule:?}");
                while world.authority.sweep().unwrap().more {}
                let tombstone = world.authority.show(&client.to_string()).unwrap();
                assert_eq!(tombstone.ending.unwrap().reason, Reason::ParentEnded, "{schedule:?}");
            }
        }
    }
    assert!(made > 5 && refused > 5, "the race was really run: {made} {refused}");
}

#[test]
fn whatever_the_order_nothing_is_alive_that_was_imported_under_a_token_that_was_deleted() {
    let elsewhere = World::new();
    let parent = elsewhere.issue(|_| ());
    let child = elsewhere.child_of(&parent);
    let exported: Vec<ExportedToken> = elsewhere.authority.export(10, None).unwrap().items;
    let of = |issued: &Issued| {
        let id = issued.token.id.to_string();
        exported.iter().find(|token| token.id == id).cloned().unwrap()
    };
    for schedule in orders([MAKE, END]) {
        let world = World::new();
        world.authority.import(&Actor::Machine, &[of(&parent)]).unwrap();
        let tokens = [of(&child)];
        let import = |authority: &Authority| authority.import(&Actor::Machine, &tokens).unwrap();
        let (imported, ()) = race(&world, import, delete(&parent), &schedule);
        assert_eq!(imported, [Imported::Imported], "{schedule:?}");
        assert_eq!(world.show(&child).state, State::Deleted, "{schedule:?}");
        assert!(world.authority.exchange(&child.secret, &PLAIN).is_err(), "{schedule:?}");
        while world.authority.sweep().unwrap().more {}
        world.clock.pass(401 * 86_400);
        while world.authority.sweep().unwrap().more {}
        let gone = world.authority.show(&child.token.id.to_string());
        assert_eq!(gone, Err(ShowError::NotFound), "a tombstone like any other: {schedule:?}");
    }
}

/// Operations of making or renaming a token where names are unique: those of making one, and looking for who has the name.
const CLAIM: u32 = 9;

#[test]
fn whatever_the_order_nobody_takes_the_name_of_what_they_descend_from_when_its_owner_ends() {
    for schedule in orders([CLAIM, END]) {
        let world = World::new();
        world.set(|settings| settings.unique_names = Some(true));
        let parent = world.issue(|request| request.owner = Some("ann".to_owned()));
        let child = world.issue(|request| {
            request.parent = Some(parent.token.id.to_string());
            request.name = "below".to_owned();
        });
        let leave = |authority: &Authority| {
            authority.delete_owned(&Actor::Machine, "ann", Reason::OwnerLeft, None).map(|_| ()).unwrap();
        };
        let make = |authority: &Authority| {
            let request = IssueRequest { parent: Some(parent.token.id.to_string()), ..request() };
            authority.issue(&Actor::Machine, &request).map(|_| ()).unwrap_err()
        };
        let (refusal, ()) = race(&world, make, leave, &schedule);
        assert!(matches!(refusal, IssueError::NameTaken | IssueError::ParentEnded), "{refusal:?} {schedule:?}");
        assert_eq!(world.show(&child).state, State::Deleted);
    }
    for schedule in orders([CLAIM, END]) {
        let world = World::new();
        world.set(|settings| settings.unique_names = Some(true));
        let parent = world.issue(|_| ());
        let child = world.issue(|request| {
            request.parent = Some(parent.token.id.to_string());
            request.name = "below".to_owned();
        });
        let rename = |authority: &Authority| {
            let edit = Edit { name: Some(parent.token.name.clone()), ..Edit::default() };
            authority.edit(&Actor::Machine, &child.token.id.to_string(), &edit, None).unwrap_err()
        };
        let (refusal, ()) = race(&world, rename, delete(&parent), &schedule);
        let may_be = [EditError::Invalid(IssueError::NameTaken), EditError::Ended];
        assert!(may_be.contains(&refusal), "{refusal:?} {schedule:?}");
    }
}

#[test]
fn whenever_an_owner_ends_amid_a_delete_or_a_give_back_what_was_told_of_it_stays_so() {
    let reason = |authority: &Authority, id: &str| authority.show(id).unwrap().ending.map(|ending| ending.reason);
    let acts: [fn(&Authority, &Issued) -> bool; 2] = [
        |authority, issued| {
            let ids = [issued.token.id.to_string()];
            let deleted = authority.delete(&Actor::Machine, &ids, Reason::Compromised, None).unwrap();
            deleted.results == [Deletion::Deleted]
        },
        |authority, issued| authority.revoke(&issued.secret).unwrap() != Revocation::Nothing,
    ];
    for act in acts {
        let (mut done, mut too_late) = (0_u32, 0_u32);
        for before in 0..24 {
            let schedule = [vec![0; before], vec![1; MORE_THAN_IT_TAKES]].concat();
            let world = World::new();
            let issued = world.issue(|request| request.owner = Some("ann".to_owned()));
            let id = issued.token.id.to_string();
            let leave = |authority: &Authority| {
                authority.delete_owned(&Actor::Machine, "ann", Reason::OwnerLeft, None).map(|_| ()).unwrap();
                reason(authority, &id)
            };
            let (is_done, seen) = race(&world, |authority| act(authority, &issued), leave, &schedule);
            assert_eq!(reason(&world.authority, &id), seen, "after {before} steps");
            assert_eq!(is_done, seen != Some(Reason::OwnerLeft), "after {before} steps");
            *(if is_done { &mut done } else { &mut too_late }) += 1;
        }
        assert!(done > 0 && too_late > 0, "each came first at least once: {done} {too_late}");
    }
}

#[test]
fn whenever_a_token_is_looked_at_its_record_and_its_count_are_of_one_moment() {
    for before in 0..20 {
        let schedule = [vec![0; before], vec![1; MORE_THAN_IT_TAKES]].concat();
        let world = World::new();
        let issued = world.issue(|request| request.bindings.max_exchanges = Some(1));
        assert!(world.authority.exchange(&issued.secret, &PLAIN).is_ok());
        let show = |authority: &Authority| authority.show(&issued.token.id.to_string()).unwrap();
        let (shown, ()) = race(&world, show, delete(&issued), &schedule);
        assert_eq!(shown.exchanges_left, Some(0), "{:?} after {before} steps", shown.state);
    }
}

#[test]
fn whatever_the_order_of_two_exchanges_the_last_one_that_is_left_is_had_once() {
    for schedule in orders([EXCHANGE, EXCHANGE]) {
        let world = World::new();
        let issued = world.issue(|request| request.bindings.max_exchanges = Some(1));
        let exchange = |authority: &Authority| authority.exchange(&issued.secret, &PLAIN).is_ok();
        let (one, other) = race(&world, exchange, exchange, &schedule);
        assert!(one != other, "{one} {other} {schedule:?}");
        assert_eq!(world.show(&issued).exchanges_left, Some(0), "{schedule:?}");
    }
}

#[test]
fn whatever_the_order_an_end_in_between_leaves_no_room_for_one_exchange_more() {
    let (mut first, mut second) = (0_u32, 0_u32);
    for schedule in orders([EXCHANGE, EXCHANGE + END]) {
        let world = World::new();
        let issued = world.issue(|request| request.bindings.max_exchanges = Some(1));
        let delete = delete(&issued);
        let exchange = |authority: &Authority| authority.exchange(&issued.secret, &PLAIN).is_ok();
        let exchange_and_delete = |authority: &Authority| {
            let is_had = exchange(authority);
            delete(authority);
            is_had
        };
        let had = race(&world, exchange, exchange_and_delete, &schedule);
        assert_ne!(had, (true, true), "one exchange is had once: {schedule:?}");
        first += u32::from(had.0);
        second += u32::from(had.1);
    }
    assert!(first > 0 && second > 0, "each came first at least once: {first}, {second}");
}

#[test]
fn whenever_a_token_or_its_parent_is_disabled_amid_an_exchange_nothing_is_counted_after_it_was_seen_disabled() {
    for above in [false, true] {
        let (mut had, mut refused) = (0_u32, 0_u32);
        for before in 0..=2 * EXCHANGE + 2 {
            // The whole of the other act comes in between.
            let schedule = [vec![0; before as usize], vec![1; MORE_THAN_IT_TAKES]].concat();
            let world = World::new();
            let parent = world.issue(|_| {});
            let child = world.issue(|request| {
                request.parent = Some(parent.token.id.to_string());
                request.bindings.max_exchanges = Some(1);
            });
            let disabled = if above { &parent } else { &child };
            let exchange = |authority: &Authority| authority.exchange(&child.secret, &PLAIN).is_ok();
            let disable_and_show = |authority: &Authority| {
                let edit = Edit { enabled: Some(false), ..Edit::default() };
                authority.edit(&Actor::Machine, &disabled.token.id.to_string(), &edit, None).map(|_| ()).unwrap();
                authority.show(&child.token.id.to_string()).unwrap()
            };
            let (is_had, shown) = race(&world, exchange, disable_and_show, &schedule);
            assert_eq!(shown.state, State::Disabled);
            assert_eq!(shown.exchanges_left, Some(u64::from(!is_had)), "above: {above}, {schedule:?}");
            *(if is_had { &mut had } else { &mut refused }) += 1;
        }
        assert!(had > 0 && refused > 0, "each came first at least once: {had}, {refused}");
    }
}

#[test]
fn whatever_the_order_nothing_outlives_the_access_token_that_it_was_exchanged_from() {
    let (mut minted, mut refused) = (0_u32, 0_u32);
    for schedule in orders([NARROW, GIVE_BACK]) {
        let world = World::new();
        let issued = world.issue(|_| ());
        let subject = world.exchange(&issued);
        let wanted = asking(&subject.access_token, TokenType::AccessToken, TokenType::AccessToken);
        let narrow = |authority: &Authority| authority.exchange_token(&wanted).ok();
        let give_back = |authority: &Authority| authority.revoke(&subject.access_token).map(|_| ()).unwrap();
        match race(&world, narrow, give_back, &schedule).0 {
            None => refused += 1,
            Some(narrower) => {
                minted += 1;
                assert!(world.verifier().verify(&narrower.token, world.now()).is_err(), "{schedule:?}");
            }
        }
        assert!(world.authority.exchange(&issued.secret, &PLAIN).is_ok(), "what it came from lives: {schedule:?}");
    }
    assert!(minted > 5 && refused > 5, "the race was really run: {minted} {refused}");
}

#[test]
fn whatever_the_order_of_two_rotations_with_an_overlap_no_third_secret_is_in_force() {
    let mut both = 0_u32;
    for schedule in orders([MAKE, MAKE]) {
        let world = World::new();
        let issued = world.issue(|_| ());
        let id = issued.token.id.to_string();
        let rotate = |authority: &Authority| {
            authority.rotate(&Actor::Machine, &id, Seconds(60), None).ok().map(|rotated| rotated.secret.unwrap())
        };
        let (one, other) = race(&world, rotate, rotate, &schedule);
        both += u32::from(one.is_some() && other.is_some());
        let secrets = [Some(issued.secret.clone()), one, other];
        let taken = secrets.iter().flatten().filter(|secret| world.authority.exchange(secret, &PLAIN).is_ok());
        assert_eq!(taken.count(), 2, "the new one and the one before it: {schedule:?}");
    }
    assert_eq!(both, 0, "the overlap of the first is not over");
}

#[test]
fn whatever_the_order_of_two_delegations_the_last_use_that_is_left_is_had_once() {
    for schedule in orders([DELEGATE, DELEGATE]) {
        let world = World::new();
        let issued = world.issue(|request| {
            request.bindings.max_exchanges = Some(1);
            request.conduct.may_delegate = true;
        });
        let asked = asking(&issued.secret, TokenType::RefreshToken, TokenType::RefreshToken);
        let delegate = |authority: &Authority| authority.exchange_token(&asked).is_ok();
        let (one, other) = race(&world, delegate, delegate, &schedule);
        assert!(one != other, "{one} {other} {schedule:?}");
        assert_eq!(world.show(&issued).exchanges_left, Some(0), "{schedule:?}");
    }
}

#[test]
fn a_token_that_is_issued_as_its_owner_ends_is_in_their_next_life_or_becomes_a_tombstone() {
    let (mut living, mut dead) = (0_u32, 0_u32);
    for steps in 0..=2 * MAKE as usize {
        let world = World::new();
        world.issue(|request| request.owner = Some("ann".to_owned()));
        let request = IssueRequest { owner: Some("ann".to_owned()), ..request() };
        let issue = |authority: &Authority| Issued::of(authority.issue(&Actor::Machine, &request).unwrap());
        let leave = |authority: &Authority| {
            authority.delete_owned(&Actor::Machine, "ann", Reason::OwnerLeft, None).map(|_| ()).unwrap();
            while authority.sweep().unwrap().more {}
        };
        let schedule = [vec![0; steps], vec![1; MORE_THAN_IT_TAKES]].concat();
        let (issued, ()) = race(&world, issue, leave, &schedule);
        sweep_all(&world);
        let is_alive = world.authority.exchange(&issued.secret, &PLAIN).is_ok();
        assert_eq!(keys(&world, b"ended/"), if is_alive { 1 } else { 2 }, "{steps}");
        living += u32::from(is_alive);
        dead += u32::from(!is_alive);
    }
    assert!(living > 2 && dead > 2, "the race was really run: {living} {dead}");
}
