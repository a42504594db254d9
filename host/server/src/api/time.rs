//! Moments as `/v1` writes them: RFC 3339, in UTC with a `Z`, whole seconds.

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use thiserror::Error;

/// Why a text is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a time is written as RFC 3339 says, with a year of four digits and `Z` or an offset: 2027-01-31T12:00:00Z")]
pub struct TimeError;

/// Unix seconds as RFC 3339. The policy keeps every moment below the year 10000; one beyond shows the last second before it.
pub(crate) fn to_rfc3339(seconds: u64) -> String {
    let since = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let moment = unix_epoch().checked_add(since).unwrap_or(date(9999, 12, 31).at(23, 59, 59, 0));
    format!("{}Z", moment.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// RFC 3339 section 5.6, upper or lower case, as Unix seconds. A fraction is dropped, so that nothing lives longer than was said;
/// a moment before 1970 is 0, which is as much in the past.
pub(crate) fn from_rfc3339(text: &str) -> Result<u64, TimeError> {
    let text = text.to_ascii_uppercase();
    let (local, zone) = text.split_at_checked("2027-01-31T12:00:00".len()).ok_or(TimeError)?;
    if !has_shape(local, "0000-00-00T00:00:00") {
        return Err(TimeError);
    }
    let offset = offset_seconds(without_fraction(zone)?)?;
    let moment: DateTime = local.parse().map_err(|_| TimeError)?;
    let unix = moment.duration_since(unix_epoch()).as_secs().saturating_sub(offset);
    Ok(u64::try_from(unix).unwrap_or(0))
}

fn unix_epoch() -> DateTime {
    date(1970, 1, 1).at(0, 0, 0, 0)
}

/// Whether every `0` of the shape stands for a digit and everything else for itself.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, wanted)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted })
}

fn without_fraction(zone: &str) -> Result<&str, TimeError> {
    let Some(fraction) = zone.strip_prefix('.') else { return Ok(zone) };
    let rest = fraction.trim_start_matches(|character: char| character.is_ascii_digit());
    if rest.len() == fraction.len() { Err(TimeError) } else { Ok(rest) }
}

/// How far local time is ahead of UTC.
fn offset_seconds(zone: &str) -> Result<i64, TimeError> {
    if zone == "Z" {
        return Ok(0);
    }
    let (sign, time) = match zone.split_at_checked(1).ok_or(TimeError)? {
        ("+", time) => (1, time),
        ("-", time) => (-1, time),
        _ => return Err(TimeError),
    };
    if !has_shape(time, "00:00") {
        return Err(TimeError);
    }
    let (hours, minutes) = time.split_once(':').ok_or(TimeError)?;
    let number = |digits: &str| digits.parse::<i64>().map_err(|_| TimeError);
    match (number(hours)?, number(minutes)?) {
        (hours @ 0..=23, minutes @ 0..=59) => Ok(sign * (hours * 3600 + minutes * 60)),
        _ => Err(TimeError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_with_a_z() {
        assert_eq!(to_rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(to_rfc3339(1_790_000_000), "2026-09-21T14:13:20Z");
        assert_eq!(to_rfc3339(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(to_rfc3339(u64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for seconds in [0, 1, 951_782_400, 1_790_000_000, 253_402_300_799] {
            assert_eq!(from_rfc3339(&to_rfc3339(seconds)), Ok(seconds));
        }
    }

    #[test]
    fn offsets_lower_case_and_fractions_are_understood() {
        assert_eq!(from_rfc3339("2026-09-21T16:13:20+02:00"), Ok(1_790_000_000));
        assert_eq!(from_rfc3339("2026-09-21T04:43:20-09:30"), Ok(1_790_000_000));
        assert_eq!(from_rfc3339("2026-09-21t14:13:20z"), Ok(1_790_000_000));
        assert_eq!(from_rfc3339("2026-09-21T14:13:20.999Z"), Ok(1_790_000_000));
    }

    #[test]
    fn a_moment_before_1970_is_simply_past() {
        assert_eq!(from_rfc3339("1969-12-31T23:59:59Z"), Ok(0));
        assert_eq!(from_rfc3339("0000-01-01T00:00:00Z"), Ok(0));
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused() {
        for text in [
            "",
            "never",
            "2027-01-31",
            "2027-01-31T12:00:00",
            "2027-01-31 12:00:00Z",
            "2027-01-31T12:00Z",
            "2027-02-30T12:00:00Z",
            "2027-13-01T12:00:00Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T12:60:00Z",
            "12027-01-31T12:00:00Z",
            "+012027-01-31T12:00:00Z",
            "2027-01-31T12:00:00+24:00",
            "2027-01-31T12:00:00+02",
            "2027-01-31T12:00:00+0200",
            "2027-01-31T12:00:00.Z",
            "2027-01-31T12:00:00Z[UTC]",
            "2027-01-31T12:00:00Z ",
            " 2027-01-31T12:00:00Z",
            "1790000000",
            "2027-01-31T12:00:0é",
        ] {
            assert_eq!(from_rfc3339(text), Err(TimeError), "{text}");
        }
    }
}
