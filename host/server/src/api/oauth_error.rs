//! Errors as OAuth clients know them: RFC 6749 section 5.2 in bodies, RFC 6750 section 3 in `WWW-Authenticate`.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::limits::RETRY_AFTER_SECONDS;

/// The `error` codes that Jeton gives. Stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthCode {
    /// 400: a parameter is missing, repeated, malformed or in the wrong place.
    InvalidRequest,
    /// 400: the refresh token is not good. Never says why.
    InvalidGrant,
    /// 400: the scope is malformed or wider than what was granted.
    InvalidScope,
    /// 400: the resource is malformed, or not one that the token is good for (RFC 8707 section 2).
    InvalidTarget,
    /// 400: another grant than those in the metadata.
    UnsupportedGrantType,
    /// 401: the access token that was shown is not alive.
    InvalidToken,
    /// 403: the access token that was shown may not do this.
    InsufficientScope,
    /// 429, after repeated bad credentials.
    TooManyRequests,
    /// 503: nothing can be known or minted now.
    TemporarilyUnavailable,
}

impl OAuthCode {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::InvalidRequest,
        Self::InvalidGrant,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::UnsupportedGrantType,
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::TooManyRequests,
        Self::TemporarilyUnavailable,
    ];

    /// As it stands in the answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::TooManyRequests => "too_many_requests",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The status that goes with it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest
            | Self::InvalidGrant
            | Self::InvalidScope
            | Self::InvalidTarget
            | Self::UnsupportedGrantType => StatusCode::BAD_REQUEST,
            Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// One OAuth error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    code: OAuthCode,
    description: Cow<'static, str>,
    retry_after: Option<Duration>,
}

impl OAuthError {
    /// An error with a sentence for whoever reads the client's log. RFC 6749 allows no `"` or `\` in it, and it never repeats input.
    pub fn new(code: OAuthCode, description: impl Into<Cow<'static, str>>) -> OAuthError {
        OAuthError { code, description: description.into(), retry_after: None }
    }

    /// 503, and when to ask again.
    pub fn unavailable() -> OAuthError {
        let mut error = OAuthError::new(OAuthCode::TemporarilyUnavailable, "the authority cannot answer now");
        error.retry_after = Some(Duration::from_secs(RETRY_AFTER_SECONDS));
        error
    }

    /// 429, and when to ask again.
    pub fn limited(wait: Duration) -> OAuthError {
        let mut error = OAuthError::new(OAuthCode::TooManyRequests, "too many bad credentials came from this address");
        error.retry_after = Some(wait);
        error
    }

    /// Its code.
    pub fn code(&self) -> OAuthCode {
        self.code
    }

    /// The answer: JSON that nobody may keep, with a challenge where the status demands one.
    pub fn response(&self) -> Response<Bytes> {
        let body = json!({ "error": self.code.as_str(), "error_description": self.description });
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, retry_after(wait));
        }
        match self.code {
            OAuthCode::InvalidToken => headers.insert(WWW_AUTHENTICATE, CHALLENGE_INVALID_TOKEN),
            OAuthCode::InsufficientScope => headers.insert(WWW_AUTHENTICATE, CHALLENGE_INSUFFICIENT_SCOPE),
            _ => None,
        };
        response
    }
}

/// Nothing was shown: RFC 6750 section 3.1 wants no error code then.
pub const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"jeton\"");
/// What was shown is malformed, or two things were shown.
pub const CHALLENGE_INVALID_REQUEST: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"jeton\", error=\"invalid_request\"");
/// The access token that was shown is not alive.
pub const CHALLENGE_INVALID_TOKEN: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"jeton\", error=\"invalid_token\"");
/// The access token that was shown is alive but may not do this.
pub const CHALLENGE_INSUFFICIENT_SCOPE: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"jeton\", error=\"insufficient_scope\"");

/// A `Retry-After` value: whole seconds, rounded up, at least one.
pub fn retry_after(wait: Duration) -> HeaderValue {
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    HeaderValue::from(seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn an_error_is_json_that_nobody_may_keep() {
        let response = OAuthError::new(OAuthCode::InvalidGrant, "the refresh token is not good").response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[PRAGMA], "no-cache");
        assert!(response.headers().get(WWW_AUTHENTICATE).is_none());
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body, json!({ "error": "invalid_grant", "error_description": "the refresh token is not good" }));
    }

    #[test]
    fn a_dead_bearer_token_is_answered_with_a_challenge() {
        let response = OAuthError::new(OAuthCode::InvalidToken, "it is not alive").response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer realm=\"jeton\", error=\"invalid_token\"");
    }

    #[test]
    fn whoever_must_wait_is_told_whole_seconds_rounded_up() {
        assert_eq!(OAuthError::unavailable().response().headers()[RETRY_AFTER], "1");
        assert_eq!(OAuthError::limited(Duration::from_millis(1200)).response().headers()[RETRY_AFTER], "2");
        assert_eq!(retry_after(Duration::ZERO), "1");
    }
}
