//! The limits over HTTP: every request is answered with an answer that Jeton gave once, byte by byte.

use std::{
    convert::Infallible,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jeton::listen::{self, Listening, Protocol, Service, Shared};
use tokio::net::TcpListener;

/// What Jeton answered: what it set, and not what belongs to the connection.
#[derive(Clone)]
struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// Reads an answer as it was on the wire.
    fn read(path: &Path) -> anyhow::Result<Self> {
        let wire = fs::read(path)?;
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(end) = head.parse(&wire)? else { anyhow::bail!("half an answer") };
        anyhow::ensure!(head.code == Some(200), "an answer that says yes");
        let set = head.headers.iter().filter(|field| !matches!(field.name, "date" | "content-length"));
        let headers = set
            .map(|field| Ok((field.name.parse::<HeaderName>()?, HeaderValue::from_bytes(field.value)?)))
            .collect::<anyhow::Result<HeaderMap>>()?;
        Ok(Self { headers, body: Bytes::copy_from_slice(wire.get(end..).unwrap_or_default()) })
    }

    fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone());
        *response.headers_mut() = self.headers.clone();
        response
    }
}

impl Service for Answer {
    async fn answer(&self, _: SocketAddr, request: Request<Incoming>) -> Response<Bytes> {
        // What introspection cannot do without: the body is read whole.
        let read = jeton::api::body::read(request.into_body()).await;
        if read.is_ok() { self.response() } else { Response::new(Bytes::new()) }
    }
}

/// With the listener and the connection code of the server, on one thread, until it is killed.
pub(crate) fn serve(port: u16, answer: &Path) -> anyhow::Result<()> {
    let mut sockets = listen::bind(SocketAddr::from(([127, 0, 0, 1], port)), 1)?;
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let shared = Shared { connections: Arc::new(AtomicU64::new(0)), max_connections: 1000, stop: stopping };
    let socket = sockets.take().context("a socket was bound")?;
    let listening = vec![Listening { socket, keys: None, protocol: Protocol::Http }];
    let answer = Answer::read(answer)?;
    let thread = listen::spawn("io-0".to_owned(), listening, shared, move || Ok(answer))?;
    thread.join().map_err(|_| anyhow::anyhow!("the thread panicked"))?
}

/// With hyper as it comes, on one thread, until it is killed.
pub(crate) fn serve_barely(port: u16, answer: &Path) -> anyhow::Result<()> {
    let answer = Answer::read(answer)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let answer = answer.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    let _read = request.into_body().collect().await;
                    Ok::<_, Infallible>(answer.response().map(Full::new))
                }
            });
            tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}
