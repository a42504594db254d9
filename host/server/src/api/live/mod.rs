//! What others verify with: the live set, its changes as they come, and the key set of the current epoch.
//!
//! Whole sets are public and may be kept for a moment. A request that waits holds its connection, a timer and a place among
//! those that wait: no thread, and nothing of what it sent.

mod access;
mod across_origins;
mod asked;
mod encoding;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use jeton_runtime::{Holding, LiveDocument, Told};

pub(super) use across_origins::preflight;
pub(super) use asked::MAX_WAIT_SECONDS;

use self::asked::Asked;
use super::problem::Problem;
use super::respond;
use crate::app::{App, now};
use crate::listen::{Later, Peer};
use crate::observe::metrics::Feed;
use crate::polls::Poll;

/// A second: what this adds to the lease of an edge that asks through a cache.
const LIVE_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=1");

/// A change says what is new to one caller: kept, it would be news to nobody.
const CHANGE_CACHE: HeaderValue = HeaderValue::from_static("no-store");

/// A minute: for so long after an advance a client that only knows the key set accepts what the epoch before has signed.
const KEY_SET_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// A larger answer is the last of its connection, whose buffers have grown with it: edges would hold them for good.
const LARGEST_KEPT: usize = 64 * 1024;

/// `GET /v1/live`: the live set, or what has changed since the one that the caller holds.
pub(super) async fn document(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Response<Body> {
    // A body would say nothing here.
    let (Parts { uri, headers, .. }, _) = request.into_parts();
    let response = match admit(&app, peer, &uri, &headers).await {
        Ok(Admitted { holding: Some(holding), poll: Some((poll, wait)), gzip }) => {
            let busy = app.live.is_busy();
            let answer = async move {
                // Late or not, what there is then is told.
                let _ = tokio::time::timeout(wait, app.live.news(holding)).await;
                drop(poll);
                told(&app, change(&app, holding, gzip).await)
            };
            if busy {
                answer.await
            } else {
                let mut response = Response::new(Bytes::new());
                response.extensions_mut().insert(Later::new(answer));
                response
            }
        }
        Ok(Admitted { holding: Some(holding), gzip, .. }) => told(&app, change(&app, holding, gzip).await),
        Ok(Admitted { holding: None, gzip, .. }) => told(&app, whole(&app, gzip, &headers).await),
        Err(problem) => told(&app, Err(problem)),
    };
    response.map(Body::from)
}

/// `GET /.well-known/jwks.json` (RFC 7517).
pub(super) async fn key_set(State(app): State<Arc<App>>) -> Result<Response<Body>, Problem> {
    let document = app.live.document().await.filter(|document| document.key_set.is_some());
    let document = document.ok_or_else(Problem::unavailable)?;
    Ok(respond::json_bytes(StatusCode::OK, Bytes::from_owner(KeySet(document)), KEY_SET_CACHE))
}

/// A request that is to be answered.
struct Admitted {
    holding: Option<Holding>,
    /// Its place among those that wait, and how long.
    poll: Option<(Poll, Duration)>,
    gzip: bool,
}

async fn admit(app: &Arc<App>, peer: Peer, uri: &Uri, headers: &HeaderMap) -> Result<Admitted, Problem> {
    let Asked { holding, wait } = Asked::read(uri)?;
    let may_wait = !wait.is_zero() && (app.options.live_open || access::authorize(app, headers, peer).await?);
    let poll = if may_wait { Some((access::enter(app, peer)?, wait)) } else { None };
    Ok(Admitted { holding, poll, gzip: encoding::accepts_gzip(headers) })
}

/// Counts what is told, and lets pages read it.
fn told(app: &App, outcome: Result<(Feed, Response<Bytes>), Problem>) -> Response<Bytes> {
    let (kind, response) = outcome.unwrap_or_else(|problem| match problem.status() {
        StatusCode::SERVICE_UNAVAILABLE => (Feed::Unavailable, problem.response()),
        _ => (Feed::Refused, problem.response()),
    });
    app.metrics.fed(kind);
    across_origins::readable(response)
}

/// What has changed since what the caller holds, or everything where that cannot be told.
async fn change(app: &App, holding: Holding, gzip: bool) -> Result<(Feed, Response<Bytes>), Problem> {
    match app.live.tell(holding, now()).ok_or_else(access::unavailable)? {
        Told::Changed(body) => Ok((Feed::Changed, json(body.into(), CHANGE_CACHE))),
        Told::Unchanged(body) => Ok((Feed::Unchanged, json(body.into(), CHANGE_CACHE))),
        Told::TakeWhole => Ok((Feed::Whole, json_of(&current(app, gzip).await?, gzip, CHANGE_CACHE))),
    }
}

/// The whole live set, or 304 where the caller holds it already.
async fn whole(app: &App, gzip: bool, headers: &HeaderMap) -> Result<(Feed, Response<Bytes>), Problem> {
    let document = current(app, gzip).await?;
    let (kind, mut response) = if respond::is_held_already(headers, &document.etag) {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().insert(CACHE_CONTROL, LIVE_CACHE);
        (Feed::NotModified, response)
    } else {
        (Feed::Whole, json_of(&document, gzip, LIVE_CACHE))
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::try_from(&document.etag) {
        headers.insert(ETAG, etag);
    }
    Ok((kind, response))
}

fn json_of(document: &Arc<LiveDocument>, gzip: bool, cache: HeaderValue) -> Response<Bytes> {
    let gzip = gzip && document.compressed().is_some();
    let mut response = json(Bytes::from_owner(Whole { document: Arc::clone(document), gzip }), cache);
    if gzip {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn json(body: Bytes, cache: HeaderValue) -> Response<Bytes> {
    let is_large = body.len() > LARGEST_KEPT;
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, cache);
    if is_large {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
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
        self.0.key_set.as_deref().unwrap_or_default()
    }
}
