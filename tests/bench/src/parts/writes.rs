//! Writes over HTTP, acknowledged once they are on the disk, against the same rows and against an empty commit by the engine alone.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use http::Method;
use jeton::app::now;
use serde_json::{Value, json};

use crate::{
    book::report::Report,
    limits::Commits,
    limits::replay::{Engine, Mark, Recording},
    load::calls::Caller,
    make::{Tokens, fill},
    measure::median,
    parts::http::Kind,
    servers::process::{self, LOAD_CORE, free_address},
    servers::served::Served,
};

const ROUNDS: usize = 7;
const SPAN: Duration = Duration::from_secs(1);
/// Writes alone, and revokes of each kind, in turns with empty commits.
const ALONE: usize = 300;
const REVOKES: u64 = 31;
/// Refresh tokens below one that is revoked, at a hundred living access tokens each.
const CHILDREN: u32 = 10_000;
/// Refresh tokens of one batch: the most that a call takes.
const BATCH: u32 = 1_000;
const BATCHES: u32 = 9;
/// Refresh tokens that are imported natively.
const IMPORTED: u32 = 100_000;

/// Creations by many and by one, revokes, batches and imports.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    process::keep_to(LOAD_CORE)?;
    report.section("Writes: acknowledged once they are on the disk");
    report.text(
        "Against the rows that a creation writes, written again by SQLite alone with the same durability, as many creations in a transaction as \
         had shared a commit; and against a commit of one small row by SQLite alone, on the same disk, in turns.",
    );
    creations(report)?;
    alone(report)?;
    batches(report)?;
    imports(report)
}

/// A server, whoever administers it, and what is on its disk.
struct Side {
    served: Served,
    bearer: String,
    database: PathBuf,
}

impl Side {
    fn of(served: Served) -> anyhow::Result<Self> {
        let bearer = format!("authorization: Bearer {}\r\n", served.exchange(&served.secret)?);
        let database = served.data.join("jeton.db");
        Ok(Self { served, bearer, database })
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\n{}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.bearer,
            body.len()
        )
    }

    fn create(&self) -> String {
        self.request("POST", "/v1/refresh-tokens", &json!({"name": "made for figures"}).to_string())
    }

    fn caller(&self) -> anyhow::Result<Caller> {
        Caller::connect(self.served.server.address)
    }
}

/// Creations by one client and by 64, and those of the 64 written again.
fn creations(report: &mut Report) -> anyhow::Result<()> {
    let (dir, metrics) = (tempfile::tempdir()?, free_address()?);
    let side = Side::of(Served::start(&["--metrics-listen", &metrics.to_string()])?)?;
    let mut engine = Engine::open(&dir.path().join("again.db"))?;
    let mut one = Kind::new("creation, one client", side.create(), "HTTP/1.1 201");
    let mut many = Kind::new("creation, 64 clients", side.create(), "HTTP/1.1 201");
    let (mut again, mut ratios, mut shared, mut rows) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        one.round(&side.served.server, 1, SPAN)?;
        let (mark, before) = (Mark::of(&side.database)?, Counted::by(metrics)?);
        many.round(&side.served.server, 64, SPAN)?;
        let group = Counted::by(metrics)?.group_since(&before);
        let recording = Recording::since(&side.database, mark)?;
        rows = recording.rows_each();
        let rate = recording.len() as f64 / engine.write(&recording, group.round() as usize)?;
        ratios.push(many.last_rate() / rate);
        again.push(rate);
        shared.push(group);
    }
    let (single, together) = (one.rate(), many.rate());
    report.row(one.name, &format!("{single:.0}/s"), "");
    let commits = format!("{:.1} x one client: {:.0} of them share a commit", together / single, median(shared));
    report.row(many.name, &format!("{together:.0}/s, {:.0} us CPU", many.cpu()), &commits);
    let ratio = median(ratios);
    report.row(
        &format!("the same rows, {rows} for each creation, by the engine alone"),
        &format!("{:.0}/s", median(again)),
        &format!("{ratio:.2} of them are made over HTTP"),
    );
    report.keep("creates", ratio)
}

