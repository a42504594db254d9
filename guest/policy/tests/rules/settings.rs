//! What an authority is, and what may be changed about it.

use jeton_policy::{
    authority::{
        Actor, ConfigureError, ExchangeError, Expiry, IssueError, IssueRequest, Query, SettingsChange, SettingsError,
    },
    record::Settings,
    seconds::Seconds,
    verifier::Refusal,
};
use jeton_store::{Fault, FaultyStore, MemoryStore};

use crate::world::{ISSUER, Issued, PLAIN, START, World, request, scopes};

#[test]
fn an_issuer_is_chosen_once() {
    let world = World::unstarted(MemoryStore::new());
    let configure = |requested: Option<&str>| world.authority.configure(requested, "http://127.0.0.1:8123");
    assert_eq!(configure(None).unwrap(), "http://127.0.0.1:8123");
    assert_eq!(configure(Some("http://127.0.0.1:8123")).unwrap(), "http://127.0.0.1:8123");
    assert_eq!(configure(Some(ISSUER)), Err(ConfigureError::AnotherIssuer));
    let later = world.another([1; 32]);
    assert_eq!(later.configure(None, "http://127.0.0.1:9999").unwrap(), "http://127.0.0.1:8123");
}

#[test]
fn an_issuer_is_a_url() {
    let world = World::unstarted(MemoryStore::new());
    let long = format!("https://{}", "x".repeat(193));
    for bad in [
        "",
        "example.com",
        "ftp://example.com",
        "https://",
        "https:///x",
        "https://a?b",
        "https://a#b",
        "https://ä",
        "https://a b",
        &long,
    ] {
        assert_eq!(world.authority.configure(Some(bad), ""), Err(ConfigureError::IssuerMalformed), "{bad:?}");
    }
    assert!(world.authority.configure(Some(&long[..200]), "").is_ok());
}

fn tried(world: &World, change: impl FnOnce(&mut SettingsChange)) -> Result<Settings, SettingsError> {
    let mut settings = SettingsChange::default();
    change(&mut settings);
    world.authority.set_settings(&Actor::Machine, &settings, None, false)
}

fn issued(world: &World, change: impl FnOnce(&mut IssueRequest)) -> Result<Issued, IssueError> {
    let mut request = request();
    change(&mut request);
    world.authority.issue(&Actor::Machine, &request).map(Issued::of)
}

#[test]
fn settings_begin_as_the_seeds() {
    let seeds = World::new().authority.settings().unwrap();
    assert_eq!(seeds, Settings::default());
    assert_eq!((seeds.access_token_expiration, seeds.refresh_token_expiration), (Seconds(900), Seconds(7_776_000)));
    assert_eq!((seeds.access_token_minimum(), seeds.access_token_maximum()), (Seconds(1), Seconds(86_400)));
    assert_eq!((seeds.refresh_token_maximum, seeds.scopes.as_ref(), seeds.generation()), (None, None, 1));
    assert!(seeds.never_allowed() && seeds.holder_delegation() && !seeds.unique_names());
    assert_eq!((seeds.delegation_levels(), seeds.tombstone_retention()), (8, Seconds(400 * 86_400)));
}

#[test]
fn a_change_leaves_what_it_does_not_name_and_raises_the_generation() {
    let world = World::new();
    let first = world.set(|change| {
        change.refresh_token_expiration = Some(Seconds(3_600));
        change.refresh_token_maximum = Some(Some(Seconds(7_200)));
        change.scopes = Some(Some(scopes(&["b", "a", "b"])));
        change.unique_names = Some(true);
    });
    assert_eq!((first.generation(), first.scopes.clone()), (2, Some(scopes(&["a", "b"]))), "each scope once");
    let second = world.set(|change| change.access_token_expiration = Some(Seconds(60)));
    assert_eq!((second.access_token_expiration, second.generation()), (Seconds(60), 3));
    assert_eq!((second.refresh_token_expiration, second.refresh_token_maximum), (Seconds(3_600), Some(Seconds(7_200))));
    assert_eq!((second.unique_names(), second.scopes), (true, first.scopes));
    let third = world.set(|change| {
        change.refresh_token_maximum = Some(None);
        change.scopes = Some(None);
        change.unique_names = Some(false);
    });
    assert_eq!((third.refresh_token_maximum, third.scopes.clone(), third.unique_names()), (None, None, false));
    assert_eq!((third.access_token_expiration, third.refresh_token_expiration), (Seconds(60), Seconds(3_600)));
    assert_eq!(world.authority.settings().unwrap(), third);
}

