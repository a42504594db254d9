//! One connection: requests in, answers out, within their time.

use std::{
    cell::Cell,
    convert::Infallible,
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Notify, watch},
};

use super::{
    Service,
    limits::{HEAD_TIME, MAX_HEAD_BYTES, MAX_HEADERS, REQUEST_TIME},
};
use crate::api::problem::Problem;

/// Serves a connection until its client goes, or `stop` turns true and what was begun is answered.
pub(super) async fn serve<S: Service>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    peer: SocketAddr,
    service: S,
    mut stop: watch::Receiver<bool>,
) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        async move {
            let answered = tokio::time::timeout(REQUEST_TIME, service.answer(peer, request)).await;
            let response = answered.unwrap_or_else(|_| Problem::unavailable().response());
            Ok::<Response<Full<Bytes>>, Infallible>(response.map(Full::new))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(connection);
    // What goes wrong on a connection is its client's: it went away, was too slow, or does not speak HTTP.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stop.wait_for(|stop| *stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// The connections of one I/O thread.
#[derive(Clone, Default)]
pub(super) struct Open {
    count: Rc<Cell<usize>>,
    closed: Rc<Notify>,
}

impl Open {
    /// Waits until there are none left, but no longer than `at_most`.
    pub(super) async fn drained(&self, at_most: Duration) {
        let none_left = async {
            while self.count.get() > 0 {
                self.closed.notified().await;
            }
        };
        if tokio::time::timeout(at_most, none_left).await.is_err() {
            tracing::warn!(connections = self.count.get(), "stopping with requests unanswered");
        }
    }
}

/// Counts a connection for as long as it lives.
pub(super) struct Guard {
    shared: Arc<AtomicU64>,
    open: Open,
}

impl Guard {
    pub(super) fn new(shared: Arc<AtomicU64>, open: Open) -> Self {
        shared.fetch_add(1, Relaxed);
        open.count.set(open.count.get().saturating_add(1));
        Self { shared, open }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.fetch_sub(1, Relaxed);
        self.open.count.set(self.open.count.get().saturating_sub(1));
        self.open.closed.notify_one();
    }
}
