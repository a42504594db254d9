//! What every request handler shares.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};
use jeton_runtime::{Authority, Live};

use crate::{
    accounts::Accounts, audit::Audit, console::Console, listen::TrustedProxy, notices::kept::Kept,
    observe::metrics::Metrics, policy_files::PolicyFiles, polls::Polls, uses::Uses,
};

/// The running authority, as request handlers see it.
pub struct App {
    /// Everything that needs the store.
    pub authority: Authority,
    /// People who sign in.
    pub accounts: Accounts,
    /// Their pages.
    pub console: Console,
    /// The live set.
    pub live: Arc<Live>,
    /// The issuer in force.
    pub issuer: String,
    /// What the operator chose.
    pub options: Options,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who showed bad credentials how often.
    pub failures: FailureLimiter,
    /// Who waits for changes of the live set.
    pub polls: Arc<Polls>,
    /// Which refresh tokens were exchanged, until it is noted.
    pub uses: Uses,
    /// Who did what.
    pub audit: Arc<Audit>,
    /// What there is to be told.
    pub notices: Kept,
    /// Where policies of the house's own lie.
    pub policy_files: PolicyFiles,
}

/// What the operator chose of the surface.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// DPA's token path takes its parameters in the query string too.
    pub dpa_query_tokens: bool,
    /// Anybody may wait for changes of the live set.
    pub live_open: bool,
    /// Whose word counts about where a request comes from.
    pub trusted_proxies: Vec<TrustedProxy>,
}

/// Unix time by the system's clock. A clock before 1970 shows 0, at which nothing is valid yet.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The verifier of the thread that read the request.
pub mod verifier {
    use std::{cell::RefCell, net::IpAddr};

    use jeton_runtime::{
        IntrospectError, Verifier, VerifyError,
        wit::verification::{Claims, Verified},
    };

    use super::now;

    thread_local! {
        static VERIFIER: RefCell<Option<Verifier>> = const { RefCell::new(None) };
    }

    /// Gives the current thread its verifier.
    pub fn install(verifier: Verifier) {
        VERIFIER.set(Some(verifier));
    }

    /// Judges an access token that `peer` presents now.
    ///
    /// # Errors
    /// [`VerifyError`]; unready on a thread without a verifier.
    pub fn verify(token: &str, peer: Option<IpAddr>) -> Result<Verified, VerifyError> {
        with(|verifier| verifier.verify(token, now(), peer)).unwrap_or(Err(VerifyError::Unready))
    }

    /// Judges the access token of a caller at `peer` and the one that it asks about, now.
    ///
    /// # Errors
    /// [`IntrospectError`]; unready on a thread without a verifier.
    pub fn introspect(caller: &str, token: &str, peer: Option<IpAddr>) -> Result<Vec<u8>, IntrospectError> {
        with(|verifier| verifier.introspect(caller, token, now(), peer)).unwrap_or(Err(IntrospectError::Unready))
    }

    /// Judges an access token that `peer` presents now and says what it claims.
    ///
    /// # Errors
    /// [`VerifyError`]; unready on a thread without a verifier.
    pub fn claims(token: &str, peer: Option<IpAddr>) -> Result<Claims, VerifyError> {
        with(|verifier| verifier.claims(token, now(), peer)).unwrap_or(Err(VerifyError::Unready))
    }

    /// Whether the thread has a verifier that works.
    #[must_use]
    pub fn in_service() -> bool {
        with(|verifier| verifier.in_service()).unwrap_or(false)
    }

    fn with<R>(ask: impl FnOnce(&mut Verifier) -> R) -> Option<R> {
        VERIFIER.with_borrow_mut(|verifier| verifier.as_mut().map(ask))
    }
}

/// Bad credentials that an address may show at once before it is told to wait: a fleet behind one address, misconfigured.
const FAILURES_AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(299);
/// Bad credentials per second that an address may go on showing.
const FAILURES_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
/// Addresses remembered at most. While there are more, whoever shows a bad credential has to wait.
const MAX_ADDRESSES: usize = 100_000;

/// Counts bad credentials by address. Good ones are never counted, and so never limited.
pub struct FailureLimiter {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl FailureLimiter {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        let quota = Quota::per_second(FAILURES_PER_SECOND).allow_burst(FAILURES_AT_ONCE);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts one bad credential from `address`; gives how long it should wait, where there were too many.
    pub fn failed(&self, address: IpAddr) -> Option<Duration> {
        if self.limiter.len() > MAX_ADDRESSES {
            self.limiter.retain_recent();
            if self.limiter.len() > MAX_ADDRESSES {
                return Some(Duration::from_secs(1));
            }
        }
        let refusal = self.limiter.check_key(&network_of(address)).err()?;
        Some(refusal.wait_time_from(self.clock.now()))
    }
}

impl Default for FailureLimiter {
    fn default() -> Self {
        Self::new()
    }
}

/// One customer has a whole /64 of IPv6.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let bits = address.to_bits() & !u128::from(u64::MAX);
            address.to_ipv4_mapped().map_or(IpAddr::V6(Ipv6Addr::from_bits(bits)), IpAddr::V4)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn only_repeated_failures_are_limited_and_each_network_by_itself() {
        let limiter = FailureLimiter::new();
        let (one, other): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8:0:1::1".parse().unwrap());
        let neighbour: IpAddr = "2001:db8::ffff".parse().unwrap();
        for _ in 0..FAILURES_AT_ONCE.get() {
            assert_eq!(limiter.failed(one), None);
        }
        assert!(limiter.failed(neighbour).is_some());
        assert_eq!(limiter.failed(other), None);
    }
}