#[test]
fn every_setting_has_its_bounds() {
    let world = World::new();
    type Set = fn(&mut SettingsChange, u64);
    let bounded: [(Set, u64, u64, SettingsError); 7] = [
        (
            |change, to| change.access_token_expiration = Some(Seconds(to)),
            1,
            86_400,
            SettingsError::AccessTokenExpirationOutOfRange,
        ),
        (
            |change, to| change.access_token_minimum = Some(Seconds(to)),
            1,
            900,
            SettingsError::AccessTokenMinimumOutOfRange,
        ),
        (
            |change, to| change.access_token_maximum = Some(Seconds(to)),
            900,
            86_400,
            SettingsError::AccessTokenMaximumOutOfRange,
        ),
        (
            |change, to| change.refresh_token_expiration = Some(Seconds(to)),
            1,
            3_153_600_000,
            SettingsError::RefreshTokenExpirationOutOfRange,
        ),
        (
            |change, to| change.refresh_token_maximum = Some(Some(Seconds(to))),
            7_776_000,
            3_153_600_000,
            SettingsError::RefreshTokenMaximumOutOfRange,
        ),
        (
            |change, to| change.delegation_levels = Some(to.try_into().unwrap()),
            0,
            8,
            SettingsError::DelegationLevelsOutOfRange,
        ),
        (
            |change, to| change.tombstone_retention = Some(Seconds(to)),
            86_400,
            315_360_000,
            SettingsError::TombstoneRetentionOutOfRange,
        ),
    ];
    for (set, least, most, error) in bounded {
        let beyond = if error == SettingsError::AccessTokenMinimumOutOfRange { 86_400 } else { most };
        assert_eq!(tried(&world, |change| set(change, beyond + 1)).err(), Some(error));
        if least > 0 {
            assert_eq!(tried(&world, |change| set(change, 0)).err(), Some(error));
        }
        for sound in [least, most] {
            assert_eq!(tried(&World::new(), |change| set(change, sound)).err(), None, "{error}: {sound}");
        }
    }
    assert_eq!(world.authority.settings().unwrap(), Settings::default(), "what is refused changes nothing");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let world = World::new();
    let access = |least: Option<u64>, access: Option<u64>, most: Option<u64>| {
        tried(&world, |change| {
            change.access_token_minimum = least.map(Seconds);
            change.access_token_expiration = access.map(Seconds);
            change.access_token_maximum = most.map(Seconds);
        })
        .err()
    };
    let contradict = Some(SettingsError::AccessTokenBoundsContradict);
    assert_eq!(access(Some(901), None, None), contradict);
    assert_eq!(access(None, None, Some(899)), contradict);
    assert_eq!(access(Some(60), Some(59), None), contradict);
    assert_eq!(access(Some(60), Some(60), Some(60)), None);
    assert_eq!(access(None, Some(61), None), contradict, "against what is in force as well");
    let refresh = |refresh: Option<u64>, most: u64| {
        tried(&world, |change| {
            change.refresh_token_expiration = refresh.map(Seconds);
            change.refresh_token_maximum = Some(Some(Seconds(most)));
        })
        .err()
    };
    assert_eq!(refresh(None, 7_775_999), Some(SettingsError::RefreshTokenExpirationBeyondMaximum));
    assert_eq!(refresh(Some(7_775_999), 7_775_999), None);
}

#[test]
fn a_catalogue_is_a_bounded_list_of_scopes_outside_the_reserved_space() {
    let world = World::new();
    let catalogue = |scopes: Vec<String>| tried(&world, |change| change.scopes = Some(Some(scopes))).err();
    let many: Vec<String> = (0..257).map(|n| format!("s{n}")).collect();
    let long: Vec<String> = (0..=128).map(|n| format!("{n:03}{}", "x".repeat(125))).collect();
    for bad in [vec!["a b".to_owned()], vec![String::new()], vec!["jeton:admin".to_owned()], many.clone(), long.clone()]
    {
        assert_eq!(catalogue(bad), Some(SettingsError::ScopesMalformed));
    }
    for sound in [Vec::new(), many[..256].to_vec(), long[..128].to_vec()] {
        assert_eq!(catalogue(sound), None);
    }
}

#[test]
fn a_change_may_name_the_generation_that_it_was_thought_up_for() {
    let world = World::new();
    let set = |generation: u64| {
        let change = SettingsChange { unique_names: Some(true), ..SettingsChange::default() };
        world.authority.set_settings(&Actor::Machine, &change, Some(generation), false).map(|after| after.generation())
    };
    assert_eq!(set(1), Ok(2));
    assert_eq!(set(1), Err(SettingsError::GenerationDiffers), "somebody was first");
    assert_eq!(set(2), Ok(3));
}

