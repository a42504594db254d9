//! What one caller may rely on: checks, versions, revisions, sizes, restarts.

use jeton_policy::store::{Check, Direction, Entry, Freshness, Store, Write};

use super::{Engine, absent, at, commit, conflict, entry, must, put, remove, value};

/// A read has an answer for each key asked for, absent and repeated ones included, and the same with either freshness.
pub fn a_read_answers_in_the_order_asked<E: Engine>(engine: &E) {
    let store = engine.create();
    let revision = commit(&store, &[], &[put(b"a", b"1"), put(b"b", b"2")]);
    let keys = [b"b".to_vec(), b"none".to_vec(), b"a".to_vec(), b"b".to_vec()];
    let held = |value: &[u8]| Some(Entry { value: value.to_vec(), version: revision });
    for freshness in [Freshness::Latest, Freshness::Recent] {
        let snapshot = must(store.read(&keys, freshness), "a read of four keys");
        assert_eq!(
            snapshot.entries,
            [held(b"2"), None, held(b"1"), held(b"2")],
            "a read must answer each key in the order asked"
        );
        assert_eq!(snapshot.revision, revision, "a read must carry the revision of its moment");
    }
    let nothing = must(store.read(&[], Freshness::Latest), "a read of no keys");
    assert_eq!((nothing.entries.len(), nothing.revision), (0, revision), "a read of no keys still has a revision");
}

/// An empty value is held like any other.
pub fn an_empty_value_is_not_an_absent_one<E: Engine>(engine: &E) {
    let store = engine.create();
    let revision = commit(&store, &[], &[put(b"empty", b"")]);
    assert_eq!(value(&store, b"empty"), Some(vec![]), "an empty value must be held");
    conflict(&store, &[absent(b"empty")], &[put(b"empty", b"x")]);
    commit(&store, &[at(b"empty", revision)], &[remove(b"empty")]);
    assert_eq!(value(&store, b"empty"), None, "a removed key must be absent");
}

/// Each commit has a revision above all earlier ones, and what it wrote has that revision as its version; what it did
/// not write keeps its own.
pub fn revisions_strictly_grow_and_versions_are_revisions<E: Engine>(engine: &E) {
    let store = engine.create();
    let start = must(store.read(&[], Freshness::Latest), "a read of an empty store").revision;
    let first = commit(&store, &[], &[put(b"a", b"1"), put(b"b", b"1")]);
    assert!(first > start, "a commit must have a revision above the one before it");
    let second = commit(&store, &[], &[put(b"a", b"1")]);
    assert!(second > first, "writing the same value again must have a new revision");
    let checked_alone = commit(&store, &[at(b"a", second)], &[]);
    assert!(checked_alone > second, "a commit without writes must have a new revision");
    let removed_nothing = commit(&store, &[], &[remove(b"none")]);
    assert!(removed_nothing > checked_alone, "removing what is absent must succeed with a new revision");
    let version = |key: &[u8]| entry(&store, key).map(|entry| entry.version);
    assert_eq!(version(b"a"), Some(second), "a version must be the revision of the last commit that wrote the key");
    assert_eq!(version(b"b"), Some(first), "a commit must not move the version of a key that it did not write");
    let page = must(store.scan(b"", None, Direction::Ascending, 10), "a scan");
    assert_eq!(page.revision, removed_nothing, "a scan must carry the revision of its moment");
    let versions: Vec<u64> = page.items.iter().map(|item| item.version).collect();
    assert_eq!(versions, [second, first], "a scan must carry the same versions as a read");
}

/// A failed check is a value, whatever other checks hold, and nothing of its commit can be seen.
pub fn conflicts_are_values_and_leave_nothing<E: Engine>(engine: &E) {
    let store = engine.create();
    let old = commit(&store, &[], &[put(b"a", b"old")]);
    let new = commit(&store, &[], &[put(b"a", b"new")]);
    conflict(&store, &[at(b"a", old)], &[put(b"a", b"lost"), put(b"b", b"lost")]);
    conflict(&store, &[at(b"a", new + 1)], &[remove(b"a")]);
    conflict(&store, &[at(b"a", u64::MAX)], &[remove(b"a")]);
    conflict(&store, &[at(b"a", new), at(b"none", new)], &[remove(b"a")]);
    conflict(&store, &[at(b"none", new), at(b"a", new)], &[remove(b"a")]);
    conflict(&store, &[at(b"a", new), at(b"a", old)], &[remove(b"a")]);
    let kept = Some(Entry { value: b"new".to_vec(), version: new });
    assert_eq!(entry(&store, b"a"), kept, "a conflict must leave what was there");
    assert_eq!(value(&store, b"b"), None, "a conflict must write nothing");
    commit(&store, &[at(b"a", new), absent(b"b")], &[put(b"c", b"")]);
}

