//! What stands at a bound of the contract works; one more is refused and changes nothing.

use jeton_policy::store::{
    Check, CommitError, Direction, Freshness, MAX_COMMIT, MAX_KEY, MAX_READ, MAX_SCAN, MAX_VALUE, Store, Unavailable,
    Write,
};

use super::{Engine, absent, at, commit, must, put, remove, value};

/// A commit that must be refused, and nothing of which may be seen.
fn refused(store: &impl Store, checks: &[Check], writes: &[Write], what: &str) {
    let before = whole(store);
    let answer = store.commit(checks.to_vec(), writes.to_vec());
    assert_eq!(answer, Err(CommitError::Unavailable), "{what} must be refused");
    assert_eq!(whole(store), before, "{what} must change nothing");
}

/// The revision, and the first keys with their versions.
fn whole(store: &impl Store) -> (u64, Vec<(Vec<u8>, u64)>) {
    let page = must(store.scan(b"", None, Direction::Ascending, 10), "a scan");
    (page.revision, page.items.into_iter().map(|item| (item.key, item.version)).collect())
}

fn numbered(count: usize) -> Vec<Write> {
    (0..count).map(|index| put(&index.to_be_bytes(), b"")).collect()
}

/// A key, a prefix and a cursor may be as long as the bound says, and no longer.
pub fn the_longest_key_works_and_a_longer_one_is_refused<E: Engine>(engine: &E) {
    let store = engine.create();
    // The greatest key of all: nothing comes after it, and no prefix ends after it.
    let (key, long) = (vec![0xff; MAX_KEY], vec![0xff; MAX_KEY + 1]);
    let revision = commit(&store, &[absent(&key)], &[put(&key, b"v")]);
    assert_eq!(value(&store, &key), Some(b"v".to_vec()), "the longest key must be readable");
    let found = |prefix: &[u8], after: Option<&[u8]>, direction| {
        must(store.scan(prefix, after, direction, 1), "a scan with the longest key").items.len()
    };
    for direction in [Direction::Ascending, Direction::Descending] {
        assert_eq!(found(&key, None, direction), 1, "the longest key must be found by itself as prefix");
        assert_eq!(found(b"", Some(&key), direction), 0, "a {direction:?} cursor at the only key must leave nothing");
        assert_eq!(store.scan(&long, None, direction, 1), Err(Unavailable), "a prefix too long must be refused");
        assert_eq!(store.scan(b"", Some(&long), direction, 1), Err(Unavailable), "a cursor too long must be refused");
    }
    let asked = [key.clone(), long.clone()];
    assert_eq!(store.read(&asked, Freshness::Latest), Err(Unavailable), "a read of a key too long must be refused");
    refused(&store, &[], &[put(&key, b"w"), put(&long, b"")], "a write to a key too long");
    refused(&store, &[], &[put(&key, b"w"), remove(&long)], "a removal of a key too long");
    refused(&store, &[absent(&long)], &[put(&key, b"w")], "a check of a key too long");
    commit(&store, &[at(&key, revision)], &[remove(&key)]);
    assert_eq!(value(&store, &key), None, "the longest key must be removable");
}

/// A value may have as many bytes as the bound says, each of them kept, and no more.
pub fn the_largest_value_works_and_a_larger_one_is_refused<E: Engine>(engine: &E) {
    let store = engine.create();
    let full: Vec<u8> = (0..=u8::MAX).cycle().take(MAX_VALUE).collect();
    commit(&store, &[], &[put(b"k", &full)]);
    assert_eq!(value(&store, b"k"), Some(full.clone()), "the largest value must come back as it was");
    let page = must(store.scan(b"k", None, Direction::Descending, 1), "a scan of the largest value");
    assert_eq!(page.items[0].value, full, "a scan must give the largest value whole");
    refused(&store, &[], &[put(b"a", b""), put(b"k", &vec![0; MAX_VALUE + 1])], "a value too large");
}

