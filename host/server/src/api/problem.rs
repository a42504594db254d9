//! Errors of `/v1` and of everything that is no OAuth endpoint: RFC 9457 `application/problem+json`.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::limits::{BODY_BYTES, RETRY_AFTER_SECONDS};
use super::oauth_error::{CHALLENGE, CHALLENGE_INSUFFICIENT_SCOPE, CHALLENGE_INVALID_TOKEN, retry_after};

/// The classes of problems. Each has one `type`, `urn:jeton:problem:` and its name, with one title and one status. Stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// 400: what was sent breaks a rule; `errors` says which member and which rule.
    InvalidInput,
    /// 401: no living access token was shown.
    Unauthenticated,
    /// 403: the access token lacks a scope.
    InsufficientScope,
    /// 404: there is nothing of that name here.
    NotFound,
    /// 405: `Allow` says what there is.
    MethodNotAllowed,
    /// 409: it cannot be done as things stand.
    Conflict,
    /// 412: it is not any more what `If-Match` says (RFC 9110 section 13.1.1).
    PreconditionFailed,
    /// 422: it is well formed, and cannot be meant.
    Unprocessable,
    /// 413: the body exceeds 64 KiB.
    BodyTooLarge,
    /// 415: the body is not declared as `application/json`.
    UnsupportedMediaType,
    /// 429: this address has had its share for now.
    TooManyRequests,
    /// 503: nothing can be known or done now; nothing was done unless the detail says that this is unknown.
    Unavailable,
}

impl ProblemKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::InvalidInput,
        Self::Unauthenticated,
        Self::InsufficientScope,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::Unprocessable,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::TooManyRequests,
        Self::Unavailable,
    ];

    /// As it ends the `type` URI.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::Unauthenticated => "unauthenticated",
            Self::InsufficientScope => "insufficient-scope",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition-failed",
            Self::Unprocessable => "unprocessable",
            Self::BodyTooLarge => "body-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::TooManyRequests => "too-many-requests",
            Self::Unavailable => "unavailable",
        }
    }

    /// The `type` URI.
    pub fn uri(self) -> String {
        format!("urn:jeton:problem:{}", self.name())
    }

    /// The same in every answer of this kind.
    pub fn title(self) -> &'static str {
        match self {
            Self::InvalidInput => "The input breaks a rule",
            Self::Unauthenticated => "A living access token is needed",
            Self::InsufficientScope => "The access token lacks a scope",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::Conflict => "It cannot be done as things stand",
            Self::PreconditionFailed => "It was changed meanwhile",
            Self::Unprocessable => "The request cannot be meant so",
            Self::BodyTooLarge => "The request body is too large",
            Self::UnsupportedMediaType => "The request body must be JSON",
            Self::TooManyRequests => "Too many requests came from this address",
            Self::Unavailable => "The authority cannot answer now",
        }
    }

    /// The status that goes with it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidInput => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A member of the input that breaks a rule, and the rule. Never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The member or parameter, as it is sent.
    pub field: Cow<'static, str>,
    /// A sentence that names the rule and its limit.
    pub detail: Cow<'static, str>,
}

