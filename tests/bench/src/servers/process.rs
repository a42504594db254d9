//! Servers under test: processes of their own, on a core of their own.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// The core that servers run on.
pub(crate) const SERVER_CORE: &str = "0";
/// The core that the load comes from.
pub(crate) const LOAD_CORE: &str = "1";
/// Both.
pub(crate) const ALL_CORES: &str = "0,1";

/// Keeps this program, all its threads, to some cores.
pub(crate) fn keep_to(cores: &str) -> anyhow::Result<()> {
    let own = std::process::id().to_string();
    let kept =
        Command::new("taskset").args(["-a", "-p", "-c", cores, &own]).output().context("taskset (util-linux)")?;
    anyhow::ensure!(kept.status.success(), "this needs two cores");
    Ok(())
}

impl Server {
    /// Starts a program that serves `address`, and waits for its first answer.
    pub(crate) fn start(program: &Path, arguments: &[String], address: SocketAddr) -> anyhow::Result<Self> {
        Self::start_on(SERVER_CORE, program, arguments, address)
    }

    /// The same on these cores.
    pub(crate) fn start_on(
        cores: &str,
        program: &Path,
        arguments: &[String],
        address: SocketAddr,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", cores]).arg(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("taskset (util-linux) is needed")?;
        let server = Self { child, address };
        let begun = Instant::now();
        while !answers(address) {
            anyhow::ensure!(begun.elapsed() < Duration::from_secs(30), "the server did not come up");
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(server)
    }

    /// `jeton serve` on `data`.
    pub(crate) fn jeton(data: &Path) -> anyhow::Result<Self> {
        Self::jeton_with(data, &[])
    }

    /// The same, with more options.
    pub(crate) fn jeton_with(data: &Path, options: &[&str]) -> anyhow::Result<Self> {
        Self::jeton_on(SERVER_CORE, data, &[&["--io-threads", "1"], options].concat())
    }

    /// The same on these cores, with as many I/O threads as the options say.
    pub(crate) fn jeton_on(cores: &str, data: &Path, options: &[&str]) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut arguments = ["serve", "--log-filter", "warn", "--data"].map(str::to_owned).to_vec();
        arguments.push(data.display().to_string());
        arguments.extend(["--listen".to_owned(), address.to_string()]);
        arguments.extend(options.iter().map(|option| (*option).to_owned()));
        Self::start_on(cores, &jeton()?, &arguments, address)
    }

    /// Processor seconds that it has used.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        // All threads, in nanoseconds: finer than the ticks of /proc/PID/stat.
        let mut total = 0_u64;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let line = fs::read_to_string(task?.path().join("schedstat"))?;
            total += line.split_whitespace().next().unwrap_or("0").parse::<u64>()?;
        }
        Ok(total as f64 / 1e9)
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Resident bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.split_whitespace().next().unwrap_or("0").parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether a request is answered with success. A socket accepts before its server does, so a connection alone says nothing.
fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = [0; 12];
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer == *b"HTTP/1.1 200"
}

/// The `jeton` that was built beside this program.
pub(crate) fn jeton() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("jeton");
    anyhow::ensure!(program.exists(), "{} is missing: run `cargo build --release` first", program.display());
    Ok(program)
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
