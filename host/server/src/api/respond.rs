//! Answers in JSON, and the ways in which the answers of this API differ from each other.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::oauth_error::OAuthError;
use super::problem::Problem;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.response().map(Body::from)
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        self.response().map(Body::from)
    }
}

/// JSON that nobody may keep.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(rendered) => json_bytes(status, Bytes::from(rendered), HeaderValue::from_static("no-store")),
        // Structs of texts and numbers always render.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// JSON that was rendered elsewhere, and how long it may be kept.
pub(super) fn json_bytes(status: StatusCode, body: Bytes, cache: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, cache);
    response
}

/// The strong `ETag` of a record: its generation, which every administrative write raises.
pub(super) fn with_generation(mut response: Response, generation: u64) -> Response {
    if let Ok(etag) = HeaderValue::try_from(format!("\"{generation}\"")) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// Whether `If-None-Match` names this `ETag`, by weak comparison (RFC 9110 section 13.1.2).
pub(super) fn is_held_already(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let held = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    held.flat_map(|list| list.split(',')).map(str::trim).any(|tag| tag == "*" || opaque(tag) == opaque(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (IF_NONE_MATCH, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_tag_is_found_alone_in_a_list_and_by_star() {
        for values in [&["\"5\""][..], &["W/\"5\""], &["\"4\", W/\"5\""], &["\"4\"", "\"5\""], &["*"]] {
            assert!(is_held_already(&held(values), "W/\"5\""), "{values:?}");
        }
    }

    #[test]
    fn another_tag_or_none_is_not_it() {
        for values in [&["\"4\""][..], &["5"], &["\"55\""], &[""], &[]] {
            assert!(!is_held_already(&held(values), "\"5\""), "{values:?}");
        }
    }
}
