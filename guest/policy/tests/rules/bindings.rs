//! What ties a refresh token down, at exchange.

use jeton_policy::{
    authority::{ExchangeError, ExchangeRequest, Exchanged},
    network::Address,
    seconds::Seconds,
};

use crate::world::{ISSUER, Issued, PLAIN, START, World, scopes};

fn from(world: &World, issued: &Issued, peer: Option<Address>) -> Result<Exchanged, ExchangeError> {
    world.authority.exchange(&issued.secret, &ExchangeRequest { peer, ..PLAIN })
}

fn v4(address: &str) -> Option<Address> {
    Some(Address::from(address.parse::<std::net::IpAddr>().unwrap()))
}

/// Whom an access token is for.
fn audience(world: &World, exchanged: &Exchanged) -> String {
    world.verifier().claims(&exchanged.access_token, world.now()).unwrap().0.aud.into_owned()
}

#[test]
fn a_vendors_token_works_from_its_network_alone() {
    let world = World::new();
    let vendor = world.issue(|request| request.bindings.networks = scopes(&["192.0.2.0/24", "2001:db8::/32"]));
    for inside in ["192.0.2.0", "192.0.2.255", "2001:db8::1", "::ffff:192.0.2.7"] {
        assert!(from(&world, &vendor, v4(inside)).is_ok(), "{inside}");
    }
    for outside in ["192.0.3.0", "192.0.1.255", "2001:db9::1", "::192.0.2.7"] {
        assert_eq!(from(&world, &vendor, v4(outside)).map(|_| ()), Err(ExchangeError::InvalidGrant), "{outside}");
    }
    assert_eq!(world.refusal(&vendor.secret), ExchangeError::InvalidGrant, "nobody knows where it comes from");
    assert!(from(&world, &world.issue(|_| ()), None).is_ok(), "one that is bound to no network works from everywhere");
}

#[test]
fn a_child_works_where_all_above_it_do() {
    let world = World::new();
    let parent = world.issue(|request| request.bindings.networks = scopes(&["10.0.0.0/8"]));
    let bound = world.issue(|request| {
        request.parent = Some(parent.token.id.to_string());
        request.bindings.networks = scopes(&["10.1.0.0/16"]);
    });
    let unbound = world.child_of(&parent);
    assert!(from(&world, &bound, v4("10.1.0.1")).is_ok());
    assert!(from(&world, &bound, v4("10.2.0.1")).is_err());
    assert!(from(&world, &unbound, v4("10.2.0.1")).is_ok());
    assert!(from(&world, &unbound, v4("11.0.0.1")).is_err());
}

#[test]
fn a_token_begins_at_its_hour_and_not_a_second_before() {
    let world = World::new();
    let parent = world.issue(|request| request.bindings.not_before = Some(Seconds(START + 100)));
    let child = world.issue(|request| {
        request.parent = Some(parent.token.id.to_string());
        request.bindings.not_before = Some(Seconds(START + 50));
    });
    world.clock.set(START + 99, 999_999_999);
    for issued in [&parent, &child] {
        assert_eq!(world.refusal(&issued.secret), ExchangeError::InvalidGrant);
    }
    world.clock.set(START + 100, 0);
    for issued in [&parent, &child] {
        world.exchange(issued);
    }
}

#[test]
fn an_access_token_is_for_one_of_the_audiences_and_the_first_unless_another_is_asked_for() {
    let world = World::new();
    let issued =
        world.issue(|request| request.bindings.audiences = scopes(&["https://a.example", "https://b.example/x"]));
    let asked = |resource| world.authority.exchange(&issued.secret, &ExchangeRequest { resource, ..PLAIN });
    assert_eq!(audience(&world, &asked(None).unwrap()), "https://a.example");
    assert_eq!(audience(&world, &asked(Some("https://b.example/x")).unwrap()), "https://b.example/x");
    let long = format!("https://{}", "x".repeat(193));
    for bad in
        ["https://c.example", "https://b.example", "b.example", "", "https://a.example#f", "https://a example", &long]
    {
        assert_eq!(asked(Some(bad)).map(|_| ()), Err(ExchangeError::InvalidTarget), "{bad:?}");
    }
}

#[test]
fn without_audiences_it_is_for_the_issuer_or_for_whom_is_asked() {
    let world = World::new();
    let issued = world.issue(|_| ());
    assert_eq!(audience(&world, &world.exchange(&issued)), ISSUER);
    let request = ExchangeRequest { resource: Some("urn:example:orders"), ..PLAIN };
    assert_eq!(audience(&world, &world.authority.exchange(&issued.secret, &request).unwrap()), "urn:example:orders");
}

#[test]
fn a_parents_audiences_bound_its_childs() {
    let world = World::new();
    let parent =
        world.issue(|request| request.bindings.audiences = scopes(&["https://a.example", "https://b.example"]));
    let child = world.issue(|request| {
        request.parent = Some(parent.token.id.to_string());
        request.bindings.audiences = scopes(&["https://b.example"]);
    });
    assert_eq!(audience(&world, &world.exchange(&child)), "https://b.example");
    let edit = jeton_policy::authority::Edit { audiences: Some(scopes(&["https://a.example"])), ..Default::default() };
    world.edit(&parent, edit);
    let refusal = world.refusal(&child.secret);
    assert_eq!(refusal, ExchangeError::InvalidTarget, "nobody is left whom it could be for");
}

#[test]
fn a_hundred_exchanges_and_not_one_more() {
    let world = World::new();
    let issued = world.issue(|request| request.bindings.max_exchanges = Some(100));
    for left in (0..100).rev() {
        world.exchange(&issued);
        assert_eq!(world.show(&issued).exchanges_left, Some(left));
    }
    for _ in 0..3 {
        assert_eq!(world.refusal(&issued.secret), ExchangeError::InvalidGrant);
    }
    assert_eq!(world.show(&issued).generation, 1, "its uses are not its record's matter");
}

#[test]
fn what_cannot_be_signed_is_not_counted() {
    let world = World::new();
    let issued = world.issue(|request| request.bindings.max_exchanges = Some(1));
    let cannot_sign = world.another([2; 32]);
    assert_eq!(cannot_sign.exchange(&issued.secret, &PLAIN).map(|_| ()).unwrap_err(), ExchangeError::Unavailable);
    assert!(world.authority.exchange(&issued.secret, &PLAIN).is_ok());
}
