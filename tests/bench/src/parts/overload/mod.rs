//! More than the server can do: verdicts go on, what is too much is refused at once, and afterwards all is as before.
//!
//! Verdicts are asked for from the same core as the load, by threads that go before it. All of a figure is taken in turns with
//! the same without load.

mod slow;

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    time::Duration,
};

use anyhow::{bail, ensure};
use jeton::app::now;
use serde_json::json;

use crate::{
    book::report::Report,
    load,
    load::flood::{Flood, Told},
    load::probe::{Gateway, Verdicts},
    make::{Tokens, fill},
    measure::median,
    parts::http::CONNECTIONS,
    parts::people::{Browser, form},
    servers::process::{LOAD_CORE, jeton, keep_to},
    servers::served::{Served, post},
};

/// Each figure is the median of so many.
pub(crate) const ROUNDS: usize = 5;
/// How long verdicts are asked for at a time.
pub(crate) const SPAN: Duration = Duration::from_millis(600);
/// How long a load runs before anything is measured under it.
pub(crate) const SETTLING: Duration = Duration::from_millis(200);
/// Verdicts that are asked for each second: some tenth of what the core could give.
const PER_SECOND: u32 = 2_000;
/// What the exchange is asked for beyond its capacity, from so many connections: more than may wait at a time.
const FACTORS: [(f64, usize); 2] = [(2.0, 2_000), (10.0, 6_000)];
/// Refresh tokens that the searches look through.
const TOKENS: u32 = 20_000;
/// Searches that are out at a time.
const SEARCHERS: usize = 600;
/// Guesses that are out at a time.
const GUESSERS: usize = 200;

type Figure = fn(&mut Report) -> anyhow::Result<()>;

/// What each of them is called on the command line.
const FIGURES: [(&str, Figure); 7] = [
    ("mixed", mixed),
    ("exchanges", exchanges),
    ("log-ins", log_ins),
    ("lists", lists),
    ("slow", slow::slow),
    ("idle", slow::idle),
    ("handshakes", slow::handshakes),
];

/// All of them, or those that are asked for.
pub(crate) fn run(report: &mut Report, asked: &[&str]) -> anyhow::Result<()> {
    if let Some(unknown) = asked.iter().find(|asked| !FIGURES.iter().any(|(name, _)| name == *asked)) {
        bail!("there is no figure `{unknown}`: there are {}", FIGURES.map(|(name, _)| name).join(", "));
    }
    keep_to(LOAD_CORE)?;
    raise_descriptor_limit();
    report.section("Overload, one I/O thread and everything else of the server on one core");
    report.text("Verdicts (forward-auth) a second; the median; the 99th of a hundred: 2,000 are asked for each second, over four connections.");
    FIGURES.iter().filter(|(name, _)| asked.is_empty() || asked.contains(name)).try_for_each(|(_, take)| take(report))
}

/// A server, and what is asked of it.
pub(crate) struct Site {
    pub(crate) served: Served,
    /// The request for a verdict.
    pub(crate) check: String,
    /// The access token that it is about.
    pub(crate) access: String,
    exchange: String,
    gateway: Gateway,
}

impl Site {
    pub(crate) fn new(served: Served) -> anyhow::Result<Self> {
        let job = served.make(&json!({"name": "job", "scopes": ["orders:read", "jeton:read"]}))?;
        let access = served.exchange(&job.secret)?;
        let check = format!("GET /forward-auth HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {access}\r\n\r\n");
        Ok(Self {
            gateway: Gateway::new(served.server.address, &check)?,
            check,
            exchange: post("/oauth2/token", "", &format!("grant_type=refresh_token&refresh_token={}", job.secret)),
            access,
            served,
        })
    }

    pub(crate) fn verdicts(&self) -> anyhow::Result<Verdicts> {
        self.gateway.ask(PER_SECOND, SPAN)
    }

    /// Exchanges a second, with nothing else to do.
    fn capacity(&self) -> anyhow::Result<f64> {
        let seen = load::run(self.served.server.address, self.exchange.as_bytes(), "HTTP/1.1 200", CONNECTIONS, SPAN)?;
        Ok(seen.requests as f64 / seen.seconds)
    }
}

/// What was seen of verdicts, without a load and under it, in turns.
#[derive(Default)]
pub(crate) struct Compared {
    alone: Vec<Verdicts>,
    under: Vec<Verdicts>,
    after: Vec<Verdicts>,
    /// Resident megabytes before each load, under it, and after it.
    resident: [Vec<f64>; 3],
}

