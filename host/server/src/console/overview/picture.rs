//! What is drawn, in numbers: places and sizes of bars, and the same as rows of a table. The template draws them as SVG with attributes and
//! classes alone, so that the policy of pages holds and colours follow the reader's choice of light or dark.

use serde::Serialize;

use super::{
    super::page::written,
    counts::{Amount, DAY, Week},
};
use crate::observe::recent::Exchanges;

/// The height of a picture, in its own units.
const HEIGHT: u64 = 100;
/// The width of a bar and of what lies between two.
const BAR: u64 = 8;
const STEP: u64 = 10;

/// A bar: where it stands, and how far it goes up and down from the line.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Bar {
    x: u64,
    y: u64,
    width: u64,
    height: u64,
    /// Below the line.
    is_down: bool,
    /// What it shows is only the least that it is.
    is_at_least: bool,
}

/// Expiries by week.
#[derive(Serialize)]
pub(super) struct Expiries {
    width: u64,
    height: u64,
    bars: Vec<Bar>,
    weeks: Vec<WeekRow>,
    total: Amount,
    most: u64,
    link: String,
}

#[derive(Serialize)]
struct WeekRow {
    from: String,
    to: String,
    amount: Amount,
    is_any: bool,
    link: String,
}

/// Exchanges by hour.
#[derive(Serialize)]
pub(super) struct Hours {
    width: u64,
    height: u64,
    /// Where the line between granted and refused lies.
    line: u64,
    bars: Vec<Bar>,
    hours: Vec<HourRow>,
    most: u64,
}

#[derive(Serialize)]
struct HourRow {
    until: String,
    granted: u64,
    refused: u64,
}

impl Expiries {
    pub(super) fn of(weeks: &[Week]) -> Self {
        let most = weeks.iter().map(|week| week.amount.count).max().unwrap_or_default();
        let bars = weeks.iter().enumerate().map(|(place, week)| {
            let height = scaled(week.amount.count, most, HEIGHT);
            Bar {
                x: x(place),
                y: HEIGHT.saturating_sub(height),
                width: BAR,
                height,
                is_down: false,
                is_at_least: week.amount.is_at_least,
            }
        });
        let total = weeks.iter().fold(Amount::default(), |all, week| Amount {
            count: all.count.saturating_add(week.amount.count),
            is_at_least: all.is_at_least || week.amount.is_at_least,
        });
        let rows: Vec<WeekRow> = weeks.iter().map(row).collect();
        let all = match (weeks.first(), weeks.last()) {
            (Some(first), Some(last)) => link(first.from, last.until),
            _ => link(0, DAY),
        };
        Self { width: x(weeks.len()), height: HEIGHT, bars: bars.collect(), weeks: rows, total, most, link: all }
    }
}

impl Hours {
    pub(super) fn of(hours: &[Exchanges], now: u64) -> Self {
        let granted = hours.iter().map(|hour| hour.granted).max().unwrap_or_default();
        let refused = hours.iter().map(|hour| hour.refused).max().unwrap_or_default();
        // One scale for both, so that they can be compared. What there is none of takes no room.
        let most = granted.saturating_add(refused);
        let line = if most == 0 { HEIGHT } else { HEIGHT.saturating_sub(scaled(refused, most, HEIGHT)) };
        let bars = hours.iter().enumerate().flat_map(|(place, hour)| {
            let up = scaled(hour.granted, most, HEIGHT).min(line);
            let down = scaled(hour.refused, most, HEIGHT).min(HEIGHT.saturating_sub(line));
            let bar = |y, height, is_down| Bar { x: x(place), y, width: BAR, height, is_down, is_at_least: false };
            [bar(line.saturating_sub(up), up, false), bar(line, down, true)]
        });
        let rows = hours.iter().enumerate().map(|(place, hour)| {
            let ago = u64::try_from(hours.len().saturating_sub(place + 1)).unwrap_or_default();
            HourRow {
                until: written(now.saturating_sub(ago.saturating_mul(3_600))),
                granted: hour.granted,
                refused: hour.refused,
            }
        });
        Self {
            width: x(hours.len()),
            height: HEIGHT,
            line,
            bars: bars.filter(|bar| bar.height > 0).collect(),
            hours: rows.collect(),
            most: granted.max(refused),
        }
    }
}

fn x(place: usize) -> u64 {
    u64::try_from(place).unwrap_or_default().saturating_mul(STEP)
}

/// A value on a scale of which `most` is the end; one that is not nothing is always to be seen.
fn scaled(value: u64, most: u64, height: u64) -> u64 {
    if value == 0 || most == 0 { 0 } else { (value.saturating_mul(height) / most).clamp(1, height) }
}

fn row(week: &Week) -> WeekRow {
    WeekRow {
        from: day(week.from),
        to: day(week.until.saturating_sub(DAY)),
        amount: week.amount,
        is_any: week.amount != Amount::default(),
        link: link(week.from, week.until),
    }
}

/// The list of what expires from a day on, until before another.
fn link(from: u64, until: u64) -> String {
    let (first, last) = (day(from), day(until.saturating_sub(DAY)));
    format!("/console/tokens?state=active&expires_from={first}&expires_until={last}")
}

/// A day as people write it: `2027-01-31`.
fn day(at: u64) -> String {
    written(at).get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;

    const TODAY: u64 = 1_801_353_600;

    fn week(number: u64, count: u64, is_at_least: bool) -> Week {
        let from = TODAY + number * 7 * DAY;
        Week { from, until: from + 7 * DAY, amount: Amount { count, is_at_least } }
    }

    #[test]
    fn the_most_reaches_the_top_and_the_least_is_to_be_seen() {
        let drawn = Expiries::of(&[week(0, 1, false), week(1, 1000, true), week(2, 0, false)]);
        let heights: Vec<u64> = drawn.bars.iter().map(|bar| bar.height).collect();
        assert_eq!((heights, drawn.width, drawn.most), (vec![1, HEIGHT, 0], 30, 1000));
        assert_eq!(drawn.total, Amount { count: 1001, is_at_least: true });
        assert!(drawn.bars.iter().all(|bar| bar.y + bar.height == HEIGHT));
    }

    #[test]
    fn each_week_leads_to_what_was_counted_in_it() {
        let drawn = Expiries::of(&[week(0, 1, false), week(1, 2, false)]);
        assert_eq!(
            drawn.weeks[0].link,
            "/console/tokens?state=active&expires_from=2027-01-31&expires_until=2027-02-06"
        );
        assert_eq!(drawn.link, "/console/tokens?state=active&expires_from=2027-01-31&expires_until=2027-02-13");
    }

    #[test]
    fn granted_stands_on_the_line_and_refused_hangs_from_it() {
        let one = |granted, refused| Exchanges { granted, refused };
        let drawn = Hours::of(&[one(30, 0), one(0, 10), one(0, 0)], TODAY);
        assert_eq!((drawn.line, drawn.bars.len(), drawn.most), (75, 2, 30));
        assert_eq!((drawn.bars[0].y, drawn.bars[0].height, drawn.bars[0].is_down), (0, 75, false));
        assert_eq!((drawn.bars[1].y, drawn.bars[1].height, drawn.bars[1].is_down), (75, 25, true));
        assert_eq!(drawn.hours[2].until, "2027-01-31 00:00");
        assert_eq!(drawn.hours[0].until, "2027-01-30 22:00");
        let nothing = Hours::of(&[one(0, 0)], TODAY);
        assert_eq!((nothing.line, nothing.bars.len()), (HEIGHT, 0));
    }
}
