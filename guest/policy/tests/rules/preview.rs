//! Whom a change of settings would hit.

use jeton_policy::{
    authority::{Actor, Expiry, MAX_FIRST, MAX_PREVIEWED, Preview, SettingsChange, SettingsError},
    record::Settings,
    seconds::Seconds,
};

use crate::world::{World, scopes};

fn change(change: impl FnOnce(&mut SettingsChange)) -> SettingsChange {
    let mut settings = SettingsChange::default();
    change(&mut settings);
    settings
}

fn names(preview: &Preview) -> Vec<&str> {
    let mut names: Vec<_> = preview.first.iter().map(|token| token.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_preview_names_those_that_would_live_shorter_or_be_granted_less_and_changes_nothing() {
    let world = World::new();
    let named = |name: &str, change: &dyn Fn(&mut jeton_policy::authority::IssueRequest)| {
        world.issue(|request| {
            request.name = name.to_owned();
            request.expiry = Expiry::After(Seconds(3_600));
            change(request);
        })
    };
    named("eternal", &|request| request.expiry = Expiry::Never);
    named("long", &|request| request.expiry = Expiry::After(Seconds(7_776_001)));
    named("slow", &|request| request.access_ttl = Some(Seconds(901)));
    named("wide", &|request| request.scopes = scopes(&["orders", "stock"]));
    let parent = named("plain", &|request| request.scopes = scopes(&["orders"]));
    named("gone", &|request| request.expiry = Expiry::After(Seconds(1)));
    let ended = named("ended", &|request| request.expiry = Expiry::Never);
    world.delete(&ended);
    world.clock.pass(1);
    named("child", &|request| {
        request.parent = Some(parent.token.id.to_string());
        request.scopes = scopes(&["orders"]);
        request.expiry = Expiry::BySetting;
    });
    let hit = |set: &dyn Fn(&mut SettingsChange)| {
        let preview = world.authority.preview(&change(set), None).unwrap();
        assert_eq!((preview.affected as usize, preview.examined, preview.next.clone()), (preview.first.len(), 8, None));
        names(&preview).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(hit(&|change| change.refresh_token_maximum = Some(Some(Seconds(7_776_000)))), ["eternal", "long"]);
    assert_eq!(hit(&|change| change.access_token_maximum = Some(Seconds(900))), ["slow"]);
    assert_eq!(hit(&|change| change.scopes = Some(Some(scopes(&["orders"])))), ["wide"]);
    assert_eq!(hit(&|change| change.scopes = Some(Some(scopes(&["stock"])))), ["child", "plain", "wide"]);
    assert!(hit(&|change| change.never_allowed = Some(false)).is_empty(), "a rule for new ones");
    assert!(hit(&|change| change.access_token_expiration = Some(Seconds(3_600))).is_empty(), "more is not less");
    let brief = |change: &mut SettingsChange| {
        change.refresh_token_expiration = Some(Seconds(3_599));
        change.refresh_token_maximum = Some(Some(Seconds(3_599)));
    };
    assert_eq!(hit(&brief), ["child", "eternal", "long", "plain", "slow", "wide"], "a child with its parent");
    assert_eq!(world.authority.settings().unwrap(), Settings::default());
}

#[test]
fn a_preview_goes_in_bounded_steps_and_shows_the_first() {
    let world = World::new();
    let count = MAX_PREVIEWED + 50;
    for _ in 0..count {
        world.issue(|request| request.expiry = Expiry::Never);
    }
    let shorter = change(|change| change.refresh_token_maximum = Some(Some(Seconds(7_776_000))));
    let first = world.authority.preview(&shorter, None).unwrap();
    assert_eq!((first.examined, first.affected, first.first.len()), (MAX_PREVIEWED, MAX_PREVIEWED, MAX_FIRST));
    let second = world.authority.preview(&shorter, first.next.as_deref()).unwrap();
    assert_eq!((second.examined, second.affected, second.next), (50, 50, None));
}

#[test]
fn a_preview_says_what_is_refused_as_the_change_does() {
    let world = World::new();
    let refused = |set: &dyn Fn(&mut SettingsChange)| world.authority.preview(&change(set), None).err();
    assert_eq!(
        refused(&|change| change.access_token_maximum = Some(Seconds(899))),
        Some(SettingsError::AccessTokenBoundsContradict)
    );
    assert_eq!(refused(&|change| change.delegation_levels = Some(9)), Some(SettingsError::DelegationLevelsOutOfRange));
}

#[test]
fn the_steps_of_a_preview_begin_from_the_same_settings() {
    let world = World::new();
    for _ in 0..MAX_PREVIEWED {
        world.issue(|_| ());
    }
    let (one, other) = (change(|one| one.unique_names = Some(true)), change(|one| one.delegation_levels = Some(1)));
    let first = world.authority.preview(&one, None).unwrap();
    let next = first.next.as_deref().unwrap();
    assert_eq!(world.authority.preview(&one, Some(next)).unwrap().next, None);
    assert_eq!(world.authority.preview(&other, Some(next)), Err(SettingsError::CursorInvalid));
    assert_eq!(world.authority.preview(&one, Some("x")), Err(SettingsError::CursorInvalid));
    world.authority.set_settings(&Actor::Machine, &other, None, false).unwrap();
    assert_eq!(
        world.authority.preview(&one, Some(next)),
        Err(SettingsError::CursorInvalid),
        "settings that are no more"
    );
    assert_eq!(first.settings.generation(), 2);
}
