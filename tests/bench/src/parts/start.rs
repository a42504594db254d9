//! The start with many refresh tokens.

use jeton::app::now;

use crate::{
    book::report::Report,
    make::{Tokens, fill},
    measure::median,
    servers::process::{ALL_CORES, LOAD_CORE, keep_to},
    servers::served::Served,
};

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
const ROUNDS: usize = 15;

/// From the start of the process to its first answer, at a thousand and at a million refresh tokens, in turns.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    report.section("Start: from the process to its first answer");
    keep_to(ALL_CORES)?;
    let made = |count| Served::over(|data| fill(data, &Tokens::living(count, now())).map(drop));
    let mut sides = [(FEW, made(FEW)?, Vec::new()), (MANY, made(MANY)?, Vec::new())];
    keep_to(LOAD_CORE)?;
    for _ in 0..ROUNDS {
        for (_, served, times) in &mut sides {
            times.push(served.restart()?.as_secs_f64());
        }
    }
    let [few, many] = sides.map(|(count, _, times)| {
        let time = median(times);
        report.row(&format!("{count} refresh tokens"), &format!("{:.1} ms", time * 1e3), "");
        time
    });
    report.keep("start", many)?;
    report.keep("start-growth", many / few)?;
    report.text(&format!("At {MANY} it takes {:.2} x as long as at {FEW}.", many / few));
    Ok(())
}
