//! `jeton-fuzz`: a long random run of one target.

use std::{
    io::{self, Write as _},
    time::Instant,
};

use anyhow::{Context as _, bail};
use clap::Parser;
use jeton_fuzz::{driver, reached::Reached, seeds, targets};

/// Gives a target many inputs, made from its seeds, damage and chance.
#[derive(Parser)]
struct Arguments {
    /// The target; without one, the targets are listed.
    target: Option<String>,
    /// How many inputs.
    #[arg(long, default_value_t = 1_000_000)]
    inputs: u64,
    /// What chance begins with: the same number gives the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Gives the target the content of this file, once.
    #[arg(long)]
    replay: Option<std::path::PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut out = io::stdout().lock();
    let Some(name) = arguments.target else {
        for target in targets::ALL {
            writeln!(out, "{:<16} {}", target.name, target.about)?;
        }
        return Ok(());
    };
    let target = targets::named(&name).context("no such target: `jeton-fuzz` alone lists them")?;
    let mut reached = Reached::default();
    let began = Instant::now();
    let (inputs, outcome) = match arguments.replay {
        Some(file) => (1, driver::give(target, &std::fs::read(file)?, &mut reached)),
        None => {
            let seeds: Vec<Vec<u8>> = seeds::of(target)?.into_iter().map(|(_, seed)| seed).collect();
            (arguments.inputs, driver::random_pass(target, &seeds, arguments.seed, arguments.inputs, &mut reached))
        }
    };
    if let Err(finding) = outcome {
        let file = format!("finding-{}-{}", target.name, arguments.seed);
        std::fs::write(&file, &finding.input)?;
        bail!("{}: {}; the input is in ./{file}", target.name, finding.said);
    }
    let took = began.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = inputs as f64 / took.max(0.001);
    writeln!(
        out,
        "{}: {inputs} inputs in {took:.1} s, {rate:.0} a second, {} outcomes, nothing found",
        target.name,
        reached.outcomes()
    )?;
    for (outcome, count) in reached.counts() {
        writeln!(out, "  {count:>12}  {outcome}")?;
    }
    Ok(())
}
