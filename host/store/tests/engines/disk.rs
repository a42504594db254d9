//! Disks that fail, for real: each test runs itself again in a process of its own, under a limit that the kernel keeps.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use jeton_policy::store::{CommitError, Direction, Freshness, Store};
use jeton_store::{CommitObserver, Committed, SqliteStore};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{commit, eventually, put, value};

/// Counts, and reads the store at each call, as a host does that loads its live set anew.
struct Reloading {
    store: Arc<SqliteStore>,
    reloads: Arc<Mutex<Vec<u64>>>,
}

impl CommitObserver for Reloading {
    fn committed(&mut self, _: &[Committed]) {}

    fn outcome_unknown(&mut self) {
        let revision = self.store.read(&[], Freshness::Latest).unwrap().revision;
        self.reloads.lock().unwrap().push(revision);
    }
}

/// Runs one ignored test of this binary under a shell prelude.
fn again(prelude: &str, name: &str) -> bool {
    let script = format!("{prelude} && exec \"$0\" --exact {name} --ignored --nocapture --test-threads=1");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(std::env::current_exe().unwrap());
    shell.status().unwrap().success()
}

/// Files may grow to `bytes`; more is an I/O error (`EFBIG`).
fn limit_files(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

#[test]
fn a_write_error_at_commit_reopens_the_store_before_anybody_is_answered() {
    // The signal that comes with the error would end the process.
    assert!(again("trap '' XFSZ", "disk::under_a_limit_on_file_sizes"));
}

#[test]
#[ignore = "runs in a process of its own, started by the test above"]
fn under_a_limit_on_file_sizes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jeton.db");
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    let reloads = Arc::new(Mutex::new(Vec::new()));
    store.observe(Box::new(Reloading { store: Arc::clone(&store), reloads: Arc::clone(&reloads) }));
    commit(&*store, b"live/kept", b"1").unwrap();

    // The log's index needs 32 KiB, so that the store can be opened anew under this limit.
    limit_files(Some(40 * 1024));
    let large = vec![1; 60 * 1024];
    let writes = vec![put(b"live/kept", b"2"), put(b"large", &large)];
    assert_eq!(store.commit(vec![], writes.clone()), Err(CommitError::Unavailable));
    assert_eq!(*reloads.lock().unwrap(), [1], "the observer reads anew, once, before the answer");
    assert_eq!(value(&*store, b"live/kept"), Ok(Some(b"1".to_vec())));
    assert_eq!(value(&*store, b"large"), Ok(None));
    commit(&*store, b"small", b"1").unwrap();

    // Now it cannot be opened anew either.
    limit_files(Some(0));
    assert_eq!(commit(&*store, b"live/kept", b"3"), Err(CommitError::Unavailable));
    for _ in 0..3 {
        assert!(value(&*store, b"live/kept").is_err(), "a closed store must not answer");
        assert!(store.scan(b"", None, Direction::Ascending, 1).is_err(), "a closed store must not answer");
        assert_eq!(commit(&*store, b"small", b"2"), Err(CommitError::Unavailable));
    }
    assert_eq!(reloads.lock().unwrap().len(), 1, "there was nothing to read");
    assert!(store.statistics().errors() > 0);

    limit_files(None);
    // Reads alone bring it back.
    eventually("opening the store anew", || store.read(&[], Freshness::Latest).is_ok());
    assert_eq!(reloads.lock().unwrap().len(), 2, "the observer comes before every answer");
    assert_eq!(value(&*store, b"live/kept"), Ok(Some(b"1".to_vec())));
    assert_eq!(value(&*store, b"small"), Ok(Some(b"1".to_vec())));
    store.commit(vec![], writes).unwrap();
    store.check_integrity().unwrap();
    store.close();
    let reopened = SqliteStore::open(&path).unwrap();
    assert_eq!(value(&reopened, b"large"), Ok(Some(large)));
    assert_eq!(value(&reopened, b"live/kept"), Ok(Some(b"2".to_vec())));
}

/// The file system of the next test; a namespace of its own sees it.
const SMALL_DISK: &str = "JETON_TEST_SMALL_DISK";

#[test]
fn a_full_disk_makes_commits_unavailable_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().display();
    let namespace = "exec unshare --user --map-root-user --mount sh -c";
    let mount = format!("mount -t tmpfs -o size=512k tmpfs '{at}'");
    let possible = Command::new("sh").args(["-c", &format!("{namespace} \"{mount}\"")]).output().unwrap();
    if !possible.status.success() {
        eprintln!("not run: this machine lets no user mount a tmpfs in a namespace of its own");
        return;
    }
    let prelude = format!("{mount} && export {SMALL_DISK}='{at}'");
    let script = format!(
        "{prelude} && exec '{}' --exact disk::on_a_small_disk --ignored --nocapture --test-threads=1",
        std::env::current_exe().unwrap().display()
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    assert!(unshare.status().unwrap().success());
}

#[test]
#[ignore = "runs in a process of its own, started by the test above"]
fn on_a_small_disk() {
    let directory = std::env::var(SMALL_DISK).unwrap();
    let (path, ballast) = (Path::new(&directory).join("jeton.db"), Path::new(&directory).join("ballast"));
    let store = SqliteStore::open(&path).unwrap();
    commit(&store, b"kept", b"1").unwrap();
    fs::write(&ballast, vec![0; 200 * 1024]).unwrap();
    let mut stored = 0_u8;
    let failed = loop {
        match commit(&store, &[stored], &[stored; 20 * 1024]) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "the disk never filled");
    };
    assert_eq!(failed, CommitError::Unavailable);
    fs::remove_file(&ballast).unwrap();
    eventually("opening the store anew", || store.read(&[], Freshness::Latest).is_ok());
    commit(&store, b"after", b"1").unwrap();
    assert_eq!(value(&store, b"kept"), Ok(Some(b"1".to_vec())));
    for index in 0..stored {
        assert_eq!(value(&store, &[index]), Ok(Some(vec![index; 20 * 1024])), "an acknowledged commit was lost");
    }
    store.check_integrity().unwrap();
}
