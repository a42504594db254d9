//! A refresh token for an access token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_policy::{
    authority::{ExchangeError, ExchangeRequest, Expiry},
    refresh_token::RefreshToken,
    scope::{ADMIN, INTROSPECT},
    seconds::Seconds,
    token_id::{Jti, TokenId},
};
use jeton_store::MemoryStore;

use crate::world::{ISSUER, PLAIN, START, World, scopes};

#[test]
fn an_access_token_says_what_rfc_9068_wants_and_its_whole_lineage() {
    let world = World::new();
    let parent = world.issue(|request| request.owner = Some("lead".to_owned()));
    let child = world.issue(|request| {
        request.parent = Some(parent.token.id.to_string());
        request.owner = Some("alice".to_owned());
    });
    let exchanged = world.exchange(&child);
    let mut verifier = world.verifier();
    let (claims, _) = verifier.claims(&exchanged.access_token, world.now()).unwrap();
    assert_eq!((claims.iss.as_ref(), claims.aud.as_ref()), (ISSUER, ISSUER));
    assert_eq!((claims.sub.as_ref(), claims.client_id.as_ref()), ("alice", child.token.id.to_string().as_str()));
    assert_eq!((claims.iat, claims.exp), (Seconds(START), Seconds(START + 900)));
    assert_eq!(claims.lin.len(), 4, "the child, its owner, the parent, and that one's owner");
    let jti = Jti::parse(&claims.jti).unwrap();
    assert_eq!((jti.client, jti.issued_at), (child.token.id, Seconds(START)));
    assert_eq!(jti.epoch, world.authority.epoch().unwrap().number);
    let header = URL_SAFE_NO_PAD.decode(exchanged.access_token.split('.').next().unwrap()).unwrap();
    let kid = verifier.live().unwrap().epoch().key().kid();
    assert_eq!(header, format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#).into_bytes());
}

#[test]
fn without_an_owner_the_subject_is_the_refresh_token() {
    let world = World::new();
    let issued = world.issue(|_| ());
    let exchanged = world.exchange(&issued);
    let mut verifier = world.verifier();
    let (claims, _) = verifier.claims(&exchanged.access_token, world.now()).unwrap();
    assert_eq!(claims.sub, issued.token.id.to_string());
}

#[test]
fn expires_in_never_promises_more_than_the_token_lives() {
    let world = World::new();
    let issued = world.issue(|_| ());
    assert_eq!(world.exchange(&issued).expires_in, Seconds(900));
    world.clock.set(START, 1);
    assert_eq!(world.exchange(&issued).expires_in, Seconds(899));
    world.clock.set(START, 999_999_999);
    let token = world.exchange(&issued);
    assert_eq!(token.expires_in, Seconds(899));
    world.clock.set(START + 899, 999_999_998);
    assert_eq!(world.verdict(&token), Ok(()), "a script that believes it is never late");
}

#[test]
fn nothing_outlives_the_refresh_token() {
    let world = World::new();
    let issued = world.issue(|request| request.expiry = Expiry::After(Seconds(1_000)));
    assert_eq!(world.exchange(&issued).expires_in, Seconds(900));
    assert_eq!(world.exchange(&issued).refresh_expires_in, Some(Seconds(1_000)));
    world.clock.pass(600);
    let token = world.exchange(&issued);
    assert_eq!((token.expires_in, token.refresh_expires_in), (Seconds(400), Some(Seconds(400))));
    world.clock.pass(399);
    assert_eq!(world.exchange(&issued).expires_in, Seconds(1));
    world.clock.pass(1);
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_err());
    let eternal = world.issue(|request| request.expiry = Expiry::Never);
    assert_eq!(world.exchange(&eternal).refresh_expires_in, None);
}

