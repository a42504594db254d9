//! How long entries are kept. What is taken away is sealed: an entry keeps number and hash of the last that went, so that a log that was
//! pruned can be told from one that was cut.

use std::{fmt, str::FromStr};

use jeton_policy::store::{Direction, Unavailable};
use jeton_store::audit::{AuditLog, Entry, Line, MAX_LINES, PRUNED};

/// Until so many have grown too old, or one by so much, none is taken away: each time costs an entry.
const ENOUGH: usize = 500;
const SLACK: u64 = 24 * 60 * 60;

/// How long entries are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Retention(
    /// Seconds; `None`: for good.
    pub Option<u64>,
);

impl Default for Retention {
    /// A year, and the time to look at it.
    fn default() -> Self {
        Self(Some(400 * 24 * 60 * 60))
    }
}

impl FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self(None));
        }
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()).filter(|days| *days > 0);
        let days = days.ok_or_else(|| "neither a number of days, such as 400d, nor `forever`".to_owned())?;
        Ok(Self(Some(u64::from(days).saturating_mul(24 * 60 * 60))))
    }
}

impl TryFrom<String> for Retention {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(seconds) => write!(formatter, "{}d", seconds / (24 * 60 * 60)),
            None => formatter.write_str("forever"),
        }
    }
}

/// Takes a bounded number of entries away that are too old at `now`; gives whether there may be more.
///
/// # Errors
/// [`Unavailable`].
pub fn prune(log: &dyn AuditLog, retention: Retention, now: u64) -> Result<bool, Unavailable> {
    let Some(oldest) = retention.0.map(|span| now.saturating_sub(span)) else { return Ok(false) };
    let page = log.audit_lines(None, Direction::Ascending, MAX_LINES)?;
    // By their order, not by their times: a clock that stood wrong leaves no hole.
    let is_old = |line: &&Line| line.at < oldest && line.seq < page.head;
    let old: Vec<_> = page.lines.iter().take_while(is_old).collect();
    let Some((first, last)) = old.first().zip(old.last()) else { return Ok(false) };
    if old.len() < ENOUGH && first.at >= oldest.saturating_sub(SLACK) {
        return Ok(false);
    }
    let seal = Entry::new(now, "policy", PRUNED, "done").with("kept_for", retention.to_string());
    log.prune_audit(last.seq, seal).map_err(|_| Unavailable)?;
    Ok(u32::try_from(old.len()).is_ok_and(|old| old == MAX_LINES))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use jeton_store::{
        MemoryStore,
        audit::{Checker, Report, Start},
    };

    const DAY: u64 = 24 * 60 * 60;

    fn checked(log: &MemoryStore) -> Report {
        let mut checker = Checker::new();
        let mut after = None;
        loop {
            let page = log.audit_lines(after, Direction::Ascending, MAX_LINES).unwrap();
            let Some(last) = page.lines.last() else { return checker.finish(Some(page.head)) };
            after = Some(last.seq);
            page.lines.iter().for_each(|line| checker.line(line.text.as_bytes()));
        }
    }

    #[test]
    fn what_is_too_old_goes_and_the_log_is_still_whole() {
        let log = MemoryStore::new();
        for day in 0..3000 {
            let entry = Entry::new(day * DAY, "machine", "test.act", "done");
            log.commit_recorded(vec![], vec![], vec![entry]).unwrap();
        }
        let now = 3000 * DAY;
        while prune(&log, Retention::default(), now).unwrap() {}
        let report = checked(&log);
        assert_eq!((report.findings, report.start), (vec![], Some((2601, Start::Sealed))));
        assert_eq!(report.lines, 400 + 3, "each step left a seal");
        assert!(!prune(&log, Retention::default(), now + DAY).unwrap());
        assert_eq!(checked(&log).lines, 403, "for a day no entry is taken away");
        // A year later the seals go as well, and the last one holds.
        while prune(&log, Retention::default(), now + 1000 * DAY).unwrap() {}
        let report = checked(&log);
        assert_eq!((report.findings, report.lines), (vec![], 2));
    }

    #[test]
    fn forever_is_for_good() {
        let log = MemoryStore::new();
        log.commit_recorded(vec![], vec![], vec![Entry::new(0, "machine", "test.act", "done")]).unwrap();
        assert!(!prune(&log, "forever".parse().unwrap(), u64::MAX).unwrap());
        assert_eq!(checked(&log).lines, 1);
        assert_eq!("400d".parse(), Ok(Retention::default()));
        for bad in ["", "0d", "-1d", "400", "1y", "4294967296d"] {
            assert!(bad.parse::<Retention>().is_err(), "{bad}");
        }
    }
}