/// All writes of a commit are seen, or none.
pub fn a_commit_is_all_or_nothing<E: Engine>(engine: &E) {
    let store = engine.create();
    let key = |index: u32| index.to_be_bytes().to_vec();
    let writes: Vec<Write> = (0..500).map(|index| Write { key: key(index), value: Some(key(index)) }).collect();
    let revision = commit(&store, &[], &writes);
    let keys: Vec<Vec<u8>> = (0..500).map(key).collect();
    let snapshot = must(store.read(&keys, Freshness::Latest), "a read of 500 keys");
    for (index, entry) in snapshot.entries.iter().enumerate() {
        assert_eq!(
            entry.as_ref().map(|entry| (&entry.value, entry.version)),
            Some((&keys[index], revision)),
            "every write of a commit must be there at the commit's revision"
        );
    }
    let mut checks: Vec<Check> = (0..500).map(|index| at(&key(index), revision)).collect();
    checks[499].version = Some(revision + 1);
    let removals: Vec<Write> = (0..500).map(|index| remove(&key(index))).collect();
    conflict(&store, &checks, &removals);
    let after = must(store.read(&keys, Freshness::Latest), "a read of 500 keys");
    assert_eq!(after.entries, snapshot.entries, "the last check of many must stop every write");
    checks[499].version = Some(revision);
    commit(&store, &checks, &removals);
    let gone = must(store.scan(b"", None, Direction::Ascending, 1), "a scan");
    assert!(gone.items.is_empty(), "every removal of a commit must take effect");
}

/// A check for absence holds once.
pub fn a_key_can_be_required_absent<E: Engine>(engine: &E) {
    let store = engine.create();
    commit(&store, &[absent(b"once")], &[put(b"once", b"first")]);
    conflict(&store, &[absent(b"once")], &[put(b"once", b"second")]);
    assert_eq!(value(&store, b"once"), Some(b"first".to_vec()), "the first of two creations must stand");
    commit(&store, &[], &[remove(b"once")]);
    commit(&store, &[absent(b"once")], &[put(b"once", b"third")]);
}

/// Who holds the version of a key that was removed meanwhile meets a conflict, also after it was made again.
pub fn a_deleted_key_that_comes_back_has_a_new_version<E: Engine>(engine: &E) {
    let store = engine.create();
    let first = commit(&store, &[], &[put(b"k", b"same")]);
    commit(&store, &[at(b"k", first)], &[remove(b"k")]);
    conflict(&store, &[at(b"k", first)], &[put(b"k", b"late")]);
    let second = commit(&store, &[absent(b"k")], &[put(b"k", b"same")]);
    assert!(second > first, "a key made again must have a version above its earlier one");
    conflict(&store, &[at(b"k", first)], &[put(b"k", b"late")]);
    assert_eq!(value(&store, b"k"), Some(b"same".to_vec()), "a late commit must not reach the key made again");
}

/// After a stop and a start everything acknowledged is there, with its version, and revisions go on from where they
/// were.
pub fn acknowledged_commits_outlive_a_restart<E: Engine>(engine: &E) {
    let store = engine.create();
    let first = commit(&store, &[], &[put(b"kept", b"1"), put(b"gone", b"1")]);
    let second = commit(&store, &[], &[remove(b"gone"), put(b"\x00\xff", b"")]);
    let Some(store) = engine.reopen(store) else {
        return;
    };
    let snapshot = must(store.read(&[b"kept".to_vec(), b"gone".to_vec()], Freshness::Latest), "a read after a restart");
    let kept = Some(Entry { value: b"1".to_vec(), version: first });
    assert_eq!(snapshot.entries, [kept, None], "a restart must keep what was acknowledged, and removals too");
    assert_eq!(snapshot.revision, second, "a restart must not move the revision");
    conflict(&store, &[absent(b"kept")], &[put(b"kept", b"2")]);
    let third = commit(&store, &[at(b"kept", first)], &[put(b"kept", b"2")]);
    assert!(third > second, "revisions must grow across a restart");
    let Some(store) = engine.reopen(store) else {
        return;
    };
    let kept = Some(Entry { value: b"2".to_vec(), version: third });
    assert_eq!(entry(&store, b"kept"), kept, "a second restart must keep what was acknowledged after the first");
}
