//! The live feed: a thousand edges while a hundred tokens are revoked a second, and ten thousand that wait for nothing.

use std::{
    cell::{Cell, RefCell},
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    rc::Rc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use http::Method;
use jeton::client::{Administrator, Connection};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::LocalSet,
    time::{Instant, interval},
};

use crate::{
    book::report::Report,
    measure::{Work, interleaved},
    servers::process::{LOAD_CORE, Server, jeton, keep_to},
};

const EDGES: usize = 1_000;
const REVOKED_PER_SECOND: u32 = 100;
const SECONDS: u32 = 10;
/// Deletions that the library hears of.
const DELETED: usize = 1_000;
const IDLE: usize = 10_000;
/// Connections of one address: the server bounds them.
const IDLE_PER_ADDRESS: usize = 1_000;
/// How often each idle edge has asked when memory is looked at: what a first answer leaves behind counts too.
const IDLE_ROUNDS: u32 = 2;

/// An edge: one connection, one request in flight.
struct Edge {
    stream: TcpStream,
    credential: String,
    sequence: u64,
    epoch: u64,
    answer: Vec<u8>,
}

/// What an answer said.
struct Told {
    is_change: bool,
    cuts: usize,
}

impl Edge {
    async fn connect(
        to: SocketAddr,
        from: Ipv4Addr,
        credential: &str,
        (sequence, epoch): (u64, u64),
    ) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(to).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, credential: credential.to_owned(), sequence, epoch, answer: Vec::new() })
    }

    /// Polls once.
    async fn poll(&mut self) -> anyhow::Result<Told> {
        let request = format!(
            "GET /v1/live?after={}&epoch={}&wait=2 HTTP/1.1\r\nhost: x\r\nauthorization: Basic {}\r\n\r\n",
            self.sequence, self.epoch, self.credential
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the server closed the connection");
            }
            let Some(end) = self.answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let (head, body) = self.answer.split_at(end + 4);
            let head = std::str::from_utf8(head)?;
            let length =
                head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
            if body.len() < length.context("an answer without its length")? {
                continue;
            }
            anyhow::ensure!(head.starts_with("HTTP/1.1 200"), "an unexpected answer: {head}");
            let document: Value = serde_json::from_slice(body)?;
            self.sequence = number(&document, "/sequence")?;
            let cuts = document.get("cuts").and_then(Value::as_array).map_or(0, Vec::len);
            return Ok(Told { is_change: document.get("base").is_some_and(|base| !base.is_null()), cuts });
        }
    }
}

/// What each of the figures is called on the command line.
const FIGURES: [&str; 3] = ["library", "busy", "idle"];

/// Takes all figures, or those that are asked for.
pub(crate) fn run(report: &mut Report, asked: &[&str]) -> anyhow::Result<()> {
    if let Some(unknown) = asked.iter().find(|asked| !FIGURES.contains(asked)) {
        bail!("there is no figure `{unknown}`: there are {}", FIGURES.join(", "));
    }
    let is_asked = |figure: &str| asked.is_empty() || asked.contains(&figure);
    keep_to(LOAD_CORE)?;
    raise_descriptor_limit();

    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let server = Server::jeton_with(&data, &["--max-connections", "12000"])?;
    let bootstrap = Command::new(jeton()?).args(["bootstrap", "--name", "figures", "--data"]).arg(&data).output()?;
    let token = String::from_utf8(bootstrap.stdout)?.trim().to_owned();
    let url = format!("http://{}", server.address);
    let administrator = Administrator::new(Connection::new(&url, None, false)?, &token)?;
    let make = |body: Value| -> anyhow::Result<(String, String)> {
        let made = administrator.call(Method::POST, "/v1/refresh-tokens", Some(&body))?;
        Ok((text(&made, "id")?, text(&made, "token")?))
    };
    let credentials = (0..EDGES)
        .map(|_| Ok(basic(&make(json!({ "name": "edge", "scopes": ["jeton:live"] }))?.1)))
        .collect::<anyhow::Result<Vec<String>>>()?;
    let doomed = (0..REVOKED_PER_SECOND * SECONDS)
        .map(|_| Ok(make(json!({ "name": "doomed" }))?.0))
        .collect::<anyhow::Result<Vec<String>>>()?;
    let exchanged = Connection::new(&url, None, false)?.exchange(&token, None, None)?;
    let access = text(&exchanged, "access_token")?;
    report.section("The live feed: edges that hear of every revocation");
    if is_asked("library") {
        library(report, &url, &administrator, &make)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        if is_asked("busy") {
            let start = held(&administrator)?;
            busy(report, &server, &credentials, &access, doomed, start).await?;
        }
        if is_asked("idle") {
            idle(report, &server, credentials.first().context("an edge")?, held(&administrator)?).await?;
        }
        Ok(())
    })
}

