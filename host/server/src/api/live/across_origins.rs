//! Cross-origin requests: a page in the browser is an edge as well, and what it is told is public.

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL,
};
use http::{HeaderValue, StatusCode};

/// Two hours: browsers keep the answer to a preflight no longer, whatever they are told.
const PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("7200");

/// `OPTIONS /v1/live`: what a browser asks before it sends `Authorization` from another origin.
pub(in crate::api) async fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    // A wildcard would not stand for `Authorization` (Fetch standard, CORS-unsafe request headers).
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, if-none-match"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Lets pages of any origin read an answer. None is ever given for a cookie: there is none.
pub(super) fn readable<B>(mut response: http::Response<B>) -> http::Response<B> {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag, retry-after, www-authenticate"));
    response
}
