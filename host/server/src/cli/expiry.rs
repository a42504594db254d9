//! Spans and expiries as people type them.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

/// When a refresh token shall expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expiry {
    /// After so many seconds.
    After(u64),
    /// At this moment (RFC 3339).
    At(String),
    /// Never.
    Never,
}

/// Reads `90d` or another span with its unit, `2027-01-31` (that day's beginning in UTC), an RFC 3339 moment, or `never`.
pub(super) fn parse(text: &str) -> Result<Expiry, String> {
    if text == "never" {
        return Ok(Expiry::Never);
    }
    if let Some(span) = span_with_unit(text)? {
        return Ok(Expiry::After(span));
    }
    if let Ok(date) = text.parse::<Date>()
        && text.len() == "2027-01-31".len()
    {
        let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|error| error.to_string())?;
        return Ok(Expiry::At(midnight.to_string()));
    }
    match text.parse::<Timestamp>() {
        Ok(moment) => Ok(Expiry::At(moment.to_string())),
        Err(_) => Err("none of 90d, 12h, 2027-01-31, 2027-01-31T12:00:00Z, never".to_owned()),
    }
}

/// Reads a span: seconds, or a number with one of the units s, m, h, d, w. Whether it is in range, the authority says.
pub(super) fn span(text: &str) -> Result<u64, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| OUT_OF_RANGE.to_owned());
    }
    span_with_unit(text)?.ok_or_else(|| "neither seconds nor a span such as 15m, 12h, 90d".to_owned())
}

/// Reads a moment, and writes it as RFC 3339 says: `2027-01-31` (that day's beginning in UTC), an RFC 3339 moment, or a span from now,
/// `12h`, `+30d` or `-90d`.
pub(super) fn moment(text: &str) -> Result<String, String> {
    moment_at(text, Timestamp::now())
}

fn moment_at(text: &str, now: Timestamp) -> Result<String, String> {
    let (later, span) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(span), _) => (true, span),
        (_, Some(span)) => (false, span),
        (None, None) => match parse(text) {
            Ok(Expiry::At(moment)) => return Ok(moment),
            Ok(Expiry::After(_)) => (true, text),
            Ok(Expiry::Never) | Err(_) => return Err(NO_MOMENT.to_owned()),
        },
    };
    let span = span_with_unit(span)?.ok_or_else(|| NO_MOMENT.to_owned())?;
    let span = SignedDuration::from_secs(i64::try_from(span).map_err(|_| OUT_OF_RANGE.to_owned())?);
    let moment =
        if later { now.checked_add(span) } else { now.checked_sub(span) }.map_err(|_| OUT_OF_RANGE.to_owned())?;
    Ok(moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

const NO_MOMENT: &str = "none of 2027-01-31, 2027-01-31T12:00:00Z, 12h, +30d, -90d";

const OUT_OF_RANGE: &str = "out of range";

/// `None`: it does not look like one.
fn span_with_unit(text: &str) -> Result<Option<u64>, String> {
    let Some((end, unit)) = text.char_indices().next_back() else { return Ok(None) };
    let (Some(number), Some(unit)) = (text.get(..end), seconds_of(unit)) else { return Ok(None) };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let span = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    span.filter(|span| *span > 0).map(Some).ok_or_else(|| OUT_OF_RANGE.to_owned())
}

impl Expiry {
    /// The member of a request that says so.
    pub(super) fn member(&self) -> (&'static str, Value) {
        match self {
            Self::After(span) => ("expires_in", json!(span)),
            Self::At(moment) => ("expires_at", json!(moment)),
            Self::Never => ("never", json!(true)),
        }
    }
}

const fn seconds_of(unit: char) -> Option<u64> {
    match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(60 * 60),
        'd' => Some(24 * 60 * 60),
        'w' => Some(7 * 24 * 60 * 60),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_read() {
        assert_eq!(parse("never"), Ok(Expiry::Never));
        assert_eq!(parse("90d"), Ok(Expiry::After(7_776_000)));
        assert_eq!((parse("12h"), parse("2w")), (Ok(Expiry::After(43_200)), Ok(Expiry::After(1_209_600))));
        assert_eq!((parse("30m"), parse("45s")), (Ok(Expiry::After(1_800)), Ok(Expiry::After(45))));
        assert_eq!(parse("2027-01-31"), Ok(Expiry::At("2027-01-31T00:00:00Z".to_owned())));
        assert_eq!(parse("2027-01-31T12:00:00Z"), Ok(Expiry::At("2027-01-31T12:00:00Z".to_owned())));
        assert_eq!(parse("2027-01-31T12:00:00+02:00"), Ok(Expiry::At("2027-01-31T10:00:00Z".to_owned())));
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "90",
            "d",
            "0d",
            "-1d",
            "+1d",
            "1.5h",
            "90 d",
            "90y",
            "90D",
            "Never",
            "tomorrow",
            "2027-13-01",
            "2027-02-30",
            "20270131",
            "2027-01-31T12:00:00",
            "99999999999999999999d",
            "9999999999999999999w",
            "ä",
            "1ä",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_moment_is_one_or_a_span_from_now() {
        assert_eq!(moment("2027-01-31"), Ok("2027-01-31T00:00:00Z".to_owned()));
        assert_eq!(moment("2027-01-31T12:00:00+02:00"), Ok("2027-01-31T10:00:00Z".to_owned()));
        assert!(moment("12h").is_ok_and(|moment| moment.parse::<Timestamp>().is_ok()));
        for bad in ["never", "", "Monday", "9999999999999w"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_span_is_seconds_or_has_a_unit() {
        for (text, seconds) in
            [("900", 900), ("15m", 900), ("0", 0), ("90d", 7_776_000), ("18446744073709551615", u64::MAX)]
        {
            assert_eq!(span(text), Ok(seconds), "{text}");
        }
        for bad in ["", "m", "+5", "-5", "1.5", "5 m", "x", "0m", "18446744073709551616", "2027-01-31"] {
            assert!(span(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_moment_is_a_day_a_time_or_a_span_from_now() {
        let now = Timestamp::from_second(1_790_000_000).unwrap_or_default();
        for (text, moment) in [
            ("2027-01-31", "2027-01-31T00:00:00Z"),
            ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z"),
            ("+1d", "2026-09-22T14:13:20Z"),
            ("-1h", "2026-09-21T13:13:20Z"),
        ] {
            assert_eq!(moment_at(text, now), Ok(moment.to_owned()), "{text}");
        }
        for bad in ["", "+", "-", "+0d", "never", "+1y", "--1d", "+99999999w", "tomorrow"] {
            assert!(moment_at(bad, now).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_expiry_becomes_the_one_member_that_says_it() {
        assert_eq!(Expiry::After(60).member(), ("expires_in", json!(60)));
        assert_eq!(
            Expiry::At("2027-01-31T00:00:00Z".to_owned()).member(),
            ("expires_at", json!("2027-01-31T00:00:00Z"))
        );
        assert_eq!(Expiry::Never.member(), ("never", json!(true)));
    }
}
