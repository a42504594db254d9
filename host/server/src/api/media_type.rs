//! What a request says of its body.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// Whether the one `Content-Type` header names this media type, whatever its parameters (RFC 9110 section 8.3.1).
pub(super) fn is(headers: &HeaderMap, expected: &str) -> bool {
    let mut declared = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (declared.next(), declared.next()) else { return false };
    let Ok(text) = only.to_str() else { return false };
    let essence = text.split(';').next().unwrap_or_default();
    essence.trim_matches([' ', '\t']).eq_ignore_ascii_case(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn declared(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (CONTENT_TYPE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn parameters_and_case_do_not_matter() {
        for value in [
            "application/json",
            "Application/JSON",
            "application/json;charset=UTF-8",
            "application/json ; charset=utf-8",
        ] {
            assert!(is(&declared(&[value]), "application/json"), "{value}");
        }
    }

    #[test]
    fn another_type_none_or_two_are_not_it() {
        for values in
            [&["application/jsonp"][..], &["text/json"], &[""], &[], &["application/json", "application/json"]]
        {
            assert!(!is(&declared(values), "application/json"), "{values:?}");
        }
    }
}
