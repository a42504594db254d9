//! What others verify with: the live set, its changes as they come, and the key set of the current epoch.
//!
//! Whole sets are public and may be kept for a moment. A request that waits holds its connection, a timer and a place among
//! those that wait: no thread, and nothing of what it sent.

mod access;
mod across_origins;
mod asked;
mod encoding;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, ETAG, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body::Body as _;
use jeton_runtime::{LiveDocument, Told};

pub(super) use across_origins::preflight;

use self::asked::Asked;
use super::problem::Problem;
use super::respond;
use crate::app::{App, now};
use crate::listen::Peer;
use crate::observe::metrics::Feed;

/// A second: what this adds to the lease of an edge that asks through a cache.
const LIVE_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=1");

/// A change says what is new to one caller: kept, it would be news to nobody.
const CHANGE_CACHE: HeaderValue = HeaderValue::from_static("no-store");

/// A minute: for so long after an advance a client that only knows the key set accepts what the epoch before has signed.
const KEY_SET_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// A larger answer is the last of its connection, whose buffers have grown with it: edges would hold them for good.
const LARGEST_KEPT: u64 = 64 * 1024;

/// `GET /v1/live`: the live set, or what has changed since the one that the caller holds.
pub(super) async fn document(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Response {
    // A body would say nothing here.
    let (Parts { uri, headers, .. }, _) = request.into_parts();
    let (kind, response) = match answer(&app, peer, &uri, headers).await {
        Ok(answered) => answered,
        Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
            (Feed::Unavailable, problem.into_response())
        }
        Err(problem) => (Feed::Refused, problem.into_response()),
    };
    app.metrics.fed(kind);
    across_origins::readable(response)
}

/// `GET /.well-known/jwks.json` (RFC 7517).
pub(super) async fn key_set(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let document = app.live.document().await.ok_or_else(Problem::unavailable)?;
    Ok(respond::json_bytes(StatusCode::OK, Bytes::from_owner(KeySet(document)), KEY_SET_CACHE))
}

async fn answer(app: &Arc<App>, peer: Peer, uri: &Uri, headers: HeaderMap) -> Result<(Feed, Response), Problem> {
    let asked = Asked::read(uri)?;
    let poll = if asked.wait.is_zero() {
        None
    } else {
        if !app.options.live_open {
            access::authorize(app, &headers, peer).await?;
        }
        Some(access::enter(app, peer)?)
    };
    let gzip = encoding::accepts_gzip(&headers);
    let Some(holding) = asked.holding else { return whole(app, gzip, &headers).await };
    // They hold on to the buffer that the request was read into.
    drop(headers);
    if poll.is_some() {
        // Late or not, what there is then is told.
        let _ = tokio::time::timeout(asked.wait, app.live.news(holding)).await;
    }
    match app.live.tell(holding, now()).ok_or_else(access::unavailable)? {
        Told::Changed(body) => Ok((Feed::Changed, change(body))),
        Told::Unchanged(body) => Ok((Feed::Unchanged, change(body))),
        Told::TakeWhole => {
            let document = current(app, gzip).await?;
            let mut response = body_of(&document, gzip);
            response.headers_mut().insert(CACHE_CONTROL, CHANGE_CACHE);
            Ok((Feed::Whole, response))
        }
    }
}

/// The whole live set, or 304 where the caller holds it already.
async fn whole(app: &App, gzip: bool, headers: &HeaderMap) -> Result<(Feed, Response), Problem> {
    let document = current(app, gzip).await?;
    let (kind, mut response) = if respond::is_held_already(headers, &document.etag) {
        (Feed::NotModified, StatusCode::NOT_MODIFIED.into_response())
    } else {
        (Feed::Whole, body_of(&document, gzip))
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, LIVE_CACHE);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::try_from(&document.etag) {
        headers.insert(ETAG, etag);
    }
    Ok((kind, response))
}

fn change(body: Vec<u8>) -> Response {
    sized(respond::json_bytes(StatusCode::OK, Bytes::from(body), CHANGE_CACHE))
}

fn body_of(document: &Arc<LiveDocument>, gzip: bool) -> Response {
    let gzip = gzip && document.compressed().is_some();
    let body = Bytes::from_owner(Whole { document: Arc::clone(document), gzip });
    let mut response = sized(respond::json_bytes(StatusCode::OK, body, LIVE_CACHE));
    if gzip {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Ends the connection of a large answer with it.
fn sized(mut response: Response) -> Response {
    if response.body().size_hint().lower() > LARGEST_KEPT {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn current(app: &App, gzip: bool) -> Result<Arc<LiveDocument>, Problem> {
    let document = if gzip { app.live.compressed_document().await } else { app.live.document().await };
    document.ok_or_else(access::unavailable)
}

/// The document may have megabytes: it is sent from where it lies.
struct Whole {
    document: Arc<LiveDocument>,
    gzip: bool,
}

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        let compressed = if self.gzip { self.document.compressed() } else { None };
        compressed.unwrap_or(&self.document.body)
    }
}

struct KeySet(Arc<LiveDocument>);

impl AsRef<[u8]> for KeySet {
    fn as_ref(&self) -> &[u8] {
        &self.0.key_set
    }
}
