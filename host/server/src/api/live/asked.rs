//! What a request for the live set asks for: `?after=SEQUENCE&epoch=NUMBER&wait=SECONDS`.

use std::time::Duration;

use http::Uri;
use jeton_runtime::Holding;

use crate::api::form::Form;
use crate::api::problem::Problem;
use crate::api::query;

/// The longest wait. What an edge holds counts for 5 s from the moment it asked: an answer without news after two, and the way
/// there and back, keep it well within that.
pub(in crate::api) const MAX_WAIT_SECONDS: u64 = 2;

/// A request for the live set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// What the caller holds. `None`: it wants everything.
    pub(super) holding: Option<Holding>,
    /// How long it waits for something new.
    pub(super) wait: Duration,
}

impl Asked {
    /// Reads the query string.
    pub(super) fn read(uri: &Uri) -> Result<Self, Problem> {
        let form = query::parse(uri, &["after", "epoch", "wait"])?;
        let (after, epoch, wait) = (number(&form, "after")?, number(&form, "epoch")?, number(&form, "wait")?);
        if after.is_none() && epoch.is_some() {
            return Err(Problem::field(
                "epoch-without-after",
                "epoch",
                "`epoch` says of what epoch `after` is: give both",
            ));
        }
        let wait = wait.unwrap_or(0);
        if wait > MAX_WAIT_SECONDS {
            let rule = format!("`wait` is 0 to {MAX_WAIT_SECONDS} seconds");
            return Err(Problem::field("wait-out-of-range", "wait", rule));
        }
        Ok(Self { holding: after.map(|sequence| Holding { sequence, epoch }), wait: Duration::from_secs(wait) })
    }
}

fn number(form: &Form<'_>, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(text) = query::one(form, name)? else { return Ok(None) };
    // The parser of the standard library would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text.as_str());
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(Problem::field("not-a-number", name, "it is a whole number below 2^64, in digits alone")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn read(query: &str) -> Result<Asked, String> {
        let uri = format!("/v1/live{query}").parse().unwrap();
        Asked::read(&uri).map_err(|problem| problem.code().to_owned())
    }

    #[test]
    fn nothing_asks_for_everything_at_once() {
        assert_eq!(read(""), Ok(Asked { holding: None, wait: Duration::ZERO }));
        assert_eq!(read("?"), read(""));
        assert_eq!(read("?after="), read(""), "a parameter without a value is none");
    }

    #[test]
    fn a_sequence_an_epoch_and_a_wait_are_read_in_any_order() {
        let holding = Some(Holding { sequence: 7, epoch: Some(1_790_000_000) });
        let asked = Ok(Asked { holding, wait: Duration::from_secs(2) });
        assert_eq!(read("?after=7&epoch=1790000000&wait=2"), asked);
        assert_eq!(read("?wait=2&epoch=1790000000&after=7"), asked);
        let largest = Some(Holding { sequence: u64::MAX, epoch: None });
        assert_eq!(read("?after=18446744073709551615"), Ok(Asked { holding: largest, wait: Duration::ZERO }));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_rule() {
        for (query, code) in [
            ("?after=-1", "not-a-number"),
            ("?after=%2B1", "not-a-number"),
            ("?after=1.0", "not-a-number"),
            ("?after=18446744073709551616", "not-a-number"),
            ("?after=1&epoch=x", "not-a-number"),
            ("?after=1&wait=2s", "not-a-number"),
            ("?after=1&wait=3", "wait-out-of-range"),
            ("?wait=18446744073709551615", "wait-out-of-range"),
            ("?epoch=1", "epoch-without-after"),
            ("?after=1&after=2", "malformed-query"),
            ("?since=1", "unknown-parameter"),
        ] {
            assert_eq!(read(query), Err(code.to_owned()), "{query}");
        }
    }
}