#[test]
fn a_refresh_tokens_own_ttl_comes_before_the_setting() {
    let world = World::new();
    let (by_setting, short, long) = (
        world.issue(|_| ()),
        world.issue(|request| request.access_ttl = Some(Seconds(60))),
        world.issue(|request| request.access_ttl = Some(Seconds(86_400))),
    );
    for setting in [300, 3_600] {
        world.set(|change| change.access_token_expiration = Some(Seconds(setting)));
        assert_eq!(world.exchange(&by_setting).expires_in, Seconds(setting));
        assert_eq!(world.exchange(&short).expires_in, Seconds(60));
        assert_eq!(world.exchange(&long).expires_in, Seconds(86_400));
    }
}

#[test]
fn scopes_only_narrow() {
    let world = World::new();
    let issued = world.issue(|request| request.scopes = scopes(&["orders:read", "orders:write", ADMIN]));
    let scope = |asked: Option<&str>| {
        world
            .authority
            .exchange(&issued.secret, &ExchangeRequest { scope: asked, ..PLAIN })
            .map(|exchanged| exchanged.scope)
    };
    assert_eq!(scope(None).unwrap(), format!("orders:read orders:write {ADMIN}"));
    assert_eq!(scope(Some("orders:write")).unwrap(), "orders:write");
    assert_eq!(scope(Some(INTROSPECT)).unwrap(), INTROSPECT, "administration includes it");
    for wider in
        ["orders:delete", "orders:read orders:delete", "Orders:read", "orders:read  orders:write", "jeton:root", "\""]
    {
        assert_eq!(scope(Some(wider)), Err(ExchangeError::InvalidScope), "{wider:?}");
    }
}

#[test]
fn every_bad_refresh_token_gets_the_same_answer() {
    let world = World::new();
    let (good, dead, expired) =
        (world.issue(|_| ()), world.issue(|_| ()), world.issue(|request| request.expiry = Expiry::After(Seconds(1))));
    let orphan = world.child_of(&dead);
    world.delete(&dead);
    world.clock.pass(1);
    let unknown = RefreshToken::new(TokenId([9; 16]), [9; 32]).reveal();
    let wrong_secret = RefreshToken::new(good.token.id, [9; 32]).reveal();
    let damaged = good.secret.replace("jtn_rt_", "jtn_rx_");
    let access_token = world.exchange(&good).access_token;
    for presented in
        [unknown.as_str(), &wrong_secret, &damaged, &dead.secret, &expired.secret, &orphan.secret, &access_token, ""]
    {
        let refusal = world.authority.exchange(presented, &PLAIN).map(|_| ()).unwrap_err();
        assert_eq!(refusal, ExchangeError::InvalidGrant);
    }
}

#[test]
fn an_authority_that_has_not_begun_mints_nothing() {
    let world = World::unstarted(MemoryStore::new());
    let issued = world.issue(|_| ());
    let refusal = world.authority.exchange(&issued.secret, &PLAIN).map(|_| ()).unwrap_err();
    assert_eq!(refusal, ExchangeError::Unavailable);
}

#[test]
fn an_access_token_is_never_longer_than_four_kibibytes() {
    let world = World::unstarted(MemoryStore::new());
    let issuer = format!("https://{}", "i".repeat(192));
    world.authority.configure(Some(&issuer), "").unwrap();
    world.authority.begin(jeton_policy::authority::Boot::Advance, None).unwrap();
    let all: Vec<String> = (0..8).map(|n| format!("{n}{}", "s".repeat(if n == 7 { 120 } else { 127 }))).collect();
    let mut line = vec![world.issue(|request| {
        request.scopes.clone_from(&all);
        request.owner = Some(format!("{}0", "o".repeat(199)));
    })];
    for level in 1..=8 {
        let parent = line.last().unwrap().token.id.to_string();
        line.push(world.issue(|request| {
            request.scopes.clone_from(&all);
            request.parent = Some(parent);
            request.owner = Some(format!("{}{level}", "o".repeat(199)));
        }));
    }
    let token = world.exchange(line.last().unwrap());
    assert!(token.access_token.len() <= 4096, "{}", token.access_token.len());
    assert_eq!(world.verdict(&token), Ok(()));
}
