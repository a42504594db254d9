//! Random histories on every engine and on a `BTreeMap`: each answer is the same.

use std::collections::BTreeMap;

use jeton_policy::store::{Check, CommitError, Direction, Entry, Freshness, Item, Store, Write};
use jeton_store::conformance::Engine;
use proptest::{collection::vec, option, prelude::*, test_runner::TestRunner};

use crate::support::{Faultless, Memory, Sqlite};

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(Vec<u8>, Expect)>, BTreeMap<Vec<u8>, Option<Vec<u8>>>),
    Read(Vec<Vec<u8>>),
    Scan(Vec<u8>, Option<Vec<u8>>, Direction, u32),
    Reopen,
}

/// What a check asks for.
#[derive(Debug, Clone, Copy)]
enum Expect {
    /// What is there now.
    Current,
    Absent,
    /// Any one revision.
    Revision(u64),
}

#[derive(Default)]
struct Model {
    entries: BTreeMap<Vec<u8>, Entry>,
    revision: u64,
}

/// Few bytes and short, so that keys meet and are prefixes of one another.
fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0x00), Just(0x01), Just(b'a'), Just(0xfe), Just(0xff)], 0..=3)
}

fn step() -> impl Strategy<Value = Step> {
    let expect = prop_oneof![
        4 => Just(Expect::Current),
        1 => Just(Expect::Absent),
        1 => (0..20_u64).prop_map(Expect::Revision),
    ];
    let direction = prop_oneof![Just(Direction::Ascending), Just(Direction::Descending)];
    let writes = proptest::collection::btree_map(key(), option::weighted(0.7, vec(any::<u8>(), 0..4)), 0..5);
    prop_oneof![
        6 => (vec((key(), expect), 0..3), writes).prop_map(|(checks, writes)| Step::Commit(checks, writes)),
        3 => vec(key(), 0..5).prop_map(Step::Read),
        6 => (key(), option::of(key()), direction, 0..8_u32)
            .prop_map(|(prefix, after, direction, limit)| Step::Scan(prefix, after, direction, limit)),
        1 => Just(Step::Reopen),
    ]
}

impl Model {
    fn check(&self, key: &[u8], expect: Expect) -> Check {
        let version = match expect {
            Expect::Current => self.entries.get(key).map(|entry| entry.version),
            Expect::Absent => None,
            Expect::Revision(revision) => Some(revision),
        };
        Check { key: key.to_vec(), version }
    }

    fn holds(&self, check: &Check) -> bool {
        self.entries.get(&check.key).map(|entry| entry.version) == check.version
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, direction: Direction, limit: u32) -> Vec<Item> {
        let is_behind = |key: &[u8], after: &[u8]| match direction {
            Direction::Ascending => key > after,
            Direction::Descending => key < after,
        };
        let mut found: Vec<Item> = self
            .entries
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| is_behind(key, after)))
            .map(|(key, entry)| Item { key: key.clone(), value: entry.value.clone(), version: entry.version })
            .collect();
        if direction == Direction::Descending {
            found.reverse();
        }
        found.truncate(limit as usize);
        found
    }
}

fn replay<E: Engine>(engine: &E, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut store = engine.create();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Commit(checks, writes) => {
                let checks: Vec<Check> = checks.iter().map(|(key, expect)| model.check(key, *expect)).collect();
                let holds = checks.iter().all(|check| model.holds(check));
                let sent = writes.iter().map(|(key, value)| Write { key: key.clone(), value: value.clone() });
                match store.commit(checks, sent.collect()) {
                    Ok(revision) => {
                        prop_assert!(holds, "a commit whose check fails was done");
                        prop_assert!(revision > model.revision);
                        model.revision = revision;
                        for (key, value) in writes {
                            match value {
                                Some(value) => drop(model.entries.insert(key, Entry { value, version: revision })),
                                None => drop(model.entries.remove(&key)),
                            }
                        }
                    }
                    Err(CommitError::Conflict) => {
                        prop_assert!(!holds, "a commit whose checks hold was refused")
                    }
                    Err(CommitError::Unavailable) => prop_assert!(false, "a commit failed"),
                }
            }
            Step::Read(keys) => {
                let snapshot = store.read(&keys, Freshness::Latest).unwrap();
                let expected: Vec<Option<Entry>> = keys.iter().map(|key| model.entries.get(key).cloned()).collect();
                prop_assert_eq!(snapshot.entries, expected);
                prop_assert_eq!(snapshot.revision, model.revision);
            }
            Step::Scan(prefix, after, direction, limit) => {
                let page = store.scan(&prefix, after.as_deref(), direction, limit).unwrap();
                prop_assert_eq!(page.items, model.scan(&prefix, after.as_deref(), direction, limit));
                prop_assert_eq!(page.revision, model.revision);
            }
            Step::Reopen => match engine.reopen(store) {
                Some(opened) => store = opened,
                None => return Ok(()),
            },
        }
    }
    for direction in [Direction::Ascending, Direction::Descending] {
        let whole = store.scan(b"", None, direction, 1000).unwrap();
        prop_assert_eq!(whole.items, model.scan(b"", None, direction, 1000));
    }
    Ok(())
}

fn agree<E: Engine>(engine: &E, cases: u32) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&vec(step(), 1..40), |steps| replay(engine, steps));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn sqlite_agrees_with_the_model() {
    agree(&Sqlite::new(), 48);
}

#[test]
fn memory_agrees_with_the_model() {
    agree(&Memory, 512);
}

#[test]
fn the_faulty_store_agrees_with_the_model() {
    agree(&Faultless, 512);
}
