//! `latest` is linearizable: a history of simultaneous commits, reads and scans is recorded and then judged.
//!
//! The revisions are the witness. Acknowledged commits, ordered by revision, say what the store held at each revision;
//! every answer must be exactly that of its revision, and the order of revisions must agree with real time.

use std::{
    collections::BTreeMap,
    sync::{
        Barrier,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use jeton_policy::store::{Check, CommitError, Direction, Entry, Freshness, Store, Write};

use super::{Engine, must, put, remove};

/// Keys that all work on: few, so that they meet.
const KEYS: [&[u8]; 5] = [b"a", b"a\x00", b"a\xff", b"b", b"\xff"];
/// Threads that commit.
const WRITERS: u64 = 4;
/// Commits that each of them tries.
const COMMITS: u64 = 60;
/// Threads that only read.
const READERS: u64 = 3;
/// Reads after which a reader stops, so that a fast engine does not fill the memory with its history.
const READS: u64 = 2000;

type Contents = BTreeMap<Vec<u8>, Entry>;

/// One call and its answer, with the ticks of a common clock around it: one that ended at a lower tick than another
/// began was over before.
struct Call {
    begun: u64,
    ended: u64,
    what: What,
}

enum What {
    Committed {
        revision: u64,
        checks: Vec<Check>,
        writes: Vec<Write>,
    },
    Conflicted {
        checks: Vec<Check>,
    },
    /// What a read or a scan of every key saw.
    Saw {
        revision: u64,
        contents: Contents,
    },
}

/// Every answer is that of one moment between its call and its return, commits included.
pub fn latest_is_linearizable<E: Engine>(engine: &E) {
    let store = engine.create();
    let start = must(store.read(&[], Freshness::Latest), "a read of an empty store").revision;
    judge(start, record(&store));
}

fn record<S: Store + Sync>(store: &S) -> Vec<Call> {
    let ticks = AtomicU64::new(0);
    let busy = AtomicUsize::new(0);
    let line = Barrier::new(must(usize::try_from(WRITERS + READERS), "counting threads"));
    thread::scope(|scope| {
        let (ticks, busy, line) = (&ticks, &busy, &line);
        let mut threads = Vec::new();
        for writer in 0..WRITERS {
            busy.fetch_add(1, SeqCst);
            threads.push(scope.spawn(move || {
                let _leaving = Leaving(busy);
                let mut calls = Vec::new();
                line.wait();
                for round in 0..COMMITS {
                    let seen = look(store, ticks, writer + round);
                    let what = change(&seen, writer, round);
                    calls.push(seen);
                    // Whoever else saw the same may come first.
                    thread::yield_now();
                    calls.push(send(store, ticks, what));
                }
                calls
            }));
        }
        for reader in 0..READERS {
            threads.push(scope.spawn(move || {
                line.wait();
                (0..READS)
                    .take_while(|_| busy.load(SeqCst) > 0)
                    .map(|round| look(store, ticks, reader + round))
                    .collect::<Vec<_>>()
            }));
        }
        let ends = threads.into_iter().map(|thread| thread.join());
        ends.flat_map(|end| end.unwrap_or_else(|_| panic!("a thread of the history panicked"))).collect()
    })
}

/// Says that a writer is done, also when it panicked: readers wait for that.
struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Reads every key, by a read or by a scan of either direction.
fn look(store: &impl Store, ticks: &AtomicU64, turn: u64) -> Call {
    let direction = if turn % 3 == 1 { Direction::Ascending } else { Direction::Descending };
    let keys = KEYS.map(<[u8]>::to_vec);
    let begun = ticks.fetch_add(1, SeqCst);
    let (revision, contents) = if turn.is_multiple_of(3) {
        let snapshot = must(store.read(&keys, Freshness::Latest), "a read");
        let found = keys.into_iter().zip(snapshot.entries).filter_map(|(key, entry)| Some((key, entry?)));
        (snapshot.revision, found.collect())
    } else {
        let page = must(store.scan(b"", None, direction, 100), "a scan");
        let entry = |item: jeton_policy::store::Item| (item.key, Entry { value: item.value, version: item.version });
        (page.revision, page.items.into_iter().map(entry).collect())
    };
    let ended = ticks.fetch_add(1, SeqCst);
    Call { begun, ended, what: What::Saw { revision, contents } }
}

/// A commit that rests on what was seen: two keys checked, one of them and another one changed.
fn change(seen: &Call, writer: u64, round: u64) -> (Vec<Check>, Vec<Write>) {
    let What::Saw { contents, .. } = &seen.what else { panic!("only a look is rested on") };
    let key = |turn: u64| KEYS[usize::try_from(turn).unwrap_or(0) % KEYS.len()];
    let check = |key: &[u8]| Check { key: key.to_vec(), version: contents.get(key).map(|entry| entry.version) };
    let (one, other) = (key(writer + round), key(writer + 2 * round + 1));
    let third = key(writer + round + 2);
    let mark = [writer.to_be_bytes(), round.to_be_bytes()].concat();
    let change = if (writer + round) % 4 == 3 { remove(one) } else { put(one, &mark) };
    (vec![check(one), check(other)], vec![change, put(third, &mark)])
}

fn send(store: &impl Store, ticks: &AtomicU64, (checks, writes): (Vec<Check>, Vec<Write>)) -> Call {
    let begun = ticks.fetch_add(1, SeqCst);
    let answer = store.commit(checks.clone(), writes.clone());
    let ended = ticks.fetch_add(1, SeqCst);
    let what = match answer {
        Ok(revision) => What::Committed { revision, checks, writes },
        Err(CommitError::Conflict) => What::Conflicted { checks },
        Err(CommitError::Unavailable) => panic!("a commit failed"),
    };
    Call { begun, ended, what }
}

fn judge(start: u64, mut calls: Vec<Call>) {
    calls.sort_by_key(|call| call.begun);
    let states = states(start, &calls);
    for call in &calls {
        match &call.what {
            What::Saw { revision, contents } => {
                assert_eq!(
                    states.get(revision),
                    Some(contents),
                    "what is seen at a revision must be what the commits up to it wrote"
                );
            }
            What::Conflicted { checks } => assert_justified(start, call, checks, &calls, &states),
            What::Committed { .. } => {}
        }
    }
    assert_in_real_time(start, &calls);
}

/// What the store held at each revision. A commit that took effect although a check did not hold is found here.
fn states(start: u64, calls: &[Call]) -> BTreeMap<u64, Contents> {
    let mut commits = BTreeMap::new();
    for call in calls {
        if let What::Committed { revision, checks, writes } = &call.what {
            let earlier = commits.insert(*revision, (checks, writes));
            assert!(earlier.is_none(), "no two commits may have the same revision");
        }
    }
    let mut contents = Contents::new();
    let mut states = BTreeMap::from([(start, contents.clone())]);
    for (revision, (checks, writes)) in commits {
        assert!(revision > start, "a commit must have a revision above the one before it");
        assert!(hold(&contents, checks), "a commit must take effect only where its checks hold");
        for write in writes {
            match &write.value {
                Some(value) => {
                    drop(contents.insert(write.key.clone(), Entry { value: value.clone(), version: revision }))
                }
                None => drop(contents.remove(&write.key)),
            }
        }
        states.insert(revision, contents.clone());
    }
    states
}

fn hold(contents: &Contents, checks: &[Check]) -> bool {
    checks.iter().all(|check| contents.get(&check.key).map(|entry| entry.version) == check.version)
}

/// At some moment between the call and its answer a check did not hold.
fn assert_justified(start: u64, conflict: &Call, checks: &[Check], calls: &[Call], states: &BTreeMap<u64, Contents>) {
    let least = calls.iter().filter(|call| call.ended < conflict.begun).filter_map(shown).max().unwrap_or(start);
    let greatest = calls.iter().filter(|call| call.begun < conflict.ended).filter_map(wrote).max().unwrap_or(start);
    let refuses = states.range(least..=greatest.max(least)).any(|(_, contents)| !hold(contents, checks));
    assert!(refuses, "a commit must be refused only where a check does not hold");
}

/// What began after another call had ended shows its revision or a later one; and a commit, a later one.
fn assert_in_real_time(start: u64, calls: &[Call]) {
    let mut by_end: Vec<&Call> = calls.iter().collect();
    by_end.sort_by_key(|call| call.ended);
    let mut over = by_end.into_iter().peekable();
    let mut least = start;
    for call in calls {
        while let Some(earlier) = over.next_if(|earlier| earlier.ended < call.begun) {
            least = least.max(shown(earlier).unwrap_or(start));
        }
        if let Some(revision) = shown(call) {
            assert!(revision >= least, "revision {least} was shown before this call began, so {revision} is too old");
        }
        if let Some(revision) = wrote(call) {
            assert!(revision > least, "a commit must come after what was shown before it began");
        }
    }
}

fn wrote(call: &Call) -> Option<u64> {
    match &call.what {
        What::Committed { revision, .. } => Some(*revision),
        _ => None,
    }
}

fn shown(call: &Call) -> Option<u64> {
    match &call.what {
        What::Committed { revision, .. } | What::Saw { revision, .. } => Some(*revision),
        What::Conflicted { .. } => None,
    }
}
