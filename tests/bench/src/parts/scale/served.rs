//! Exchanges as a server answers them: of what descends from others, and while a million tombstones are removed.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::Context as _;
use jeton::app::now;
use jeton_policy::{
    authority::Authority,
    store::{Direction, Store as _},
};
use jeton_store::SqliteStore;

use crate::{
    book::report::Report,
    load::calls::Caller,
    make::{Tokens, fill},
    measure::median,
    parts::scale::issue,
    parts::verdicts::Fixed,
    servers::process::{Server, jeton},
    servers::served::post,
};

const TOMBSTONES: u32 = 1_000_000;
/// Longer ago than tombstones are kept.
const ENDED_AGO: u64 = 50_000_000;
/// Exchanges of one round.
const SAMPLES: usize = 2_000;
const ROUNDS: usize = 9;

/// An exchange at eight levels against one at none, of the same server.
pub(crate) fn depth(report: &mut Report) -> anyhow::Result<()> {
    let mut store = Store::made(0)?;
    let deep = store.descend(8)?;
    let server = Server::jeton(&store.data)?;
    let (mut at_top, mut at_eight) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        at_top.push(exchanges(&server, &store.secret)?);
        at_eight.push(exchanges(&server, &deep)?);
    }
    tell(report, "an exchange at 8 levels", [&at_eight, &at_top], "at none");
    Ok(())
}

/// The slowest of a hundred exchanges over HTTP, of a server that removes a million tombstones and of one that has none.
pub(crate) fn sweeping(report: &mut Report) -> anyhow::Result<()> {
    let (few, many) = (Store::made(0)?, Store::made(TOMBSTONES)?);
    let (idle, busy) = (Server::jeton(&few.data)?, Server::jeton(&many.data)?);
    let (mut at_rest, mut at_work) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        at_rest.push(exchanges(&idle, &few.secret)?);
        at_work.push(exchanges(&busy, &many.secret)?);
    }
    drop((idle, busy));
    let left = many.ended()?;
    anyhow::ensure!(left > 0 && left < TOMBSTONES as usize, "it was removing all the time: {left} are left");
    tell(report, "an exchange while tombstones are removed", [&at_work, &at_rest], "while there are none");
    report.text(&format!("Meanwhile {} tombstones were removed.", TOMBSTONES as usize - left));
    Ok(())
}

/// The median and the slowest of a hundred of both.
fn tell(report: &mut Report, what: &str, [seen, against]: [&[[f64; 2]]; 2], name: &str) {
    for (share, place) in [("the median", 0), ("the 99th of a hundred", 1)] {
        let of = |rounds: &[[f64; 2]]| median(rounds.iter().filter_map(|round| round.get(place).copied()).collect());
        let (seen, against) = (of(seen), of(against));
        report.row(
            &format!("{what}, over HTTP, {share}"),
            &format!("{seen:.0} us"),
            &format!("{:.2} x {name}", seen / against),
        );
    }
}

/// What a server serves, and a refresh token of it.
struct Store {
    _dir: tempfile::TempDir,
    data: PathBuf,
    secret: String,
}

impl Store {
    fn made(tombstones: u32) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data");
        let made = Command::new(jeton()?).args(["bootstrap", "--name", "first", "--data"]).arg(&data).output()?;
        anyhow::ensure!(made.status.success(), "bootstrap failed");
        let secret = String::from_utf8(made.stdout)?.trim().to_owned();
        let ended_at = now() - ENDED_AGO;
        fill(&data, &Tokens { ended_at: Some(ended_at), ..Tokens::living(tombstones, ended_at) })?;
        Ok(Self { _dir: dir, data, secret })
    }

    /// Issues a chain below one that is issued for it; gives the refresh token at its end.
    fn descend(&mut self, levels: usize) -> anyhow::Result<String> {
        let store = Arc::new(SqliteStore::open(&database(&self.data))?);
        let authority = Authority::new(Arc::clone(&store), Fixed, Fixed, Fixed);
        let (mut end, mut above) = issue(&authority, None)?;
        self.secret = end.to_string();
        for _ in 0..levels {
            (end, above) = issue(&authority, Some(above))?;
        }
        store.close();
        Ok(end.to_string())
    }

    /// How many tombstones there are.
    fn ended(&self) -> anyhow::Result<usize> {
        let store = SqliteStore::open(&database(&self.data))?;
        let (mut count, mut after): (usize, Option<Vec<u8>>) = (0, None);
        loop {
            let page = store.scan(b"ended/", after.as_deref(), Direction::Ascending, 1_000)?;
            count += page.items.len();
            let Some(last) = page.items.last() else { return Ok(count) };
            after = Some(last.key.clone());
        }
    }
}

fn database(data: &Path) -> PathBuf {
    data.join("jeton.db")
}

/// The median and the 99th of a hundred, in microseconds, one after another over one connection.
fn exchanges(server: &Server, secret: &str) -> anyhow::Result<[f64; 2]> {
    let body = format!("grant_type=refresh_token&refresh_token={secret}");
    let (request, mut caller) = (post("/oauth2/token", "", &body), Caller::connect(server.address)?);
    let mut times = (0..SAMPLES).map(|_| caller.timed(&request, "200")).collect::<anyhow::Result<Vec<_>>>()?;
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(SAMPLES * share / 100).copied().context("samples");
    Ok([at(50)?, at(99)?])
}
