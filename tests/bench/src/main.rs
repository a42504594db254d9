//! Jeton's book of figures: `cargo run --release -p jeton-bench`, after `cargo build --release`.
//!
//! Everything is compared within one run and in turns, so that what drifts with the machine drifts for both sides, and the limits
//! are measured there too. The whole book is written to `docs/performance.md`, and its figures are kept in `runs.jsonl`. Of a part
//! alone, or of single figures of a part, no page is written. Either way the run is a line of JSON on standard output.

mod book;
// What the tests of the runtime make hostile policies with makes them here, and the empty one.
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the tests use what is not used here"
)]
#[path = "../../../host/runtime/tests/runtime/hostile/component.rs"]
mod component;
mod counted;
mod limits;
mod load;
mod make;
mod measure;
mod parts;
mod servers;

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Parser, ValueEnum as _};

use crate::{
    book::{
        machine::{self, Machine},
        report::Report,
        runs::{self, Run},
        targets,
    },
    limits::fixed_reply,
    parts::{Part, hostile, scale},
};

/// Takes Jeton's figures, each beside its limit on the same machine.
///
/// Without a part it takes all of them and writes docs/performance.md. Servers run on core 0, the load comes from core 1.
#[derive(Parser)]
#[command(name = "jeton-bench", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    order: Option<Order>,
    /// The part of the book to take alone.
    part: Option<Part>,
    /// The figures of that part to take alone.
    figures: Vec<String>,
    /// A commit whose run is kept: says of each figure how it was.
    #[arg(long, value_name = "COMMIT")]
    against: Option<String>,
    /// Up to how many refresh tokens growth is shown. Ten million take 4 GB of disk for a while.
    #[arg(long, value_name = "COUNT", default_value_t = scale::LARGEST, value_parser = clap::value_parser!(u32).range(1_000..))]
    largest: u32,
}

/// What else it does.
#[derive(clap::Subcommand)]
enum Order {
    /// Fills a data directory that no server runs on with refresh tokens that nobody has, and says how large it is.
    Make {
        /// The data directory; made where there is none.
        data: PathBuf,
        /// How many, each made a second after the one before.
        count: u32,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // What a run starts beside the server that is measured, and what instructions are counted of.
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["fixed-reply", port, answer] => return fixed_reply::serve(port.parse()?, Path::new(answer)),
        ["bare-reply", port, answer] => return fixed_reply::serve_barely(port.parse()?, Path::new(answer)),
        ["count"] => return counted::run(None),
        ["count", operation] => return counted::run(Some(operation)),
        ["serve-untried", data, address, policies @ ..] => return hostile::serve(data, address, policies),
        _ => {}
    }
    let cli = Cli::parse();
    if let Some(Order::Make { data, count }) = cli.order {
        return make::make(&data, count);
    }
    let against = cli.against.as_deref().map(runs::of).transpose()?;
    let (commit, machine) = (machine::commit()?, Machine::here()?);
    let mut report = Report::default();
    let figures: Vec<&str> = cli.figures.iter().map(String::as_str).collect();
    match cli.part {
        Some(part) => part.take(&mut report, &figures, cli.largest)?,
        None => Part::value_variants().iter().try_for_each(|part| part.take_or_again(&mut report, cli.largest))?,
    }
    let figures = report.figures().iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect();
    let run = Run { commit, at: jeton::app::now(), machine, figures };
    writeln!(io::stdout(), "{}", serde_json::to_string(&run)?)?;
    if let Some(then) = &against {
        eprint!("\nagainst {}:\n{}", then.commit, targets::compared(&run.figures, &then.figures));
    }
    if cli.part.is_some() {
        return Ok(());
    }
    runs::keep(&run)?;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (file, picture) in report.pictures() {
        fs::write(docs.join("pictures").join(file), picture).with_context(|| format!("cannot write {file}"))?;
    }
    let page = docs.join("performance.md");
    let before = against.map_or_else(runs::first, Ok)?;
    fs::write(&page, book::page(&run, &before, report.page()))
        .with_context(|| format!("cannot write {}", page.display()))
}
