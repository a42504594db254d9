//! What an I/O thread does with a request.

use std::{
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use axum::Router;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use jeton_runtime::Verifier;
use tower::ServiceExt as _;

use crate::{
    api,
    app::{App, verifier},
    ext_authz, hot,
    listen::{self, Encrypted, Later, Peer},
    observe::metrics::Class,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken over from a caller.
const MAX_REQUEST_ID: usize = 128;

/// Answers requests on one I/O thread, with the verifier of that thread. Cloning shares it, and counts nothing that other threads count.
#[derive(Clone)]
pub struct IoService(Rc<Of>);

/// What an I/O thread answers by.
#[derive(Clone)]
struct Of {
    app: Arc<App>,
    router: Router,
    is_encrypted: bool,
}

impl IoService {
    /// To be made on the thread that will use it: this is where the thread gets its verifier.
    ///
    /// # Errors
    /// When the verifier cannot be instantiated.
    pub fn new(app: Arc<App>) -> anyhow::Result<Self> {
        verifier::install(Verifier::new(app.authority.in_force(), Arc::clone(&app.live))?);
        Ok(Self(Rc::new(Of { router: api::router(Arc::clone(&app)), app, is_encrypted: false })))
    }
}

impl listen::Service for IoService {
    fn over_tls(self) -> Self {
        Self(Rc::new(Of { is_encrypted: true, ..Of::clone(&self.0) }))
    }

    fn goes_first(&self, request: &Request<Incoming>) -> bool {
        matches!(hot::class_of(request.uri().path()), Class::Introspect | Class::ForwardAuth)
    }

    async fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Bytes> {
        let begun = Instant::now();
        let id = request_id(&request);
        let Of { app, router, is_encrypted } = &*self.0;
        let class = hot::class_of(request.uri().path());
        let log = Log::of(&request, class);
        let proxies = &app.options.trusted_proxies;
        let connection = peer.ip();
        let peer = Peer::of(connection, request.headers(), proxies);
        let mut response = match hot::answer(app, class, peer, request).await {
            Ok(response) => response,
            Err(mut request) => {
                let encrypted = Encrypted::of(*is_encrypted, connection, request.headers(), proxies);
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(api::RequestId(id.clone()));
                request.extensions_mut().insert(encrypted);
                // Cold, and large: every connection keeps room for what it answers with.
                Box::pin(routed(router, request)).await
            }
        };
        let asked = Asked { begun, class, log, peer, id };
        match response.extensions_mut().remove::<Later>() {
            None => asked.answered(app, response),
            Some(later) => {
                let app = Arc::clone(app);
                response.extensions_mut().insert(later.map(move |response| asked.answered(&app, response)));
                response
            }
        }
    }

    async fn answer_gateway(&self, gateway: SocketAddr, question: Request<Incoming>) -> Response<tonic::body::Body> {
        ext_authz::answer(&self.0.app, gateway.ip(), question).await
    }
}

/// A request until it is answered: what is counted and logged then.
struct Asked {
    begun: Instant,
    class: Class,
    log: Log,
    peer: Peer,
    id: HeaderValue,
}

impl Asked {
    fn answered(self, app: &App, mut response: Response<Bytes>) -> Response<Bytes> {
        let took = self.begun.elapsed();
        app.metrics.answered(self.class, response.status().as_u16(), took);
        self.log.write(&response, self.peer, &self.id, took);
        response.headers_mut().insert(REQUEST_ID, self.id);
        response
    }
}

async fn routed(router: &Router, request: Request<Incoming>) -> Response<Bytes> {
    let response = match router.clone().oneshot(request.map(axum::body::Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Response::from_parts(parts, body.to_bytes()),
        Err(_) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// What the caller calls the request, where that is a plain word; else a name of our own.
fn request_id(request: &Request<Incoming>) -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        /// Numbers are handed to threads in blocks, so that threads do not meet at every request.
        static BLOCK: std::cell::Cell<(u64, u64)> = const { std::cell::Cell::new((0, 0)) };
    }
    const BLOCK_SIZE: u64 = 1 << 16;
    let given = request.headers().get(REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        !bytes.is_empty()
            && bytes.len() <= MAX_REQUEST_ID
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    });
    if let Some(given) = given {
        return given.clone();
    }
    let number = BLOCK.with(|block| {
        let (next, end) = block.get();
        let (next, end) = if next == end {
            let first = NEXT.fetch_add(BLOCK_SIZE, Relaxed);
            (first, first.wrapping_add(BLOCK_SIZE))
        } else {
            (next, end)
        };
        block.set((next.wrapping_add(1), end));
        next
    });
    HeaderValue::from(number)
}

/// What of a request is logged once it is answered: never its query string, headers or body.
struct Log(Option<(http::Method, String)>);

impl Log {
    fn of(request: &Request<Incoming>, class: Class) -> Self {
        let is_hot = matches!(class, Class::Introspect | Class::ForwardAuth);
        // A verdict is counted, not logged: what is written for each would cost more than the verdict.
        let wanted =
            if is_hot { tracing::enabled!(tracing::Level::DEBUG) } else { tracing::enabled!(tracing::Level::INFO) };
        Self(wanted.then(|| (request.method().clone(), loggable(request.uri().path()))))
    }

    fn write(self, response: &Response<Bytes>, peer: Peer, id: &HeaderValue, took: std::time::Duration) {
        let Some((method, path)) = self.0 else { return };
        let (status, peer, microseconds) =
            (response.status().as_u16(), peer.accountable(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        let id = id.to_str().unwrap_or_default();
        let is_quiet = method == http::Method::GET && status < 400;
        if is_quiet {
            tracing::debug!(%method, path, status, %peer, request_id = id, microseconds, "answered");
        } else {
            tracing::info!(%method, path, status, %peer, request_id = id, microseconds, "answered");
        }
    }
}

/// The longest segment of a path that Jeton itself has; an id has 22 characters.
const MAX_LOGGED_SEGMENT: usize = 40;

/// A path without what may be a token that somebody put there by mistake.
fn loggable(path: &str) -> String {
    let is_suspect =
        |segment: &str| segment.len() > MAX_LOGGED_SEGMENT || segment.contains("jtn_rt_") || segment.contains("eyJ");
    let kept: Vec<&str> = path.split('/').map(|segment| if is_suspect(segment) { "..." } else { segment }).collect();
    kept.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that an answer takes room for while it is made.
    fn room<F: Future>(_: impl Fn(&'static IoService, SocketAddr, Request<Incoming>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_keeps_little_room_for_its_answers() {
        let room = room(listen::Service::answer);
        assert!(room <= 4096, "{room} bytes");
    }

    #[test]
    fn a_token_in_a_path_is_not_logged() {
        assert_eq!(loggable("/v1/refresh-tokens/jtn_rt_7mH7s6lg79RIaS3eD7phsT"), "/v1/refresh-tokens/...");
        assert_eq!(loggable("/eyJ0eXAi.x.y/a"), "/.../a");
        assert_eq!(loggable(&format!("/forward-auth/{}", "x".repeat(41))), "/forward-auth/...");
        assert_eq!(loggable("/v1/refresh-tokens/7mH7s6lg79RIaS3eD7phsT"), "/v1/refresh-tokens/7mH7s6lg79RIaS3eD7phsT");
        assert_eq!(loggable("/.well-known/oauth-authorization-server"), "/.well-known/oauth-authorization-server");
    }
}
