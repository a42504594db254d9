//! Every write, cut and synchronisation of a commit fails in turn, as a disk fails: under the library of
//! `tests/durability/shim.c`, in a process of its own.

use std::{env, fs, path::PathBuf, process::Command};

use jeton_store::{
    SqliteStore,
    conformance::{self, Breakable, Engine},
};

use crate::support::{Filed, Sqlite, eventually};

/// Where the library is told what to do; this process runs under it.
const CONTROL: &str = "SHIM_CONTROL";

/// SQLite on a disk with a fuse.
struct Fused {
    sqlite: Sqlite,
    fuse: PathBuf,
}

impl Engine for Fused {
    type Store = Filed;

    fn create(&self) -> Filed {
        self.sqlite.create()
    }

    fn reopen(&self, store: Filed) -> Option<Filed> {
        self.sqlite.reopen(store)
    }
}

/// The one way it fails: an I/O error, once.
#[derive(Debug, Clone, Copy)]
struct IoError;

impl Breakable for Fused {
    type Way = IoError;

    fn ways(&self) -> Vec<IoError> {
        vec![IoError]
    }

    fn break_at(&self, _: &Filed, step: u64, IoError: IoError) {
        fs::write(&self.fuse, vec![b'.'; usize::try_from(step).unwrap()]).unwrap();
    }

    fn mend(&self, store: Filed) -> (Filed, bool) {
        let has_struck = fs::metadata(&self.fuse).unwrap().len() == 0;
        fs::remove_file(&self.fuse).unwrap();
        // Where even opening it anew failed, reads bring it back.
        eventually("opening the store anew", || store.is_open());
        (store, has_struck)
    }
}

#[test]
fn a_commit_is_all_or_nothing_whichever_write_or_sync_fails() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, library) = (directory.path().canonicalize().unwrap(), directory.path().join("shim.so"));
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-pthread", "-o"])
        .arg(&library)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/durability/shim.c"))
        .status();
    assert!(compiled.unwrap().success(), "the shim must compile");
    let (data, control) = (folder.join("data"), folder.join("control"));
    fs::create_dir(&data).unwrap();
    fs::create_dir(&control).unwrap();
    let again = Command::new(env::current_exe().unwrap())
        .args(["--exact", "fuse::on_a_disk_with_a_fuse", "--ignored", "--nocapture", "--test-threads=1"])
        .env("LD_PRELOAD", &library)
        .env("TMPDIR", &data)
        .env("SHIM_DIR", &data)
        .env(CONTROL, &control)
        .status();
    assert!(again.unwrap().success());
}

#[test]
#[ignore = "runs in a process of its own, started by the test above"]
fn on_a_disk_with_a_fuse() {
    let fuse = PathBuf::from(env::var(CONTROL).unwrap()).join("fuse");
    let sqlite = Sqlite::new();
    // The library must be there, or nothing below proves anything.
    fs::write(&fuse, ".").unwrap();
    assert!(SqliteStore::open(&sqlite.directory().join("first.db")).is_err(), "the fuse is not under this process");
    conformance::a_commit_is_all_or_nothing_wherever_it_fails(&Fused { sqlite, fuse });
}
