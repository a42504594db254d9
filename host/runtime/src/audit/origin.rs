//! Where a call comes from.

use std::net::IpAddr;
use std::sync::Arc;

use jeton_store::audit::Entry;

/// Where a call comes from, for the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address that counts; `None`: nobody knows it.
    pub address: Option<IpAddr>,
    /// What the request is called in logs and in its answer.
    pub request: Option<Arc<str>>,
}

/// How much of an address the audit log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addresses {
    /// All of it.
    #[default]
    Full,
    /// The /24 of IPv4, the /48 of IPv6: a site, not a person.
    Network,
    /// Nothing.
    Hidden,
}

tokio::task_local! {
    static ORIGIN: Origin;
}

impl Origin {
    /// Does `work` as coming from here: every call of an authority that is made in it is told so.
    pub async fn during<F: Future>(self, work: F) -> F::Output {
        ORIGIN.scope(self, work).await
    }

    /// [`Origin::during`] for a thread that may block.
    pub fn during_blocking<R>(self, work: impl FnOnce() -> R) -> R {
        ORIGIN.sync_scope(self, work)
    }

    /// That of the task that calls.
    #[must_use]
    pub fn current() -> Option<Self> {
        ORIGIN.try_with(Clone::clone).ok()
    }

    /// Tells it.
    #[must_use]
    pub fn tell(&self, entry: Entry, shown: Addresses) -> Entry {
        entry
            .with_some("from", self.address.and_then(|address| shown.of(address)))
            .with_some("request", self.request.as_deref())
    }
}

impl Addresses {
    /// An address as it is kept.
    #[must_use]
    pub fn of(self, address: IpAddr) -> Option<String> {
        match self {
            Self::Full => Some(address.to_canonical().to_string()),
            Self::Network => Some(Self::network_of(address)),
            Self::Hidden => None,
        }
    }

    /// The network of an address, in CIDR notation.
    #[must_use]
    pub fn network_of(address: IpAddr) -> String {
        match address.to_canonical() {
            IpAddr::V4(address) => format!("{}/24", std::net::Ipv4Addr::from_bits(address.to_bits() & !0xff)),
            IpAddr::V6(address) => {
                format!("{}/48", std::net::Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80)))
            }
        }
    }
}
