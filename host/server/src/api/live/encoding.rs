//! `Accept-Encoding` (RFC 9110 section 12.5.3), as far as gzip goes.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// Whether an answer in the gzip format will do: it is named, or everything is, and not with a weight of nothing.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let (mut named, mut any) = (None, None);
    for coding in values.flat_map(|list| list.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let wanted = !parts.any(|weight| {
            let weight = weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse::<f32>().map_or(true, |weight| weight <= 0.0))
        });
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            named = Some(wanted);
        } else if name == "*" {
            any = Some(wanted);
        }
    }
    named.or(any).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepts(values: &[&'static str]) -> bool {
        accepts_gzip(&values.iter().map(|value| (ACCEPT_ENCODING, HeaderValue::from_static(value))).collect())
    }

    #[test]
    fn gzip_is_accepted_where_it_or_everything_is_named() {
        for values in
            [&["gzip"][..], &["GZIP"], &["br, gzip"], &["br", "gzip;q=0.1"], &["*"], &["x-gzip"], &["gzip; q=1, *;q=0"]]
        {
            assert!(accepts(values), "{values:?}");
        }
        for values in
            [&[][..], &[""], &["br"], &["identity"], &["gzip;q=0"], &["gzip; q=0.0, *"], &["*;q=0"], &["gzip;q=x"]]
        {
            assert!(!accepts(values), "{values:?}");
        }
    }
}