/// One problem answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    code: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// Boxed, so that a `Result` stays small on the way where nothing is wrong.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Problem {
    /// A problem with a code finer than its kind. The detail never repeats input.
    pub fn new(kind: ProblemKind, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
        let header = match kind {
            ProblemKind::InsufficientScope => Some((WWW_AUTHENTICATE, CHALLENGE_INSUFFICIENT_SCOPE)),
            ProblemKind::Unavailable => Some((RETRY_AFTER, retry_after(Duration::from_secs(RETRY_AFTER_SECONDS)))),
            _ => None,
        };
        Problem { kind, code, detail: detail.into(), errors: Vec::new(), header: header.map(Box::new) }
    }

    /// 400 about one member.
    pub fn field(
        code: &'static str,
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Problem {
        let detail = detail.into();
        Problem::new(ProblemKind::InvalidInput, code, detail.clone()).about(field, detail)
    }

    /// Names the member that it is about.
    pub fn about(mut self, field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.errors.push(FieldError { field: field.into(), detail: detail.into() });
        self
    }

    /// 400 about several members at once.
    pub fn fields(errors: Vec<FieldError>) -> Problem {
        let detail = match errors.as_slice() {
            [only] => only.detail.clone(),
            several => Cow::Owned(format!("{} members break a rule", several.len())),
        };
        Problem { errors, ..Problem::new(ProblemKind::InvalidInput, "invalid-member", detail) }
    }

    /// 401: nothing was shown (RFC 6750 section 3.1 wants no error code in the challenge then).
    pub fn token_missing() -> Problem {
        let problem = Problem::new(
            ProblemKind::Unauthenticated,
            "token-missing",
            "send an access token: `Authorization: Bearer ...`",
        );
        problem.with_header(WWW_AUTHENTICATE, CHALLENGE)
    }

    /// 401: what was shown is not a living access token. Never says why.
    pub fn token_refused() -> Problem {
        let problem = Problem::new(ProblemKind::Unauthenticated, "invalid-token", "the access token is not alive");
        problem.with_header(WWW_AUTHENTICATE, CHALLENGE_INVALID_TOKEN)
    }

    /// 429, and when to ask again.
    pub fn too_many_bad_credentials(wait: Duration) -> Problem {
        let problem = Problem::new(
            ProblemKind::TooManyRequests,
            "too-many-bad-credentials",
            "too many bad credentials came from this address",
        );
        problem.with_header(RETRY_AFTER, retry_after(wait))
    }

    /// 404 for a path.
    pub fn no_such_path() -> Problem {
        Problem::new(ProblemKind::NotFound, "no-such-path", "there is nothing at this path")
    }

    /// 405, with the methods that there are.
    pub fn method_not_allowed(allow: HeaderValue) -> Problem {
        let problem =
            Problem::new(ProblemKind::MethodNotAllowed, "method-not-allowed", "`Allow` names the methods of this path");
        problem.with_header(ALLOW, allow)
    }

    /// 413.
    pub fn body_too_large() -> Problem {
        Problem::new(
            ProblemKind::BodyTooLarge,
            "body-too-large",
            format!("a request body has at most {BODY_BYTES} bytes"),
        )
    }

    /// 415.
    pub fn not_declared_as_json() -> Problem {
        Problem::new(
            ProblemKind::UnsupportedMediaType,
            "not-declared-as-json",
            "send the body with `Content-Type: application/json`",
        )
    }

    /// 503, and when to ask again.
    pub fn unavailable() -> Problem {
        Problem::new(
            ProblemKind::Unavailable,
            "unavailable",
            "the authority cannot answer now; nothing is known about the outcome",
        )
    }

    /// Sets the one header beside those of every problem.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// The status that it answers with.
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// Its code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The answer. Nobody may keep it.
    pub fn response(&self) -> Response<Bytes> {
        let body = Rendered {
            kind: self.kind.uri(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
        };
        // A struct of strings and numbers always renders; an empty body is the honest rest.
        let mut response = Response::new(Bytes::from(serde_json::to_vec(&body).unwrap_or_default()));
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = self.header.as_deref() {
            headers.insert(name.clone(), value.clone());
        }
        response
    }
}

#[derive(Serialize)]
struct Rendered<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;
    use serde_json::{Value, json};

    fn body(problem: &Problem) -> Value {
        serde_json::from_slice(problem.response().body()).unwrap()
    }

    #[test]
    fn a_problem_about_a_member_names_it_and_the_rule() {
        let problem = Problem::field("name-too-long", "name", "a name has at most 200 characters");
        assert_eq!(
            body(&problem),
            json!({
                "type": "urn:jeton:problem:invalid-input",
                "title": "The input breaks a rule",
                "status": 400,
                "detail": "a name has at most 200 characters",
                "code": "name-too-long",
                "errors": [{ "field": "name", "detail": "a name has at most 200 characters" }],
            })
        );
        assert_eq!(problem.response().headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(problem.response().headers()[CACHE_CONTROL], "no-store");
    }

    #[test]
    fn a_problem_about_nothing_in_particular_has_no_errors() {
        assert_eq!(body(&Problem::no_such_path()).get("errors"), None);
    }

    #[test]
    fn each_kind_that_needs_a_header_has_it() {
        let header = |problem: Problem, name: HeaderName| problem.response().headers()[name].clone();
        assert_eq!(header(Problem::token_missing(), WWW_AUTHENTICATE), "Bearer realm=\"jeton\"");
        assert_eq!(
            header(Problem::token_refused(), WWW_AUTHENTICATE),
            "Bearer realm=\"jeton\", error=\"invalid_token\""
        );
        assert_eq!(
            header(Problem::new(ProblemKind::InsufficientScope, "x", "y"), WWW_AUTHENTICATE),
            "Bearer realm=\"jeton\", error=\"insufficient_scope\""
        );
        assert_eq!(header(Problem::unavailable(), RETRY_AFTER), "1");
        assert_eq!(header(Problem::method_not_allowed(HeaderValue::from_static("GET")), ALLOW), "GET");
    }
}