#[test]
fn what_is_out_keeps_the_life_it_was_minted_with() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    world.set(|change| change.access_token_expiration = Some(Seconds(60)));
    world.clock.pass(899);
    assert_eq!(world.verdict(&token), Ok(()));
}

#[test]
fn at_once_ends_what_is_out_in_the_commit_of_the_change() {
    let world = World::over(FaultyStore::new(MemoryStore::new()));
    let issued = world.issue(|_| ());
    let token = world.exchange(&issued);
    let before = world.authority.epoch().unwrap();
    let change = SettingsChange { access_token_expiration: Some(Seconds(60)), ..SettingsChange::default() };
    let actor = Actor::token("somebody", &[]).unwrap();
    // Read, then commit: whichever fails, there are both or neither.
    for operation in 1..=2 {
        world.store.plan(operation, Fault::Refused);
        assert_eq!(world.authority.set_settings(&actor, &change, None, true), Err(SettingsError::Unavailable));
        assert_eq!((world.verdict(&token), world.authority.epoch().unwrap()), (Ok(()), before.clone()));
        assert_eq!(world.authority.settings().unwrap(), Settings::default());
    }
    world.authority.set_settings(&actor, &change, None, true).unwrap();
    let after = world.authority.epoch().unwrap();
    assert_eq!((after.number > before.number, after.by.as_str()), (true, "somebody"));
    assert_eq!(world.verdict(&token), Err(Refusal::WrongEpoch));
    assert_eq!(world.exchange(&issued).expires_in, Seconds(60));
}

#[test]
fn a_change_at_once_before_the_first_epoch_is_a_change() {
    let world = World::unstarted(MemoryStore::new());
    let change = SettingsChange { unique_names: Some(true), ..SettingsChange::default() };
    assert!(world.authority.set_settings(&Actor::Machine, &change, None, true).unwrap().unique_names());
    assert!(world.authority.epoch().is_err());
}

#[test]
fn the_expiration_of_access_tokens_is_what_those_get_that_set_none() {
    let world = World::new();
    let (own, by_setting) = (world.issue(|request| request.access_ttl = Some(Seconds(600))), world.issue(|_| ()));
    world.set(|change| {
        change.access_token_minimum = Some(Seconds(60));
        change.access_token_expiration = Some(Seconds(120));
        change.access_token_maximum = Some(Seconds(300));
    });
    assert_eq!(world.exchange(&by_setting).expires_in, Seconds(120));
    assert_eq!(world.exchange(&own).expires_in, Seconds(300), "an own one is capped");
    let ttl = |ttl: u64| issued(&world, |request| request.access_ttl = Some(Seconds(ttl))).err();
    assert_eq!(
        (ttl(59), ttl(301)),
        (Some(IssueError::AccessTtlBeyondSettings), Some(IssueError::AccessTtlBeyondSettings))
    );
    assert_eq!((ttl(60), ttl(300)), (None, None));
    world.set(|change| {
        change.access_token_expiration = Some(Seconds(300));
        change.access_token_minimum = Some(Seconds(300));
    });
    let short = issued(&world, |request| request.access_ttl = Some(Seconds(300))).unwrap();
    assert_eq!(world.exchange(&short).expires_in, Seconds(300));
}

#[test]
fn a_maximum_caps_refresh_tokens_that_are_there_from_their_making_on() {
    let world = World::new();
    let (eternal, long, short) = (
        world.issue(|request| request.expiry = Expiry::Never),
        world.issue(|request| request.expiry = Expiry::After(Seconds(1_000))),
        world.issue(|request| request.expiry = Expiry::After(Seconds(50))),
    );
    world.set(|change| {
        change.refresh_token_expiration = Some(Seconds(100));
        change.refresh_token_maximum = Some(Some(Seconds(100)));
    });
    let expiry = |issued: &Issued| world.authority.show(&issued.token.id.to_string()).unwrap().expires_at;
    assert_eq!([&eternal, &long].map(expiry), [Some(Seconds(START + 100)); 2]);
    assert_eq!(expiry(&short), Some(Seconds(START + 50)));
    world.clock.pass(99);
    assert_eq!(world.exchange(&eternal).expires_in, Seconds(1), "nothing outlives it");
    world.clock.pass(1);
    for issued in [&eternal, &long] {
        assert_eq!(world.authority.exchange(&issued.secret, &PLAIN).err(), Some(ExchangeError::InvalidGrant));
    }
    world.set(|change| change.refresh_token_maximum = Some(None));
    assert!(world.authority.exchange(&eternal.secret, &PLAIN).is_ok(), "the record itself was not touched");
}

