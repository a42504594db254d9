//! `If-Match` (RFC 9110 section 13.1.1): a change for the very record that its sender has read.

use http::HeaderMap;
use http::header::IF_MATCH;

use super::problem::Problem;

/// A generation that no record has: they begin at 1.
const NO_GENERATION: u64 = 0;

/// The generation that the record must have; `None`: any. A weak tag, or one that is none of ours, matches nothing.
pub(super) fn generation(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut given = headers.get_all(IF_MATCH).iter();
    let (tag, other) = (given.next(), given.next());
    let Some(tag) = tag else { return Ok(None) };
    let text = tag.to_str().ok().filter(|_| other.is_none()).map(str::trim).ok_or_else(malformed)?;
    if text == "*" {
        return Ok(None);
    }
    let (strong, opaque) = match text.strip_prefix("W/") {
        Some(weak) => (false, weak),
        None => (true, text),
    };
    let opaque = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
    if opaque.contains('"') {
        return Err(malformed());
    }
    let plain = strong && !opaque.starts_with('0') && opaque.bytes().all(|byte| byte.is_ascii_digit());
    Ok(Some(opaque.parse().ok().filter(|_| plain).unwrap_or(NO_GENERATION)))
}

fn malformed() -> Problem {
    Problem::field(
        "if-match-malformed",
        "If-Match",
        "`If-Match` takes the one `ETag` of the record, as it was sent, or `*`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(values: &[&'static str]) -> Result<Option<u64>, &'static str> {
        let headers = values.iter().map(|value| (IF_MATCH, HeaderValue::from_static(value))).collect();
        generation(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn the_tag_of_a_record_is_its_generation() {
        assert_eq!(read(&["\"17\""]), Ok(Some(17)));
        assert_eq!(read(&[" \"17\" "]), Ok(Some(17)));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["*"]), Ok(None));
    }

    #[test]
    fn a_weak_tag_or_another_authoritys_matches_nothing() {
        for tag in ["W/\"17\"", "\"abc\"", "\"\"", "\"017\"", "\"+17\"", "\"99999999999999999999\""] {
            assert_eq!(read(&[tag]), Ok(Some(NO_GENERATION)), "{tag}");
        }
    }

    #[test]
    fn what_is_no_single_tag_is_refused() {
        for values in [&["17"][..], &["\"17"], &["\"1\", \"2\""], &["\"1\"", "\"2\""], &[""], &["w/\"1\""]] {
            assert_eq!(read(values), Err("if-match-malformed"), "{values:?}");
        }
    }
}
