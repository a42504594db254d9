//! The fence: what in the store is the host's own, and out of the policy's reach.
//!
//! Keys that begin with [`OWN`] stand behind every key of the policy. A policy is lent the store without them: it can neither read
//! nor write them, and a scan of everything ends where they begin.

use std::sync::Arc;

use jeton_policy::store::{Check, CommitError, Direction, Freshness, Page, Snapshot, Store, Unavailable, Write};
use jeton_store::audit::{AuditLog, Entry, Lines};

/// What every key of the host begins with. No text begins so, and nothing of a policy's stands behind it.
pub const OWN: u8 = 0xff;

/// A store without what is the host's own.
pub struct Fenced<S>(Arc<S>);

impl<S> Fenced<S> {
    /// The part of `store` that a policy may be lent.
    pub fn new(store: Arc<S>) -> Self {
        Self(store)
    }
}

/// Says in the log that the policy is at fault.
fn refuse_own<'a>(mut keys: impl Iterator<Item = &'a [u8]>) -> Result<(), Unavailable> {
    if keys.any(|key| key.first() == Some(&OWN)) {
        tracing::error!("the policy asked for a key of the host's own and was refused");
        return Err(Unavailable);
    }
    Ok(())
}

fn refuse_own_of(checks: &[Check], writes: &[Write]) -> Result<(), Unavailable> {
    let checked = checks.iter().map(|check| check.key.as_slice());
    refuse_own(checked.chain(writes.iter().map(|write| write.key.as_slice())))
}

impl<S: Store> Store for Fenced<S> {
    fn read(&self, keys: &[Vec<u8>], freshness: Freshness) -> Result<Snapshot, Unavailable> {
        refuse_own(keys.iter().map(Vec::as_slice))?;
        self.0.read(keys, freshness)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Result<Page, Unavailable> {
        refuse_own(std::iter::once(prefix))?;
        if !prefix.is_empty() {
            return self.0.scan(prefix, after, direction, limit);
        }
        let after = match direction {
            Direction::Ascending => after,
            Direction::Descending => Some(after.map_or([OWN].as_slice(), |after| after.min(&[OWN]))),
        };
        let mut page = self.0.scan(prefix, after, direction, limit)?;
        // They stand last, so what is left of the page is all that there is before them.
        page.items.retain(|item| item.key.first() != Some(&OWN));
        Ok(page)
    }

    fn commit(&self, checks: Vec<Check>, writes: Vec<Write>) -> Result<u64, CommitError> {
        refuse_own_of(&checks, &writes)?;
        self.0.commit(checks, writes)
    }
}

impl<S: AuditLog> AuditLog for Fenced<S> {
    fn commit_recorded(&self, checks: Vec<Check>, writes: Vec<Write>, entries: Vec<Entry>) -> Result<u64, CommitError> {
        refuse_own_of(&checks, &writes)?;
        self.0.commit_recorded(checks, writes, entries)
    }

    fn audit_lines(&self, after: Option<u64>, direction: Direction, limit: u32) -> Result<Lines, Unavailable> {
        self.0.audit_lines(after, direction, limit)
    }

    fn prune_audit(&self, through: u64, seal: Entry) -> Result<u64, CommitError> {
        self.0.prune_audit(through, seal)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use jeton_store::MemoryStore;

    use super::*;

    fn write(key: &[u8]) -> Write {
        Write { key: key.to_vec(), value: Some(b"value".to_vec()) }
    }

    fn house() -> (Arc<MemoryStore>, Fenced<MemoryStore>) {
        let store = Arc::new(MemoryStore::new());
        let keys: [&[u8]; 5] = [b"a", b"token/x", b"\xfe\xff", b"\xff", b"\xffaccount/alice"];
        store.commit(Vec::new(), keys.map(write).to_vec()).unwrap();
        (Arc::clone(&store), Fenced::new(store))
    }

    #[test]
    fn nothing_of_the_hosts_own_is_read_checked_or_written() {
        let (store, fenced) = house();
        let own = b"\xffaccount/alice".to_vec();
        assert_eq!(fenced.read(&[b"a".to_vec(), own.clone()], Freshness::Latest), Err(Unavailable));
        let check = Check { key: own.clone(), version: None };
        assert_eq!(fenced.commit(vec![check.clone()], vec![write(b"b")]), Err(CommitError::Unavailable));
        let entry = || vec![Entry::new(0, "policy", "test.act", "done")];
        assert_eq!(fenced.commit_recorded(vec![check], vec![write(b"b")], entry()), Err(CommitError::Unavailable));
        assert_eq!(fenced.commit_recorded(vec![], vec![write(&own)], entry()), Err(CommitError::Unavailable));
        assert_eq!(store.audit_lines(None, Direction::Ascending, 10).unwrap().head, 0);
        assert_eq!(fenced.commit(Vec::new(), vec![write(&own)]), Err(CommitError::Unavailable));
        assert!(fenced.read(&[b"a".to_vec()], Freshness::Latest).unwrap().entries.iter().all(Option::is_some));
        let untouched = store.read(&[b"b".to_vec(), own], Freshness::Latest).unwrap().entries;
        assert_eq!(
            untouched.iter().map(|entry| entry.as_ref().map(|entry| entry.version)).collect::<Vec<_>>(),
            [None, Some(1)]
        );
    }

    #[test]
    fn a_scan_of_everything_ends_before_it_whichever_way_it_goes() {
        let (_, fenced) = house();
        let keys = |direction, after: Option<&[u8]>| {
            let page = fenced.scan(b"", after, direction, 10).unwrap();
            page.items.into_iter().map(|item| item.key).collect::<Vec<_>>()
        };
        let all: [&[u8]; 3] = [b"a", b"token/x", b"\xfe\xff"];
        assert_eq!(keys(Direction::Ascending, None), all);
        assert_eq!(keys(Direction::Ascending, Some(b"\xff")), [[0; 0]; 0]);
        let mut turned = all;
        turned.reverse();
        for after in [None, Some(b"\xff".as_slice()), Some(b"\xffzzz")] {
            assert_eq!(keys(Direction::Descending, after), turned);
        }
        assert_eq!(keys(Direction::Descending, Some(b"token/x")), [b"a"]);
        assert_eq!(fenced.scan(b"\xff", None, Direction::Ascending, 10), Err(Unavailable));
        assert_eq!(fenced.scan(b"token/", None, Direction::Ascending, 10).unwrap().items.len(), 1);
    }
}
