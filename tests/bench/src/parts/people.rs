//! People: what those who guess passwords cost everybody else, and the console's pages over a million refresh tokens.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use jeton::app::now;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::Instant,
};

use crate::{
    book::report::Report,
    load::is_whole,
    make::{Tokens, fill},
    measure::median,
    servers::process::{LOAD_CORE, Server, jeton, keep_to},
};

const PASSWORD: &str = "correct+horse+battery+staple";
/// Accounts whose names are guessed at, and as many names that nobody has.
const ACCOUNTS: u8 = 24;
/// Guesses at each name, which cost no wait yet.
const TRIES: u8 = 4;
const GUESSES: u32 = 10_000;
/// Guesses that are out at a time, each from an address of its own.
const AT_ONCE: u32 = 64;
/// How the system ranks the thread that guesses, on the core that the verdicts are asked for from.
const GUESSERS_NICENESS: i32 = 10;
/// Verdicts that are asked for in a row.
const VERDICTS: usize = 20_000;
/// Times that each page is loaded.
const LOADS: usize = 60;
const TOKENS: u32 = 1_000_000;

type Figure = fn(&mut Report) -> anyhow::Result<()>;

/// What each of them is called on the command line.
const FIGURES: [(&str, Figure); 2] = [("guesses", guesses), ("console", console)];

/// All of them, or those that are asked for.
pub(crate) fn run(report: &mut Report, asked: &[&str]) -> anyhow::Result<()> {
    if let Some(unknown) = asked.iter().find(|asked| !FIGURES.iter().any(|(name, _)| name == *asked)) {
        bail!("there is no figure `{unknown}`: there are {}", FIGURES.map(|(name, _)| name).join(", "));
    }
    keep_to(LOAD_CORE)?;
    report.section("People");
    FIGURES.iter().filter(|(name, _)| asked.is_empty() || asked.contains(name)).try_for_each(|(_, take)| take(report))
}

/// An answer: its status, its head, and its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    body: String,
}

impl Answer {
    fn expect(self, status: u16) -> anyhow::Result<Self> {
        ensure!(self.status == status, "an unexpected answer: {}", self.head);
        Ok(self)
    }
}

/// A connection, and the cookies of whoever sits at it.
pub(crate) struct Browser {
    stream: TcpStream,
    cookies: Vec<(String, String)>,
}

impl Browser {
    pub(crate) async fn from(address: Ipv4Addr, to: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((address, 0)))?;
        let stream = socket.connect(to).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, cookies: Vec::new() })
    }

    pub(crate) async fn send(&mut self, request: &str) -> anyhow::Result<Answer> {
        self.stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::with_capacity(32 * 1024);
        while !is_whole(&answer) {
            ensure!(self.stream.read_buf(&mut answer).await? > 0, "the server closed the connection");
        }
        let answer = String::from_utf8(answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("a head")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a status")?;
        for line in head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).context("a cookie")?;
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }

    pub(crate) fn head(&self) -> String {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("host: localhost\r\naccept: text/html\r\ncookie: {}\r\n", cookies.join("; "))
    }

    async fn get(&mut self, target: &str) -> anyhow::Result<Answer> {
        self.send(&format!("GET {target} HTTP/1.1\r\n{}\r\n", self.head())).await
    }

    /// The form token of a page.
    pub(crate) async fn form_token(&mut self, page: &str) -> anyhow::Result<String> {
        let shown = self.get(page).await?.expect(200)?;
        let token = shown.body.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        token.map(str::to_owned).context("a form")
    }

    async fn post(&mut self, target: &str, body: &str) -> anyhow::Result<Answer> {
        self.send(&form(target, &self.head(), body)).await
    }
}

