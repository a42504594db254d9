//! What observers hear, and when.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use jeton_policy::store::{Check, CommitError, Store, Write};
use jeton_store::{CommitObserver, Committed, MemoryStore, SqliteStore};
use rusqlite::Connection;

use crate::support::{commit, put, value};

type Log<T> = Arc<Mutex<Vec<T>>>;

/// Calls a closure for each group.
struct Hear<F>(F);

impl<F: FnMut(&[Committed]) + Send> CommitObserver for Hear<F> {
    fn committed(&mut self, group: &[Committed]) {
        (self.0)(group);
    }

    fn outcome_unknown(&mut self) {}
}

fn heard() -> (Log<Committed>, Box<dyn CommitObserver>) {
    let log = Log::default();
    let sink = Arc::clone(&log);
    (log, Box::new(Hear(move |group: &[Committed]| sink.lock().unwrap().extend_from_slice(group))))
}

fn observers_hear_only_what_lies_below_live(store: &impl Store, log: &Log<Committed>) {
    commit(store, b"token/1", b"x").unwrap();
    commit(store, b"live", b"x").unwrap();
    commit(store, b"live0", b"x").unwrap();
    assert!(log.lock().unwrap().is_empty(), "nothing of this lies below live/");
    let gone = Write { key: b"live/cut/2".to_vec(), value: None };
    let writes = vec![put(b"due/1", b"x"), put(b"live/cut/1", b"1"), put(b"token/1", b"y"), gone.clone()];
    let revision = store.commit(vec![], writes).unwrap();
    let stale = Check { key: b"live/cut/1".to_vec(), version: None };
    assert_eq!(store.commit(vec![stale], vec![put(b"live/cut/1", b"2")]), Err(CommitError::Conflict));
    let expected = [Committed { revision, changes: vec![put(b"live/cut/1", b"1"), gone] }];
    assert_eq!(*log.lock().unwrap(), expected, "one commit changed something below live/");
}

#[test]
fn sqlite_tells_of_live_changes_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("jeton.db")).unwrap();
    let (log, observer) = heard();
    store.observe(observer);
    observers_hear_only_what_lies_below_live(&store, &log);
}

#[test]
fn memory_tells_of_live_changes_alone() {
    let store = MemoryStore::new();
    let (log, observer) = heard();
    store.observe(observer);
    observers_hear_only_what_lies_below_live(&store, &log);
}

#[test]
fn an_observer_hears_after_the_change_is_in_the_file_and_before_it_is_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jeton.db");
    let store = SqliteStore::open(&path).unwrap();
    let log: Log<String> = Log::default();
    let sink = Arc::clone(&log);
    store.observe(Box::new(Hear(move |group: &[Committed]| {
        let other = Connection::open(&path).unwrap();
        let found: Vec<u8> =
            other.query_row("SELECT value FROM kv WHERE key = CAST('live/x' AS BLOB)", [], |row| row.get(0)).unwrap();
        sink.lock().unwrap().push(format!("heard {} while the file has {found:?}", group[0].revision));
    })));
    for round in 1..=5_u8 {
        let revision = commit(&store, b"live/x", &[round]).unwrap();
        log.lock().unwrap().push(format!("acknowledged {revision}"));
    }
    let expected: Vec<String> = (1..=5_u8)
        .flat_map(|round| [format!("heard {round} while the file has [{round}]"), format!("acknowledged {round}")])
        .collect();
    assert_eq!(*log.lock().unwrap(), expected);
}

#[test]
fn an_observer_may_read_the_store_and_may_not_commit() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&directory.path().join("jeton.db")).unwrap());
    let (read, committed): (Log<Option<Vec<u8>>>, Log<_>) = (Log::default(), Log::default());
    let (values, answers, lent) = (Arc::clone(&read), Arc::clone(&committed), Arc::clone(&store));
    store.observe(Box::new(Hear(move |_: &[Committed]| {
        values.lock().unwrap().push(value(&*lent, b"live/x").unwrap());
        answers.lock().unwrap().push(commit(&*lent, b"live/y", b"1"));
    })));
    commit(&*store, b"live/x", b"1").unwrap();
    assert_eq!(*read.lock().unwrap(), [Some(b"1".to_vec())]);
    assert_eq!(*committed.lock().unwrap(), [Err(CommitError::Unavailable)]);
    store.close();
    assert_eq!(Arc::strong_count(&store), 1, "closing lets go of the observer and what it holds");
}

/// Lets a commit be held where it is durable and its observer has not heard of it, and another thread read it then.
fn nobody_reads_what_the_observer_has_not_heard<S: Store + Send + Sync + 'static>(
    store: S,
    observe: impl FnOnce(&S, Box<dyn CommitObserver>),
) {
    let store = Arc::new(store);
    let knows: Log<&'static str> = Log::default();
    let (entered, has_entered) = mpsc::sync_channel(1);
    let (release, released) = mpsc::channel::<()>();
    let log = Arc::clone(&knows);
    let hold = move |_: &[Committed]| {
        entered.send(()).unwrap();
        released.recv().unwrap();
        log.lock().unwrap().push("the observer");
    };
    observe(&store, Box::new(Hear(hold)));
    let own = Arc::clone(&store);
    let committing = thread::spawn(move || commit(&*own, b"live/x", b"1").unwrap());
    has_entered.recv().unwrap();
    let (own, log) = (Arc::clone(&store), Arc::clone(&knows));
    let (begins, has_begun) = mpsc::sync_channel(1);
    let reading = thread::spawn(move || {
        begins.send(()).unwrap();
        let read = value(&*own, b"live/x").unwrap();
        log.lock().unwrap().push("a reader");
        read
    });
    has_begun.recv().unwrap();
    release.send(()).unwrap();
    assert_eq!(reading.join().unwrap(), Some(b"1".to_vec()));
    committing.join().unwrap();
    assert_eq!(*knows.lock().unwrap(), ["the observer", "a reader"]);
    // What is known to the observer holds nobody up.
    assert_eq!(value(&*store, b"live/x").unwrap(), Some(b"1".to_vec()));
}

#[test]
fn nobody_reads_in_sqlite_what_the_observer_has_not_heard() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("jeton.db")).unwrap();
    nobody_reads_what_the_observer_has_not_heard(store, SqliteStore::observe);
}

#[test]
fn nobody_reads_in_memory_what_the_observer_has_not_heard() {
    nobody_reads_what_the_observer_has_not_heard(MemoryStore::new(), MemoryStore::observe);
}
