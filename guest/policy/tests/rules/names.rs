//! Names that are unique: exactly, whatever else had a name, and whoever takes it at the same time.

use jeton_policy::{
    authority::{Actor, Authority, Edit, EditError, Imported, IssueError, IssueRequest, SettingsChange},
    record::Reason,
    seconds::Seconds,
};

use crate::{
    stage::{orders, race},
    tombstones::sweep_all,
    world::{Issued, World},
};

/// Operations of an issue where names are unique: clock, read, who took the name, who holds it, and commit.
const ISSUE: u32 = 5;
/// The same of an edit, which reads what is beside the record as well.
const RENAME: u32 = 6;
/// Clock, read and commit.
const CHANGE: u32 = 3;

fn unique(authority: &Authority) {
    let change = SettingsChange { unique_names: Some(true), ..SettingsChange::default() };
    authority.set_settings(&Actor::Machine, &change, None, false).unwrap();
}

fn take(authority: &Authority, name: &str) -> Result<Issued, IssueError> {
    authority.issue(&Actor::Machine, &IssueRequest::named(name)).map(Issued::of)
}

fn taken(world: &World, name: &str) -> Option<IssueError> {
    take(&world.authority, name).err()
}

fn rename(authority: &Authority, id: &str, name: &str) -> Result<(), EditError> {
    let edit = Edit { name: Some(name.to_owned()), ..Edit::default() };
    authority.edit(&Actor::Machine, id, &edit, None).map(|_| ())
}

/// How many have a name and have not ended.
fn holders(world: &World, name: &str) -> usize {
    let query = jeton_policy::authority::Query { name: Some(name.to_owned()), limit: 1_000, ..Default::default() };
    let page = world.authority.list(&query).unwrap();
    assert!(page.next.is_none());
    page.items.iter().filter(|token| token.ending.is_none() && token.name == name).count()
}

#[test]
fn one_that_lives_is_found_behind_any_number_of_tombstones() {
    let world = World::new();
    let living = world.issue(|_| ());
    // They are newer, so that they stand before it wherever tokens stand newest first.
    for _ in 0..1_200 {
        world.clock.pass(1);
        let dead = world.issue(|_| ());
        world.delete(&dead);
    }
    unique(&world.authority);
    assert_eq!(taken(&world, "nightly job"), Some(IssueError::NameTaken));
    world.delete(&living);
    assert_eq!((taken(&world, "nightly job"), taken(&world, "nightly job")), (None, Some(IssueError::NameTaken)));
}

#[test]
fn what_ended_with_its_parent_or_its_owner_frees_its_name_before_it_is_a_tombstone() {
    let world = World::new();
    let parent = world.issue(|request| request.name = "parent".to_owned());
    for _ in 0..250 {
        world.child_of(&parent);
    }
    let hers = world.issue(|request| {
        request.name = "hers".to_owned();
        request.owner = Some("alice".to_owned());
    });
    unique(&world.authority);
    assert_eq!(
        (taken(&world, "nightly job"), taken(&world, "hers")),
        (Some(IssueError::NameTaken), Some(IssueError::NameTaken))
    );
    world.delete(&parent);
    world.authority.delete_owned(&Actor::Machine, "alice", Reason::OwnerLeft, None).unwrap();
    assert_eq!((taken(&world, "nightly job"), taken(&world, "hers")), (None, None), "nothing was swept yet");
    drop(hers);
    sweep_all(&world);
    assert_eq!(
        (taken(&world, "nightly job"), taken(&world, "hers")),
        (Some(IssueError::NameTaken), Some(IssueError::NameTaken))
    );
}

#[test]
fn a_name_of_which_too_many_ended_at_once_is_free_when_they_are_tombstones() {
    let world = World::new();
    let parent = world.issue(|request| request.name = "parent".to_owned());
    for _ in 0..5_000 {
        world.child_of(&parent);
    }
    unique(&world.authority);
    world.delete(&parent);
    assert_eq!(taken(&world, "nightly job"), Some(IssueError::Unavailable), "never a guess");
    sweep_all(&world);
    assert_eq!(taken(&world, "nightly job"), None);
}

#[test]
fn a_rename_takes_a_name_and_frees_the_one_before() {
    let world = World::new();
    unique(&world.authority);
    let one = take(&world.authority, "one").unwrap();
    let other = take(&world.authority, "other").unwrap();
    let to = |issued: &Issued, name: &str| rename(&world.authority, &issued.token.id.to_string(), name);
    assert_eq!(to(&one, "other"), Err(EditError::Invalid(IssueError::NameTaken)));
    assert_eq!((to(&one, "one"), to(&one, "first"), to(&other, "one")), (Ok(()), Ok(()), Ok(())));
    assert_eq!((taken(&world, "other"), taken(&world, "first")), (None, Some(IssueError::NameTaken)));
    assert_eq!(to(&one, "other"), Err(EditError::Invalid(IssueError::NameTaken)));
}