#[test]
fn a_maximum_and_never_are_rules_for_new_refresh_tokens() {
    let world = World::new();
    let eternal = world.issue(|request| request.expiry = Expiry::Never);
    world.set(|change| change.never_allowed = Some(false));
    let new = |expiry: Expiry| issued(&world, |request| request.expiry = expiry).map(|issued| issued.token.expires_at);
    assert_eq!(new(Expiry::Never).err(), Some(IssueError::NeverNotAllowed));
    assert!(world.authority.exchange(&eternal.secret, &PLAIN).is_ok(), "those that are there go on");
    world.set(|change| {
        change.never_allowed = Some(true);
        change.refresh_token_maximum = Some(Some(Seconds(7_776_000)));
    });
    assert_eq!(new(Expiry::Never).err(), Some(IssueError::ExpiryBeyondMaximum));
    assert_eq!(new(Expiry::After(Seconds(7_776_001))).err(), Some(IssueError::ExpiryBeyondMaximum));
    assert_eq!(new(Expiry::After(Seconds(7_776_000))), Ok(Some(Seconds(START + 7_776_000))));
    assert_eq!(new(Expiry::BySetting), Ok(Some(Seconds(START + 7_776_000))));
}

#[test]
fn unique_names_bind_tokens_that_have_not_ended() {
    let world = World::new();
    let first = world.issue(|_| ());
    world.issue(|_| ());
    world.set(|change| change.unique_names = Some(true));
    let taken = |name: &str| issued(&world, |request| request.name = name.to_owned()).err();
    assert_eq!(taken("nightly job"), Some(IssueError::NameTaken), "two had it before the rule");
    assert_eq!((taken("another"), taken("another")), (None, Some(IssueError::NameTaken)));
    assert_eq!(taken("Another"), None, "case matters");
    world.delete(&first);
    assert_eq!(taken("nightly job"), Some(IssueError::NameTaken), "one of the two goes on");
    let brief = issued(&world, |request| {
        request.name = "brief".to_owned();
        request.expiry = Expiry::After(Seconds(1));
    });
    world.delete(&brief.unwrap());
    assert_eq!(taken("brief"), None, "the name of a tombstone is free");
    let names = |name: String| Query { name: Some(name), limit: 10, ..Query::default() };
    assert_eq!(world.authority.list(&names("brief".to_owned())).unwrap().items.len(), 2);
}

#[test]
fn a_catalogue_bounds_what_is_issued_and_what_is_granted() {
    let world = World::new();
    let old = world.issue(|request| request.scopes = scopes(&["orders", "stock", "jeton:read"]));
    world.set(|change| change.scopes = Some(Some(scopes(&["orders"]))));
    assert_eq!(world.exchange(&old).scope, "orders jeton:read", "the authority's own scopes always exist");
    let new = |asked: &[&str]| issued(&world, |request| request.scopes = scopes(asked)).err();
    assert_eq!(new(&["stock"]), Some(IssueError::ScopeNotInCatalogue));
    assert_eq!(new(&["orders", "jeton:admin"]), None);
    world.set(|change| change.scopes = Some(None));
    assert_eq!(world.exchange(&old).scope, "orders stock jeton:read");
}

#[test]
fn delegation_levels_bound_new_children() {
    let world = World::new();
    let parent = world.issue(|_| ());
    let child = world.child_of(&parent);
    world.set(|change| change.delegation_levels = Some(1));
    let under = |parent: &Issued| issued(&world, |request| request.parent = Some(parent.token.id.to_string())).err();
    assert_eq!((under(&parent), under(&child)), (None, Some(IssueError::TooDeep)));
    world.set(|change| change.delegation_levels = Some(0));
    assert_eq!(under(&parent), Some(IssueError::TooDeep));
    assert!(world.authority.exchange(&child.secret, &PLAIN).is_ok(), "those that are there go on");
}

#[test]
fn what_is_allowed_or_forbidden_is_as_it_was_said() {
    let world = World::new();
    for allowed in [false, true, false] {
        let settings = world.set(|settings| settings.never_allowed = Some(allowed));
        assert_eq!(settings.never_allowed(), allowed);
        let settings = world.set(|settings| settings.holder_delegation = Some(allowed));
        assert_eq!((settings.never_allowed(), settings.holder_delegation()), (allowed, allowed), "and stays so");
    }
}
