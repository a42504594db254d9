//! Who waits for changes of the live set: so many from one address, and so many in all.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;

use crate::app::network_of;

/// Polls of one address at once (of IPv6: one /64): a cluster's edges behind one gateway, each with a worker or two.
pub const POLLS_PER_ADDRESS: usize = 2_000;
/// Of so many connections one is kept for whoever wants something else than to wait.
const CONNECTIONS_PER_SPARED: usize = 10;

/// Counts the polls that wait.
pub struct Polls {
    at_most: u64,
    waiting: Arc<AtomicU64>,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// A poll that waits, until this goes.
pub struct Poll {
    polls: Arc<Polls>,
    network: IpAddr,
}

/// Why nobody more may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// [`POLLS_PER_ADDRESS`] wait there already.
    Address,
    /// All that may wait do.
    All,
}

impl Polls {
    /// For a server that has so many connections at most. `waiting` is how many wait, for whoever counts.
    #[must_use]
    pub fn new(connections: usize, waiting: Arc<AtomicU64>) -> Arc<Self> {
        let at_most = u64::try_from(connections - connections / CONNECTIONS_PER_SPARED).unwrap_or(u64::MAX);
        Arc::new(Self { at_most, waiting, by_address: Mutex::default() })
    }

    /// Lets one more wait.
    ///
    /// # Errors
    /// [`Full`].
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Poll, Full> {
        let network = network_of(address);
        let mut by_address = self.by_address.lock();
        if self.waiting.load(Relaxed) >= self.at_most {
            return Err(Full::All);
        }
        let here = by_address.entry(network).or_default();
        if *here >= POLLS_PER_ADDRESS {
            return Err(Full::Address);
        }
        *here += 1;
        self.waiting.fetch_add(1, Relaxed);
        Ok(Poll { polls: Arc::clone(self), network })
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        let mut by_address = self.polls.by_address.lock();
        self.polls.waiting.fetch_sub(1, Relaxed);
        if let Entry::Occupied(mut here) = by_address.entry(self.network) {
            *here.get_mut() -= 1;
            if *here.get() == 0 {
                here.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let polls = Polls::new(10_000, Arc::default());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut held: Vec<Poll> = (0..POLLS_PER_ADDRESS).map(|_| polls.enter(one).ok().unwrap()).collect();
        assert_eq!(polls.enter(one).err(), Some(Full::Address));
        assert!(polls.enter(other).is_ok());
        held.pop();
        assert!(polls.enter(one).is_ok());
        assert_eq!(polls.waiting.load(Relaxed), u64::try_from(held.len()).unwrap());
        drop(held);
        assert_eq!(polls.waiting.load(Relaxed), 0);
        assert!(polls.by_address.lock().is_empty(), "nothing is kept of who waits no more");
    }

    #[test]
    fn one_connection_in_ten_is_for_something_else() {
        let polls = Polls::new(20, Arc::default());
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let held: Vec<Poll> = (0..18).map(|last| polls.enter(address(last)).ok().unwrap()).collect();
        assert_eq!(polls.enter(address(99)).err(), Some(Full::All));
        drop(held);
        assert!(polls.enter(address(99)).is_ok());
    }
}
