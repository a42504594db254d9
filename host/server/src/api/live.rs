//! What others verify with: the live set and the key set of the current epoch. Public, and cacheable for a moment.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use jeton_runtime::LiveDocument;

use super::problem::Problem;
use super::respond;
use crate::app::App;

/// A second: what this adds to the lease of an edge that asks through a cache.
const LIVE_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=1");

/// A minute: for so long after an advance a client that only knows the key set accepts what the epoch before has signed.
const KEY_SET_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// `GET /v1/live`: the whole live document, or 304 where the caller holds it already.
pub(super) async fn document(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let document = current(&app).await?;
    let mut response = if respond::is_held_already(&headers, &document.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        respond::json_bytes(StatusCode::OK, Bytes::from_owner(Body(Arc::clone(&document))), LIVE_CACHE)
    };
    response.headers_mut().insert(CACHE_CONTROL, LIVE_CACHE);
    if let Ok(etag) = HeaderValue::try_from(&document.etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}

/// `GET /.well-known/jwks.json` (RFC 7517).
pub(super) async fn key_set(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let document = current(&app).await?;
    Ok(respond::json_bytes(StatusCode::OK, Bytes::from_owner(KeySet(document)), KEY_SET_CACHE))
}

async fn current(app: &App) -> Result<Arc<LiveDocument>, Problem> {
    app.live.document().await.ok_or_else(Problem::unavailable)
}

/// The document may have megabytes: it is sent from where it lies.
struct Body(Arc<LiveDocument>);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.0.body
    }
}

struct KeySet(Arc<LiveDocument>);

impl AsRef<[u8]> for KeySet {
    fn as_ref(&self) -> &[u8] {
        &self.0.key_set
    }
}
