//! The server over HTTP, against its own fixed reply and a bare one of hyper's.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;

use crate::{
    book::report::Report,
    limits,
    load::{self, Seen, is_whole},
    measure::median,
    servers::process::{self, Server, free_address},
    servers::served::{Served, post},
};

const ROUNDS: usize = 9;
const SPAN: Duration = Duration::from_millis(1000);
pub(crate) const CONNECTIONS: usize = 32;

/// One kind of request, sent to one server.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    request: Vec<u8>,
    status: &'static str,
    per_second: Vec<f64>,
    cpu: Vec<f64>,
}

impl Kind {
    pub(crate) fn new(name: &'static str, request: String, status: &'static str) -> Self {
        Self { name, request: request.into_bytes(), status, per_second: Vec::new(), cpu: Vec::new() }
    }

    pub(crate) fn round(&mut self, server: &Server, connections: usize, span: Duration) -> anyhow::Result<()> {
        let before = server.cpu_seconds()?;
        let Seen { requests, seconds } = load::run(server.address, &self.request, self.status, connections, span)?;
        let used = server.cpu_seconds()? - before;
        self.per_second.push(requests as f64 / seconds);
        self.cpu.push(used * 1e6 / requests as f64);
        Ok(())
    }

    /// Requests a second, the median.
    pub(crate) fn rate(&self) -> f64 {
        median(self.per_second.clone())
    }

    /// Requests a second of the last round.
    pub(crate) fn last_rate(&self) -> f64 {
        self.per_second.last().copied().unwrap_or(f64::NAN)
    }

    /// Microseconds of the server's processor that one takes, the median.
    pub(crate) fn cpu(&self) -> f64 {
        median(self.cpu.clone())
    }
}

/// What is asked of Jeton, and of what is given the same request and answers with the same bytes at once.
struct Compared {
    kind: Kind,
    fixed: (Server, Kind),
    bare: (Server, Kind),
}

impl Compared {
    fn new(served: &Served, dir: &Path, name: &'static str, request: &str) -> anyhow::Result<Self> {
        let answer = recorded(served.server.address, request, &dir.join(name))?;
        let start = |word: &str, name| -> anyhow::Result<(Server, Kind)> {
            let address = free_address()?;
            let arguments = [word.to_owned(), address.port().to_string(), answer.display().to_string()];
            let server = Server::start(&std::env::current_exe()?, &arguments, address)?;
            Ok((server, Kind::new(name, request.to_owned(), "HTTP/1.1 200")))
        };
        Ok(Self {
            kind: Kind::new(name, request.to_owned(), "HTTP/1.1 200"),
            fixed: start("fixed-reply", "the same bytes from the same listener and connection code")?,
            bare: start("bare-reply", "the same bytes from hyper alone")?,
        })
    }

    fn round(&mut self, server: &Server) -> anyhow::Result<()> {
        self.kind.round(server, CONNECTIONS, SPAN)?;
        self.fixed.1.round(&self.fixed.0, CONNECTIONS, SPAN)?;
        self.bare.1.round(&self.bare.0, CONNECTIONS, SPAN)
    }

    /// Of the fixed reply's requests a second, and times the bare reply's processor time.
    fn ratios(&self) -> [f64; 2] {
        [self.kind.rate() / self.fixed.1.rate(), self.kind.cpu() / self.bare.1.cpu()]
    }

    fn report(&self, report: &mut Report) {
        let said = |kind: &Kind| format!("{:.0}/s, {:.1} us CPU", kind.rate(), kind.cpu());
        let [rate, bare] = self.ratios();
        let fixed = self.kind.cpu() / self.fixed.1.cpu();
        let ratio =
            format!("{rate:.2} of the fixed reply's requests/s; CPU {fixed:.2} x its, {bare:.2} x the bare one's");
        report.row(self.kind.name, &said(&self.kind), &ratio);
        report.row(&format!("{}: {}", self.kind.name, self.fixed.1.name), &said(&self.fixed.1), "");
        report.row(&format!("{}: {}", self.kind.name, self.bare.1.name), &said(&self.bare.1), "");
    }
}

