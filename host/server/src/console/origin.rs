//! Where a request that changes something was made: only pages of this very origin may make one.

use http::{
    HeaderMap, HeaderName,
    header::{HOST, ORIGIN},
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a browser says that one of our own pages made the request. `Sec-Fetch-Site` no script can set; where a browser does not send it,
/// `Origin` must name the host that was asked. A request that says neither is refused.
pub(crate) fn is_own(headers: &HeaderMap) -> bool {
    let one = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        let first = values.next().and_then(|value| value.to_str().ok());
        first.filter(|_| values.next().is_none())
    };
    if headers.contains_key(SEC_FETCH_SITE) {
        return one(SEC_FETCH_SITE) == Some("same-origin");
    }
    let origin = one(ORIGIN).and_then(|origin| origin.strip_prefix("https://").or(origin.strip_prefix("http://")));
    match (origin, one(HOST)) {
        (Some(origin), Some(host)) => origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use http::HeaderValue;

    use super::*;

    fn own(headers: &[(&'static str, &str)]) -> bool {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        is_own(&headers.iter().map(header).collect())
    }

    #[test]
    fn only_what_our_own_pages_send_is_taken() {
        let host = ("host", "tokens.example:8123");
        assert!(own(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(own(&[host, ("origin", "http://tokens.example:8123")]));
        assert!(own(&[host, ("origin", "https://Tokens.example:8123")]));
        for site in ["same-site", "cross-site", "none", ""] {
            assert!(!own(&[host, ("sec-fetch-site", site), ("origin", "http://tokens.example:8123")]), "{site}");
        }
        for origin in
            ["null", "http://tokens.example", "http://tokens.example:8123.evil.example", "tokens.example:8123", ""]
        {
            assert!(!own(&[host, ("origin", origin)]), "{origin}");
        }
        assert!(!own(&[host]));
        assert!(!own(&[("origin", "http://tokens.example:8123")]));
        assert!(!own(&[host, host, ("origin", "http://tokens.example:8123")]));
    }
}
