//! Hostile policies: how much later everybody else is answered while somebody's requests make a policy loop, trap, recurse or take memory.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use jeton::{config::ServeOptions, policy_files::Trial};

use crate::{
    book::report::Report,
    component::{Behaviour, Forgery, SHORT, forge},
    load::is_whole,
    servers::process::{Server, free_address, jeton},
};

/// Rounds, each once without anybody hostile and once with.
const ROUNDS: usize = 6;
const SPAN: Duration = Duration::from_secs(1);
/// Connections of everybody else for each kind of request, and how long each of them rests between two.
const CONNECTIONS: usize = 4;
const PAUSE: Duration = Duration::from_millis(5);
/// Connections that whoever is hostile uses in turn: threads accept connections each for itself, and so each has some of these.
const HOSTILE_CONNECTIONS: usize = 8;

/// What a policy does where it means harm.
const HARM: [(&str, &Behaviour); 4] = [
    ("loops", &Behaviour::Loops),
    ("traps", &Behaviour::Traps),
    ("recurses", &Behaviour::Recurses),
    ("takes all memory", &Behaviour::GrowsTo(0)),
];
/// About ten milliseconds. A verifier may take 250 to load a live set, and a thread loads one anew after each failure.
const SLOW_LOAD: Behaviour = Behaviour::HoldsAfter(20_000_000);

const LOAD: &str = "jeton:policy/verification@0.1.0#load";
const VERIFY: &str = "jeton:policy/verification@0.1.0#verify";
/// What an authority is asked before and beside what is measured.
const UPKEEP: [&str; 7] = [
    "jeton:policy/configuration@0.1.0#configure",
    "jeton:policy/epochs@0.1.0#begin",
    "jeton:policy/live@0.1.0#snapshot",
    "jeton:policy/upkeep@0.1.0#read-clock",
    "jeton:policy/upkeep@0.1.0#sweep",
    "jeton:policy/upkeep@0.1.0#open-uses",
    "jeton:policy/upkeep@0.1.0#close-uses",
];
const EXCHANGE: &str = "jeton:policy/exchange@0.1.0#exchange";

/// A request, and the answer that it must have.
#[derive(Clone)]
struct Ask {
    name: &'static str,
    request: Vec<u8>,
    status: &'static str,
}

/// `jeton serve` with policies that were not tried, which no option of it does. The bench starts itself for it.
pub(crate) fn serve(data: &str, address: &str, policies: &[&str]) -> anyhow::Result<()> {
    let options = ServeOptions {
        data: Some(data.into()),
        listen: Some(address.parse()?),
        policy: Some(policies.iter().map(Into::into).collect()),
        io_threads: Some(2),
        ..ServeOptions::default()
    };
    Ok(jeton::serve::run_trying(&options.resolve()?, Trial::None)?)
}

/// Everybody else's verdicts and exchanges while verdicts do harm, and their verdicts while exchanges do.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    report.section("Policies that mean harm: two I/O threads, one harmful request at any time");
    report.text(
        "A verifier, then an authority, that does harm where it is asked about a certain token. Everybody else asks 200 times a second on each of \
         some connections to both threads; whoever is hostile sends one request after another, each followed by a harmless one, since a verifier \
         that fails three times in a row rests. The middle column is how long everybody else waits, in the right one how much longer than in the \
         turns without anybody hostile.",
    );
    for (name, harm) in HARM {
        verdicts(report, &format!("a verdict {name}"), harm, Behaviour::Holds)?;
    }
    verdicts(report, "a verdict traps, and to load takes 10 ms", &Behaviour::Traps, SLOW_LOAD)?;
    HARM.into_iter().try_for_each(|(name, harm)| exchanges(report, &format!("an exchange {name}"), *harm))
}

/// A verifier that does harm for some tokens. The authority is the shipped one.
fn verdicts(report: &mut Report, what: &str, harm: &'static Behaviour, load: Behaviour) -> anyhow::Result<()> {
    let behaviours = [(LOAD, load), (VERIFY, Behaviour::OnShort(harm))];
    let verifier = forge(Forgery { world: "verifier", behaviours: &behaviours, epoch: 1, opens_sockets: false });
    let dir = tempfile::tempdir()?;
    let server = start(dir.path(), &[("verifier.wasm", verifier)])?;
    let data = dir.path().join("data");
    let bootstrap = Command::new(jeton()?).args(["bootstrap", "--name", "figures", "--data"]).arg(data).output()?;
    let token = String::from_utf8(bootstrap.stdout)?;
    let others = [harmless_verdict(), exchange("exchange", token.trim(), "HTTP/1.1 200")];
    let harmful = [verdict("harm", &"x".repeat(SHORT - 1), "HTTP/1.1 503"), harmless_verdict()];
    compare(report, what, server.address, &others, &harmful)
}

/// An authority that does harm in every exchange, and a verifier that takes whatever it makes for a live set.
fn exchanges(report: &mut Report, what: &str, harm: Behaviour) -> anyhow::Result<()> {
    let forged =
        |world, behaviours: &[(&str, Behaviour)]| forge(Forgery { world, behaviours, epoch: 1, opens_sockets: false });
    let upkeep = UPKEEP.map(|name| (name, Behaviour::Zeros));
    let authority = forged("authority", &[&[(EXCHANGE, harm)][..], &upkeep].concat());
    let verifier = forged("verifier", &[(LOAD, Behaviour::Holds), (VERIFY, Behaviour::Refuses)]);
    let dir = tempfile::tempdir()?;
    let server = start(dir.path(), &[("authority.wasm", authority), ("verifier.wasm", verifier)])?;
    let harmful = [exchange("harm", "anything", "HTTP/1.1 503")];
    compare(report, what, server.address, &[harmless_verdict()], &harmful)
}

