//! Who is at the other end: which address counts for tokens that are bound to networks.
//!
//! Nobody is believed about anybody's address but the proxies that the operator trusts, and they by one header alone,
//! `X-Forwarded-For`: a proxy overwrites or appends to the header that it knows and hands every other one on as its client wrote it,
//! so that to read a second one (`Forwarded`, `X-Real-IP`) would be to believe its client.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use http::{HeaderMap, HeaderName};
use jeton_policy::network::{Address, Network, NetworkError};

/// What a proxy says about its client.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What a proxy says about how its client came.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A network of proxies that are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct TrustedProxy(Network);

impl FromStr for TrustedProxy {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        Network::parse(text).map(Self)
    }
}

impl TryFrom<String> for TrustedProxy {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

/// Whether a request came encrypted, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encrypted(pub bool);

impl Encrypted {
    /// Of a request with `headers` from `connection`, which is encrypted itself or not. A trusted proxy that decrypted it says so by
    /// `X-Forwarded-Proto`; nobody else is believed.
    #[must_use]
    pub fn of(is_encrypted: bool, connection: IpAddr, headers: &HeaderMap, proxies: &[TrustedProxy]) -> Self {
        let says_so =
            || headers.get(FORWARDED_PROTO).is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
        Self(is_encrypted || (is_trusted(connection.to_canonical(), proxies) && says_so()))
    }
}

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    connection: IpAddr,
    origin: Origin,
}

/// Where a request comes from, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// From the other end of the connection.
    Connection,
    /// From there, as trusted proxies say.
    Forwarded(IpAddr),
    /// A trusted proxy sent it, and does not say for whom in a way that can be read.
    Unknown,
}

impl Peer {
    /// Who sent a request with `headers` over a connection from `connection`.
    ///
    /// Behind a trusted proxy it is the rightmost address of `X-Forwarded-For` that is not itself a trusted proxy's: everything left
    /// of it is what that one, whom nobody vouches for, claims. Where all are trusted it is the leftmost one.
    #[must_use]
    pub fn of(connection: IpAddr, headers: &HeaderMap, proxies: &[TrustedProxy]) -> Self {
        let connection = connection.to_canonical();
        let origin = if is_trusted(connection, proxies) { forwarded_for(headers, proxies) } else { Origin::Connection };
        Self { connection, origin }
    }

    /// The address that counts; `None`: nobody knows it.
    #[must_use]
    pub fn client(&self) -> Option<IpAddr> {
        match self.origin {
            Origin::Connection => Some(self.connection),
            Origin::Forwarded(client) => Some(client),
            Origin::Unknown => None,
        }
    }

    /// The address of the client of a gateway that asks about it; `None`: nobody knows it. The gateway's own is not its client's.
    #[must_use]
    pub fn client_of_gateway(&self) -> Option<IpAddr> {
        match self.origin {
            Origin::Forwarded(client) => Some(client),
            Origin::Connection | Origin::Unknown => None,
        }
    }

    /// The address that answers for the request where it goes wrong: the client's, else that of the connection.
    #[must_use]
    pub fn accountable(&self) -> IpAddr {
        self.client().unwrap_or(self.connection)
    }
}

fn is_trusted(address: IpAddr, proxies: &[TrustedProxy]) -> bool {
    proxies.iter().any(|TrustedProxy(network)| network.contains(Address::from(address)))
}

fn forwarded_for(headers: &HeaderMap, proxies: &[TrustedProxy]) -> Origin {
    let mut origin = Origin::Unknown;
    // RFC 9110 section 5.3: several fields of a name are one list, in their order.
    let values = headers.get_all(FORWARDED_FOR).iter().rev();
    for hop in values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')) {
        let Some(address) = address(hop) else { return Origin::Unknown };
        origin = Origin::Forwarded(address);
        if !is_trusted(address, proxies) {
            break;
        }
    }
    origin
}

