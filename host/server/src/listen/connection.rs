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

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Notify, watch},
    time::Instant,
};

use super::{
    Service,
    limits::{HEAD_TIME, MAX_HEAD_BYTES, MAX_HEADERS, REQUEST_TIME, REQUESTLESS_TIME},
    sliced::Sliced,
    stream::Stream,
};
use crate::api::problem::Problem;

/// Serves a connection until its client goes, or `stop` turns true and what was begun is answered.
pub(super) async fn serve<S: Service>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    peer: SocketAddr,
    service: S,
    mut stop: watch::Receiver<bool>,
) {
    let activity = Rc::new(Activity::new());
    let active = Rc::clone(&activity);
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, active) = (service.clone(), Rc::clone(&active));
        async move {
            active.begin();
            let answered = tokio::time::timeout(REQUEST_TIME, service.answer(peer, request)).await;
            let response = answered.unwrap_or_else(|_| Problem::unavailable().response());
            active.end();
            Ok::<Response<Sliced>, Infallible>(response.map(Sliced::new))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_header_size(MAX_HEAD_BYTES)
        // What waits to be read or written on one connection.
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        // Most answers are small: to copy one behind its head costs less than to write two slices.
        .writev(false)
        .serve_connection(TokioIo::new(Stream::new(stream, stop.clone())), answer);
    tokio::pin!(connection);
    // What goes wrong on a connection is its client's: it went away, was too slow, or does not speak HTTP.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stop.wait_for(|stop| *stop) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection => {}
                () = activity.ceased() => {}
            }
        }
    }
}

/// Whether a connection's request is being answered, or since when none is.
struct Activity {
    busy: Cell<bool>,
    since: Cell<Instant>,
}

impl Activity {
    fn new() -> Self {
        Self { busy: Cell::new(false), since: Cell::new(Instant::now()) }
    }

    fn begin(&self) {
        self.busy.set(true);
    }

    fn end(&self) {
        self.busy.set(false);
        self.since.set(Instant::now());
    }

    /// Waits until there was no request for [`REQUESTLESS_TIME`]: half a head is none that was accepted.
    async fn ceased(&self) {
        let begun = Instant::now();
        loop {
            let idle_since = self.since.get().max(begun);
            let until = if self.busy.get() { Instant::now() } else { idle_since } + REQUESTLESS_TIME;
            if !self.busy.get() && Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
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
