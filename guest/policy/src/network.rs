//! Networks: where a token may be used from, beside when (CIDR, RFC 4632 and RFC 4291 section 2.3).
//!
//! An IPv4 address in the dress of an IPv6 one (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) counts as the IPv4 address that
//! it is; a network in that dress is refused, since it would look like something that it is not.

use core::{fmt, net::IpAddr, str::FromStr};

/// The most networks of one token: keeps an access token below 4 KiB.
pub const MAX_NETWORKS: usize = 8;

/// The address of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address {
    /// IPv4, most significant byte first.
    V4([u8; 4]),
    /// IPv6, most significant byte first. [`Address::v6`] never makes one out of an IPv4 address.
    V6([u8; 16]),
}

impl Address {
    /// An IPv6 address, or the IPv4 address that is mapped into it.
    #[must_use]
    pub fn v6(bytes: [u8; 16]) -> Self {
        match bytes {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] => Self::V4([a, b, c, d]),
            bytes => Self::V6(bytes),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => Self::v6(address.octets()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(bytes) => IpAddr::from(*bytes).fmt(formatter),
            Self::V6(bytes) => IpAddr::from(*bytes).fmt(formatter),
        }
    }
}

/// Why text is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not an address, or not an address and a prefix length.
    #[error("a network is an address and a prefix length, such as 192.0.2.0/24 or 2001:db8::/32")]
    Malformed,
    /// Bits beyond the prefix length are set, so that it may mean one host, or a network mistyped.
    #[error("bits beyond the prefix length are set")]
    HostBits,
    /// IPv4 in the dress of IPv6.
    #[error("write an IPv4 network as IPv4")]
    MappedV4,
}

/// Which addresses a prefix is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    /// Bits of an address.
    fn width(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// A network: all addresses of one family that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    family: Family,
    /// The prefix, in the upper bits. INVARIANT: all bits from `length` on are clear.
    bits: u128,
    /// INVARIANT: at most the family's width.
    length: u8,
}

impl Network {
    /// Reads `192.0.2.0/24` or `2001:db8::/32`. An address without a prefix length is the network of this one address.
    ///
    /// # Errors
    /// [`NetworkError`].
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(prefix_length(length).ok_or(NetworkError::Malformed)?)),
            None => (text, None),
        };
        let address = IpAddr::from_str(address).map_err(|_| NetworkError::Malformed)?;
        Self::new(address, length)
    }

    fn new(address: IpAddr, length: Option<u8>) -> Result<Self, NetworkError> {
        let (family, bits) = match (address, Address::from(address)) {
            (IpAddr::V6(_), Address::V4(_)) => return Err(NetworkError::MappedV4),
            (_, address) => parts(address),
        };
        let length = length.unwrap_or(family.width());
        if length > family.width() {
            return Err(NetworkError::Malformed);
        }
        // A shift by all 128 bits leaves nothing, as it should.
        if bits.checked_shl(length.into()).unwrap_or(0) != 0 {
            return Err(NetworkError::HostBits);
        }
        Ok(Self { family, bits, length })
    }

    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(&self, address: Address) -> bool {
        let (family, bits) = parts(address);
        family == self.family && (bits ^ self.bits).leading_zeros() >= self.length.into()
    }

    /// Whether all of `other` lies in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let same = (other.bits ^ self.bits).leading_zeros() >= self.length.into();
        other.family == self.family && other.length >= self.length && same
    }

    #[cfg(feature = "authority")]
    fn address(&self) -> IpAddr {
        match self.family {
            #[allow(clippy::cast_possible_truncation, reason = "an IPv4 prefix stands in the upper 32 bits")]
            Family::V4 => IpAddr::from(((self.bits >> 96) as u32).to_be_bytes()),
            Family::V6 => IpAddr::from(self.bits.to_be_bytes()),
        }
    }
}

/// The canonical form: RFC 5952 for IPv6, and always with the prefix length.
#[cfg(feature = "authority")]
impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address(), self.length)
    }
}

/// The family, and the bits in the upper ones of 128.
fn parts(address: Address) -> (Family, u128) {
    match address {
        Address::V4(bytes) => (Family::V4, u128::from(u32::from_be_bytes(bytes)) << 96),
        Address::V6(bytes) => (Family::V6, u128::from_be_bytes(bytes)),
    }
}

/// A decimal number without sign or leading zeros.
fn prefix_length(text: &str) -> Option<u8> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

/// Why something is not a list of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetworksError {
    /// One of them is none.
    #[error(transparent)]
    Malformed(#[from] NetworkError),
    /// More than [`MAX_NETWORKS`].
    #[error("at most {MAX_NETWORKS} networks")]
    TooMany,
}

/// What the networks of a token say about a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkVerdict {
    /// It is bound to no network.
    NotBound,
    /// The peer is in one of its networks.
    Inside,
    /// The peer is in none of them.
    Outside,
    /// It is bound, and nobody knows who the peer is.
    UnknownPeer,
}

