//! Networks, held against whole addresses compared bit by bit.

use std::net::IpAddr;

use jeton_policy::network::{Address, MAX_NETWORKS, Network, NetworkVerdict, Networks};

use crate::{Target, choices::Choices, mutation::mutated_text, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "network",
    about: "CIDR networks: text, and networks of any address and length after damage, with the laws of containing and narrowing",
    words: &[
        "/0",
        "/8",
        "/32",
        "/33",
        "/128",
        "/129",
        "::",
        "::ffff:",
        "10.0.0.0",
        "0.0.0.0",
        "2001:db8::",
        "%eth0",
        "01",
        "/-1",
        "/08",
        "/+8",
    ],
    run,
    short_pass: 40_000,
};

fn run(data: &[u8], reached: &mut Reached) {
    if let Ok(text) = str::from_utf8(data) {
        let _network = read(text, reached);
    }
    let mut choices = Choices::new(data);
    let networks: Vec<String> = (0..choices.below(12)).map(|_| network(&mut choices)).collect();
    let peer = address(&mut choices);
    for text in &networks {
        read(text, reached);
    }
    let Ok(list) = Networks::new(&networks) else { return reached.note("no list of networks") };
    assert!(list.iter().count() <= MAX_NETWORKS);
    assert_eq!(Networks::new(list.texts()).as_ref(), Ok(&list));
    let verdict = list.judge(Some(peer.into()));
    let inside = networks.iter().any(|text| contains(text, peer));
    let expected = match (networks.is_empty(), inside) {
        (true, _) => NetworkVerdict::NotBound,
        (false, true) => NetworkVerdict::Inside,
        (false, false) => NetworkVerdict::Outside,
    };
    assert_eq!(verdict, expected, "{peer} in {networks:?}");
    assert_eq!(list.judge(None).permits(), networks.is_empty());
    narrows(&list, &mut choices, peer.into(), reached);
    reached.note("a list of networks");
}

/// What is bound to both is bound to each.
fn narrows(list: &Networks, choices: &mut Choices<'_>, peer: Address, reached: &mut Reached) {
    let others: Vec<String> = (0..choices.below(4)).map(|_| network(choices)).collect();
    let Ok(bound) = Networks::new(&others) else { return };
    let both = list.judge(Some(peer)).permits() && bound.judge(Some(peer)).permits();
    match list.within(&bound) {
        Some(narrowed) => {
            assert!(narrowed.judge(Some(peer)).permits() == both, "{list:?} within {bound:?} is {narrowed:?}");
            assert!(bound.covers(&narrowed) && list.covers(&narrowed));
            reached.note("narrowed");
        }
        None => assert!(!both, "{list:?} within {bound:?} is nothing, yet {peer} is in both"),
    }
    if bound.covers(list) {
        assert!(!list.judge(Some(peer)).permits() || bound.judge(Some(peer)).permits());
    }
}

fn read(text: &str, reached: &mut Reached) -> Option<Network> {
    let Ok(network) = Network::parse(text) else {
        reached.note("no network");
        return None;
    };
    let canonical = network.to_string();
    assert_eq!(Network::parse(&canonical), Ok(network), "{text}");
    assert!(network.covers(&network));
    let (address, _) = canonical.split_once('/').expect("the canonical form has a length");
    let address: IpAddr = address.parse().unwrap();
    assert!(network.contains(address.into()));
    assert!(!matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()), "{text}");
    reached.note(if canonical.contains(':') { "a network of IPv6" } else { "a network of IPv4" });
    Some(network)
}

/// A network that is written right, more often than not.
fn network(choices: &mut Choices<'_>) -> String {
    let (width, address) = match address(choices) {
        IpAddr::V4(address) => (32, u128::from(address.to_bits()) << 96),
        IpAddr::V6(address) => (128, address.to_bits()),
    };
    let length = choices.below(width + 2);
    let keep = if choices.below(8) == 0 || length == 0 { u128::MAX } else { u128::MAX << (128 - length.min(128)) };
    let bits = if length == 0 { 0 } else { address & keep };
    let address =
        if width == 32 { IpAddr::from(((bits >> 96) as u32).to_be_bytes()) } else { IpAddr::from(bits.to_be_bytes()) };
    let text = if choices.below(8) == 0 { address.to_string() } else { format!("{address}/{length}") };
    if choices.below(6) == 0 { mutated_text(choices, &text, TARGET.words) } else { text }
}

fn address(choices: &mut Choices<'_>) -> IpAddr {
    match choices.below(4) {
        0 => IpAddr::from(choices.array::<4>()),
        1 => IpAddr::from([10, 0, 0, choices.byte()]),
        2 => IpAddr::from(choices.array::<16>()),
        _ => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
            bytes[15] = choices.byte();
            IpAddr::from(bytes)
        }
    }
}

/// Whether `peer` is in the network that `text` names, bit by bit.
fn contains(text: &str, peer: IpAddr) -> bool {
    let (network, length) =
        text.split_once('/').map_or((text, None), |(network, length)| (network, length.parse::<usize>().ok()));
    let peer = match peer {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(peer, IpAddr::V4),
        IpAddr::V4(_) => peer,
    };
    let (network, peer) = match (network.parse::<IpAddr>().unwrap(), peer) {
        (IpAddr::V4(network), IpAddr::V4(peer)) => (network.octets().to_vec(), peer.octets().to_vec()),
        (IpAddr::V6(network), IpAddr::V6(peer)) => (network.octets().to_vec(), peer.octets().to_vec()),
        _ => return false,
    };
    let bit = |bytes: &[u8], place: usize| bytes[place / 8] >> (7 - place % 8) & 1;
    (0..length.unwrap_or(network.len() * 8)).all(|place| bit(&network, place) == bit(&peer, place))
}
