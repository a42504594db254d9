#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use proptest::prelude::*;

use super::*;
use crate::record::Stored as _;

fn network(text: &str) -> Network {
    Network::parse(text).unwrap()
}

fn networks(texts: &[&str]) -> Networks {
    Networks::new(texts).unwrap()
}

fn address(text: &str) -> Address {
    text.parse::<IpAddr>().unwrap().into()
}

#[test]
fn a_network_is_shown_in_its_one_canonical_form() {
    for (text, canonical) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.7/32", "192.0.2.7/32"),
        ("::/0", "::/0"),
        ("::1", "::1/128"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("2001:db8::192.0.2.1", "2001:db8::c000:201/128"),
    ] {
        assert_eq!(network(text).to_string(), canonical);
        assert_eq!(network(canonical), network(text));
    }
}

#[test]
fn host_bits_are_refused() {
    for text in ["10.0.0.1/8", "192.0.2.1/31", "128.0.0.0/0", "2001:db8::1/32", "8000::/0", "::1/127"] {
        assert_eq!(Network::parse(text), Err(NetworkError::HostBits), "{text}");
    }
}

#[test]
fn ipv4_in_the_dress_of_ipv6_is_refused_as_a_network() {
    for text in ["::ffff:10.0.0.0/104", "::ffff:0:0/96", "::ffff:192.0.2.1", "::ffff:c000:201/128"] {
        assert_eq!(Network::parse(text), Err(NetworkError::MappedV4), "{text}");
    }
}

#[test]
fn whatever_else_is_no_network_is_refused() {
    for text in [
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/256",
        "10.0.0.0/08",
        "10.0.0.0/+8",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "10.0.0.0 /8",
        " 10.0.0.0/8",
        "10.0.0.0/8 ",
        "10.0.0/8",
        "10/8",
        "010.0.0.0/8",
        "0x0a.0.0.0/8",
        "10.0.0.0/255.0.0.0",
        "fe80::1%eth0",
        "fe80::%1/64",
        "[::1]/128",
        "[::1]",
        "2001:db8:::/32",
        "::g/128",
        "localhost",
        "*",
        "10.0.0.0/8\0",
        "１０.0.0.0/8",
        "10.0.0.0/８",
    ] {
        assert_eq!(Network::parse(text), Err(NetworkError::Malformed), "{text:?}");
    }
}

#[test]
fn ipv4_in_the_dress_of_ipv6_counts_as_ipv4_as_a_peer() {
    assert_eq!(address("::ffff:192.0.2.1"), Address::V4([192, 0, 2, 1]));
    assert_eq!(address("::ffff:192.0.2.1").to_string(), "192.0.2.1");
    assert!(network("192.0.2.0/24").contains(address("::ffff:192.0.2.1")));
    assert!(!network("::/0").contains(address("::ffff:192.0.2.1")));
    assert!(!network("0.0.0.0/0").contains(address("::192.0.2.1")));
}

#[test]
fn at_most_eight_networks_bind_a_token_and_duplicates_do_not_count() {
    let eight: Vec<String> = (0..8).map(|number| format!("10.{number}.0.0/16")).collect();
    let mut list = eight.clone();
    list.push("10.0.0.0/16".to_owned());
    assert_eq!(Networks::new(&list).unwrap().texts(), eight);
    list.push("10.8.0.0/16".to_owned());
    assert_eq!(Networks::new(&list), Err(NetworksError::TooMany));
    assert_eq!(Networks::new(["10.0.0.0/8", "x"]), Err(NetworksError::Malformed(NetworkError::Malformed)));
}

#[test]
fn a_peer_is_judged_by_the_networks_alone() {
    let bound = networks(&["10.0.0.0/8", "2001:db8::/32"]);
    for (peer, verdict) in [
        (Some("10.1.2.3"), NetworkVerdict::Inside),
        (Some("::ffff:10.1.2.3"), NetworkVerdict::Inside),
        (Some("2001:db8:ffff::1"), NetworkVerdict::Inside),
        (Some("11.0.0.0"), NetworkVerdict::Outside),
        (Some("2001:db9::"), NetworkVerdict::Outside),
        (None, NetworkVerdict::UnknownPeer),
    ] {
        assert_eq!(bound.judge(peer.map(address)), verdict, "{peer:?}");
        assert_eq!(Networks::default().judge(peer.map(address)), NetworkVerdict::NotBound);
        assert_eq!(verdict.permits(), verdict == NetworkVerdict::Inside);
    }
    assert!(NetworkVerdict::NotBound.permits());
}

#[test]
fn no_binding_is_the_widest_one() {
    let (none, some) = (Networks::default(), networks(&["10.0.0.0/8"]));
    assert!(none.covers(&none) && none.covers(&some) && !some.covers(&none));
    assert_eq!(none.within(&none), Some(Networks::default()));
    assert_eq!(none.within(&some), Some(some.clone()));
    assert_eq!(some.within(&none), Some(some));
}

#[test]
fn networks_that_share_nothing_leave_nowhere_rather_than_everywhere() {
    assert_eq!(networks(&["10.0.0.0/8"]).within(&networks(&["11.0.0.0/8", "::/0"])), None);
}

#[test]
fn what_two_lists_share_is_the_smaller_of_each_pair() {
    let shared = networks(&["10.0.0.0/8", "192.0.2.1"]).within(&networks(&["10.1.0.0/16", "192.0.2.0/24"]));
    assert_eq!(shared.unwrap().texts(), ["192.0.2.1/32", "10.1.0.0/16"]);
}