/// An address, with the port that some proxies add.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use http::HeaderValue;

    use super::*;

    fn peer(connection: &str, headers: &[&str], proxies: &[&str]) -> Peer {
        let headers = headers.iter().map(|value| (FORWARDED_FOR, HeaderValue::from_str(value).unwrap())).collect();
        let proxies: Vec<TrustedProxy> = proxies.iter().map(|text| text.parse().unwrap()).collect();
        Peer::of(connection.parse().unwrap(), &headers, &proxies)
    }

    fn client(connection: &str, headers: &[&str], proxies: &[&str]) -> String {
        peer(connection, headers, proxies).client().map_or("unknown".to_owned(), |client| client.to_string())
    }

    #[test]
    fn without_trusted_proxies_the_connection_says_who_it_is() {
        assert_eq!(client("192.0.2.1", &[], &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["10.0.0.1"], &[]), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1", &["10.0.0.1", "nonsense"], &[]), "192.0.2.1");
    }

    #[test]
    fn what_anybody_else_than_a_trusted_proxy_claims_is_not_read() {
        for claims in [&["10.0.0.1"][..], &["nonsense"], &["127.0.0.1", "10.0.0.1"]] {
            assert_eq!(client("192.0.2.1", claims, &["127.0.0.1", "10.0.0.0/8"]), "192.0.2.1");
        }
    }

    #[test]
    fn the_rightmost_address_that_is_no_trusted_proxys_counts() {
        let proxies = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(client("127.0.0.1", &["203.0.113.5"], &proxies), "203.0.113.5");
        assert_eq!(client("::ffff:127.0.0.1", &["203.0.113.5"], &proxies), "203.0.113.5");
        assert_eq!(client("127.0.0.1", &["10.9.9.9, 198.51.100.1, 203.0.113.5, 10.0.0.2"], &proxies), "203.0.113.5");
        assert_eq!(client("127.0.0.1", &["192.0.2.77", "203.0.113.5 ,\t10.0.0.2"], &proxies), "203.0.113.5");
        assert_eq!(client("127.0.0.1", &["nonsense, 203.0.113.5"], &proxies), "203.0.113.5");
        assert_eq!(client("127.0.0.1", &["::ffff:203.0.113.5"], &proxies), "203.0.113.5");
        assert_eq!(client("127.0.0.1", &["2001:db8::1"], &proxies), "2001:db8::1");
        assert_eq!(client("127.0.0.1", &["203.0.113.5:4711"], &proxies), "203.0.113.5");
        assert_eq!(client("127.0.0.1", &["[2001:db8::1]:4711"], &proxies), "2001:db8::1");
    }

    #[test]
    fn where_all_are_trusted_proxies_the_first_one_is_the_client() {
        assert_eq!(client("127.0.0.1", &["10.0.0.1, 10.0.0.2"], &["127.0.0.1", "10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn a_trusted_proxy_that_names_nobody_leaves_the_client_unknown() {
        for headers in [
            &[][..],
            &[""],
            &["nonsense"],
            &["203.0.113.5, "],
            &["203.0.113.5,,127.0.0.1"],
            &["unknown"],
            &["_hidden"],
            &["203.0.113.5 203.0.113.6"],
            &["203.0.113.256"],
            &["203.0.113.05"],
            &["203.0.113.5/32"],
            &["[2001:db8::1]"],
            &["for=203.0.113.5"],
            &["203.0.113.5", "nonsense"],
        ] {
            let peer = peer("127.0.0.1", headers, &["127.0.0.1"]);
            assert_eq!((peer.client(), peer.client_of_gateway()), (None, None), "{headers:?}");
            assert_eq!(peer.accountable(), IpAddr::from([127, 0, 0, 1]));
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_what_it_decrypted() {
        let encrypted = |is_encrypted, proto: &str, proxies: &[&str]| {
            let headers = [(FORWARDED_PROTO, HeaderValue::from_str(proto).unwrap())].into_iter().collect();
            let proxies: Vec<TrustedProxy> = proxies.iter().map(|text| text.parse().unwrap()).collect();
            Encrypted::of(is_encrypted, "127.0.0.1".parse().unwrap(), &headers, &proxies)
        };
        assert_eq!(encrypted(false, "https", &["127.0.0.1"]), Encrypted(true));
        assert_eq!(encrypted(false, "http", &["127.0.0.1"]), Encrypted(false));
        assert_eq!(encrypted(false, "https", &["10.0.0.0/8"]), Encrypted(false));
        assert_eq!(encrypted(true, "http", &["127.0.0.1"]), Encrypted(true));
    }

    #[test]
    fn a_gateway_that_is_not_trusted_is_not_its_own_client() {
        let gateway = peer("192.0.2.1", &["203.0.113.5"], &[]);
        assert_eq!((gateway.client(), gateway.client_of_gateway()), (Some(IpAddr::from([192, 0, 2, 1])), None));
        let trusted = peer("192.0.2.1", &["203.0.113.5"], &["192.0.2.1"]);
        assert_eq!(trusted.client_of_gateway(), Some(IpAddr::from([203, 0, 113, 5])));
    }
}
