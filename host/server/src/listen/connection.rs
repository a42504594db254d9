//! One connection: requests in, answers out, within their time.

use std::{
    cell::Cell,
    convert::Infallible,
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
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
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Notify, watch},
    time::{Instant, sleep},
};

use super::{
    Service,
    later::{Answering, Later},
    limits::{HEAD_TIME, MAX_HEAD_BYTES, REQUEST_TIME, REQUESTLESS_TIME},
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
    stop: watch::Receiver<bool>,
    rank: Rank,
) {
    serve_within(HEAD_TIME, stream, peer, service, stop, rank).await;
}

/// The same, with another time for a head to come.
async fn serve_within<S: Service>(
    head_time: Duration,
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    peer: SocketAddr,
    service: S,
    mut stop: watch::Receiver<bool>,
    rank: Rank,
) {
    let mut stream = Stream::new(stream, stop.clone());
    let mut answered = None;
    while let Some(Left { stream: left, method, later }) =
        until_it_waits(head_time, stream, peer, &service, &mut stop, &rank, answered).await
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
    head_time: Duration,
    stream: Stream<T>,
    peer: SocketAddr,
    service: &S,
    stop: &mut watch::Receiver<bool>,
    rank: &Rank,
    answered: Option<Response<Bytes>>,
) -> Option<Left<T>> {
    let activity = Rc::new(Activity::new(stream.stuck()));
    let waiting: Rc<Waiting> = Rc::default();
    let (active, entered) = (Rc::clone(&activity), Rc::clone(&waiting));
    let (service, rank, answered) = (service.clone(), rank.clone(), Cell::new(answered));
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, busy, entered) = (service.clone(), active.begin(), Rc::clone(&entered));
        let (is_stuck, answered) = (active.is_stuck.get(), answered.take());
        rank.set(service.goes_first(&request));
        async move {
            let response = match answered {
                Some(answered) => answered,
                None => {
                    let leaves = may_leave(&request).filter(|_| !is_stuck);
                    let mut response = within_time(service.answer(peer, request)).await;
                    match (response.extensions_mut().remove::<Later>().and_then(|later| later.take()), leaves) {
                        (None, _) => response,
                        (Some(later), None) => within_time(later).await,
                        (Some(later), Some(method)) => entered.wait(method, later).await,
                    }
                }
            };
            Ok::<Response<Sliced<Busy>>, Infallible>(response.map(|body| Sliced::new(body, busy)))
        }
    });
    // In a place of its own, which a wait gives back. Its time is kept below: hyper would set a timer for every request.
    let mut connection = Box::new(
        http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(MAX_HEAD_BYTES)
            // What waits to be read or written on one connection.
            .max_buf_size(MAX_HEAD_BYTES)
            // Most answers are small: to copy one behind its head costs less than to write two slices.
            .writev(false)
            .serve_connection(TokioIo::new(stream), answer),
    );
    let mut step = {
        let mut stopping = Stopping { changes: stop.clone(), is_watched: false };
        let (mut stopped, mut ceased) = (pin!(stop.wait_for(|stop| *stop)), pin!(activity.idled(head_time)));
        go_on(connection.as_mut(), &waiting, |context| {
            if stopping.may_have_come() && stopped.as_mut().poll(context).is_ready() {
                return Poll::Ready(Step::Stops);
            }
            ceased.as_mut().poll(context).map(|()| Step::Ended)
        })
        .await
    };
    if let Step::Stops = step {
        Pin::new(connection.as_mut()).graceful_shutdown();
        let mut ceased = pin!(activity.ceased(REQUESTLESS_TIME));
        step =
            go_on(connection.as_mut(), &waiting, |context| ceased.as_mut().poll(context).map(|()| Step::Ended)).await;
    }
    let Step::Waits = step else { return None };
    let (method, later) = waiting.request.take()?;
    let Parts { io, read_buf, .. } = connection.into_parts();
    let mut stream = io.into_inner();
    stream.put_back(&read_buf);
    Some(Left { stream, method, later })
}

/// What became of a connection.
enum Step {
    Ended,
    /// Its request waits.
    Waits,
    /// The server stops.
    Stops,
}