#[test]
fn a_disabled_or_expired_one_keeps_its_name_and_meets_nobody_when_it_comes_back() {
    let world = World::new();
    unique(&world.authority);
    let disabled = take(&world.authority, "disabled").unwrap();
    world.disable(&disabled);
    let expired = world.issue(|request| {
        request.name = "expired".to_owned();
        request.expiry = jeton_policy::authority::Expiry::After(Seconds(10));
    });
    world.clock.pass(10);
    sweep_all(&world);
    for name in ["disabled", "expired"] {
        assert_eq!(taken(&world, name), Some(IssueError::NameTaken), "{name}: it may live again");
    }
    world.edit(&disabled, Edit { enabled: Some(true), ..Edit::default() });
    let expiry = Some(jeton_policy::authority::Expiry::After(Seconds(100)));
    world.edit(&expired, Edit { expiry, ..Edit::default() });
    assert_eq!((holders(&world, "disabled"), holders(&world, "expired")), (1, 1));
}

#[test]
fn those_who_shared_a_name_before_keep_it_and_no_other_joins_them() {
    let world = World::new();
    let [first, second] = [world.issue(|_| ()), world.issue(|_| ())];
    unique(&world.authority);
    for issued in [&first, &second] {
        world.exchange(issued);
        world.edit(issued, Edit { access_ttl: Some(Some(Seconds(60))), ..Edit::default() });
        assert_eq!(taken(&world, "nightly job"), Some(IssueError::NameTaken));
        rename(&world.authority, &issued.token.id.to_string(), &format!("was {}", issued.token.id)).unwrap();
    }
    assert_eq!(taken(&world, "nightly job"), None);
    assert_eq!(
        rename(&world.authority, &first.token.id.to_string(), "nightly job"),
        Err(EditError::Invalid(IssueError::NameTaken))
    );
}

#[test]
fn names_that_are_alike_for_long_are_two_names() {
    let world = World::new();
    unique(&world.authority);
    let long = "n".repeat(199);
    for end in ["a", "b"] {
        let name = format!("{long}{end}");
        assert_eq!((taken(&world, &name), taken(&world, &name)), (None, Some(IssueError::NameTaken)));
    }
}

#[test]
fn an_import_takes_no_name_that_is_taken() {
    let from = World::new();
    let one = from.issue(|_| ());
    from.clock.pass(1);
    let other = from.issue(|_| ());
    from.clock.pass(1);
    from.issue(|request| request.name = "free".to_owned());
    let tokens = from.authority.export(10, None).unwrap().items;
    let to = World::new();
    to.clock.pass(10);
    unique(&to.authority);
    let results = to.authority.import(&Actor::Machine, &tokens).unwrap();
    let taken = Imported::Refused(IssueError::NameTaken);
    assert_eq!(results, [Imported::Imported, taken, Imported::Imported], "of two in one file the first");
    assert_eq!((holders(&to, "nightly job"), holders(&to, "free")), (1, 1));
    assert!(to.authority.show(&one.token.id.to_string()).is_ok());
    assert!(to.authority.show(&other.token.id.to_string()).is_err());
    let again = to.authority.import(&Actor::Machine, &tokens).unwrap();
    assert_eq!(again, [Imported::AlreadyThere, taken, Imported::AlreadyThere]);
}

#[test]
fn of_two_who_take_a_name_at_once_exactly_one_has_it_whatever_the_order() {
    let (mut first, mut second) = (0_u32, 0_u32);
    for schedule in orders([ISSUE, ISSUE]) {
        let world = World::new();
        unique(&world.authority);
        let act = |authority: &Authority| take(authority, "x").map(|_| ());
        match race(&world, act, act, &schedule) {
            (Ok(()), Err(IssueError::NameTaken)) => first += 1,
            (Err(IssueError::NameTaken), Ok(())) => second += 1,
            other => panic!("{other:?} {schedule:?}"),
        }
        assert_eq!(holders(&world, "x"), 1);
    }
    assert!(first > 10 && second > 10, "the race was really run: {first} {second}");
}

#[test]
fn of_a_rename_and_an_issue_at_once_exactly_one_has_the_name_whatever_the_order() {
    let (mut renamed, mut issued) = (0_u32, 0_u32);
    for schedule in orders([RENAME, ISSUE]) {
        let world = World::new();
        unique(&world.authority);
        let id = take(&world.authority, "before").unwrap().token.id.to_string();
        let taken = |authority: &Authority| take(authority, "x").map(|_| ());
        match race(&world, |authority: &Authority| rename(authority, &id, "x"), taken, &schedule) {
            (Ok(()), Err(IssueError::NameTaken)) => renamed += 1,
            (Err(EditError::Invalid(IssueError::NameTaken)), Ok(())) => issued += 1,
            other => panic!("{other:?} {schedule:?}"),
        }
        assert_eq!(holders(&world, "x"), 1);
    }
    assert!(renamed > 10 && issued > 10, "the race was really run: {renamed} {issued}");
}

#[test]
fn once_the_rule_holds_nobody_takes_a_name_by_the_settings_of_before_whatever_the_order() {
    let (mut first, mut second) = (0_u32, 0_u32);
    for schedule in orders([ISSUE, CHANGE + ISSUE]) {
        let world = World::new();
        let before = |authority: &Authority| take(authority, "x").map(|_| ());
        let after = |authority: &Authority| {
            unique(authority);
            take(authority, "x").map(|_| ())
        };
        match race(&world, before, after, &schedule) {
            (Ok(()), Err(IssueError::NameTaken)) => first += 1,
            (Err(IssueError::NameTaken), Ok(())) => second += 1,
            other => panic!("{other:?} {schedule:?}"),
        }
        assert_eq!(holders(&world, "x"), 1);
    }
    assert!(first > 10 && second > 10, "the race was really run: {first} {second}");
}
