//! A directory of its own for each test, the commands that run in it, and ports.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use super::server::Launch;

/// Where a server keeps its data, and what belongs to it. Gone with the test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: TempDir::with_prefix("jeton-test-").expect("a temporary directory") }
    }

    /// A file or folder beside the data.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The database in it.
    pub(crate) fn database(&self) -> PathBuf {
        self.data().join("jeton.db")
    }

    /// The binary, in this folder, with none of the environment's settings.
    pub(crate) fn jeton(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jeton"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        // Nor what whoever runs the tests has logged in to.
        command.env("XDG_CONFIG_HOME", self.path("config"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("JETON_")) {
            command.env_remove(name);
        }
        command
    }

    /// A server on this place's data, on a free port. It runs after [`Launch::start`].
    pub(crate) fn serve(&self) -> Launch {
        self.serve_on(free_port())
    }

    /// The same on this port.
    pub(crate) fn serve_on(&self, port: u16) -> Launch {
        let mut command = self.jeton(&["serve", "--data"]);
        // Talkative, so that what must not be in its output has every chance to be there.
        command
            .arg(self.data())
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .env("JETON_LOG_FILTER", "info,jeton=debug");
        Launch::new(command, port)
    }

    /// The same, with a root key that outlives it, and a stored epoch that goes on.
    pub(crate) fn serve_resuming(&self) -> Launch {
        self.serve_resuming_on(free_port())
    }

    /// The same on this port.
    pub(crate) fn serve_resuming_on(&self, port: u16) -> Launch {
        let key = self.root_key();
        self.serve_on(port).arguments(&["--boot", "resume", "--root-key-file"]).argument(&key)
    }

    /// This place's root key, made when first asked for.
    pub(crate) fn root_key(&self) -> PathBuf {
        let path = self.path("root-key");
        if !path.exists() {
            write_private(&path, &random_bytes::<32>());
        }
        path
    }

    /// An administrator's refresh token, as an operator makes it.
    pub(crate) fn bootstrap(&self) -> String {
        let output = self
            .jeton(&["bootstrap", "--name", "the administrator", "--data"])
            .arg(self.data())
            .output()
            .expect("jeton bootstrap runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a token is text").trim_end().to_owned()
    }
}

/// Runs a command to its end with something on its standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads its input");
    child.wait_with_output().expect("the command ends")
}

/// A file that only its owner may read.
pub(crate) fn write_private(path: &Path, content: &[u8]) {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.expect("a new file").write_all(content).expect("room for it");
}

/// Bytes that nobody can guess.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    use std::io::Read;
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .expect("the system has entropy");
    bytes
}

/// A port that nobody listens on, below those that the system gives to outgoing connections.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two runs of the tests at once begin at different ports.
    let first = 20_000 + u16::try_from(std::process::id() % 100).unwrap_or(0) * 100;
    loop {
        let port = 20_000 + (first - 20_000 + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
