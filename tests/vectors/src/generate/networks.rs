//! Beside the rule: where a living token may be used from.

use std::borrow::Cow;

use anyhow::Context as _;
use jeton_policy::access_token::{Algorithm, Claims};

use super::{JTI, SEQUENCE, Signer, Stage, accepted_as, decoded, encoded, load, parts, refused};
use crate::Case;

const NETWORKS: [&str; 3] = ["192.0.2.0/24", "198.51.100.7/32", "2001:db8:1::/48"];

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    peers(&signer, cases)?;
    widths(&signer, cases)?;
    beside_the_rule(&signer, cases)?;
    unreadable(&signer, cases)
}

fn bound_to(signer: &Signer, networks: &[&'static str]) -> Claims<'static> {
    Claims { net: networks.iter().map(|text| Cow::Borrowed(*text)).collect(), ..signer.stage.claims() }
}

/// A token that is bound to networks, from a peer.
fn from(
    signer: &Signer,
    name: &str,
    networks: &[&'static str],
    peer: Option<&str>,
    told: &str,
) -> anyhow::Result<Case> {
    let peer = peer.map(str::parse).transpose().with_context(|| name.to_owned())?;
    let claims = bound_to(signer, networks);
    Ok(Case { peer, ..signer.case(name, signer.signer.sign(&claims), accepted_as(&claims, told)) })
}

fn peers(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
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
        ("an IPv4 address that is translated into IPv6 is IPv6", Some("64:ff9b::192.0.2.1"), "outside"),
        ("an IPv4 address in a 6to4 address is IPv6", Some("2002:c000:201::1"), "outside"),
        ("an IPv4 address in the middle of an IPv6 one is IPv6", Some("::ffff:c000:201:0"), "outside"),
        ("the unspecified address is outside", Some("0.0.0.0"), "outside"),
        ("the unspecified IPv6 address is outside", Some("::"), "outside"),
        ("a peer on the same machine is outside", Some("127.0.0.1"), "outside"),
        (
            "the IPv6 address before the first one of a network is outside",
            Some("2001:db8:0:ffff:ffff:ffff:ffff:ffff"),
            "outside",
        ),
        ("a mapped address of one address' network is inside", Some("::ffff:198.51.100.7"), "inside"),
        ("nobody knows the peer of a bound token", None, "unknown-peer"),
    ] {
        cases.push(from(signer, name, &NETWORKS, peer, network)?);
    }
    cases.push(Case {
        peer: Some("203.0.113.9".parse()?),
        ..signer.case("a token bound to nothing is good everywhere", signer.good(), signer.stage.accepted())
    });
    Ok(())
}

fn widths(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    for (name, network, peer, told) in [
        ("all of IPv4 is every IPv4 address", "0.0.0.0/0", "255.255.255.255", "inside"),
        ("all of IPv4 is no IPv6 address", "0.0.0.0/0", "2001:db8::1", "outside"),
        ("all of IPv6 is every IPv6 address", "::/0", "2001:db8::1", "inside"),
        ("all of IPv6 is no IPv4 address", "::/0", "192.0.2.1", "outside"),
        ("all of IPv6 is no IPv4 address mapped into IPv6 either", "::/0", "::ffff:192.0.2.1", "outside"),
        ("all of IPv4 is a mapped address", "0.0.0.0/0", "::ffff:203.0.113.9", "inside"),
        ("half of IPv4 ends in its middle", "0.0.0.0/1", "127.255.255.255", "inside"),
        ("half of IPv4 is not the other one", "0.0.0.0/1", "128.0.0.0", "outside"),
        ("a network of two addresses is the second", "192.0.2.6/31", "192.0.2.7", "inside"),
        ("a network of two addresses is no third", "192.0.2.6/31", "192.0.2.8", "outside"),
        ("a network within a byte ends in it", "192.0.2.64/27", "192.0.2.95", "inside"),
        ("a network within a byte is no more than that", "192.0.2.64/27", "192.0.2.96", "outside"),
        ("an IPv6 network within a byte ends in it", "2001:db8::/33", "2001:db8:7fff::1", "inside"),
        ("an IPv6 network within a byte is no more than that", "2001:db8::/33", "2001:db8:8000::1", "outside"),
        ("half of an IPv6 address is a network", "2001:db8:0:1::/64", "2001:db8:0:1:ffff::", "inside"),
        ("the other half of an IPv6 address is not looked at", "2001:db8:0:1::/64", "2001:db8:0:2::", "outside"),
        ("an IPv6 network of two addresses is the second", "2001:db8::6/127", "2001:db8::7", "inside"),
        ("an IPv6 network of one address is that address", "2001:db8::6/128", "2001:db8::6", "inside"),
        ("an IPv6 network of one address is no other", "2001:db8::6/128", "2001:db8::7", "outside"),
        ("a network without a length is one address", "192.0.2.7", "192.0.2.7", "inside"),
        ("a network without a length is no other address", "192.0.2.7", "192.0.2.8", "outside"),
        ("an IPv6 network in upper case is the same", "2001:DB8::/32", "2001:db8::1", "inside"),
        ("an IPv6 network that is written in full is the same", "2001:0db8:0:0:0:0:0:0/32", "2001:db8::1", "inside"),
    ] {
        cases.push(from(signer, name, &[network], Some(peer), told)?);
    }
    for (name, peer, told) in [
        ("the last of eight networks is looked at", "10.7.1.1", "inside"),
        ("what is in none of eight networks is outside", "10.8.1.1", "outside"),
    ] {
        cases.push(from(signer, name, NINE.get(..8).unwrap_or_default(), Some(peer), told)?);
    }
    let twice = ["192.0.2.0/24", "192.0.2.0/24"];
    cases.push(from(
        signer,
        "a network that stands in a list twice is told twice",
        &twice,
        Some("192.0.2.1"),
        "inside",
    )?);
    let nested = ["192.0.2.0/24", "192.0.2.128/25"];
    cases.push(from(signer, "a network in another one narrows nothing", &nested, Some("192.0.2.1"), "inside")?);
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let signer = signer.stage.signer(0, algorithm)?;
        for (place, peer, told) in [("inside", "192.0.2.1", "inside"), ("outside", "192.0.3.1", "outside")] {
            let name = format!("{}: a bound token is {place}", algorithm.name());
            cases.push(from(&signer, &name, &NETWORKS, Some(peer), told)?);
        }
    }
    Ok(())
}

/// The networks are beside the rule: neither stands in for the other.
fn beside_the_rule(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let (inside, outside) = (Some("192.0.2.1".parse()?), Some("192.0.3.1".parse()?));
    let token = signer.signer.sign(&bound_to(signer, &NETWORKS));
    let expiry = signer.stage.expiry();
    let mut dead = |name: &str, change: &dyn Fn(Case) -> Case, why: &str| {
        cases.push(change(Case { peer: inside, ..signer.case(name, token.clone(), refused(why)) }));
    };
    let cut = || vec![load(signer.whole(SEQUENCE, &[JTI]).render(), "loaded")];
    dead("a bound token expires inside its network", &|case| Case { now: expiry, ..case }, "expired");
    dead(
        "a bound token expires outside of its network",
        &|case| Case { now: expiry, peer: outside, ..case },
        "expired",
    );
    dead("a bound token is cut inside its network", &|case| Case { loads: cut(), ..case }, "cut");
    dead("a bound token is cut, whoever its peer is", &|case| Case { loads: cut(), peer: None, ..case }, "cut");
    let other = with_other_networks(&token)?;
    dead(
        "networks that were changed break the signature",
        &|case| Case { token: other.clone(), ..case },
        "bad-signature",
    );
    Ok(())
}

const NINE: [&str; 9] = [
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

fn unreadable(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let inside = Some("192.0.2.1".parse()?);
    let mut unreadable = |name: &str, token: String| {
        cases.push(Case { peer: inside, ..signer.case(name, token, refused("malformed")) });
    };
    for (name, networks) in [
        ("a network with host bits is malformed", &["192.0.2.1/24"][..]),
        ("an IPv6 network with host bits is malformed", &["2001:db8::1/64"]),
        ("an IPv4 network mapped into IPv6 is malformed", &["::ffff:192.0.2.0/120"]),
        ("all mapped addresses are malformed", &["::ffff:0:0/96"]),
        ("a network that is none is malformed", &["192.0.2.0/24", "everywhere"]),
        ("an empty network is malformed", &[""]),
        ("a network that is a length alone is malformed", &["/24"]),
        ("a network with an empty length is malformed", &["192.0.2.0/"]),
        ("a network of 33 bits is malformed", &["192.0.2.0/33"]),
        ("an IPv6 network of 129 bits is malformed", &["2001:db8::/129"]),
        ("a network of 256 bits is malformed", &["192.0.2.0/256"]),
        ("a network of less than no bits is malformed", &["0.0.0.0/-0"]),
        ("a network whose length has a sign is malformed", &["192.0.2.0/+24"]),
        ("a network whose length has a leading zero is malformed", &["192.0.2.0/024"]),
        ("a network with a mask is malformed", &["192.0.2.0/255.255.255.0"]),
        ("a network that lacks bytes is malformed", &["192.0.2/24"]),
        ("a network whose bytes have leading zeros is malformed", &["192.0.02.0/24"]),
        ("a network in hexadecimal digits is malformed", &["0xc0000200/24"]),
        ("a network as one number is malformed", &["3221225984/24"]),
        ("a network with a zone is malformed", &["fe80::1%eth0/128"]),
        ("a network with a port is malformed", &["192.0.2.0:80/24"]),
        ("a network in brackets is malformed", &["[2001:db8::]/32"]),
        ("a network with white space is malformed", &[" 192.0.2.0/24"]),
        ("a network with a star is malformed", &["192.0.2.*"]),
        ("a range of addresses is malformed", &["192.0.2.0-192.0.2.255"]),
        ("two networks in one text are malformed", &["192.0.2.0/24,198.51.100.0/24"]),
        ("a name is no network", &["localhost"]),
        ("more than eight networks are malformed", &NINE),
    ] {
        unreadable(name, signer.signer.sign(&bound_to(signer, networks)));
    }
    let json = serde_json::to_string(&signer.stage.claims())?;
    let with = |member: &str| signer.signed_payload(json.replace(r#","lin""#, &format!(r#",{member},"lin""#)));
    unreadable("an empty list of networks is malformed, and not a token that is good everywhere", with(r#""net":[]"#));
    unreadable("networks that are no list are malformed", with(r#""net":null"#));
    unreadable("networks that are one text are malformed", with(r#""net":"192.0.2.0/24""#));
    unreadable("a network that is null is malformed", with(r#""net":[null]"#));
    unreadable("a network that is a number is malformed", with(r#""net":[3221225984]"#));
    unreadable("a network in a list of its own is malformed", with(r#""net":[["192.0.2.0/24"]]"#));
    unreadable("networks that are said twice are malformed", with(r#""net":["192.0.2.0/24"],"net":["::/0"]"#));
    Ok(())
}

/// The token with `192.0.2.0/24` widened to `0.0.0.0/0`, under the old signature.
fn with_other_networks(token: &str) -> anyhow::Result<String> {
    let [header, payload, signature] = parts(token)?;
    let payload = String::from_utf8(decoded(payload)?)?.replace("192.0.2.0/24", "0.0.0.0/0");
    Ok(format!("{header}.{}.{signature}", encoded(payload)))
}
