//! Networks, bit by bit.

/// All addresses of a family that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// Bits of an address of the family: 32 or 128.
    pub width: u32,
    /// The address that it begins at.
    pub first: u128,
    /// How many of the upper bits are the same.
    pub length: u32,
}

impl Network {
    /// The network of one address.
    #[must_use]
    pub fn host(width: u32, address: u128) -> Self {
        Self { width, first: address, length: width }
    }

    /// Whether all of `other` lies in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let bit = |address: u128, place: u32| address >> (self.width - 1 - place) & 1;
        self.width == other.width
            && self.length <= other.length
            && (0..self.length).all(|place| bit(self.first, place) == bit(other.first, place))
    }
}

/// Whether a chain whose links are bound to these may be used from `peer`. A link without networks is bound to none, and nobody
/// knows whether an unknown peer is in a network.
pub(crate) fn admit(links: &[Vec<Network>], peer: Option<Network>) -> bool {
    let bound = || links.iter().filter(|link| !link.is_empty());
    bound().all(|link| peer.is_some_and(|peer| link.iter().any(|network| network.covers(&peer))))
}

/// Whether no address at all is in each of the links: networks are apart or one lies in the other, so what all share is one of them.
pub(crate) fn share_nothing(links: &[Vec<Network>]) -> bool {
    let bound = || links.iter().filter(|link| !link.is_empty());
    bound().next().is_some() && !bound().flatten().any(|one| bound().all(|link| link.iter().any(|n| n.covers(one))))
}