#[test]
fn more_shared_networks_than_fit_are_cut_to_a_narrower_list() {
    let small = |first: u8| (1..8).map(move |number| format!("{first}.{number}.0.0/16"));
    let one = Networks::new(small(11).chain(["10.0.0.0/8".to_owned()])).unwrap();
    let other = Networks::new(small(10).chain(["11.0.0.0/8".to_owned()])).unwrap();
    let shared = one.within(&other).unwrap();
    assert_eq!(shared.iter().count(), MAX_NETWORKS);
    assert!(one.covers(&shared) && other.covers(&shared));
}

#[test]
fn a_stored_network_is_short_and_a_damaged_one_is_refused() {
    assert_eq!(network("10.0.0.0/8").to_stored(), [0x45, 8, 10, 0, 0, 0]);
    for damaged in
        [&[0x40][..], &[0x41, 8], &[0x45, 33, 10, 0, 0, 0], &[0x45, 8, 10, 0, 0, 1], &[0x46, 8, 10, 0, 0, 0, 0]]
    {
        assert!(Network::from_stored(damaged).is_err(), "{damaged:?}");
    }
    let nine = vec![network("10.0.0.0/8"); 9];
    assert!(Networks::from_stored(&nine.to_stored()).is_err());
}

/// An address and a prefix length, dense enough that networks meet.
fn any_network() -> impl Strategy<Value = Network> {
    let v4 = (any::<u32>(), 0_u8..=32).prop_map(|(bits, length)| {
        let bits = if length == 0 { 0 } else { (bits & 0x8000_0003) >> (32 - length) << (32 - length) };
        network(&format!("{}/{length}", IpAddr::from(bits.to_be_bytes())))
    });
    let v6 = (any::<u128>(), 0_u8..=128).prop_map(|(bits, length)| {
        let kept = bits & (7 << 125 | 3);
        let bits = if length == 0 { 0 } else { kept >> (128 - length) << (128 - length) };
        network(&format!("{}/{length}", IpAddr::from(bits.to_be_bytes())))
    });
    prop_oneof![v4, v6]
}

fn any_address() -> impl Strategy<Value = Address> {
    let v4 = any::<u32>().prop_map(|bits| Address::V4((bits & 0x8000_0003).to_be_bytes()));
    let v6 = any::<u128>().prop_map(|bits| Address::v6((bits & (7 << 125 | 3)).to_be_bytes()));
    prop_oneof![v4, v6]
}

fn any_networks() -> impl Strategy<Value = Networks> {
    proptest::collection::vec(any_network(), 0..=MAX_NETWORKS).prop_map(Networks)
}

/// The bits of an address, one by one, and whether it is IPv4.
fn bits(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |place| byte >> place & 1 == 1)).collect()
}

/// Whether the first bits are the same, read off the canonical text and compared one by one.
fn reference_contains(network: &Network, address: Address) -> bool {
    let text = network.to_string();
    let (prefix, length) = text.split_once('/').unwrap();
    let prefix = match prefix.parse::<IpAddr>().unwrap() {
        IpAddr::V4(address) => bits(&address.octets()),
        IpAddr::V6(address) => bits(&address.octets()),
    };
    let address = match address {
        Address::V4(bytes) => bits(&bytes),
        Address::V6(bytes) => bits(&bytes),
    };
    let length = length.parse::<usize>().unwrap();
    prefix.len() == address.len() && prefix.iter().zip(&address).take(length).all(|(one, other)| one == other)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn containing_is_what_comparing_bit_by_bit_says(network in any_network(), address in any_address()) {
        prop_assert_eq!(network.contains(address), reference_contains(&network, address));
    }

    #[test]
    fn text_and_store_give_the_same_network_back(list in any_networks()) {
        let distinct = Networks::new(list.texts()).unwrap();
        for network in list.iter() {
            prop_assert_eq!(Network::parse(&network.to_string()).unwrap(), *network);
            prop_assert!(distinct.0.contains(network));
        }
        prop_assert_eq!(Networks::from_stored(&distinct.to_stored()).unwrap(), distinct);
    }

    #[test]
    fn what_is_covered_contains_nothing_that_the_cover_lacks(one in any_networks(), other in any_networks(), peer in any_address()) {
        if one.covers(&other) && other.judge(Some(peer)).permits() {
            prop_assert!(one.judge(Some(peer)).permits());
        }
    }

    #[test]
    fn what_two_share_is_where_both_permit(one in any_networks(), other in any_networks(), peer in any_address()) {
        let both = one.judge(Some(peer)).permits() && other.judge(Some(peer)).permits();
        let shared = one.within(&other);
        let permits = shared.as_ref().is_some_and(|shared| shared.judge(Some(peer)).permits());
        let is_full = shared.as_ref().is_some_and(|shared| shared.0.len() == MAX_NETWORKS);
        // Of a list that was cut only the one direction holds.
        prop_assert!(permits == both || (is_full && both));
        if let Some(shared) = shared {
            prop_assert!(one.covers(&shared) && other.covers(&shared));
        }
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "[0-9a-f:./%\\[\\] ]{0,40}") {
        if let Ok(network) = Network::parse(&text) {
            prop_assert_eq!(Network::parse(&network.to_string()), Ok(network));
        }
    }
}