pub(crate) fn form(target: &str, head: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\n{head}origin: http://localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Adds an account on the machine, and gives it a password as its owner would.
async fn account(browser: &mut Browser, data: &Path, name: &str) -> anyhow::Result<()> {
    let added = Command::new(jeton()?).args(["user", "add", name, "--role", "admin", "--data"]).arg(data).output()?;
    ensure!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let code = String::from_utf8(added.stdout)?;
    let token = browser.form_token("/console/code").await?;
    let fields = format!("form_token={token}&code={}&name={name}&password={PASSWORD}&again={PASSWORD}", code.trim());
    browser.post("/console/code", &fields).await?.expect(303).map(drop)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Whether the time of a refusal tells who is there, and what ten thousand guesses do to verdicts and memory.
fn guesses(report: &mut Report) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let bootstrap = Command::new(jeton()?).args(["bootstrap", "--name", "figures", "--data"]).arg(&data).output()?;
    let secret = String::from_utf8(bootstrap.stdout)?.trim().to_owned();
    let server = Server::jeton(&data)?;
    runtime()?.block_on(async {
        let mut owner = Browser::from(Ipv4Addr::LOCALHOST, server.address).await?;
        for number in 0..ACCOUNTS {
            account(&mut owner, &data, &format!("somebody{number}")).await?;
        }
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for number in 0..ACCOUNTS {
            for (names, times) in [("somebody", &mut known), ("nobody", &mut unknown)] {
                let from = Ipv4Addr::new(127, 1, number, if names == "nobody" { 1 } else { 2 });
                let mut guesser = Browser::from(from, server.address).await?;
                let token = guesser.form_token("/console/sign-in").await?;
                for _ in 0..TRIES {
                    let begun = Instant::now();
                    let fields = format!("form_token={token}&name={names}{number}&password=wrong+horse+battery");
                    guesser.post("/console/sign-in", &fields).await?.expect(403)?;
                    times.push(milliseconds(begun));
                }
            }
        }
        let (known, unknown) = (median(known), median(unknown));
        report.row("a wrong password for a name that nobody has", &format!("{unknown:.1} ms"), "");
        report.row(
            "a wrong password for a name that somebody has",
            &format!("{known:.1} ms"),
            &format!("{:.3} x", known / unknown),
        );

        let exchange = format!("grant_type=refresh_token&refresh_token={secret}");
        let exchanged = owner.post("/oauth2/token", &exchange).await?.expect(200)?;
        let access = exchanged.body.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let access = access.context("an access token")?.to_owned();
        let check = format!("GET /forward-auth HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {access}\r\n\r\n");
        let (alone, before) = (verdicts(&server, &check).await?, server.resident()?);
        // From threads of their own: who waits for a verdict does not wait for the guessers' turns as well.
        let address = server.address;
        let guessers = std::thread::spawn(move || {
            let _ = rustix::process::setpriority_process(None, GUESSERS_NICENESS);
            runtime()?.block_on(flood(address))
        });
        let meanwhile = verdicts(&server, &check).await?;
        ensure!(!guessers.is_finished(), "the guesses were over before the verdicts: more of them are needed");
        let (statuses, took) = guessers.join().map_err(|_| anyhow::anyhow!("the thread panicked"))??;
        let after = verdicts(&server, &check).await?;
        for (what, times) in [("before", &alone), ("while they are made", &meanwhile), ("after them", &after)] {
            report.row(
                &format!("a verdict over HTTP, {what}: the median; the 99th of a hundred"),
                &format!("{:.0} us; {:.0} us", times[0], times[1]),
                &format!("{:.2} x; {:.2} x before", times[0] / alone[0], times[1] / alone[1]),
            );
        }
        report.row(
            &format!("{GUESSES} guesses, {AT_ONCE} at a time, each from an address of its own"),
            &format!("{took:.1} s"),
            &statuses,
        );
        report.row(
            "memory of the server before them and after",
            &format!("{:.0} MB, {:.0} MB", before as f64 / 1e6, server.resident()? as f64 / 1e6),
            "",
        );
        Ok(())
    })
}

/// The guesses; what they were answered, and how many seconds they took.
async fn flood(address: SocketAddr) -> anyhow::Result<(String, f64)> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for worker in 0..AT_ONCE {
        tasks.spawn(async move {
            let mut visitor = Browser::from(Ipv4Addr::new(127, 2, 0, 1), address).await?;
            let token = visitor.form_token("/console/sign-in").await?;
            let head = visitor.head();
            let mut statuses = Vec::new();
            for guess in (worker..GUESSES).step_by(AT_ONCE as usize) {
                let [_, _, high, low] = guess.to_be_bytes();
                let mut guesser = Browser::from(Ipv4Addr::new(127, 3, high, low.max(1)), address).await?;
                let fields =
                    format!("form_token={token}&name=somebody{}&password=guess+{guess}", guess % u32::from(ACCOUNTS));
                statuses.push(guesser.send(&form("/console/sign-in", &head, &fields)).await?.status);
            }
            anyhow::Ok(statuses)
        });
    }
    let mut counts = std::collections::BTreeMap::new();
    while let Some(statuses) = tasks.join_next().await {
        statuses??.into_iter().for_each(|status| *counts.entry(status).or_insert(0) += 1);
    }
    let told: Vec<String> = counts.iter().map(|(status, count)| format!("{count} answered {status}")).collect();
    Ok((told.join(", "), begun.elapsed().as_secs_f64()))
}