fn start(dir: &Path, policies: &[(&str, Vec<u8>)]) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut arguments = vec!["serve-untried".to_owned(), dir.join("data").display().to_string(), address.to_string()];
    for (name, component) in policies {
        let path = dir.join(name);
        std::fs::write(&path, component)?;
        arguments.push(path.display().to_string());
    }
    Server::start_on("0,1", &std::env::current_exe()?, &arguments, address)
}

fn verdict(name: &'static str, token: &str, status: &'static str) -> Ask {
    let request = format!("GET /forward-auth HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    Ask { name, request: request.into_bytes(), status }
}

fn harmless_verdict() -> Ask {
    verdict("verdict", &"x".repeat(SHORT), "HTTP/1.1 401")
}

fn exchange(name: &'static str, token: &str, status: &'static str) -> Ask {
    let body = format!("grant_type=refresh_token&refresh_token={token}");
    let request = format!(
        "POST /oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    Ask { name, request: request.into_bytes(), status }
}

/// A row for each kind of request of everybody else.
fn compare(report: &mut Report, what: &str, to: SocketAddr, others: &[Ask], harmful: &[Ask]) -> anyhow::Result<()> {
    let (mut without, mut with) = (vec![Vec::new(); others.len()], vec![Vec::new(); others.len()]);
    let mut harmed = 0;
    for _ in 0..ROUNDS {
        turn(to, others, &[], &mut without)?;
        harmed += turn(to, others, harmful, &mut with)?;
    }
    ensure!(harmed >= ROUNDS, "nobody was hostile");
    for ((ask, without), with) in others.iter().zip(without).zip(with) {
        let (without, with) = (Quantiles::of(without)?, Quantiles::of(with)?);
        let Quantiles { median, p99, worst } = with;
        report.row(
            &format!("{what} ({harmed} times): {} of everybody else", ask.name),
            &format!("{median:.2} ms, p99 {p99:.2} ms, worst {worst:.2} ms"),
            &format!(
                "{:+.2} ms, p99 {:+.2} ms, worst {:+.2} ms",
                median - without.median,
                p99 - without.p99,
                worst - without.worst
            ),
        );
    }
    Ok(())
}

/// Milliseconds.
struct Quantiles {
    median: f64,
    p99: f64,
    worst: f64,
}

impl Quantiles {
    fn of(mut times: Vec<f64>) -> anyhow::Result<Self> {
        times.sort_by(f64::total_cmp);
        let at = |rank: usize| times.get(rank).copied().context("nobody was answered");
        Ok(Self { median: at(times.len() / 2)?, p99: at(times.len() * 99 / 100)?, worst: at(times.len().max(1) - 1)? })
    }
}

/// Everybody else asks for a while, and meanwhile one asks what is `harmful`, again and again; gives how often.
fn turn(to: SocketAddr, others: &[Ask], harmful: &[Ask], times: &mut [Vec<f64>]) -> anyhow::Result<usize> {
    let until = Instant::now() + SPAN;
    thread::scope(|scope| {
        let hostile = scope.spawn(|| harm(to, harmful, until));
        let threads: Vec<_> = (others.iter().zip(0..))
            .flat_map(|(ask, kind)| (0..CONNECTIONS).map(move |_| (ask, kind)))
            .map(|(ask, kind): (&Ask, usize)| (kind, scope.spawn(move || wait(to, ask, until))))
            .collect();
        for (kind, thread) in threads {
            let waited = thread.join().map_err(|_| anyhow::anyhow!("a caller failed"))??;
            times.get_mut(kind).context("a kind of request")?.extend(waited);
        }
        hostile.join().map_err(|_| anyhow::anyhow!("the hostile caller failed"))?
    })
}

/// How long the answers took on one connection.
fn wait(to: SocketAddr, ask: &Ask, until: Instant) -> anyhow::Result<Vec<f64>> {
    let mut stream = connect(to)?;
    let mut times = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        send(&mut stream, ask)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        thread::sleep(PAUSE);
    }
    Ok(times)
}

/// Goes through what does harm on each of some connections in turn. The last call is waited for: what comes next is measured without it.
fn harm(to: SocketAddr, harmful: &[Ask], until: Instant) -> anyhow::Result<usize> {
    if harmful.is_empty() {
        return Ok(0);
    }
    let mut streams = (0..HOSTILE_CONNECTIONS).map(|_| connect(to)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut times = 0;
    while Instant::now() < until {
        for stream in &mut streams {
            harmful.iter().try_for_each(|ask| send(stream, ask))?;
            times += 1;
            if Instant::now() >= until {
                break;
            }
        }
    }
    Ok(times)
}

fn connect(to: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(to).context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn send(stream: &mut TcpStream, ask: &Ask) -> anyhow::Result<()> {
    stream.write_all(&ask.request)?;
    let (mut answer, mut filled) = ([0; 8 * 1024], 0);
    while !is_whole(answer.get(..filled).unwrap_or_default()) {
        let read = stream.read(answer.get_mut(filled..).context("the answer is too large")?)?;
        ensure!(read > 0, "the server closed the connection");
        filled += read;
    }
    let answer = answer.get(..filled).unwrap_or_default();
    ensure!(answer.starts_with(ask.status.as_bytes()), "an unexpected answer: {}", String::from_utf8_lossy(answer));
    Ok(())
}
