//! The parts of the book: each takes some figures, and can be taken alone.

mod algorithms;
mod feed;
pub(crate) mod hostile;
mod http;
mod overload;
mod people;
pub(crate) mod scale;
mod start;
pub(crate) mod verdicts;
mod writes;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::book::report::Report;

/// A part of the book.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The verifier, natively and as a component.
    Verdicts,
    /// The algorithms that access tokens are signed with.
    Algorithms,
    /// Introspection, forward-auth and exchange over HTTP.
    Http,
    /// Creations and deletions.
    Writes,
    /// Edges that hear of revocations: library, busy, idle.
    Feed,
    /// Policies that mean harm.
    Hostile,
    /// Sign-in and the console: guesses, console.
    People,
    /// More than the server can do: mixed, exchanges, log-ins, lists, slow, idle, handshakes.
    Overload,
    /// The start of the server.
    Start,
    /// What must not grow: growth, pages, cascade, chains, depth, cuts, sweeping.
    Scale,
}

impl Part {
    /// A part of the whole book. What a busy machine cut short is taken once more: half an hour would be lost else.
    pub(crate) fn take_or_again(self, report: &mut Report, largest: u32) -> anyhow::Result<()> {
        let before = report.clone();
        let Err(error) = self.take(report, &[], largest) else { return Ok(()) };
        let name = self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        eprintln!("{name} failed, and is taken once more: {error:#}");
        *report = before;
        self.take(report, &[], largest).context(name)
    }

    pub(crate) fn take(self, report: &mut Report, figures: &[&str], largest: u32) -> anyhow::Result<()> {
        let has_figures = matches!(self, Self::Feed | Self::People | Self::Overload | Self::Scale);
        anyhow::ensure!(figures.is_empty() || has_figures, "this part has no single figures");
        match self {
            Self::Verdicts => verdicts::run(report),
            Self::Algorithms => algorithms::run(report),
            Self::Http => http::run(report),
            Self::Writes => writes::run(report),
            Self::Feed => feed::run(report, figures),
            Self::Hostile => hostile::run(report),
            Self::People => people::run(report, figures),
            Self::Overload => overload::run(report, figures),
            Self::Start => start::run(report),
            Self::Scale => scale::run(report, figures, largest),
        }
    }
}