/// What the Rust library needs for a verdict, and how late it knows of a deletion.
fn library(
    report: &mut Report,
    url: &str,
    administrator: &Administrator,
    make: &impl Fn(Value) -> anyhow::Result<(String, String)>,
) -> anyhow::Result<()> {
    let credential = make(json!({ "name": "edge", "scopes": ["jeton:live"] }))?.1;
    let verifier = jeton_verifier::Verifier::builder(url).credential(credential).start()?;
    let exchange = |refresh: &str| -> anyhow::Result<String> {
        let exchanged = Connection::new(url, None, false)?.exchange(refresh, None, None)?;
        text(&exchanged, "access_token")
    };
    let token = exchange(&make(json!({ "name": "job" }))?.1)?;
    while verifier.verify(&token, None).is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let work: Work<'_> = Box::new(|calls| {
        for _ in 0..calls {
            std::hint::black_box(verifier.verify(&token, None).is_ok());
        }
    });
    let [hit] = *interleaved(9, 100_000, &mut [work]).as_slice() else { bail!("one figure") };
    report.row("`jeton-verifier`: a verdict on a token that was verified before", &format!("{hit:.0} ns"), "");
    let mut late = Vec::new();
    for _ in 0..DELETED {
        let (id, refresh) = make(json!({ "name": "doomed" }))?;
        let doomed = exchange(&refresh)?;
        anyhow::ensure!(verifier.verify(&doomed, None).is_ok(), "it is alive");
        administrator.call(Method::DELETE, &format!("/v1/refresh-tokens/{id}"), None)?;
        let deleted = std::time::Instant::now();
        while verifier.verify(&doomed, None).is_ok() {
            std::thread::sleep(Duration::from_micros(100));
        }
        late.push(deleted.elapsed().as_secs_f64() * 1e3);
    }
    late.sort_by(f64::total_cmp);
    let at = |place: usize| late.get(place).copied().unwrap_or(f64::NAN);
    report.row(
        "`jeton-verifier`: from the 204 of a deletion to its first refusal",
        &format!("{:.1} ms", at(late.len() / 2)),
        &format!("{:.0} ms worst of {}", at(late.len() - 1), late.len()),
    );
    Ok(())
}

/// The sequence and the epoch of the live set.
fn held(administrator: &Administrator) -> anyhow::Result<(u64, u64)> {
    let live = administrator.call(Method::GET, "/v1/live", None)?;
    Ok((number(&live, "/sequence")?, number(&live, "/epoch/number")?))
}

fn text(json: &Value, member: &'static str) -> anyhow::Result<String> {
    json.get(member).and_then(Value::as_str).map(str::to_owned).context(member)
}

fn number(json: &Value, pointer: &'static str) -> anyhow::Result<u64> {
    json.pointer(pointer).and_then(Value::as_u64).context(pointer)
}

