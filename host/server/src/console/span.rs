//! Spans of time as people tell and type them: a number and a unit.

/// Units, the largest first.
const UNITS: [(&str, u64); 4] = [("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1)];

/// The names of the units, the smallest first, as they are chosen from.
pub(super) const NAMES: [&str; 4] = ["seconds", "minutes", "hours", "days"];

/// A span by the largest unit that tells it exactly: 900 s are 15 minutes, 901 s are 901 seconds.
pub(super) fn apart(seconds: u64) -> (u64, &'static str) {
    let fits = |(_, unit): &&(&str, u64)| seconds > 0 && seconds.is_multiple_of(*unit);
    UNITS.iter().find(fits).map_or((seconds, "seconds"), |(name, unit)| (seconds / unit, name))
}

/// The seconds of a number of units. `None`: it is no whole number, no unit, or too long for anything.
pub(super) fn joined(amount: &str, unit: &str) -> Option<u64> {
    let amount = amount.trim();
    let is_number = !amount.is_empty() && amount.bytes().all(|byte| byte.is_ascii_digit());
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).filter(|_| is_number)?;
    amount.parse::<u64>().ok()?.checked_mul(*seconds)
}

/// A span in words, exactly.
pub(super) fn told(seconds: u64) -> String {
    let (amount, unit) = apart(seconds);
    if amount == 1 { format!("1 {}", unit.trim_end_matches('s')) } else { format!("{amount} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_by_its_largest_unit_and_read_back() {
        for (seconds, words) in [
            (900, "15 minutes"),
            (901, "901 seconds"),
            (60, "1 minute"),
            (86_400, "1 day"),
            (7_776_000, "90 days"),
            (90_000, "25 hours"),
            (0, "0 seconds"),
        ] {
            assert_eq!(told(seconds), words);
            let (amount, unit) = apart(seconds);
            assert_eq!(joined(&amount.to_string(), unit), Some(seconds));
        }
    }

    #[test]
    fn what_is_no_span_is_none() {
        for (amount, unit) in [
            ("", "days"),
            ("-1", "days"),
            ("1.5", "days"),
            ("+1", "days"),
            ("1e3", "seconds"),
            ("1", "weeks"),
            ("18446744073709551615", "days"),
            ("99999999999999999999", "seconds"),
        ] {
            assert_eq!(joined(amount, unit), None, "{amount} {unit}");
        }
    }
}
