//! How many access tokens are alive, as far as that can be known of what is stored nowhere.

use jeton_runtime::wit::epochs::Epoch;
use serde::Serialize;

use super::page::written;
use crate::app::{App, now};

/// The longest that an access token lives.
const LONGEST: u64 = 24 * 60 * 60;

/// A bound, and what it leaves out.
#[derive(Serialize)]
pub(super) struct Alive {
    at_most: u64,
    /// When the last of those ends at the latest that were given out before this process began to count. `None`: there are none.
    uncounted_until: Option<String>,
    since: String,
}

impl Alive {
    /// Those of the epoch in force.
    pub(super) fn of(app: &App, epoch: &Epoch) -> Self {
        let since = app.metrics.recent().since();
        Self {
            at_most: app.metrics.alive(),
            uncounted_until: uncounted_until(epoch.began_at, since, now()).map(written),
            since: written(since),
        }
    }
}

fn uncounted_until(began: u64, since: u64, now: u64) -> Option<u64> {
    let last = since.saturating_add(LONGEST);
    (began < since && now < last).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_epoch_gave_out_before_the_start_is_told_for_a_day() {
        let since = 1_800_000_000;
        assert_eq!(uncounted_until(since, since, since), None, "the start began the epoch");
        assert_eq!(uncounted_until(since - 1, since, since + LONGEST - 1), Some(since + LONGEST));
        assert_eq!(uncounted_until(since - 1, since, since + LONGEST), None);
    }
}
