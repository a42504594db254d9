//! What is counted for the overview, each count bounded.

use std::fmt;

use jeton_runtime::wit::refresh_tokens::{Page, Query, Span, State};
use serde::{Serialize, Serializer};

/// Seconds of a day.
pub(super) const DAY: u64 = 24 * 60 * 60;
const WEEK: u64 = 7 * DAY;
/// Weeks that are looked ahead: the 90 days that a token lives unless changed.
const WEEKS: u64 = 13;
/// What expires within so many days is soon.
const SOON: u64 = 14;
/// What was not used for so many days is idle.
const IDLE: u64 = 90;
/// Tokens that one count looks for at most. A store of a million may have most of them in one week: nobody waits for all of them.
const LIMIT: u32 = 250;

/// A count, or what it is at least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) count: u64,
    pub(super) is_at_least: bool,
}

/// Refresh tokens that expire in a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Week {
    /// Its first day and the one after its last, each at midnight (UTC).
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) amount: Amount,
}

/// Everything that is counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) soon: Amount,
    /// Those whose last use lies too far back.
    pub(super) idle: Amount,
    /// Those of which no use is known.
    pub(super) unused: Amount,
    pub(super) weeks: Vec<Week>,
}

/// What the policy is asked at `now`: a page for each count.
pub(super) fn queries(now: u64) -> Vec<Query> {
    let active = || Query { state: Some(State::Active), ..Query::first(LIMIT) };
    let expiring = |(from, until)| Query { expires: Span { from: Some(from), until: Some(until) }, ..active() };
    let idle = Span { from: None, until: Some(now.saturating_sub(IDLE.saturating_mul(DAY))) };
    let first = [
        expiring((now, now.saturating_add(SOON.saturating_mul(DAY)))),
        Query { last_used: idle, ..active() },
        Query { never_used: true, ..active() },
    ];
    first.into_iter().chain(weeks(now).map(expiring)).collect()
}

impl Counts {
    /// What those pages say.
    pub(super) fn of(now: u64, pages: &[Page]) -> Self {
        let mut amounts = pages.iter().map(|page| Amount {
            count: u64::try_from(page.items.len()).unwrap_or(u64::MAX),
            is_at_least: page.next.is_some(),
        });
        let mut next = || amounts.next().unwrap_or_default();
        let (soon, idle, unused) = (next(), next(), next());
        let weeks = weeks(now).map(|(from, until)| Week { from, until, amount: next() }).collect();
        Self { soon, idle, unused, weeks }
    }
}

/// The weeks from today on.
fn weeks(now: u64) -> impl Iterator<Item = (u64, u64)> {
    let today = now / DAY * DAY;
    (0..WEEKS).map(move |week| {
        let from = today.saturating_add(week.saturating_mul(WEEK));
        (from, from.saturating_add(WEEK))
    })
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", if self.is_at_least { "at least " } else { "" }, self.count)
    }
}

impl Serialize for Amount {
    /// In words.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;

    const NOW: u64 = 1_801_396_800;

    #[test]
    fn thirteen_weeks_from_midnight_on_join_and_each_count_has_its_page() {
        let queries = queries(NOW);
        assert_eq!(queries.len(), 16);
        let spans: Vec<(u64, u64)> =
            queries[3..].iter().map(|query| (query.expires.from.unwrap(), query.expires.until.unwrap())).collect();
        assert_eq!(spans[0], (1_801_353_600, 1_801_353_600 + WEEK));
        assert!(spans.windows(2).all(|two| two[0].1 == two[1].0));
        assert!(spans[12].1 >= NOW + 90 * DAY);
    }

    #[test]
    fn a_page_that_goes_on_is_told_as_the_least_that_there_is() {
        let page = |next: Option<&str>| Page { items: Vec::new(), next: next.map(str::to_owned) };
        let counts = Counts::of(NOW, &[page(None), page(Some("more")), page(None), page(Some("more"))]);
        assert_eq!((counts.soon.to_string(), counts.idle.to_string()), ("0".to_owned(), "at least 0".to_owned()));
        assert_eq!((counts.weeks.len(), counts.weeks[0].amount.is_at_least), (13, true));
    }
}
