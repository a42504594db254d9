//! Beside the rule: where a living token may be used from.

use std::borrow::Cow;

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_policy::access_token::Claims;

use super::{EXPIRY, JTI, SEQUENCE, Signer, accepted, accepted_with, case, claims, load, refused};
use crate::{Case, Verdict};

const NETWORKS: [&str; 3] = ["192.0.2.0/24", "198.51.100.7/32", "2001:db8:1::/48"];
const TOLD: &str = r#""net":["192.0.2.0/24","198.51.100.7/32","2001:db8:1::/48"],"#;

pub(super) fn add(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let bound_to = |networks: &[&'static str]| {
        signer.signer.sign(&Claims { net: networks.iter().map(|text| Cow::Borrowed(*text)).collect(), ..claims() })
    };
    for (name, peer, network) in [
        ("a bound token is inside its IPv4 network", Some("192.0.2.1"), "inside"),
        ("the first address of a network is inside", Some("192.0.2.0"), "inside"),
        ("the last address of a network is inside", Some("192.0.2.255"), "inside"),
        ("the address after the last one of a network is outside", Some("192.0.3.0"), "outside"),
        ("the address before the first one of a network is outside", Some("192.0.1.255"), "outside"),
        ("a network of one address is that address", Some("198.51.100.7"), "inside"),
        ("a network of one address is no other", Some("198.51.100.6"), "outside"),
        ("an IPv4 address mapped into IPv6 counts as the IPv4 address", Some("::ffff:192.0.2.1"), "inside"),
        ("a mapped address outside is outside", Some("::ffff:192.0.3.1"), "outside"),
        ("an address that looks like a mapped one is IPv6", Some("::192.0.2.1"), "outside"),
        ("a bound token is inside its IPv6 network", Some("2001:db8:1:ffff::1"), "inside"),
        ("the last address of an IPv6 network is inside", Some("2001:db8:1:ffff:ffff:ffff:ffff:ffff"), "inside"),
        ("the address after the last one of an IPv6 network is outside", Some("2001:db8:2::"), "outside"),
        ("an IPv6 address whose first bits are those of an IPv4 network is outside", Some("c000:201::"), "outside"),
        ("nobody knows the peer of a bound token", None, "unknown-peer"),
    ] {
        let peer = peer.map(str::parse).transpose().context("an address")?;
        cases.push(Case { peer, ..case(name, signer, bound_to(&NETWORKS), accepted_with(TOLD, network)) });
    }
    let anywhere = Some("203.0.113.9".parse()?);
    cases.push(Case {
        peer: anywhere,
        ..case("a token bound to nothing is good everywhere", signer, signer.good(), accepted())
    });
    for (name, network, peer, told) in [
        ("all of IPv4 is every IPv4 address", "0.0.0.0/0", "255.255.255.255", "inside"),
        ("all of IPv4 is no IPv6 address", "0.0.0.0/0", "2001:db8::1", "outside"),
        ("all of IPv6 is every IPv6 address", "::/0", "2001:db8::1", "inside"),
        ("all of IPv6 is no IPv4 address", "::/0", "192.0.2.1", "outside"),
        ("all of IPv6 is no IPv4 address mapped into IPv6 either", "::/0", "::ffff:192.0.2.1", "outside"),
    ] {
        let verdict = accepted_with(&format!(r#""net":["{network}"],"#), told);
        cases.push(Case { peer: Some(peer.parse()?), ..case(name, signer, bound_to(&[network]), verdict) });
    }

    // The networks are beside the rule: neither stands in for the other.
    let inside = Some("192.0.2.1".parse()?);
    let mut dead = |name: &str, change: &dyn Fn(Case) -> Case, why: &str| {
        cases.push(change(Case { peer: inside, ..case(name, signer, bound_to(&NETWORKS), refused(why)) }));
    };
    dead("a bound token expires inside its network", &|case| Case { now: EXPIRY, ..case }, "expired");
    dead(
        "a bound token is cut inside its network",
        &|case| Case { loads: vec![load(signer.whole(SEQUENCE, &[JTI]).render(), "loaded")], ..case },
        "cut",
    );
    dead(
        "networks that were changed break the signature",
        &|case| Case { token: with_other_networks(&case.token), ..case },
        "bad-signature",
    );

    let nine = [
        "10.0.0.0/16",
        "10.1.0.0/16",
        "10.2.0.0/16",
        "10.3.0.0/16",
        "10.4.0.0/16",
        "10.5.0.0/16",
        "10.6.0.0/16",
        "10.7.0.0/16",
        "10.8.0.0/16",
    ];
    let mut unreadable = |name: &str, token: String| {
        let verdict: Verdict = refused("malformed");
        cases.push(Case { peer: inside, ..case(name, signer, token, verdict) });
    };
    for (name, networks) in [
        ("a network with host bits is malformed", &["192.0.2.1/24"][..]),
        ("an IPv4 network mapped into IPv6 is malformed", &["::ffff:192.0.2.0/120"]),
        ("a network that is none is malformed", &["192.0.2.0/24", "everywhere"]),
        ("more than eight networks are malformed", &nine),
    ] {
        unreadable(name, bound_to(networks));
    }
    let json = serde_json::to_string(&claims())?;
    let with =
        |member: &str| signer.signer.sign_payload(json.replace(r#","lin""#, &format!(r#",{member},"lin""#)).as_bytes());
    unreadable("an empty list of networks is malformed, and not a token that is good everywhere", with(r#""net":[]"#));
    unreadable("networks that are no list are malformed", with(r#""net":null"#));
    unreadable("networks that are said twice are malformed", with(r#""net":["192.0.2.0/24"],"net":["::/0"]"#));
    Ok(())
}

/// The token with `192.0.2.0/24` widened to `0.0.0.0/0`, under the old signature.
fn with_other_networks(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return String::new() };
    let payload = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let payload = String::from_utf8_lossy(&payload).replace("192.0.2.0/24", "0.0.0.0/0");
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(payload))
}
