//! What must not grow with the number of tokens: pages, cascades, chains, live sets, sweeping.

mod growth;
mod served;

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::Context as _;
use jeton_policy::{
    authority::{Actor, Authority, Boot, ExchangeRequest, Expiry, ExportedToken, IssueRequest, Query},
    record::Reason,
};
use jeton_runtime::{Lent, Live, Policy, Verifier};
use jeton_store::{MemoryStore, SqliteStore};
use served::{depth, sweeping};
use zeroize::Zeroizing;

use crate::{
    book::report::Report,
    make::{Tokens, import},
    measure::{Work, interleaved, median},
    parts::verdicts::Fixed,
};

pub(crate) const NOW: u64 = 1_800_000_000;
/// Tokens of one import.
const BATCH: u32 = 1_000;
/// The greatest number of refresh tokens that growth is shown up to, unless another is asked for.
pub(crate) const LARGEST: u32 = 10_000_000;

/// The second: up to how many refresh tokens.
type Figure = fn(&mut Report, u32) -> anyhow::Result<()>;

/// What each of them is called on the command line.
const FIGURES: [(&str, Figure); 7] = [
    ("growth", growth::run),
    ("pages", |report, _| pages(report)),
    ("cascade", |report, _| cascade(report)),
    ("chains", |report, _| chains(report)),
    ("depth", |report, _| depth(report)),
    ("cuts", |report, _| cuts(report)),
    ("sweeping", |report, _| sweeping(report)),
];

/// All of them, or those that are asked for. All take some minutes, and 5 GB of disk for a while.
pub(crate) fn run(report: &mut Report, asked: &[&str], largest: u32) -> anyhow::Result<()> {
    if let Some(unknown) = asked.iter().find(|asked| !FIGURES.iter().any(|(name, _)| name == *asked)) {
        anyhow::bail!("there is no figure `{unknown}`: there are {}", FIGURES.map(|(name, _)| name).join(", "));
    }
    report.section("What does not grow");
    FIGURES
        .iter()
        .filter(|(name, _)| asked.is_empty() || asked.contains(name))
        .try_for_each(|(_, take)| take(report, largest))
}

/// An authority over a new database in `dir`.
fn authority(dir: &Path) -> anyhow::Result<(Arc<SqliteStore>, Authority)> {
    let store = Arc::new(SqliteStore::open(&dir.join("jeton.db"))?);
    let authority = Authority::new(Arc::clone(&store), Fixed, Fixed, Fixed);
    authority.configure(Some("https://tokens.example"), "")?;
    authority.begin(Boot::Advance, None)?;
    Ok((store, authority))
}

pub(crate) fn issue(authority: &Authority, parent: Option<String>) -> anyhow::Result<(Zeroizing<String>, String)> {
    let request = IssueRequest { expiry: Expiry::BySetting, parent, ..IssueRequest::named("figures") };
    let issued = authority.issue(&Actor::Machine, &request)?;
    Ok((issued.secret.context("a secret")?, issued.token.id.to_string()))
}

fn pages(report: &mut Report) -> anyhow::Result<()> {
    let (few_dir, many_dir) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let ((few_store, few), (many_store, many)) = (authority(few_dir.path())?, authority(many_dir.path())?);
    import(&few, &Tokens::living(1_000, NOW))?;
    import(&many, &Tokens::living(1_000_000, NOW))?;
    let by_name = Query { name: Some("job 00000".to_owned()), limit: 50, ..Query::default() };
    let newest = Query { limit: 50, ..Query::default() };
    for (what, query) in [("newest first", &newest), ("by name", &by_name)] {
        let work = |authority: &Authority, calls: u32| {
            for _ in 0..calls {
                std::hint::black_box(authority.list(query).is_ok());
            }
        };
        let mut works: Vec<Work<'_>> = vec![Box::new(|calls| work(&few, calls)), Box::new(|calls| work(&many, calls))];
        let [at_few, at_many] = *interleaved(15, 100, &mut works).as_slice() else { anyhow::bail!("two figures") };
        report.row(
            &format!("a page of 50, {what}, at 1,000,000 refresh tokens"),
            &format!("{:.0} us", at_many / 1e3),
            &format!("{:.2} x at 1,000", at_many / at_few),
        );
    }
    drop((few, many));
    let bytes = std::fs::metadata(many_dir.path().join("jeton.db"))?.len() / 1_000_000;
    report.row("disk of one of 1,000,000, with every index", &format!("{bytes} bytes"), "");
    few_store.close();
    many_store.close();
    Ok(())
}

