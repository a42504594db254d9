//! What the host lends, as the policy's ports.

use jeton_policy::{
    ports::{Clock, Entropy, Reading, RootKey},
    seconds::Seconds,
    store::{Check, CommitError, Direction, Entry, Freshness, Item, Page, Snapshot, Store, Unavailable, Write},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::bindings::{
    jeton::policy::{root_key, store},
    wasi::{clocks::wall_clock, random::random},
};

/// The host.
pub(crate) struct Host;

impl Clock for Host {
    fn now(&self) -> Reading {
        let now = wall_clock::now();
        Reading { seconds: Seconds(now.seconds), nanoseconds: now.nanoseconds }
    }
}

impl Entropy for Host {
    fn fill(&self, bytes: &mut [u8]) {
        let mut drawn = random::get_random_bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        // A host that gives too few bytes is at fault: this traps rather than go on with predictable ones.
        bytes.copy_from_slice(&drawn);
        drawn.zeroize();
    }
}

impl RootKey for Host {
    fn root_key(&self) -> Zeroizing<[u8; 32]> {
        let mut lent = root_key::root_key();
        let mut key = Zeroizing::new([0; 32]);
        // Another length traps, as the contract says.
        key.copy_from_slice(&lent);
        lent.zeroize();
        key
    }
}

impl Store for Host {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        let freshness = match freshness {
            Freshness::Latest => store::Freshness::Latest,
            Freshness::Recent => store::Freshness::Recent,
        };
        let store::Snapshot { entries, revision } = store::read(keys, freshness).map_err(unavailable)?;
        let entries =
            entries.into_iter().map(|entry| entry.map(|entry| Entry { value: entry.value, version: entry.version }));
        Ok(Snapshot { entries: entries.collect(), revision })
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        let direction = match direction {
            Direction::Ascending => store::Direction::Ascending,
            Direction::Descending => store::Direction::Descending,
        };
        let store::Page { items, revision } = store::scan(prefix, after, direction, limit).map_err(unavailable)?;
        let items = items.into_iter().map(|item| Item { key: item.key, value: item.value, version: item.version });
        Ok(Page { items: items.collect(), revision })
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        let checks: Vec<_> =
            checks.into_iter().map(|check| store::Check { key: check.key, version: check.version }).collect();
        let writes: Vec<_> =
            writes.into_iter().map(|write| store::Write { key: write.key, value: write.value }).collect();
        store::commit(&checks, &writes).map_err(|error| match error {
            store::CommitError::Conflict => CommitError::Conflict,
            store::CommitError::Unavailable => CommitError::Unavailable,
        })
    }
}

fn unavailable(error: store::StoreError) -> Unavailable {
    match error {
        store::StoreError::Unavailable => Unavailable,
    }
}