async fn busy(
    report: &mut Report,
    server: &Server,
    credentials: &[String],
    access: &str,
    doomed: Vec<String>,
    start: (u64, u64),
) -> anyhow::Result<()> {
    let revoked: Rc<RefCell<Vec<Instant>>> = Rc::default();
    let heard: Rc<RefCell<Vec<Heard>>> = Rc::default();
    let answers = Rc::new(Cell::new(0_u64));
    let all = doomed.len();
    let mut edges = tokio::task::JoinSet::new();
    for credential in credentials {
        let mut edge = Edge::connect(server.address, Ipv4Addr::LOCALHOST, credential, start).await?;
        // Its credential is exchanged before anything is measured.
        let (heard, answers) = (Rc::clone(&heard), Rc::clone(&answers));
        edges.spawn_local(async move {
            let mut cuts = 0;
            while cuts < all {
                let told = edge.poll().await?;
                anyhow::ensure!(told.is_change, "a change was expected");
                answers.set(answers.get() + 1);
                if told.cuts > 0 {
                    heard.borrow_mut().push(Heard { revocations: cuts..cuts + told.cuts, at: Instant::now() });
                    cuts += told.cuts;
                }
            }
            anyhow::Ok(())
        });
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (cpu, begun, before) = (server.cpu_seconds()?, Instant::now(), answers.get());
    let mut pace = interval(Duration::from_secs(1) / REVOKED_PER_SECOND);
    let mut deleter = TcpStream::connect(server.address).await?;
    deleter.set_nodelay(true)?;
    for id in doomed {
        pace.tick().await;
        let request =
            format!("DELETE /v1/refresh-tokens/{id} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {access}\r\n\r\n");
        deleter.write_all(request.as_bytes()).await?;
        let mut answer = [0; 1024];
        let read = deleter.read(&mut answer).await?;
        anyhow::ensure!(
            answer.get(..read).is_some_and(|answer| answer.starts_with(b"HTTP/1.1 204")),
            "a deletion failed"
        );
        revoked.borrow_mut().push(Instant::now());
    }
    while let Some(edge) = edges.join_next().await {
        edge??;
    }
    let (seconds, used) = (begun.elapsed().as_secs_f64(), server.cpu_seconds()? - cpu);
    let mut late = latencies(&revoked.borrow(), &heard.borrow());
    late.sort_by(f64::total_cmp);
    let at = |share: f64| late.get(((late.len() - 1) as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    report.row(
        &format!("{EDGES} edges with a credential each, {REVOKED_PER_SECOND} revocations a second: processor of the authority"),
        &format!("{:.0} % of a core", used / seconds * 100.0),
        &format!("{:.0} answers/s", (answers.get() - before) as f64 / seconds),
    );
    report.row(
        "from the 204 of a revocation to an edge's answer",
        &format!("{:.0} ms", at(0.5)),
        &format!("{:.0} ms at 99.9 %, {:.0} ms worst of {}", at(0.999), at(1.0), late.len()),
    );
    Ok(())
}

/// An edge's answer. Revocations are heard of in the order in which they were made, so that counting says which.
struct Heard {
    revocations: std::ops::Range<usize>,
    at: Instant,
}

/// How late each edge heard of each revocation, in milliseconds.
fn latencies(revoked: &[Instant], heard: &[Heard]) -> Vec<f64> {
    let late = |Heard { revocations, at }: &Heard| {
        let those = revoked.get(revocations.clone()).unwrap_or_default();
        those.iter().map(|revoked| at.saturating_duration_since(*revoked).as_secs_f64() * 1e3).collect::<Vec<f64>>()
    };
    heard.iter().flat_map(late).collect()
}

async fn idle(report: &mut Report, server: &Server, credential: &str, start: (u64, u64)) -> anyhow::Result<()> {
    let before = server.resident()?;
    let polled = Rc::new(Cell::new(0_usize));
    let mut edges = tokio::task::JoinSet::new();
    for number in 0..IDLE {
        let address = Ipv4Addr::new(127, 0, 1, u8::try_from(number / IDLE_PER_ADDRESS)?);
        let mut edge = Edge::connect(server.address, address, credential, start).await?;
        let polled = Rc::clone(&polled);
        edges.spawn_local(async move {
            loop {
                edge.poll().await?;
                polled.set(polled.get() + 1);
            }
            #[allow(unreachable_code, reason = "it says what the error is")]
            anyhow::Ok(())
        });
    }
    while polled.get() < IDLE * IDLE_ROUNDS as usize {
        if let Some(ended) = edges.try_join_next() {
            ended??;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (cpu, begun) = (server.cpu_seconds()?, Instant::now());
    tokio::time::sleep(Duration::from_secs(4)).await;
    let used = (server.cpu_seconds()? - cpu) / begun.elapsed().as_secs_f64();
    let resident = server.resident()?.saturating_sub(before) as f64 / 1e6;
    report.row(
        &format!("{IDLE} requests that wait, no revocation: memory"),
        &format!("{resident:.0} MB"),
        &format!("{:.1} KB each, {:.0} % of a core", resident * 1e3 / IDLE as f64, used * 100.0),
    );
    Ok(())
}

fn basic(password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("edge:{password}"))
}

fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