/// A revoke of what has 10,000 children, at a hundred access tokens each, against the revoke of what has none.
fn cascade(report: &mut Report) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (store, authority) = authority(dir.path())?;
    let mut pairs = Vec::new();
    let tokens = Tokens::living(9 * 10_000, NOW);
    for round in 0..9_u32 {
        let (_, parent) = issue(&authority, None)?;
        let (_, alone) = issue(&authority, None)?;
        let mut left = 10_000;
        while left > 0 {
            let batch: Vec<ExportedToken> = (0..BATCH)
                .map(|place| ExportedToken {
                    parent: Some(parent.clone()),
                    ..tokens.token(1 + round * 10_000 + left - 1 - place)
                })
                .collect();
            authority.import(&Actor::Machine, &batch)?;
            left -= BATCH;
        }
        pairs.push([(parent, true), (alone, false)]);
    }
    // Whoever comes first after the imports pays for their log.
    let (_, first) = issue(&authority, None)?;
    authority.delete(&Actor::Machine, &[first], Reason::Deleted, None)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for (round, mut pair) in pairs.into_iter().enumerate() {
        if round % 2 == 1 {
            pair.reverse();
        }
        for (id, is_parent) in pair {
            let begun = Instant::now();
            authority.delete(&Actor::Machine, &[id], Reason::Deleted, None)?;
            let took = begun.elapsed().as_secs_f64() * 1e3;
            if is_parent { with.push(took) } else { without.push(took) }
        }
    }
    let (with, without) = (median(with), median(without));
    report.row(
        "a revoke above 10,000 refresh tokens, so above 1,000,000 living access tokens at a hundred each",
        &format!("{with:.2} ms"),
        &format!("{:.2} x one above nothing", with / without),
    );
    drop(authority);
    store.close();
    Ok(())
}

fn chains(report: &mut Report) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (store, authority) = authority(dir.path())?;
    let (flat, mut above) = issue(&authority, None)?;
    let mut deep = None;
    for _ in 0..8 {
        let (secret, id) = issue(&authority, Some(above))?;
        (deep, above) = (Some(secret), id);
    }
    let deep = deep.context("eight levels")?;
    let work = |secret: &str, calls: u32| {
        for _ in 0..calls {
            std::hint::black_box(authority.exchange(secret, &ExchangeRequest::default()).is_ok());
        }
    };
    let mut works: Vec<Work<'_>> = vec![Box::new(|calls| work(&flat, calls)), Box::new(|calls| work(&deep, calls))];
    let [at_top, at_eight] = *interleaved(15, 200, &mut works).as_slice() else { anyhow::bail!("two figures") };
    drop(works);
    report.row(
        "an exchange at 8 levels, natively",
        &format!("{:.0} us", at_eight / 1e3),
        &format!("{:.2} x at none", at_eight / at_top),
    );
    drop(authority);
    store.close();
    Ok(())
}

fn cuts(report: &mut Report) -> anyhow::Result<()> {
    let policy = Policy::embedded()?;
    let with_cuts = |count: u32| -> anyhow::Result<(Verifier, String)> {
        let store = Arc::new(MemoryStore::new());
        let authority = Authority::new(Arc::clone(&store), Fixed, Fixed, Fixed);
        authority.configure(Some("https://tokens.example"), "")?;
        authority.begin(Boot::Advance, None)?;
        let (secret, _) = issue(&authority, None)?;
        import(&authority, &Tokens::living(count, NOW))?;
        let tokens = Tokens::living(count, NOW);
        let ids: Vec<String> = (1..=count).map(|number| tokens.id(number).to_string()).collect();
        for batch in ids.chunks(1_000) {
            authority.delete(&Actor::Machine, batch, Reason::Deleted, None)?;
        }
        let minted = authority.exchange(&secret, &ExchangeRequest::default())?.access_token;
        let (live, publisher) = Live::new(&policy, &Lent::new(Arc::clone(&store) as _, None))?;
        drop(publisher);
        live.recover()?;
        Ok((Verifier::new(&policy, live)?, minted))
    };
    let ((mut empty, one), (mut full, other)) = (with_cuts(0)?, with_cuts(10_000)?);
    anyhow::ensure!(empty.verify(&one, NOW, None).is_ok() && full.verify(&other, NOW, None).is_ok(), "both are good");
    let mut works: Vec<Work<'_>> = vec![
        Box::new(|calls| {
            for _ in 0..calls {
                std::hint::black_box(empty.verify(&one, NOW, None).is_ok());
            }
        }),
        Box::new(|calls| {
            for _ in 0..calls {
                std::hint::black_box(full.verify(&other, NOW, None).is_ok());
            }
        }),
    ];
    let [at_none, at_many] = *interleaved(15, 100_000, &mut works).as_slice() else { anyhow::bail!("two figures") };
    report.row(
        "a verification at 10,000 cuts, verified before",
        &format!("{at_many:.0} ns"),
        &format!("{:.2} x at none", at_many / at_none),
    );
    Ok(())
}
