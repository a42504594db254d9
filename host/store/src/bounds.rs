//! The bounds of the contract (`wit/store.wit`), checked in one place.
//!
//! A host checks each call of a policy with these and traps the policy that exceeds one. The engines check them too: a
//! call out of bounds is logged as an error, changes nothing and is answered with
//! [`Unavailable`](jeton_policy::store::Unavailable).

use std::collections::HashSet;

use jeton_policy::store::{Check, MAX_COMMIT, MAX_KEY, MAX_READ, MAX_SCAN, MAX_VALUE, Write};

/// Which bound a call exceeded. Says sizes, never keys or values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// A key, prefix or cursor is longer than [`MAX_KEY`].
    #[error("a key has {0} bytes, at most {MAX_KEY} are allowed")]
    KeyTooLong(usize),
    /// A value is longer than [`MAX_VALUE`].
    #[error("a value has {0} bytes, at most {MAX_VALUE} are allowed")]
    ValueTooLong(usize),
    /// A read asks for more than [`MAX_READ`] keys.
    #[error("a read asks for {0} keys, at most {MAX_READ} are allowed")]
    TooManyKeys(usize),
    /// A scan asks for more than [`MAX_SCAN`] items.
    #[error("a scan asks for {0} items, at most {MAX_SCAN} are allowed")]
    TooManyItems(u32),
    /// A commit has more than [`MAX_COMMIT`] checks and writes together.
    #[error("a commit has {0} checks and writes, at most {MAX_COMMIT} are allowed")]
    TooManyOperations(usize),
    /// A commit writes one key more than once.
    #[error("a commit writes one key more than once")]
    WrittenTwice,
}

/// Whether a read keeps to the bounds.
///
/// # Errors
/// The bound that it exceeds.
pub fn read(keys: &[Vec<u8>]) -> Result<(), BoundsError> {
    if keys.len() > MAX_READ {
        return Err(BoundsError::TooManyKeys(keys.len()));
    }
    keys.iter().try_for_each(|asked| key(asked))
}

/// Whether a scan keeps to the bounds.
///
/// # Errors
/// The bound that it exceeds.
pub fn scan(prefix: &[u8], after: Option<&[u8]>, limit: u32) -> Result<(), BoundsError> {
    if limit > MAX_SCAN {
        return Err(BoundsError::TooManyItems(limit));
    }
    key(prefix)?;
    after.map_or(Ok(()), key)
}

/// Whether a commit keeps to the bounds.
///
/// # Errors
/// The bound that it exceeds.
pub fn commit(checks: &[Check], writes: &[Write]) -> Result<(), BoundsError> {
    let operations = checks.len().saturating_add(writes.len());
    if operations > MAX_COMMIT {
        return Err(BoundsError::TooManyOperations(operations));
    }
    checks.iter().try_for_each(|check| key(&check.key))?;
    let mut written = HashSet::with_capacity(writes.len());
    for write in writes {
        key(&write.key)?;
        let length = write.value.as_ref().map_or(0, Vec::len);
        if length > MAX_VALUE {
            return Err(BoundsError::ValueTooLong(length));
        }
        if !written.insert(write.key.as_slice()) {
            return Err(BoundsError::WrittenTwice);
        }
    }
    Ok(())
}

fn key(key: &[u8]) -> Result<(), BoundsError> {
    if key.len() > MAX_KEY {
        return Err(BoundsError::KeyTooLong(key.len()));
    }
    Ok(())
}

/// Says in the log that a caller is at fault, so that an `Unavailable` that is none of the engine's can be told apart.
pub(crate) fn enforce(bounds: Result<(), BoundsError>) -> Result<(), jeton_policy::store::Unavailable> {
    bounds.map_err(|error| {
        tracing::error!(%error, "a call to the store is out of bounds and was refused");
        jeton_policy::store::Unavailable
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(key: Vec<u8>, value: Option<Vec<u8>>) -> Write {
        Write { key, value }
    }

    #[test]
    fn what_stands_at_a_bound_is_allowed_and_one_more_is_not() {
        assert_eq!(read(&vec![vec![0; MAX_KEY]; MAX_READ]), Ok(()));
        assert_eq!(read(&vec![vec![]; MAX_READ + 1]), Err(BoundsError::TooManyKeys(MAX_READ + 1)));
        assert_eq!(read(&[vec![0; MAX_KEY + 1]]), Err(BoundsError::KeyTooLong(MAX_KEY + 1)));
        assert_eq!(scan(&[0; MAX_KEY], Some(&[0; MAX_KEY]), MAX_SCAN), Ok(()));
        assert_eq!(scan(b"", None, MAX_SCAN + 1), Err(BoundsError::TooManyItems(MAX_SCAN + 1)));
        assert_eq!(scan(&[0; MAX_KEY + 1], None, 1), Err(BoundsError::KeyTooLong(MAX_KEY + 1)));
        assert_eq!(scan(b"", Some(&[0; MAX_KEY + 1]), 1), Err(BoundsError::KeyTooLong(MAX_KEY + 1)));
        assert_eq!(commit(&[], &[write(vec![0; MAX_KEY], Some(vec![0; MAX_VALUE]))]), Ok(()));
        assert_eq!(
            commit(&[], &[write(vec![0], Some(vec![0; MAX_VALUE + 1]))]),
            Err(BoundsError::ValueTooLong(MAX_VALUE + 1))
        );
        assert_eq!(commit(&[], &[write(vec![0; MAX_KEY + 1], None)]), Err(BoundsError::KeyTooLong(MAX_KEY + 1)));
    }

    #[test]
    fn checks_and_writes_count_together() {
        let checks = vec![Check { key: vec![1], version: None }; MAX_COMMIT];
        assert_eq!(commit(&checks, &[]), Ok(()));
        assert_eq!(commit(&checks, &[write(vec![1], None)]), Err(BoundsError::TooManyOperations(MAX_COMMIT + 1)));
    }

    #[test]
    fn a_key_is_written_once() {
        let twice = [write(vec![1], None), write(vec![1], Some(vec![]))];
        assert_eq!(commit(&[], &twice), Err(BoundsError::WrittenTwice));
    }
}
