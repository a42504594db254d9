//! What is aimed at, and whether it was hit.

use std::{collections::BTreeMap, fmt::Write as _};

/// Where a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bound) => figure <= bound,
            Self::AtLeast(bound) => figure >= bound,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(bound) => write!(to, "at most {bound}"),
            Self::AtLeast(bound) => write!(to, "at least {bound}"),
        }
    }
}

/// One figure that is aimed at.
pub(crate) struct Target {
    /// What it is called where it is kept.
    pub(crate) name: &'static str,
    what: &'static str,
    unit: &'static str,
    bound: Bound,
}

const fn target(name: &'static str, what: &'static str, unit: &'static str, bound: Bound) -> Target {
    Target { name, what, unit, bound }
}

use Bound::{AtLeast, AtMost};

/// All of them. Ratios but where a unit stands.
pub(crate) const TARGETS: [Target; 25] = [
    target("introspect-rate", "introspections a second, against the same server's fixed reply", "", AtLeast(0.82)),
    target("introspect-cpu", "introspection, CPU against a bare hyper reply", "", AtMost(1.3)),
    target("forward-auth-rate", "forward-auth a second, against the same server's fixed reply", "", AtLeast(0.88)),
    target("forward-auth-cpu", "forward-auth, CPU against a bare hyper reply", "", AtMost(1.2)),
    target(
        "verify-hit",
        "verify in the component, memo hit, against an empty call that takes the same bytes",
        "",
        AtMost(2.0),
    ),
    target("verify-hit-us", "the same, absolute", "us", AtMost(0.45)),
    target("verify-miss", "verify in the component, memo miss, against native code", "", AtMost(1.6)),
    target(
        "exchange-cpu",
        "exchange over HTTP, CPU against a bare reply, a native signature and an indexed read together",
        "",
        AtMost(1.4),
    ),
    target("revoke", "revoke above 10^6 living access tokens, against an empty durable commit", "", AtMost(1.5)),
    target(
        "creates",
        "creations by 64 clients, against the engine's own batched inserts of the same rows",
        "",
        AtLeast(0.5),
    ),
    target("start-growth", "start at 10^6 refresh tokens, against 10^3", "", AtMost(1.2)),
    target("start", "from the start of the process to its first answer, at 10^6", "s", AtMost(0.05)),
    target("resident", "resident memory at 10^6", "MB", AtMost(100.0)),
    target("disk", "disk of a refresh token, with all indexes", "B", AtMost(600.0)),
    target("disk-record", "disk of its record alone", "B", AtMost(200.0)),
    target("verify-growth", "verification at 10^7 against 10^3", "", AtMost(1.2)),
    target("exchange-growth", "exchange at 10^7 against 10^3", "", AtMost(1.2)),
    target("page-growth", "page of the list at 10^7 against 10^3", "", AtMost(1.2)),
    target("two-threads", "two I/O threads against one, CPU per introspection", "", AtMost(1.1)),
    target(
        "verify-p99-exchanges",
        "99th of a hundred verifications while exchanges run at capacity on the same core, against alone",
        "",
        AtMost(3.0),
    ),
    target("overload-2", "the same at twice the capacity of exchanges", "", AtMost(10.0)),
    target("overload-10", "the same at ten times", "", AtMost(10.0)),
    target("overload-shed-ms", "99th of a hundred of the refusals at ten times", "ms", AtMost(100.0)),
    target("overload-memory", "memory after the fifth overload, against after the first", "", AtMost(1.5)),
    target("overload-after", "exchanges a second after the overload, against before", "", AtLeast(0.9)),
];

/// The table of them, with what was before where that is known.
pub(crate) fn table(now: &BTreeMap<String, f64>, before: &BTreeMap<String, f64>) -> String {
    let mut table = "| figure | target | before | now | |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for Target { name, what, unit, bound } in &TARGETS {
        let said = |figure: Option<f64>| figure.map_or_else(|| "not taken".to_owned(), |figure| with(figure, unit));
        let then = before.get(*name).copied();
        let hit = match now.get(*name) {
            Some(figure) if bound.holds(*figure) => "hit",
            Some(_) => "**missed**",
            None => "",
        };
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        let now = said(now.get(*name).copied());
        let _ = writeln!(table, "| {what} | {bound}{unit} | {} | {now} | {hit} |", said(then));
    }
    table
}

/// Three digits, and the unit.
fn with(figure: f64, unit: &str) -> String {
    let digits = if figure >= 100.0 {
        0
    } else if figure >= 10.0 {
        1
    } else if figure >= 0.1 {
        2
    } else {
        4
    };
    if unit.is_empty() { format!("{figure:.digits$}") } else { format!("{figure:.digits$} {unit}") }
}

/// Each figure of a run beside that of another, as lines.
pub(crate) fn compared(now: &BTreeMap<String, f64>, then: &BTreeMap<String, f64>) -> String {
    let mut lines = String::new();
    for target in &TARGETS {
        if let (Some(now), Some(then)) = (now.get(target.name), then.get(target.name)) {
            let (was, is) = (with(*then, target.unit), with(*now, target.unit));
            let _ = writeln!(lines, "{}: {is}, was {was}: {:.3} x", target.name, now / then);
        }
    }
    lines
}
