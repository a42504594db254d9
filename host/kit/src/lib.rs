//! Conformance cases for any component of Jeton's contract.
//!
//! A house that writes a policy of its own learns here what it broke. The component is run in the sandbox of
//! `jeton-runtime`, over a store in memory, a clock that the cases set, entropy from a fixed seed and a fixed root key, and
//! is asked through its exports alone: nothing here knows how a policy keeps what it knows.
//!
//! A component of the verifier world is held to the cases of that world, one of the authority world to those of both.
//!
//! ```
//! let report = jeton_kit::check(jeton_runtime::artifacts::VERIFIER, &mut |_| ())?;
//! assert!(report.holds(), "{:?}", report.broken().collect::<Vec<_>>());
//! # Ok::<(), jeton_runtime::artifacts::InspectError>(())
//! ```

mod case;
mod cases;
mod edge;
mod failure;
mod house;
mod lent;
mod refusal;
mod secret;
mod subject;
mod vectors;
mod wish;

use std::fmt;

use jeton_runtime::artifacts::{InspectError, World, inspect};
pub use jeton_runtime::sandbox::Kind;

use case::Case;
use subject::Subject;

/// After so many calls that did not end, the rest is not tried: each costs two seconds, and the policy is at fault.
const MAX_OVERRUNS: usize = 5;

/// A case, for whoever lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name: words with hyphens in between.
    pub id: String,
    /// The world that it is for. What is for a verifier is for an authority, too.
    pub world: Kind,
    /// What must hold.
    pub holds: String,
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Held,
    /// It does not: a sentence says what happened.
    Broken(String),
    /// It could not be shown: a rule of the house refused what it needs, as a sentence says.
    Narrowed(String),
    /// It could not be tried: a sentence says why.
    NotTried(String),
}

/// A case that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The case.
    pub case: Description,
    /// What became of it.
    pub outcome: Outcome,
}

/// How many cases there are of each outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Those that held.
    pub held: usize,
    /// Those that did not.
    pub broken: usize,
    /// Those that a rule of the house kept from being shown.
    pub narrowed: usize,
    /// Those that were not tried.
    pub not_tried: usize,
}

/// What became of all cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The world that the component was taken for.
    pub world: Kind,
    /// The cases of that world, in their order.
    pub tried: Vec<Tried>,
}

impl Report {
    /// Whether every case holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.tried.iter().all(|tried| tried.outcome == Outcome::Held)
    }

    /// The cases that do not hold, each with a sentence.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tried.iter().filter_map(|tried| match &tried.outcome {
            Outcome::Broken(what) => Some((tried.case.id.as_str(), what.as_str())),
            Outcome::Held | Outcome::Narrowed(_) | Outcome::NotTried(_) => None,
        })
    }

    /// The cases that could not be shown since a rule of the house refused what they need, each with a sentence.
    pub fn narrowed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tried.iter().filter_map(|tried| match &tried.outcome {
            Outcome::Narrowed(what) => Some((tried.case.id.as_str(), what.as_str())),
            Outcome::Held | Outcome::Broken(_) | Outcome::NotTried(_) => None,
        })
    }

    /// How many cases there are of each outcome.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tried in &self.tried {
            *match tried.outcome {
                Outcome::Held => &mut counts.held,
                Outcome::Broken(_) => &mut counts.broken,
                Outcome::Narrowed(_) => &mut counts.narrowed,
                Outcome::NotTried(_) => &mut counts.not_tried,
            } += 1;
        }
        counts
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Held => "holds",
            Self::Broken(_) => "BROKEN",
            Self::Narrowed(_) => "narrowed",
            Self::NotTried(_) => "not tried",
        })
    }
}

/// All cases, in the order in which they are tried.
#[must_use]
pub fn cases() -> Vec<Description> {
    cases::all().iter().map(Case::describe).collect()
}

/// Tries every case of the component's world; `heard` is told of each as soon as it is known.
///
/// # Errors
/// When the bytes are no component at all. What is a component and cannot be run has a report that says so.
pub fn check(component: &[u8], heard: &mut dyn FnMut(&Tried)) -> Result<Report, InspectError> {
    check_some(component, &|_| true, heard)
}

/// The same with the cases that are wanted, and no others.
///
/// # Errors
/// As [`check`] has them.
pub fn check_some(
    component: &[u8],
    wanted: &dyn Fn(&Description) -> bool,
    heard: &mut dyn FnMut(&Tried),
) -> Result<Report, InspectError> {
    let world = inspect(component)?;
    let kind = kind(&world);
    let subject = Subject::new(component, world, kind);
    let mut tried = Vec::new();
    let mut overruns = 0;
    for case in cases::all().into_iter().filter(|case| case.world() <= kind && wanted(&case.describe())) {
        let outcome = if overruns < MAX_OVERRUNS {
            case.try_on(&subject, &mut overruns)
        } else {
            Outcome::NotTried(format!("{MAX_OVERRUNS} calls before this one did not end"))
        };
        let one = Tried { case: case.describe(), outcome };
        heard(&one);
        tried.push(one);
    }
    Ok(Report { world: kind, tried })
}

/// The world that a component is taken for: whoever exports anything of an authority's means to be one.
#[must_use]
pub fn kind(world: &World) -> Kind {
    let is_more = |export: &String| export.starts_with("jeton:policy/") && !export.contains("/verification@");
    if world.exports.iter().any(is_more) { Kind::Authority } else { Kind::Verifier }
}

/// Whether a component of this world imports nothing beyond what it is lent.
///
/// # Errors
/// What it imports beyond that, in a sentence.
pub fn lends(world: &World, kind: Kind) -> Result<(), String> {
    cases::within(world, kind).map_err(|failure| failure.happened)
}