impl NetworkVerdict {
    /// Whether the token may be used: an unknown peer may not use one that is bound.
    #[must_use]
    pub fn permits(self) -> bool {
        matches!(self, Self::NotBound | Self::Inside)
    }
}

/// The networks that a token is bound to, in the order in which they were given and without duplicates.
///
/// None at all means that it is bound to none, and good everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Takes networks one by one.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn new<S: AsRef<str>>(networks: impl IntoIterator<Item = S>) -> Result<Self, NetworksError> {
        let mut kept = Vec::new();
        for network in networks {
            let network = Network::parse(network.as_ref())?;
            if kept.contains(&network) {
                continue;
            }
            if kept.len() >= MAX_NETWORKS {
                return Err(NetworksError::TooMany);
            }
            kept.push(network);
        }
        Ok(Self(kept))
    }

    /// Whether the token is bound to none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> core::slice::Iter<'_, Network> {
        self.0.iter()
    }

    /// Whether one of them contains `address`. An empty list contains nothing: ask [`Networks::judge`] whether a token may be used.
    #[must_use]
    pub fn contains(&self, address: Address) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// What they say about a peer; `None` is one whose address nobody knows.
    #[must_use]
    pub fn judge(&self, peer: Option<Address>) -> NetworkVerdict {
        match peer {
            _ if self.0.is_empty() => NetworkVerdict::NotBound,
            None => NetworkVerdict::UnknownPeer,
            Some(peer) if self.contains(peer) => NetworkVerdict::Inside,
            Some(_) => NetworkVerdict::Outside,
        }
    }
}

#[cfg(feature = "authority")]
impl Networks {
    /// Whether a token bound to `others` may be used nowhere where one bound to these may not. Being bound to none is the widest
    /// of all; each of `others` must lie in one of these.
    #[must_use]
    pub fn covers(&self, others: &Self) -> bool {
        self.0.is_empty() || (!others.0.is_empty() && others.0.iter().all(|other| self.cover(other)))
    }

    fn cover(&self, other: &Network) -> bool {
        self.0.iter().any(|network| network.covers(other))
    }

    /// Where a token may be used that both these and `bound` bind; `None`: nowhere at all.
    ///
    /// Two networks are apart or one lies in the other, so what they share is the smaller one. Of more than [`MAX_NETWORKS`] the
    /// first are kept, which can only narrow.
    #[must_use]
    pub fn within(&self, bound: &Self) -> Option<Self> {
        if self.0.is_empty() || bound.0.is_empty() {
            return Some(if self.0.is_empty() { bound.clone() } else { self.clone() });
        }
        let ours = self.0.iter().filter(|network| bound.cover(network));
        let theirs = bound.0.iter().filter(|network| self.cover(network));
        let mut shared: Vec<Network> = Vec::new();
        for network in ours.chain(theirs) {
            if !shared.iter().any(|kept| kept.covers(network)) {
                shared.retain(|kept| !network.covers(kept));
                shared.push(*network);
            }
        }
        shared.truncate(MAX_NETWORKS);
        (!shared.is_empty()).then_some(Self(shared))
    }

    /// As they are written into a token and shown.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(Network::to_string).collect()
    }
}

/// How networks lie in the store.
#[cfg(feature = "authority")]
mod stored {
    use core::net::IpAddr;

    use minicbor::{
        Decode, Decoder, Encode, Encoder,
        decode::Error as DecodeError,
        encode::{Error as EncodeError, Write},
    };

    use super::{MAX_NETWORKS, Network, Networks};

    /// A byte string: the prefix length, then the address in 4 or 16 bytes.
    impl<C> Encode<C> for Network {
        fn encode<W: Write>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
            let mut bytes = Vec::with_capacity(17);
            bytes.push(self.length);
            match self.address() {
                IpAddr::V4(address) => bytes.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => bytes.extend_from_slice(&address.octets()),
            }
            encoder.bytes(&bytes)?.ok()
        }
    }

    impl<'b, C> Decode<'b, C> for Network {
        fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
            let (length, address) =
                decoder.bytes()?.split_first().ok_or_else(|| DecodeError::message("an empty network"))?;
            let address = match (<[u8; 4]>::try_from(address), <[u8; 16]>::try_from(address)) {
                (Ok(address), _) => IpAddr::from(address),
                (_, Ok(address)) => IpAddr::from(address),
                _ => return Err(DecodeError::message("a network of no family")),
            };
            Self::new(address, Some(*length)).map_err(|_| DecodeError::message("not a network"))
        }
    }

    impl<C> Encode<C> for Networks {
        fn encode<W: Write>(&self, encoder: &mut Encoder<W>, context: &mut C) -> Result<(), EncodeError<W::Error>> {
            self.0.encode(encoder, context)
        }
    }

    impl<'b, C> Decode<'b, C> for Networks {
        fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, DecodeError> {
            let networks = Vec::<Network>::decode(decoder, context)?;
            if networks.len() > MAX_NETWORKS {
                return Err(DecodeError::message("more networks than one token may have"));
            }
            Ok(Self(networks))
        }
    }
}

#[cfg(all(test, feature = "authority"))]
mod tests;
