//! A connection of a gateway: gRPC, which is HTTP/2, with many questions on it at once.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use http::Request;
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    sync::watch,
};
use tonic::Status;

use super::{
    Service,
    limits::{HEAD_TIME, REQUEST_TIME, REQUESTLESS_TIME},
    stream::Stream,
    turns::Rank,
};

/// What a client of HTTP/2 begins with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Questions at once on one connection, each of which may hold a message: a gateway with more of them opens another.
const MAX_STREAMS: u32 = 128;
/// Bytes of a question's own head, which no client of the gateway has a say in.
const MAX_HEAD_BYTES: u32 = 16 * 1024;
/// How long a gateway may be silent before it is asked whether it is there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Serves a gateway until it goes, or `stop` turns true and what it had begun to ask is answered.
pub(super) async fn serve<S: Service>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    peer: SocketAddr,
    service: S,
    mut stop: watch::Receiver<bool>,
    rank: Rank,
) {
    let mut stream = Stream::new(stream, stop.clone());
    let begun = tokio::select! {
        // Who has not begun has asked nothing.
        _ = stop.wait_for(|stop| *stop) => return,
        begun = tokio::time::timeout(HEAD_TIME, preface(&mut stream)) => begun,
    };
    if !matches!(begun, Ok(true)) {
        return;
    }
    stream.put_back(PREFACE);
    // Gateways ask for nothing but verdicts.
    rank.set(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        async move {
            let answered = tokio::time::timeout(REQUEST_TIME, service.answer_gateway(peer, request)).await;
            Ok::<_, Infallible>(answered.unwrap_or_else(|_| Status::deadline_exceeded("").into_http()))
        }
    });
    let mut connection = Box::pin(
        http2::Builder::new(OnThisThread)
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_BYTES)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .serve_connection(TokioIo::new(stream), answer),
    );
    // What goes wrong on a connection is its gateway's: it went away, was too slow, or does not speak HTTP/2.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _cut_off = tokio::time::timeout(REQUESTLESS_TIME, connection).await;
}

/// Reads what a connection begins with; gives whether that is HTTP/2.
async fn preface(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut read = [0; PREFACE.len()];
    stream.read_exact(&mut read).await.is_ok() && read == PREFACE
}

/// The verifier is the thread's own, so that nothing of a connection may leave it.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}