/// What the server counted.
struct Counted {
    commits: f64,
    groups: f64,
}

impl Counted {
    fn by(metrics: SocketAddr) -> anyhow::Result<Self> {
        let mut page = String::new();
        let mut stream = TcpStream::connect(metrics)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        stream.read_to_string(&mut page)?;
        let of = |name: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|figure| figure.trim().parse().ok()).context("a metric")
        };
        Ok(Self { commits: of("jeton_store_commits_total")?, groups: of("jeton_store_groups_total")? })
    }

    /// Commits that shared one, on average.
    fn group_since(&self, before: &Self) -> f64 {
        (self.commits - before.commits) / (self.groups - before.groups).max(1.0)
    }
}

/// One write at a time against an empty commit, in turns: a creation; a revoke of what has nothing below it, and of what a million
/// access tokens descend from.
fn alone(report: &mut Report) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let commits = Commits::open(dir.path())?;
    let side = Side::of(Served::over(|data| fill(data, &Tokens::living(1_000, now())).map(drop))?)?;
    // Before anything is timed, for the log of the server as well: see [`Commits::open`].
    let pairs = (0..REVOKES).map(|round| parent_and_lone(&side, round)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut caller = side.caller()?;
    let create = side.create();
    let (mut empty, mut created) = (Vec::new(), Vec::new());
    for _ in 0..ALONE {
        empty.push(timed(&commits)?);
        created.push(caller.timed(&create, "201")?);
    }
    let (empty, created) = (median(empty), median(created));
    report.row("an empty durable commit by the engine alone", &format!("{:.2} ms", empty / 1e3), "");
    report.row(
        "a creation alone",
        &format!("{:.2} ms", created / 1e3),
        &format!("{:.2} x the empty commit", created / empty),
    );
    revokes(report, &side, &commits, pairs)
}

/// A refresh token above [`CHILDREN`] others, and one above none.
fn parent_and_lone(side: &Side, round: u64) -> anyhow::Result<[String; 2]> {
    let parent = side.served.make(&json!({"name": "parent"}))?.id;
    let tokens = Tokens::living(CHILDREN, now() - 100_000 * (round + 1));
    for first in (1..=CHILDREN).step_by(BATCH as usize) {
        let items: Vec<Value> = (first..first + BATCH).map(|number| item(&tokens, number, Some(&parent))).collect();
        imported(side, &items)?;
    }
    Ok([parent, side.served.make(&json!({"name": "alone"}))?.id])
}

fn revokes(report: &mut Report, side: &Side, commits: &Commits, pairs: Vec<[String; 2]>) -> anyhow::Result<()> {
    let mut caller = side.caller()?;
    let (mut empty, mut below_nothing, mut above_many) = (Vec::new(), Vec::new(), Vec::new());
    for [parent, lone] in pairs {
        let mut revoke =
            |id: &str| caller.timed(&side.request("DELETE", &format!("/v1/refresh-tokens/{id}"), ""), "204");
        empty.push(timed(commits)?);
        below_nothing.push(revoke(&lone)?);
        above_many.push(revoke(&parent)?);
    }
    let (empty, lone, many) = (median(empty), median(below_nothing), median(above_many));
    report.row("an empty durable commit, in turns with them", &format!("{:.2} ms", empty / 1e3), "");
    report.row(
        "a revoke of what has nothing below it",
        &format!("{:.2} ms", lone / 1e3),
        &format!("{:.2} x the empty commit", lone / empty),
    );
    report.row(
        &format!("a revoke above {CHILDREN} refresh tokens, so above 1,000,000 living access tokens at a hundred each"),
        &format!("{:.2} ms", many / 1e3),
        &format!("{:.2} x the empty commit, {:.2} x the other", many / empty, many / lone),
    );
    report.keep("revoke", many / empty)
}

/// Microseconds.
fn timed(commits: &Commits) -> anyhow::Result<f64> {
    let begun = Instant::now();
    commits.commit()?;
    Ok(begun.elapsed().as_secs_f64() * 1e6)
}