/// Goes on with a connection, and between its own steps with what else may end it. What goes wrong on a connection is its client's:
/// it went away, was too slow, or does not speak HTTP.
async fn go_on(
    connection: &mut (impl Future + Unpin),
    waiting: &Waiting,
    mut else_ends: impl FnMut(&mut Context<'_>) -> Poll<Step>,
) -> Step {
    poll_fn(|context| {
        // First: an answer that there is already is written before anything ends.
        if Pin::new(&mut *connection).poll(context).is_ready() {
            return Poll::Ready(Step::Ended);
        }
        if waiting.has_begun.get() { Poll::Ready(Step::Waits) } else { else_ends(context) }
    })
    .await
}

/// Whether it is worth to ask for a stop, which takes a lock that the connections of all threads share.
struct Stopping {
    changes: watch::Receiver<bool>,
    /// Somebody was asked to wake this connection.
    is_watched: bool,
}

impl Stopping {
    fn may_have_come(&mut self) -> bool {
        !std::mem::replace(&mut self.is_watched, true) || self.changes.has_changed().unwrap_or(true)
    }
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
    has_begun: Cell<bool>,
}

impl Waiting {
    async fn wait(&self, method: Method, later: Answering) -> Response<Bytes> {
        self.request.set(Some((method, later)));
        self.has_begun.set(true);
        // The connection goes, and this with it.
        std::future::pending().await
    }
}

/// Whether a connection's request is being answered, or since when none is.
struct Activity {
    is_busy: Cell<bool>,
    since: Cell<Instant>,
    /// Whether bytes wait that the client does not take.
    is_stuck: Rc<Cell<bool>>,
}

/// A request, until the last of its answer is handed over to be written.
struct Busy(Rc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.is_busy.set(false);
        self.0.since.set(Instant::now());
    }
}

impl Activity {
    fn new(is_stuck: Rc<Cell<bool>>) -> Self {
        Self { is_busy: Cell::new(false), since: Cell::new(Instant::now()), is_stuck }
    }

    fn begin(self: &Rc<Self>) -> Busy {
        self.is_busy.set(true);
        Busy(Rc::clone(self))
    }

    /// Waits until there was no request for as long as `at_most`, counted from now or from the last answer: half a head is none that
    /// was accepted.
    async fn ceased(&self, at_most: Duration) {
        let begun = Instant::now();
        loop {
            let is_busy = self.is_busy.get();
            let until = if is_busy { Instant::now() } else { self.since.get().max(begun) } + at_most;
            if !is_busy && Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    /// The same, but not while an answer waits to be taken: that has a time of its own.
    async fn idled(&self, at_most: Duration) {
        loop {
            self.ceased(at_most).await;
            if !self.is_stuck.get() {
                return;
            }
            sleep(at_most).await;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
        task::LocalSet,
    };

    use super::*;

    /// The time for a head here. Nothing below holds because it is over soon enough.
    const SHORT: Duration = Duration::from_millis(20);
    const LARGE: usize = 1024 * 1024;

    #[derive(Clone)]
    struct ByPath;

    impl Service for ByPath {
        async fn answer(&self, _: SocketAddr, request: Request<Incoming>) -> Response<Bytes> {
            match request.uri().path() {
                "/slow" => sleep(SHORT * 5).await,
                "/large" => return Response::new(Bytes::from(vec![b'x'; LARGE])),
                _ => {}
            }
            Response::new(Bytes::from_static(b"done"))
        }
    }

    /// What `client` makes of a connection that is served.
    fn with<F: Future>(client: impl FnOnce(DuplexStream) -> F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let (ours, theirs) = tokio::io::duplex(16 * 1024);
            let (_going, stop) = watch::channel(false);
            let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
            let served = serve_within(SHORT, theirs, peer, ByPath, stop, Rank::default());
            tokio::join!(client(ours), served).0
        })
    }

    /// All that comes until the server closes.
    async fn rest(stream: &mut DuplexStream) -> Vec<u8> {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        all
    }

    #[test]
    fn who_asks_for_nothing_is_let_go() {
        assert!(with(async |mut stream| rest(&mut stream).await).is_empty());
    }

    #[test]
    fn who_sends_a_head_without_end_is_let_go() {
        with(async |mut stream| {
            stream.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
            while stream.write_all(b"y").await.is_ok() {
                sleep(SHORT / 10).await;
            }
        });
    }

    /// What is told until the server closes, where nothing but this is asked for.
    fn told(path: &str) -> Vec<u8> {
        with(async |mut stream| {
            stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
            rest(&mut stream).await
        })
    }

    #[test]
    fn who_was_answered_has_the_time_anew_and_is_let_go_then() {
        let told = told("/");
        assert!(told.starts_with(b"HTTP/1.1 200") && told.ends_with(b"done"));
    }

    #[test]
    fn an_answer_that_takes_longer_to_make_than_a_head_may_is_given() {
        let told = told("/slow");
        assert!(told.starts_with(b"HTTP/1.1 200") && told.ends_with(b"done"));
    }

    #[test]
    fn an_answer_that_takes_longer_to_be_read_than_a_head_may_is_given_to_its_end() {
        let taken = with(async |mut stream| {
            stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let (mut taken, mut slice) = (0, vec![0; 64 * 1024]);
            loop {
                match stream.read(&mut slice).await.unwrap() {
                    0 => return taken,
                    length => taken += length,
                }
                sleep(SHORT / 10).await;
            }
        });
        assert!(taken > LARGE, "{taken} bytes");
    }
}
