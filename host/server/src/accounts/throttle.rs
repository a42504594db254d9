//! Who guesses passwords waits longer and longer: by the account that is guessed at, and by the network that the guesses come from.
//!
//! Nobody is locked out for good: delays have an end, and who signed in to an account from a network before is not held up there by
//! what others do to the account. All of it is in memory and bounded.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::name::AccountName;
use crate::app::network_of;

/// Failures that cost nothing: fingers slip.
const FREE: u32 = 5;
/// The longest wait for an account: others cannot keep its owner out for longer than this at a time.
const LONGEST_FOR_ACCOUNT: Duration = Duration::from_secs(60);
/// The longest wait for a network: it is the guesser's own.
const LONGEST_FOR_NETWORK: Duration = Duration::from_secs(15 * 60);
/// Failures are forgotten so long after the last one.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// Accounts, networks, and pairs of them that are remembered at most, each. Beyond it the one whose last failure is oldest goes.
const MAX_REMEMBERED: usize = 10_000;

/// Counts failures.
#[derive(Default)]
pub struct Throttle(Mutex<State>);

#[derive(Default)]
struct State {
    accounts: Failures<AccountName>,
    networks: Failures<IpAddr>,
    /// Where who signed in.
    known: HashMap<(AccountName, IpAddr), Instant>,
}

struct Failures<K>(HashMap<K, Failed>);

struct Failed {
    count: u32,
    last: Instant,
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl Throttle {
    /// Counts an attempt at an account (`None`: at none that can be) as failed until [`Throttle::succeeded`] takes that back, so that many at once are counted like many in turn.
    ///
    /// # Errors
    /// How long to wait; the attempt is not to be made then.
    pub fn attempt(&self, account: Option<&AccountName>, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut state = self.0.lock();
        let network = network_of(address);
        let is_known = |account: &&AccountName| state.known.contains_key(&((*account).clone(), network));
        let held_up = account.filter(|account| !is_known(account));
        let by_account = held_up.and_then(|account| state.accounts.wait(account, LONGEST_FOR_ACCOUNT, now));
        let by_network = state.networks.wait(&network, LONGEST_FOR_NETWORK, now);
        if let Some(wait) = by_account.max(by_network) {
            return Err(wait);
        }
        if let Some(account) = account {
            state.accounts.failed(account.clone(), now);
        }
        state.networks.failed(network, now);
        Ok(())
    }

    /// The last attempt succeeded: what was counted against the account and the network is forgotten.
    pub fn succeeded(&self, account: &AccountName, address: IpAddr, now: Instant) {
        let mut state = self.0.lock();
        let network = network_of(address);
        state.accounts.0.remove(account);
        state.networks.0.remove(&network);
        bound(&mut state.known, |at| *at);
        state.known.insert((account.clone(), network), now);
    }
}

impl<K: Hash + Eq + Clone> Failures<K> {
    fn wait(&self, key: &K, longest: Duration, now: Instant) -> Option<Duration> {
        let failed = self.0.get(key)?;
        // 2 s, 4 s, 8 s, ... from the failure after the free ones.
        let doubled = failed.count.checked_sub(FREE).filter(|beyond| *beyond > 0)?;
        let wait = Duration::from_secs(1_u64.checked_shl(doubled).unwrap_or(u64::MAX)).min(longest);
        let over = failed.last.checked_add(wait)?;
        over.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    fn failed(&mut self, key: K, now: Instant) {
        bound(&mut self.0, |failed| failed.last);
        let failed = self.0.entry(key).or_insert(Failed { count: 0, last: now });
        if now.saturating_duration_since(failed.last) > FORGOTTEN_AFTER {
            failed.count = 0;
        }
        failed.count = failed.count.saturating_add(1).min(FREE.saturating_add(32));
        failed.last = now;
    }
}

/// Makes room for one more.
fn bound<K: Hash + Eq + Clone, V>(map: &mut HashMap<K, V>, age: impl Fn(&V) -> Instant) {
    if map.len() < MAX_REMEMBERED {
        return;
    }
    let oldest = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| key.clone());
    if let Some(oldest) = oldest {
        map.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn name(text: &str) -> AccountName {
        text.parse().unwrap()
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn after(begun: Instant, seconds: u64) -> Instant {
        begun + Duration::from_secs(seconds)
    }

    #[test]
    fn waits_grow_from_the_sixth_failure_on_and_end() {
        let (throttle, begun) = (Throttle::default(), Instant::now());
        let (alice, mut now, mut waits) = (name("alice"), begun, Vec::new());
        for _ in 0..20 {
            if let Err(wait) = throttle.attempt(Some(&alice), address(1), now) {
                waits.push(wait.as_secs());
                now += wait;
                throttle.attempt(Some(&alice), address(1), now).unwrap();
            }
        }
        assert_eq!(waits[..4], [2, 4, 8, 16]);
        assert_eq!(waits.iter().max(), Some(&LONGEST_FOR_NETWORK.as_secs()));
    }

    #[test]
    fn guessing_from_everywhere_holds_an_account_up_for_a_minute_at_most_and_not_where_its_owner_was_before() {
        let (throttle, begun) = (Throttle::default(), Instant::now());
        let alice = name("alice");
        throttle.attempt(Some(&alice), address(200), begun).unwrap();
        throttle.succeeded(&alice, address(200), begun);
        let mut now = begun;
        for guesser in 0..100 {
            if let Err(wait) = throttle.attempt(Some(&alice), address(guesser), now) {
                assert!(wait <= LONGEST_FOR_ACCOUNT);
                now += wait;
            }
        }
        assert!(throttle.attempt(Some(&alice), address(201), now).is_err());
        assert_eq!(throttle.attempt(Some(&alice), address(200), now), Ok(()));
        assert_eq!(throttle.attempt(Some(&alice), address(201), now + LONGEST_FOR_ACCOUNT), Ok(()));
    }

    #[test]
    fn a_network_waits_whatever_accounts_it_tries_and_success_is_a_clean_slate() {
        let (throttle, begun) = (Throttle::default(), Instant::now());
        for number in 0..6 {
            throttle.attempt(Some(&name(&format!("user{number}"))), address(1), begun).unwrap();
        }
        assert!(throttle.attempt(Some(&name("another")), address(1), begun).is_err());
        assert_eq!(throttle.attempt(Some(&name("another")), address(2), begun), Ok(()));
        throttle.succeeded(&name("another"), address(1), begun);
        assert_eq!(throttle.attempt(Some(&name("third")), address(1), begun), Ok(()));
    }

    #[test]
    fn failures_are_forgotten_and_what_is_remembered_is_bounded() {
        let (throttle, begun) = (Throttle::default(), Instant::now());
        for _ in 0..6 {
            throttle.attempt(Some(&name("alice")), address(1), begun).unwrap();
        }
        let later = after(begun, FORGOTTEN_AFTER.as_secs() + 1);
        throttle.attempt(Some(&name("alice")), address(1), later).unwrap();
        assert_eq!(throttle.attempt(Some(&name("alice")), address(1), later), Ok(()));
        let mut failures = Failures::default();
        for number in 0..MAX_REMEMBERED + 5 {
            failures.failed(number, begun);
        }
        assert_eq!(failures.0.len(), MAX_REMEMBERED);
    }
}