/// The median and the 99th of a hundred, in microseconds, one after another over one connection.
async fn verdicts(server: &Server, check: &str) -> anyhow::Result<[f64; 2]> {
    let mut gateway = Browser::from(Ipv4Addr::LOCALHOST, server.address).await?;
    let mut times = Vec::with_capacity(VERDICTS);
    for _ in 0..VERDICTS {
        let begun = Instant::now();
        gateway.send(check).await?.expect(200)?;
        times.push(milliseconds(begun) * 1e3);
    }
    shares(times)
}

fn shares(mut times: Vec<f64>) -> anyhow::Result<[f64; 2]> {
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().context("samples");
    Ok([at(50)?, at(99)?])
}

/// Pages of the console over a million refresh tokens, against the same over a thousand.
fn console(report: &mut Report) -> anyhow::Result<()> {
    let pages = [
        ("the first page", "/console/tokens"),
        ("a filtered page", "/console/tokens?state=active&sort=name"),
        ("a search that finds", "/console/tokens?q=99990"),
        ("a search that finds nothing", "/console/tokens?q=zebra"),
        ("the overview", "/console"),
    ];
    let few = loaded(1_000, &pages)?;
    let many = loaded(TOKENS, &pages)?;
    for (((what, _), few), many) in pages.iter().zip(few).zip(many) {
        report.row(
            &format!("{what}, at {TOKENS} refresh tokens: the median; the 99th of a hundred"),
            &format!("{:.1} ms; {:.1} ms", many.times[0], many.times[1]),
            &format!("{:.2} x at 1,000; {} KB", many.times[0] / few.times[0], many.bytes / 1_000),
        );
    }
    Ok(())
}

/// How long a page took, in milliseconds, and how large it is.
struct Loaded {
    times: [f64; 2],
    bytes: usize,
}

fn loaded(tokens: u32, pages: &[(&str, &str)]) -> anyhow::Result<Vec<Loaded>> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let made = Command::new(jeton()?).args(["bootstrap", "--name", "first", "--data"]).arg(&data).output()?;
    ensure!(made.status.success(), "bootstrap failed");
    fill(&data, &Tokens::living(tokens, now()))?;
    let server = Server::jeton(&data)?;
    runtime()?.block_on(async {
        let mut root = Browser::from(Ipv4Addr::LOCALHOST, server.address).await?;
        account(&mut root, &data, "root").await?;
        let token = root.form_token("/console/sign-in").await?;
        let fields = format!("form_token={token}&name=root&password={PASSWORD}");
        root.post("/console/sign-in", &fields).await?.expect(303)?;
        let mut all = Vec::new();
        for (_, target) in pages {
            let mut times = Vec::new();
            let mut bytes = 0;
            for _ in 0..LOADS {
                let begun = Instant::now();
                bytes = root.get(target).await?.expect(200)?.body.len();
                times.push(milliseconds(begun));
            }
            // A server that has just begun to serve is not what is measured.
            times.remove(0);
            all.push(Loaded { times: shares(times)?, bytes });
        }
        Ok(all)
    })
}