/// Introspection, forward-auth and exchange; introspection with two I/O threads.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    // The load keeps to the other core.
    process::keep_to(process::LOAD_CORE)?;
    let dir = tempfile::tempdir()?;
    let served = Served::start(&[])?;
    let job = served
        .make(&json!({"name": "job", "owner": "alice@example.com", "scopes": ["orders:read", "orders:write"]}))?;
    let checker = served.make(&json!({"name": "resource server", "scopes": ["jeton:introspect"]}))?;
    let (subject, caller) = (served.exchange(&job.secret)?, served.exchange(&checker.secret)?);

    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    let introspect = post("/oauth2/introspect", &bearer(&caller), &format!("token={subject}"));
    let forward = format!("GET /forward-auth HTTP/1.1\r\nhost: x\r\n{}\r\n", bearer(&subject));
    let exchange = post("/oauth2/token", "", &format!("grant_type=refresh_token&refresh_token={}", job.secret));
    let compared = |name, request: &str| Compared::new(&served, dir.path(), name, request);
    let mut introspect_compared = compared("introspection", &introspect)?;
    let mut forward = compared("forward-auth", &forward)?;
    let mut exchange = compared("exchange", &exchange)?;
    for _ in 0..ROUNDS {
        introspect_compared.round(&served.server)?;
        forward.round(&served.server)?;
        exchange.round(&served.server)?;
    }
    let [signature, read] = limits::signature_and_read(dir.path())?;
    report.section("HTTP, one I/O thread on a core of its own, 32 keep-alive connections from the other");
    report.text("The same request is answered by Jeton; by the same listener and connection code with a fixed reply; and by hyper as it comes with a fixed reply. All three read the body whole, and the replies are the bytes that Jeton gave.");
    for (compared, names) in [
        (&introspect_compared, Some(["introspect-rate", "introspect-cpu"])),
        (&forward, Some(["forward-auth-rate", "forward-auth-cpu"])),
        (&exchange, None),
    ] {
        compared.report(report);
        for (name, ratio) in names.into_iter().flatten().zip(compared.ratios()) {
            report.keep(name, ratio)?;
        }
    }
    report.row("an Ed25519 signature, natively", &format!("{:.1} us", signature / 1e3), "");
    report.row("a read by primary key in SQLite", &format!("{:.1} us", read / 1e3), "");
    let least = exchange.bare.1.cpu() + (signature + read) / 1e3;
    let ratio = exchange.kind.cpu() / least;
    report.row(
        "exchange, against a bare reply, a signature and a read",
        &format!("{least:.1} us"),
        &format!("{ratio:.2} x"),
    );
    report.keep("exchange-cpu", ratio)?;
    drop((served, introspect_compared, forward, exchange));
    two_threads(report)
}

/// Introspection with one and with two I/O threads, which share both cores with the load.
fn two_threads(report: &mut Report) -> anyhow::Result<()> {
    process::keep_to(process::ALL_CORES)?;
    let mut sides = Vec::new();
    for (threads, name) in [("1", "introspection, one I/O thread"), ("2", "introspection, two I/O threads")] {
        let served = Served::start_on(process::ALL_CORES, threads)?;
        let job = served.make(&json!({"name": "job", "scopes": ["orders:read"]}))?;
        let checker = served.make(&json!({"name": "resource server", "scopes": ["jeton:introspect"]}))?;
        let (subject, caller) = (served.exchange(&job.secret)?, served.exchange(&checker.secret)?);
        let bearer = format!("authorization: Bearer {caller}\r\n");
        let request = post("/oauth2/introspect", &bearer, &format!("token={subject}"));
        sides.push((served, Kind::new(name, request, "HTTP/1.1 200")));
    }
    for _ in 0..ROUNDS {
        for (served, kind) in &mut sides {
            kind.round(&served.server, CONNECTIONS, SPAN)?;
        }
    }
    let [(_, one), (_, two)] = sides.as_slice() else { anyhow::bail!("two sides") };
    let ratio = two.cpu() / one.cpu();
    report.text("Server and load share both cores:");
    report.row(one.name, &format!("{:.0}/s, {:.1} us CPU", one.rate(), one.cpu()), "");
    report.row(two.name, &format!("{:.0}/s, {:.1} us CPU", two.rate(), two.cpu()), &format!("{ratio:.2} x its CPU"));
    report.keep("two-threads", ratio)?;
    process::keep_to(process::LOAD_CORE)
}

/// Sends a request and writes down the answer as it came.
fn recorded(to: SocketAddr, request: &str, file: &Path) -> anyhow::Result<PathBuf> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(request.as_bytes())?;
    let (mut answer, mut filled) = (vec![0; 16 * 1024], 0);
    while !is_whole(answer.get(..filled).unwrap_or_default()) {
        let read = stream.read(answer.get_mut(filled..).context("the answer is too large")?)?;
        anyhow::ensure!(read > 0, "the server closed the connection");
        filled += read;
    }
    fs::write(file, answer.get(..filled).unwrap_or_default())?;
    Ok(file.to_owned())
}
