//! Moments: RFC 3339.

use jeton::api::reading::{moment, written_moment};

use crate::{Target, choices::Choices, mutation::mutated_text, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "moment",
    about: "moments of RFC 3339: text, and any second in any offset after damage, held against another reader",
    words: &[
        "Z",
        "z",
        "T",
        "t",
        "+00:00",
        "-23:59",
        "+24:00",
        ".999999999999",
        "60",
        "2027-02-29",
        "9999-12-31T23:59:59",
        "0000-01-01",
        "[UTC]",
    ],
    run,
    short_pass: 60_000,
};

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

fn run(data: &[u8], reached: &mut Reached) {
    if let Ok(text) = str::from_utf8(data) {
        read(text, reached);
    }
    let mut choices = Choices::new(data);
    let seconds = choices.number_near(1_900_000_000);
    let text = written_moment(seconds);
    assert_eq!(moment(&text), Ok(seconds.min(LAST)), "{text}");
    // The same second as clocks elsewhere show it.
    let minutes = choices.below(24 * 60);
    let (sign, there) = if choices.flag() { ('+', seconds.min(LAST)) } else { ('-', seconds.clamp(100_000, LAST)) };
    let span = minutes as u64 * 60;
    let local = if sign == '+' { there.saturating_add(span) } else { there - span };
    if local <= LAST {
        let text = written_moment(local);
        let elsewhere = format!("{}{sign}{:02}:{:02}", text.trim_end_matches('Z'), minutes / 60, minutes % 60);
        assert_eq!(moment(&elsewhere), Ok(there), "{elsewhere}");
        read(&mutated_text(&mut choices, &elsewhere, TARGET.words), reached);
    }
    read(&mutated_text(&mut choices, &text, TARGET.words), reached);
}

/// What is read, another reader of RFC 3339 reads the same way; what is written back means the same second.
fn read(text: &str, reached: &mut Reached) {
    let Ok(seconds) = moment(text) else { return reached.note("no moment") };
    assert_eq!(moment(&written_moment(seconds)), Ok(seconds.min(LAST)), "{text}");
    // The other reader knows neither the year 0 with an offset below it, nor the last day of 9999.
    if let Ok(other) = text.parse::<jiff::Timestamp>() {
        assert_eq!(u64::try_from(other.as_second()).unwrap_or(0), seconds, "{text}");
        reached.note("a moment, read twice");
    } else {
        reached.note("a moment");
    }
}
