//! Jeton's figures: `cargo run --release -p jeton-bench`, after `cargo build --release`. Takes about ten minutes.
//!
//! Everything is compared within one run and in turns, so that what drifts with the machine drifts for both sides.
//! The page is written to `docs/figures.md`. With `algorithms`, `feed`, `hostile`, `people` or `scale`, those figures alone are taken and no page is written;
//! `scale cuts sweeping` takes two of its figures.

mod algorithms;
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
mod feed_figures;
mod fixed_reply;
mod hostile_figures;
mod http_figures;
mod load;
mod machine;
mod measure;
mod people_figures;
mod process;
mod report;
mod scale_figures;
mod served_figures;
mod start_figures;
mod verdicts;

use std::path::Path;

use anyhow::Context as _;
use report::Report;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {}
        ["algorithms"] => return algorithms::run(&mut Report::default()),
        ["feed", asked @ ..] => return feed_figures::run(&mut Report::default(), asked),
        ["hostile"] => return hostile_figures::run(&mut Report::default()),
        ["people", asked @ ..] => return people_figures::run(&mut Report::default(), asked),
        ["scale", asked @ ..] => return scale_figures::run(&mut Report::default(), asked),
        ["fixed-reply", port, bytes] => return fixed_reply::run(port.parse()?, bytes.parse()?),
        ["serve-untried", data, address, policies @ ..] => return hostile_figures::serve(data, address, policies),
        _ => anyhow::bail!(
            "usage: jeton-bench [algorithms | feed [FIGURE]... | hostile | people [FIGURE]... | scale [FIGURE]...]"
        ),
    }
    let mut report = Report::default();
    machine::run(&mut report)?;
    verdicts::run(&mut report)?;
    algorithms::run(&mut report)?;
    http_figures::run(&mut report)?;
    feed_figures::run(&mut report, &[])?;
    hostile_figures::run(&mut report)?;
    people_figures::run(&mut report, &[])?;
    start_figures::run(&mut report)?;
    scale_figures::run(&mut report, &[])?;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/figures.md");
    std::fs::write(&page, report.page()).with_context(|| format!("cannot write {}", page.display()))
}
