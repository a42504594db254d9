//! A disk that can fail, laid under a server: `durability/shim.c` says what it does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::place::Place;
use super::repository;
use super::server::Launch;

/// What the process that lost its power ends with.
pub(crate) const POWER_CUT: i32 = 99;

/// The disk under one place's data.
pub(crate) struct Disk {
    data: PathBuf,
    control: PathBuf,
}

impl Disk {
    /// The disk that holds a place's data. Whole until told otherwise.
    pub(crate) fn under(place: &Place) -> Disk {
        let control = place.path("disk");
        std::fs::create_dir_all(&control).expect("a folder for what the disk is told");
        // The shim compares with what the kernel says, which has no symbolic links in it.
        let folder = place.path("").canonicalize().expect("the place exists");
        Disk { data: folder.join("data"), control }
    }

    /// Lets a server keep its data here.
    pub(crate) fn carry(&self, launch: Launch) -> Launch {
        launch
            .environment("LD_PRELOAD", library())
            .environment("SHIM_DIR", &self.data)
            .environment("SHIM_CONTROL", &self.control)
    }

    /// The same for a command.
    pub(crate) fn carry_command<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("LD_PRELOAD", library()).env("SHIM_DIR", &self.data).env("SHIM_CONTROL", &self.control)
    }

    /// Says whether it is full.
    pub(crate) fn set_full(&self, full: bool) {
        self.set("full", full);
    }

    /// Says whether it fails to make anything durable.
    pub(crate) fn set_broken(&self, broken: bool) {
        self.set("broken", broken);
    }

    /// How often something was made durable on it.
    pub(crate) fn synchronisations(&self) -> u64 {
        std::fs::metadata(self.control.join("syncs")).map_or(0, |about| about.len())
    }

    fn set(&self, flag: &str, up: bool) {
        let path = self.control.join(flag);
        if up {
            std::fs::write(path, b"").expect("room for a flag");
        } else {
            std::fs::remove_file(path).expect("the flag is up");
        }
    }
}

/// The shim, compiled once for all tests.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("durability-shim-{}.so", std::process::id()));
        let source = repository("tests/durability/shim.c");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-pthread", "-o"])
            .arg(&path)
            .arg(source)
            .status();
        assert!(status.expect("a C compiler").success(), "the shim compiles");
        path
    })
}