impl Compared {
    /// One round with a load that `begin` begins and `end` ends.
    pub(crate) fn round<L, E>(
        &mut self,
        site: &Site,
        begin: impl FnOnce() -> anyhow::Result<L>,
        end: impl FnOnce(L) -> anyhow::Result<E>,
    ) -> anyhow::Result<E> {
        let resident = || anyhow::Ok(site.served.server.resident()? as f64 / 1e6);
        let [before, under, after] = &mut self.resident;
        self.alone.push(site.verdicts()?);
        before.push(resident()?);
        let load = begin()?;
        std::thread::sleep(SETTLING);
        self.under.push(site.verdicts()?);
        under.push(resident()?);
        let told = end(load)?;
        self.after.push(site.verdicts()?);
        after.push(resident()?);
        Ok(told)
    }

    /// Times the 99th of a hundred alone.
    pub(crate) fn slower(&self) -> f64 {
        Verdicts::median(&self.under).slow / Verdicts::median(&self.alone).slow
    }

    pub(crate) fn report(&self, report: &mut Report, what: &str) {
        let [alone, under, after] = [&self.alone, &self.under, &self.after].map(|rounds| Verdicts::median(rounds));
        let against =
            |seen: Verdicts| format!("{:.2} x; {:.2} x alone", seen.half / alone.half, seen.slow / alone.slow);
        report.row(&format!("verdicts before {what}"), &alone.to_string(), "");
        report.row(&format!("verdicts under {what}"), &under.to_string(), &against(under));
        report.row(&format!("verdicts at once after {what}"), &after.to_string(), &against(after));
        let [before, under, after] = self.resident.clone().map(median);
        let first = self.resident.first().and_then(|rounds| rounds.first()).copied().unwrap_or(f64::NAN);
        report.row(
            "resident memory before, under it, after",
            &format!("{before:.0} MB, {under:.0} MB, {after:.0} MB"),
            &format!("{first:.0} MB before the first"),
        );
    }

    /// Memory after the last load, against that after the first: what a load leaves behind is used by the next.
    fn growth(&self) -> f64 {
        let [_, _, after] = &self.resident;
        let at = |resident: Option<&f64>| resident.copied().unwrap_or(f64::NAN);
        at(after.last()) / at(after.first())
    }
}

/// Verdicts while exchanges keep the core busy.
fn mixed(report: &mut Report) -> anyhow::Result<()> {
    let site = Site::new(Served::start(&[])?)?;
    let (mut compared, mut told, mut capacity) = (Compared::default(), Told::default(), Vec::new());
    let to = site.served.server.address;
    for _ in 0..ROUNDS {
        capacity.push(site.capacity()?);
        told.add(compared.round(&site, || Flood::of(&site.exchange, to, CONNECTIONS, None), Flood::stop)?);
    }
    compared.report(report, "exchanges at capacity");
    let (capacity, rate) = (median(capacity), told.rate(&[200]));
    report.row("exchanges beside the verdicts", &format!("{rate:.0}/s"), &format!("{:.2} x alone", rate / capacity));
    report.keep("verify-p99-exchanges", compared.slower())
}

/// Exchanges at twice and ten times what can be done.
fn exchanges(report: &mut Report) -> anyhow::Result<()> {
    for (factor, connections) in FACTORS {
        let site = Site::new(Served::start(&[])?)?;
        let to = site.served.server.address;
        let (mut compared, mut told) = (Compared::default(), Told::default());
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let capacity = site.capacity()?;
            before.push(capacity);
            let flood = || Flood::of(&site.exchange, to, connections, Some(capacity * factor));
            let end = |flood: Flood| {
                let told = flood.stop()?;
                after.push(site.capacity()?);
                Ok(told)
            };
            told.add(compared.round(&site, flood, end)?);
        }
        ensure!(told.answers.keys().all(|status| matches!(status, 200 | 503)), "nobody is told anything else");
        let (before, after) = (median(before), median(after));
        compared.report(report, &format!("exchanges at {factor:.0} times capacity"));
        tell(report, &mut told, &[200], before);
        report.row(
            "exchanges a second after it, against before",
            &format!("{after:.0}/s"),
            &format!("{:.2} x", after / before),
        );
        if factor > 2.0 {
            report.keep("overload-10", compared.slower())?;
            report.keep("overload-shed-ms", told.slow_refusal())?;
            report.keep("overload-memory", compared.growth())?;
            report.keep("overload-after", after / before)?;
        } else {
            report.keep("overload-2", compared.slower())?;
        }
    }
    Ok(())
}