/// A read may ask for as many keys as the bound says, and no more.
pub fn the_largest_read_works_and_a_larger_one_is_refused<E: Engine>(engine: &E) {
    let store = engine.create();
    let writes = numbered(MAX_READ);
    let revision = commit(&store, &[], &writes);
    let mut keys: Vec<Vec<u8>> = writes.into_iter().map(|write| write.key).collect();
    let snapshot = must(store.read(&keys, Freshness::Latest), "a read of as many keys as are allowed");
    assert_eq!(snapshot.entries.len(), MAX_READ, "the largest read must answer for each key");
    let held =
        |entry: &Option<_>| entry.as_ref().is_some_and(|entry: &jeton_policy::store::Entry| entry.version == revision);
    assert!(snapshot.entries.iter().all(held), "the largest read must find every key");
    keys.push(b"one more".to_vec());
    for freshness in [Freshness::Latest, Freshness::Recent] {
        assert_eq!(store.read(&keys, freshness), Err(Unavailable), "a read of too many keys must be refused");
    }
}

/// A scan may ask for as many items as the bound says, and then has them all at once; it may not ask for more.
pub fn the_largest_scan_works_and_a_larger_one_is_refused<E: Engine>(engine: &E) {
    let store = engine.create();
    let limit = must(usize::try_from(MAX_SCAN), "counting in words");
    let writes = numbered(limit + 1);
    commit(&store, &[], &writes);
    let keys: Vec<&[u8]> = writes.iter().map(|write| write.key.as_slice()).collect();
    let found = |direction| must(store.scan(b"", None, direction, MAX_SCAN), "a scan of as many items as are allowed");
    let up = found(Direction::Ascending).items;
    assert!(
        up.iter().map(|item| item.key.as_slice()).eq(keys[..limit].iter().copied()),
        "the largest page must be full"
    );
    let down = found(Direction::Descending).items;
    assert!(
        down.iter().map(|item| item.key.as_slice()).eq(keys[1..].iter().rev().copied()),
        "the largest descending page must begin at the end"
    );
    for direction in [Direction::Ascending, Direction::Descending] {
        assert_eq!(store.scan(b"", None, direction, MAX_SCAN + 1), Err(Unavailable), "a larger scan must be refused");
        assert_eq!(store.scan(b"none", None, direction, u32::MAX), Err(Unavailable), "a larger scan must be refused");
    }
}

/// A commit may have as many checks and writes together as the bound says, all of which count, and no more; and it
/// writes a key once.
pub fn the_largest_commit_works_and_a_larger_one_is_refused<E: Engine>(engine: &E) {
    let store = engine.create();
    let many = numbered(MAX_COMMIT);
    let revision = commit(&store, &[], &many);
    let (first, last) = (&many[0].key, &many[MAX_COMMIT - 1].key);
    assert_eq!(value(&store, last), Some(vec![]), "the last write of the largest commit must be there");
    refused(&store, &[at(first, revision)], &many, "a check beside as many writes as are allowed");

    // Half checks, half removals: the rest of the keys are checked and stay.
    let (removed, kept) = many.split_at(MAX_COMMIT / 2);
    let removals: Vec<Write> = removed.iter().map(|write| remove(&write.key)).collect();
    let mut checks: Vec<Check> = kept.iter().map(|write| at(&write.key, revision)).collect();
    checks.push(at(first, revision));
    refused(&store, &checks, &removals, "one check too many");
    checks.truncate(kept.len());
    commit(&store, &checks, &removals);
    let page = must(store.scan(b"", None, Direction::Ascending, 1), "a scan");
    assert_eq!(page.items[0].key, kept[0].key, "every removal of the largest commit must take effect");

    refused(&store, &[], &[put(b"k", b"1"), put(b"k", b"2")], "a key written twice");
    refused(&store, &[], &[put(b"k", b"1"), remove(b"k")], "a key written and removed");
}
