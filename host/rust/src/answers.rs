//! What HTTP callers are told: the same as the authority's own forward-auth tells them.

use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// No token was shown: RFC 6750 section 3.1 wants no error code then.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"jeton\"");
/// What was shown is malformed.
const CHALLENGE_INVALID_REQUEST: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"jeton\", error=\"invalid_request\"");
/// The access token is not alive, or not good here.
const CHALLENGE_INVALID_TOKEN: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"jeton\", error=\"invalid_token\"");
/// Seconds after which whoever was told that nothing can be known should ask again.
const RETRY_AFTER_SECONDS: u64 = 1;

/// What a request is refused with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    /// 401: no token was shown.
    NoToken,
    /// 401: what was shown cannot be read.
    Unreadable,
    /// 401: the token is not good. Its bearer is not told why.
    InvalidToken,
    /// 403: these scopes are needed.
    InsufficientScope(&'a str),
    /// 503: there is no verdict.
    Unknown,
}

impl Answer<'_> {
    pub(crate) fn response<B: Default>(self) -> Response<B> {
        let (status, challenge) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, Some(CHALLENGE)),
            Self::Unreadable => (StatusCode::UNAUTHORIZED, Some(CHALLENGE_INVALID_REQUEST)),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, Some(CHALLENGE_INVALID_TOKEN)),
            Self::InsufficientScope(needed) => {
                let challenge = format!("Bearer realm=\"jeton\", error=\"insufficient_scope\", scope=\"{needed}\"");
                (StatusCode::FORBIDDEN, Some(HeaderValue::try_from(challenge).unwrap_or(CHALLENGE_INVALID_REQUEST)))
            }
            Self::Unknown => (StatusCode::SERVICE_UNAVAILABLE, None),
        };
        let mut response = Response::new(B::default());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match challenge {
            Some(challenge) => headers.insert(WWW_AUTHENTICATE, challenge),
            None => headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS)),
        };
        response
    }
}