/// What a flood was told; `capacity` is what can be done in a second without it.
fn tell(report: &mut Report, told: &mut Told, done: &[u16], capacity: f64) {
    let (all, done) = (told.answers.values().sum::<u64>() as f64 / told.seconds, told.rate(done));
    report.row(
        "asked a second; done; refused with 503",
        &format!("{all:.0}/s; {done:.0}/s; {:.0}/s", told.rate(&[503])),
        &format!("{:.1} x; {:.2} x", all / capacity, done / capacity),
    );
    report.row("a refusal, the 99th of a hundred", &format!("{:.1} ms", told.slow_refusal()), "");
}

/// Passwords that are guessed, each from an address of its own: they wait for the one thread that hashes.
fn log_ins(report: &mut Report) -> anyhow::Result<()> {
    let site = Site::new(Served::start(&[])?)?;
    let to = site.served.server.address;
    // Until there is an account, nobody is asked for a password.
    let added = Command::new(jeton()?)
        .args(["user", "add", "root", "--role", "admin", "--data"])
        .arg(&site.served.data)
        .output()?;
    ensure!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let (mut compared, mut told) = (Compared::default(), Told::default());
    for round in 0..ROUNDS {
        told.add(compared.round(&site, || guesses(to, u8::try_from(round)?), Flood::stop)?);
    }
    ensure!(
        told.answers.keys().all(|status| matches!(status, 403 | 503)),
        "nobody is told anything else: {:?}",
        told.answers
    );
    compared.report(report, "guesses of passwords");
    report.row(
        "guesses a second: hashed; refused with 503",
        &format!("{:.0}/s; {:.0}/s", told.rate(&[403]), told.rate(&[503])),
        "",
    );
    report.row("a refusal, the 99th of a hundred", &format!("{:.1} ms", told.slow_refusal()), "");
    Ok(())
}

fn guesses(to: SocketAddr, round: u8) -> anyhow::Result<Flood> {
    let prepare = |to, _| async move {
        let mut visitor = Browser::from(Ipv4Addr::LOCALHOST, to).await?;
        let token = visitor.form_token("/console/sign-in").await?;
        Ok((visitor.head(), token))
    };
    Flood::start(to, GUESSERS, prepare, move |tide, place, (head, token): (String, String)| async move {
        let mut guess = u32::try_from(place)?;
        while tide.is_high() {
            let [_, high, middle, low] = guess.to_be_bytes();
            let from = Ipv4Addr::new(127, 16 + round * 16 + high, middle, low.max(1));
            let mut guesser = Browser::from(from, to).await?;
            let fields = format!("form_token={token}&name=nobody{guess}&password=guess+{guess}");
            let since = tokio::time::Instant::now();
            let answer = guesser.send(&form("/console/sign-in", &head, &fields)).await?;
            tide.told.borrow_mut().count(&answer.head, since)?;
            guess += u32::try_from(GUESSERS)?;
        }
        Ok(())
    })
}

/// Searches that find nothing, each through thousands of records.
fn lists(report: &mut Report) -> anyhow::Result<()> {
    let site = Site::new(Served::over(|data| fill(data, &Tokens::living(TOKENS, now())).map(drop))?)?;
    let to = site.served.server.address;
    let search = format!(
        "GET /v1/refresh-tokens?name_contains=zebra HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        site.access
    );
    let (mut compared, mut told, mut alone) = (Compared::default(), Told::default(), Vec::new());
    for _ in 0..ROUNDS {
        let seen = load::run(to, search.as_bytes(), "HTTP/1.1 200", 1, SPAN)?;
        alone.push(seen.requests as f64 / seen.seconds);
        let flood = || Flood::of(&search, to, SEARCHERS, Some(SEARCHERS as f64 * 4.0));
        told.add(compared.round(&site, flood, Flood::stop)?);
    }
    ensure!(told.answers.keys().all(|status| matches!(status, 200 | 503)), "nobody is told anything else");
    compared.report(report, "searches");
    tell(report, &mut told, &[200], median(alone));
    Ok(())
}

fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
