//! `jeton:policy/store`: an engine of `jeton-store` behind the contract's three functions.
//!
//! The guest chooses keys, limits and lengths, so each is held against the published bound before an engine sees it.
//! Messages name the bound and never the key.

use std::collections::BTreeSet;

use jeton_policy::store as native;
use wasmtime::{bail, ensure};

use crate::bindings::jeton::policy::store::{
    Check, CommitError, Direction, Entry, Freshness, Host, Item, Page, Snapshot, StoreError, Write,
};
use crate::lent::LentState;
use crate::places;

impl Host for LentState {
    fn read(&mut self, keys: Vec<Vec<u8>>, freshness: Freshness) -> wasmtime::Result<Result<Snapshot, StoreError>> {
        ensure!(keys.len() <= native::MAX_READ, "a read has more than {} keys", native::MAX_READ);
        keys.iter().try_for_each(|key| require_key(key))?;
        Ok(self.lent.store.read(&keys, freshness.into()).map(Into::into).map_err(Into::into))
    }

    fn scan(
        &mut self,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        direction: Direction,
        limit: u32,
    ) -> wasmtime::Result<Result<Page, StoreError>> {
        require_key(&prefix)?;
        after.iter().try_for_each(|key| require_key(key))?;
        ensure!(limit <= native::MAX_SCAN, "a scan asks for more than {} items", native::MAX_SCAN);
        Ok(self.lent.store.scan(&prefix, after.as_deref(), direction.into(), limit).map(Into::into).map_err(Into::into))
    }

    fn commit(&mut self, checks: Vec<Check>, writes: Vec<Write>) -> wasmtime::Result<Result<u64, CommitError>> {
        ensure!(
            checks.len().saturating_add(writes.len()) <= native::MAX_COMMIT,
            "a commit has more than {} checks and writes",
            native::MAX_COMMIT
        );
        let mut written = BTreeSet::new();
        for write in &writes {
            require_key(&write.key)?;
            if let Some(value) = &write.value {
                ensure!(value.len() <= native::MAX_VALUE, "a value has more than {} bytes", native::MAX_VALUE);
            }
            if !written.insert(write.key.as_slice()) {
                bail!("a commit writes one key twice");
            }
        }
        checks.iter().try_for_each(|check| require_key(&check.key))?;
        let checks = checks.into_iter().map(Into::into).collect();
        let writes = writes.into_iter().map(Into::into).collect();
        Ok(places::lend_while(|| self.commit_told(checks, writes)).map_err(Into::into))
    }
}

fn require_key(key: &[u8]) -> wasmtime::Result<()> {
    ensure!(key.len() <= native::MAX_KEY, "a key has more than {} bytes", native::MAX_KEY);
    Ok(())
}

impl From<Freshness> for native::Freshness {
    fn from(freshness: Freshness) -> Self {
        match freshness {
            Freshness::Latest => Self::Latest,
            Freshness::Recent => Self::Recent,
        }
    }
}

impl From<Direction> for native::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Ascending => Self::Ascending,
            Direction::Descending => Self::Descending,
        }
    }
}

impl From<native::Entry> for Entry {
    fn from(entry: native::Entry) -> Self {
        Self { value: entry.value, version: entry.version }
    }
}

impl From<native::Item> for Item {
    fn from(item: native::Item) -> Self {
        Self { key: item.key, value: item.value, version: item.version }
    }
}

impl From<native::Snapshot> for Snapshot {
    fn from(snapshot: native::Snapshot) -> Self {
        let entries = snapshot.entries.into_iter().map(|entry| entry.map(Into::into)).collect();
        Self { entries, revision: snapshot.revision }
    }
}

impl From<native::Page> for Page {
    fn from(page: native::Page) -> Self {
        Self { items: page.items.into_iter().map(Into::into).collect(), revision: page.revision }
    }
}

impl From<Check> for native::Check {
    fn from(check: Check) -> Self {
        Self { key: check.key, version: check.version }
    }
}

impl From<Write> for native::Write {
    fn from(write: Write) -> Self {
        Self { key: write.key, value: write.value }
    }
}

impl From<native::Unavailable> for StoreError {
    fn from(native::Unavailable: native::Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<native::CommitError> for CommitError {
    fn from(error: native::CommitError) -> Self {
        match error {
            native::CommitError::Conflict => Self::Conflict,
            native::CommitError::Unavailable => Self::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use std::sync::Arc;

    use jeton_store::MemoryStore;

    use super::*;
    use crate::lent::Lent;

    const LONG_KEY: usize = native::MAX_KEY + 1;

    fn state() -> LentState {
        LentState::new(Arc::new(Lent::new(Arc::new(MemoryStore::new()), None)))
    }

    fn write(key: &[u8], bytes: usize) -> Write {
        Write { key: key.to_vec(), value: Some(vec![0; bytes]) }
    }

    #[test]
    fn what_keeps_within_the_bounds_reaches_the_store() {
        let mut state = state();
        let longest = vec![b'k'; native::MAX_KEY];
        let revision = state.commit(Vec::new(), vec![write(&longest, native::MAX_VALUE)]).unwrap().unwrap();
        let snapshot = state.read(vec![longest; native::MAX_READ], Freshness::Latest).unwrap().unwrap();
        assert_eq!(snapshot.revision, revision);
        assert!(snapshot.entries.iter().all(Option::is_some));
        assert_eq!(
            state.scan(b"k".to_vec(), None, Direction::Ascending, native::MAX_SCAN).unwrap().unwrap().items.len(),
            1
        );
    }

    #[test]
    fn a_read_out_of_bounds_traps() {
        let mut state = state();
        assert!(state.read(vec![Vec::new(); native::MAX_READ + 1], Freshness::Latest).is_err());
        assert!(state.read(vec![vec![0; LONG_KEY]], Freshness::Recent).is_err());
    }

    #[test]
    fn a_scan_out_of_bounds_traps() {
        let mut state = state();
        assert!(state.scan(vec![0; LONG_KEY], None, Direction::Ascending, 1).is_err());
        assert!(state.scan(Vec::new(), Some(vec![0; LONG_KEY]), Direction::Descending, 1).is_err());
        assert!(state.scan(Vec::new(), None, Direction::Ascending, native::MAX_SCAN + 1).is_err());
    }

    #[test]
    fn a_commit_out_of_bounds_traps_and_writes_nothing() {
        let mut state = state();
        let check = |key: &[u8]| Check { key: key.to_vec(), version: None };
        let many = (0..=u32::try_from(native::MAX_COMMIT).unwrap()).map(|number| write(&number.to_be_bytes(), 0));
        assert!(state.commit(Vec::new(), many.collect()).is_err());
        assert!(state.commit(vec![check(&[0; LONG_KEY])], Vec::new()).is_err());
        assert!(state.commit(Vec::new(), vec![write(&[0; LONG_KEY], 0)]).is_err());
        assert!(state.commit(Vec::new(), vec![write(b"a", 0), write(b"b", native::MAX_VALUE + 1)]).is_err());
        assert!(state.commit(Vec::new(), vec![write(b"a", 0), write(b"a", 0)]).is_err());
        let page = state.scan(Vec::new(), None, Direction::Ascending, 1).unwrap().unwrap();
        assert_eq!((page.revision, page.items.len()), (0, 0));
    }

    #[test]
    fn a_message_names_the_bound_and_not_the_key() {
        let error = state().read(vec![b"secret".repeat(100)], Freshness::Latest).unwrap_err();
        assert_eq!(error.to_string(), "a key has more than 512 bytes");
    }
}
