//! One connection: requests in, answers out, within their time.

use std::{
    cell::Cell,
    convert::Infallible,
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http::{
    Method, Request, Response, Version,
    header::{CONNECTION, EXPECT},
};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1::{self, Parts},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Notify, watch},
    time::Instant,
};

use super::{
    Service,
    later::{Answering, Later},
    limits::{HEAD_TIME, MAX_HEAD_BYTES, MAX_HEADERS, REQUEST_TIME, REQUESTLESS_TIME},
    sliced::Sliced,
    stream::Stream,
    turns::Rank,
};
use crate::api::problem::Problem;

/// Serves a connection until its client goes, or `stop` turns true and what was begun is answered.
pub(super) async fn serve<S: Service>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    peer: SocketAddr,
    service: S,
    mut stop: watch::Receiver<bool>,
    rank: Rank,
) {
    let mut stream = Stream::new(stream, stop.clone());
    let mut answered = None;
    while let Some(Left { stream: left, method, later }) =
        until_it_waits(stream, peer, &service, &mut stop, &rank, answered).await
    {
        // Nothing is held meanwhile but the stream: the buffers of a connection are worth more than all the rest of a wait.
        answered = Some(within_time(later).await);
        stream = left;
        stream.put_back(format!("{method} / HTTP/1.1\r\n\r\n").as_bytes());
    }
}

/// A connection whose request waits for its answer, for a while.
struct Left<T> {
    stream: Stream<T>,
    /// That of the request.
    method: Method,
    later: Answering,
}

/// Serves a connection until its end (`None`), or until a request waits. `answered` is the answer to the first one, whatever that is.
async fn until_it_waits<T: AsyncRead + AsyncWrite + Unpin + 'static, S: Service>(
    stream: Stream<T>,
    peer: SocketAddr,
    service: &S,
    stop: &mut watch::Receiver<bool>,
    rank: &Rank,
    answered: Option<Response<Bytes>>,
) -> Option<Left<T>> {
    let activity = Rc::new(Activity::new());
    let waiting: Rc<Waiting> = Rc::default();
    let (active, entered, stuck) = (Rc::clone(&activity), Rc::clone(&waiting), stream.stuck());
    let (service, rank, answered) = (service.clone(), rank.clone(), Cell::new(answered));
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, active, entered) = (service.clone(), Rc::clone(&active), Rc::clone(&entered));
        let (stuck, answered) = (Rc::clone(&stuck), answered.take());
        rank.set(service.goes_first(&request));
        async move {
            active.begin();
            let response = match answered {
                Some(answered) => answered,
                None => {
                    let leaves = may_leave(&request).filter(|_| !stuck.get());
                    let mut response = within_time(service.answer(peer, request)).await;
                    match (response.extensions_mut().remove::<Later>().and_then(|later| later.take()), leaves) {
                        (None, _) => response,
                        (Some(later), None) => within_time(later).await,
                        (Some(later), Some(method)) => entered.wait(method, later).await,
                    }
                }
            };
            active.end();
            Ok::<Response<Sliced>, Infallible>(response.map(Sliced::new))
        }
    });
    // In a place of its own, which a wait gives back.
    let mut connection = Box::new(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_header_size(MAX_HEAD_BYTES)
            // What waits to be read or written on one connection.
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            // Most answers are small: to copy one behind its head costs less than to write two slices.
            .writev(false)
            .serve_connection(TokioIo::new(stream), answer),
    );
    // What goes wrong on a connection is its client's: it went away, was too slow, or does not speak HTTP.
    tokio::select! {
        // An answer that there is already is written before anything ends.
        biased;
        _ = connection.as_mut() => return None,
        () = waiting.entered.notified() => {}
        _ = stop.wait_for(|stop| *stop) => {
            std::pin::Pin::new(connection.as_mut()).graceful_shutdown();
            tokio::select! {
                biased;
                _ = connection.as_mut() => return None,
                () = waiting.entered.notified() => {}
                () = activity.ceased() => return None,
            }
        }
    }
    let (method, later) = waiting.request.take()?;
    let Parts { io, read_buf, .. } = connection.into_parts();
    let mut stream = io.into_inner();
    stream.put_back(&read_buf);
    Some(Left { stream, method, later })
}

/// Whether the rest of the connection is known once the request is: then another one can go on from there, and answer it.
fn may_leave(request: &Request<Incoming>) -> Option<Method> {
    let is_plain = request.version() == Version::HTTP_11
        && request.body().is_end_stream()
        && !request.headers().contains_key(CONNECTION)
        && !request.headers().contains_key(EXPECT);
    (is_plain && matches!(*request.method(), Method::GET | Method::HEAD)).then(|| request.method().clone())
}

async fn within_time(answer: impl Future<Output = Response<Bytes>>) -> Response<Bytes> {
    let mut answer = pin!(answer);
    // Most answers are there at once. Only what waits needs a timer.
    if let Poll::Ready(answered) = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await {
        return answered;
    }
    let answered = tokio::time::timeout(REQUEST_TIME, answer).await;
    answered.unwrap_or_else(|_| Problem::unavailable().response())
}

/// Where a request puts what it waits for, so that its connection is left.
#[derive(Default)]
struct Waiting {
    request: Cell<Option<(Method, Answering)>>,
    entered: Notify,
}

impl Waiting {
    async fn wait(&self, method: Method, later: Answering) -> Response<Bytes> {
        self.request.set(Some((method, later)));
        self.entered.notify_one();
        // The connection goes, and this with it.
        std::future::pending().await
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
