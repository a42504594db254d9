//! The start with many refresh tokens.

use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Instant,
};

use jeton_policy::{
    authority::{Actor, Authority, Expiry, IssueRequest},
    store::{Direction, Store as _},
};
use jeton_store::SqliteStore;

use crate::{
    measure::median,
    process::{Server, jeton},
    report::Report,
    verdicts::Fixed,
};

/// Threads that fill a store: each waits for its commit, and commits share an fsync.
const FILLERS: u32 = 64;

/// From the start of the process to its first answer, at 1,000 and at 100,000 refresh tokens.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    report.section("Start: from the process to its first answer");
    let mut medians = Vec::new();
    for count in [1_000, 100_000] {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data");
        // The directory and the store are made as an operator's are.
        let made = Command::new(jeton()?).args(["bootstrap", "--name", "first", "--data"]).arg(&data).output()?;
        anyhow::ensure!(made.status.success(), "bootstrap failed");
        fill(&data.join("jeton.db"), count)?;
        let (mut times, mut resident) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let begun = Instant::now();
            let server = Server::jeton(&data)?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            resident.push(server.resident()? as f64 / 1e6);
        }
        let time = median(times);
        medians.push(time);
        let bytes = std::fs::metadata(data.join("jeton.db"))?.len() / u64::from(count);
        report.row(
            &format!("{count} refresh tokens"),
            &format!("{time:.0} ms, {:.0} MB resident", median(resident)),
            &format!("{bytes} bytes on disk each, with all indexes"),
        );
    }
    if let [few, many] = medians.as_slice() {
        report.text(&format!("At 100,000 it takes {:.2} x as long as at 1,000.", many / few));
    }
    Ok(())
}

fn fill(database: &Path, count: u32) -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open(database)?);
    let left = AtomicU32::new(count);
    std::thread::scope(|scope| {
        for _ in 0..FILLERS {
            scope.spawn(|| {
                let authority = Authority::new(Arc::clone(&store), Fixed, Fixed, Fixed);
                while left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                    let request = IssueRequest {
                        expiry: Expiry::Never,
                        scopes: vec!["orders:read".to_owned()],
                        ..IssueRequest::named("made for figures")
                    };
                    if authority.issue(&Actor::Machine, &request).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let held = store.scan(b"token/", None, Direction::Ascending, 1)?;
    anyhow::ensure!(!held.items.is_empty() && left.load(Relaxed) == 0, "the store could not be filled");
    store.close();
    Ok(())
}