/// Imports and deletions of a thousand in one call, against the rows of the import written again.
fn batches(report: &mut Report) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let side = Side::of(Served::start(&[])?)?;
    let (mut engine, mut caller) = (Engine::open(&dir.path().join("again.db"))?, side.caller()?);
    let tokens = Tokens::living(BATCH * BATCHES, now());
    let (mut imports, mut again, mut deletions) = (Vec::new(), Vec::new(), Vec::new());
    for first in (1..=BATCH * BATCHES).step_by(BATCH as usize) {
        let items: Vec<Value> = (first..first + BATCH).map(|number| item(&tokens, number, None)).collect();
        let import = side.request("POST", "/v1/import", &json!({ "items": items }).to_string());
        let mark = Mark::of(&side.database)?;
        imports.push(caller.timed(&import, "200")?);
        again.push(engine.write(&Recording::since(&side.database, mark)?, 1)? * 1e6);
        let ids: Vec<String> = (first..first + BATCH).map(|number| tokens.id(number).to_string()).collect();
        deletions.push(
            caller
                .timed(&side.request("POST", "/v1/refresh-tokens/delete", &json!({ "ids": ids }).to_string()), "200")?,
        );
    }
    let (import, again, deletion) = (median(imports), median(again), median(deletions));
    report.row(
        "1,000 refresh tokens imported in one call",
        &format!("{:.1} ms", import / 1e3),
        &format!("{:.2} x its rows by the engine alone", import / again),
    );
    report.row(
        "1,000 refresh tokens deleted in one call",
        &format!("{:.1} ms", deletion / 1e3),
        &format!("{:.0} us each", deletion / f64::from(BATCH)),
    );
    Ok(())
}

/// What `jeton-bench make` writes, written again.
fn imports(report: &mut Report) -> anyhow::Result<()> {
    process::keep_to(process::ALL_CORES)?;
    let dir = tempfile::tempdir()?;
    let (data, mut ratios, mut rates) = (dir.path().join("data"), Vec::new(), Vec::new());
    let mut engine = Engine::open(&dir.path().join("again.db"))?;
    let start = now() - 10 * u64::from(IMPORTED);
    for round in 0..5_u64 {
        let mark = if round == 0 { Mark::NEW } else { Mark::of(&data.join("jeton.db"))? };
        let filled = fill(&data, &Tokens::living(IMPORTED, start + round * u64::from(IMPORTED)))?;
        let again = engine.write(&Recording::since(&data.join("jeton.db"), mark)?, 1)?;
        ratios.push(again / filled.took.as_secs_f64());
        rates.push(f64::from(IMPORTED) / filled.took.as_secs_f64());
    }
    report.row(
        "refresh tokens by `jeton-bench make`",
        &format!("{:.0}/s", median(rates)),
        &format!("{:.2} of the engine's own inserts of their rows, a thousand in a transaction", median(ratios)),
    );
    process::keep_to(LOAD_CORE)
}

/// A line of an export.
fn item(tokens: &Tokens, number: u32, parent: Option<&str>) -> Value {
    let moment = |seconds: u64| {
        i64::try_from(seconds).ok().and_then(|at| jiff::Timestamp::from_second(at).ok()).map(|at| at.to_string())
    };
    let token = tokens.token(number);
    json!({
        "id": token.id, "name": token.name, "parent": parent, "scopes": token.scopes, "created_by": token.created_by,
        "created_at": moment(token.created_at.0), "expires_at": token.expires_at.and_then(|at| moment(at.0)),
        "secret_sha256": "07".repeat(32),
    })
}

fn imported(side: &Side, items: &[Value]) -> anyhow::Result<()> {
    let answer = side.served.administrator.call(Method::POST, "/v1/import", Some(&json!({ "items": items })))?;
    let results = answer.get("results").and_then(Value::as_array).context("results")?;
    let whole = results.iter().all(|result| result.get("result").and_then(Value::as_str) == Some("imported"));
    anyhow::ensure!(whole, "an import was refused: {:?}", results.first());
    Ok(())
}
