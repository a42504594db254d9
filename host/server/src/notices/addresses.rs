//! Where a webhook may not lead: to this machine itself, and to what answers only here.
//!
//! The name is resolved once, what it resolves to is looked at, and it is those very addresses that are connected to: a name that
//! leads elsewhere a moment later leads nowhere new. Private networks are allowed: there houses have their receivers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use ureq::{
    Error,
    config::Config,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// Addresses outside the ranges below under which clouds tell machines their secrets: Alibaba's, Azure's, Oracle's; and AWS's of IPv6.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// In the low half of these IPv6 addresses stands one of IPv4: NAT64 (RFC 6052 section 2.1).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// Whether an address is this machine's own, a neighbour's on the link, nobody's, everybody's, or a cloud's for its machines.
#[must_use]
pub fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // All of 0.0.0.0/8 is "this network" (RFC 1122 section 3.2.1.3).
            address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || address.octets().first() == Some(&0)
                || METADATA_V4.contains(&address)
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || address == METADATA_V6
                || embedded(address).is_some_and(|address| is_local(IpAddr::V4(address)))
        }
    }
}

/// The address of IPv4 that an address of IPv6 stands for.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [first, second, third, .., high, low] = address.segments();
    // Mapped (RFC 4291 section 2.5.5.2), and the older compatible form.
    let low_half = Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    if address.segments().starts_with(&NAT64) || address.to_ipv4().is_some() {
        return Some(low_half);
    }
    // 6to4 (RFC 3056 section 2).
    (first == 0x2002).then(|| Ipv4Addr::from_bits(u32::from(second) << 16 | u32::from(third)))
}

/// Resolves names as the system does, and refuses those that lead to this machine.
#[derive(Debug, Default)]
pub struct Careful {
    /// They may.
    pub allow_local: bool,
    system: DefaultResolver,
}

impl Careful {
    /// One that refuses, or does not.
    #[must_use]
    pub fn new(allow_local: bool) -> Self {
        Self { allow_local, system: DefaultResolver::default() }
    }
}

impl Resolver for Careful {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let resolved = self.system.resolve(uri, config, timeout)?;
        match resolved.iter().find(|address| is_local(address.ip())) {
            // All of it: which one is connected to would be left to chance, or to whoever runs the name.
            Some(address) if !self.allow_local => {
                let sentence = format!(
                    "the host leads to {}, an address of this machine, its link or its cloud: allow it with \
                     `notice-webhook-allow-local`",
                    address.ip()
                );
                Err(Error::Other(sentence.into()))
            }
            _ => Ok(resolved),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_local_however_they_are_written() {
        for local in [
            "127.0.0.1",
            "127.255.0.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::1",
        ] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
    }

    #[test]
    fn addresses_of_others_are_not_private_networks_among_them() {
        for other in [
            "192.0.2.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "8.8.8.8",
            "2001:db8::1",
            "fd12:3456::1",
            "::ffff:10.0.0.1",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(!is_local(other.parse().unwrap()), "{other}");
        }
    }
}
