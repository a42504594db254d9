//! What a caller shows in `Authorization`: a Bearer token (RFC 6750 section 2.1) or Basic (RFC 7617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use thiserror::Error;
use zeroize::Zeroizing;

use super::limits::PRESENTED_TOKEN_BYTES;
use super::oauth_error::{CHALLENGE_INVALID_REQUEST, CHALLENGE_INVALID_TOKEN};

/// What was shown. Has no `Debug`; what had to be decoded is wiped when it goes.
pub enum Credential<'a> {
    /// A token, as it stands in the header.
    Bearer(&'a str),
    /// The password of HTTP Basic. Its user name says nothing to Jeton.
    Basic(Zeroizing<String>),
}

/// Why what was shown is refused before anybody judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BearerError {
    /// RFC 6750 section 2: one way to show a token per request, once.
    #[error("more than one `Authorization` header")]
    Repeated,
    /// Not a scheme and one credential behind it.
    #[error("the `Authorization` header is malformed")]
    Malformed,
    /// More than `PRESENTED_TOKEN_BYTES`.
    #[error("the token in `Authorization` has more than {PRESENTED_TOKEN_BYTES} bytes")]
    TooLong,
}

impl BearerError {
    /// The challenge that answers it: with 401 where the token can be none, with 400 where the request is malformed.
    pub fn challenge(self) -> HeaderValue {
        if self.is_dead_token() { CHALLENGE_INVALID_TOKEN } else { CHALLENGE_INVALID_REQUEST }
    }

    /// Something was shown in the right form, but nothing of that length can be alive.
    pub fn is_dead_token(self) -> bool {
        matches!(self, BearerError::TooLong)
    }
}

/// The credential that the request shows. `None`: no `Authorization`, or a scheme that Jeton does not know.
pub fn from_headers(headers: &HeaderMap) -> Result<Option<Credential<'_>>, BearerError> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = shown.next() else { return Ok(None) };
    if shown.next().is_some() {
        return Err(BearerError::Repeated);
    }
    let text = std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii());
    let text = text.ok_or(BearerError::Malformed)?.trim_matches(' ');
    let (scheme, credential) = text.split_once(' ').unwrap_or((text, ""));
    let credential = credential.trim_start_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        bearer(credential).map(Some)
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic(credential).map(Some)
    } else {
        Ok(None)
    }
}

fn bearer(token: &str) -> Result<Credential<'_>, BearerError> {
    if token.len() > PRESENTED_TOKEN_BYTES {
        Err(BearerError::TooLong)
    } else if token.is_empty() || memchr::memchr3(b' ', b'\t', b',', token.as_bytes()).is_some() {
        Err(BearerError::Malformed)
    } else {
        Ok(Credential::Bearer(token))
    }
}

fn basic(encoded: &str) -> Result<Credential<'static>, BearerError> {
    if encoded.len() > PRESENTED_TOKEN_BYTES {
        return Err(BearerError::TooLong);
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| BearerError::Malformed)?);
    let text = std::str::from_utf8(&decoded).map_err(|_| BearerError::Malformed)?;
    let (_, password) = text.split_once(':').ok_or(BearerError::Malformed)?;
    Ok(Credential::Basic(Zeroizing::new(password.to_owned())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
    }

    fn shown(value: &str) -> Result<Option<String>, BearerError> {
        Ok(from_headers(&headers(&[value]))?.map(|credential| match credential {
            Credential::Bearer(token) => format!("bearer {token}"),
            Credential::Basic(password) => format!("basic {}", password.as_str()),
        }))
    }

    #[test]
    fn the_scheme_is_known_in_any_case() {
        for value in ["Bearer abc.def", "bearer abc.def", "BEARER   abc.def", "Bearer abc.def "] {
            assert_eq!(shown(value), Ok(Some("bearer abc.def".to_owned())), "{value}");
        }
    }

    #[test]
    fn basic_yields_the_password_whatever_the_user() {
        assert_eq!(shown("Basic dXNlcjpwYTpzcw=="), Ok(Some("basic pa:ss".to_owned())));
        assert_eq!(shown("basic OnB3"), Ok(Some("basic pw".to_owned())));
    }

    #[test]
    fn nothing_and_unknown_schemes_show_nothing() {
        assert!(from_headers(&HeaderMap::new()).unwrap().is_none());
        assert_eq!(shown("Digest a=b"), Ok(None));
        assert_eq!(shown(""), Ok(None));
    }

    #[test]
    fn two_headers_are_refused_even_where_they_agree() {
        assert_eq!(from_headers(&headers(&["Bearer a", "Bearer a"])).err(), Some(BearerError::Repeated));
    }

    #[test]
    fn malformed_credentials_are_refused() {
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Basic !!",
            "Basic dXNlcg==",
            "Basic /zo=",
            "Basic dXNlcjpw=",
        ] {
            assert_eq!(shown(value), Err(BearerError::Malformed), "{value}");
        }
        let latin = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xe9").unwrap())]);
        assert_eq!(from_headers(&latin).err(), Some(BearerError::Malformed));
    }

    #[test]
    fn nothing_beyond_eight_kibibytes_is_a_token() {
        let largest = "a".repeat(PRESENTED_TOKEN_BYTES);
        assert!(shown(&format!("Bearer {largest}")).is_ok());
        assert_eq!(shown(&format!("Bearer {largest}a")), Err(BearerError::TooLong));
        assert_eq!(shown(&format!("Basic {largest}a")), Err(BearerError::TooLong));
    }
}
