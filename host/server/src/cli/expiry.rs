//! Expiries as people type them.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
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

/// Reads `90d`, `12h`, `30m`, `45s`, `2w`, `2027-01-31` (that day's beginning in UTC), an RFC 3339 moment, or `never`.
pub(super) fn parse(text: &str) -> Result<Expiry, String> {
    if text == "never" {
        return Ok(Expiry::Never);
    }
    if let Some((number, unit)) = text.char_indices().next_back().and_then(|(end, unit)| Some((text.get(..end)?, unit)))
        && let Ok(number) = number.parse::<u64>()
        && let Some(seconds) = seconds_of(unit)
    {
        return number.checked_mul(seconds).filter(|span| *span > 0).map(Expiry::After).ok_or_else(|| format!("`{text}` is out of range"));
    }
    if let Ok(date) = text.parse::<Date>()
        && text.len() == 10
    {
        let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|error| error.to_string())?;
        return Ok(Expiry::At(midnight.to_string()));
    }
    match text.parse::<Timestamp>() {
        Ok(moment) => Ok(Expiry::At(moment.to_string())),
        Err(_) => Err(format!("`{text}` is none of 90d, 12h, 2027-01-31, 2027-01-31T12:00:00Z, never")),
    }
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
        assert_eq!(parse("2027-01-31"), Ok(Expiry::At("2027-01-31T00:00:00Z".to_owned())));
        assert_eq!(parse("2027-01-31T12:00:00Z"), Ok(Expiry::At("2027-01-31T12:00:00Z".to_owned())));
        assert_eq!(parse("2027-01-31T12:00:00+02:00"), Ok(Expiry::At("2027-01-31T10:00:00Z".to_owned())));
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in ["", "90", "d", "0d", "-1d", "1.5h", "90 d", "90y", "tomorrow", "2027-13-01", "2027-02-30", "2027-01-31T12:00:00", "99999999999999999999d", "ä"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
