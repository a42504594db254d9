//! What an authority is, and what may be changed about it.

use jeton_policy::{
    authority::{ConfigureError, SettingsChange, SettingsError},
    record::Settings,
    seconds::Seconds,
};
use jeton_store::MemoryStore;

use crate::world::{ISSUER, START, World};

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

#[test]
fn settings_begin_as_the_seeds_and_change_within_their_bounds() {
    let world = World::new();
    let seeds = world.authority.settings().unwrap();
    assert_eq!(seeds, Settings::default());
    assert_eq!((seeds.access_token_expiration, seeds.refresh_token_expiration), (Seconds(900), Seconds(7_776_000)));
    let access =
        |seconds: u64| SettingsChange { access_token_expiration: Some(Seconds(seconds)), ..SettingsChange::default() };
    let refresh =
        |seconds: u64| SettingsChange { refresh_token_expiration: Some(Seconds(seconds)), ..SettingsChange::default() };
    for bad in [0, 86_401] {
        assert_eq!(world.authority.set_settings(access(bad)), Err(SettingsError::AccessTokenExpirationOutOfRange));
    }
    for bad in [0, 3_153_600_001] {
        assert_eq!(world.authority.set_settings(refresh(bad)), Err(SettingsError::RefreshTokenExpirationOutOfRange));
    }
    world.authority.set_settings(access(60)).unwrap();
    let after = world.authority.set_settings(refresh(3_600)).unwrap();
    assert_eq!((after.access_token_expiration, after.refresh_token_expiration), (Seconds(60), Seconds(3_600)));
    assert_eq!(world.authority.settings().unwrap(), after);
    let issued = world.issue(|_| ());
    assert_eq!(issued.token.expires_at, Some(Seconds(START + 3_600)));
    assert_eq!(world.exchange(&issued).expires_in, Seconds(60));
}

#[test]
fn what_is_out_keeps_the_life_it_was_minted_with() {
    let world = World::new();
    let token = world.exchange(&world.issue(|_| ()));
    let change = SettingsChange { access_token_expiration: Some(Seconds(60)), ..SettingsChange::default() };
    world.authority.set_settings(change).unwrap();
    world.clock.pass(899);
    assert_eq!(world.verdict(&token), Ok(()));
}
