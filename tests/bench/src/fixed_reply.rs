//! The limit: the same listener and connection code, answering every request with the same bytes.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use jeton::listen::{self, Listening, Protocol, Service, Shared};

#[derive(Clone)]
struct Fixed(Bytes);

impl Service for Fixed {
    async fn answer(&self, _: SocketAddr, request: Request<Incoming>) -> Response<Bytes> {
        // What introspection cannot do without: the body is read whole.
        let read = jeton::api::body::read(request.into_body()).await;
        let mut response = Response::new(if read.is_ok() { self.0.clone() } else { Bytes::new() });
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("x-request-id", HeaderValue::from_static("0"));
        response
    }
}

/// Serves until it is killed, on one thread.
pub(crate) fn run(port: u16, bytes: usize) -> anyhow::Result<()> {
    let mut sockets = listen::bind(SocketAddr::from(([127, 0, 0, 1], port)), 1)?;
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let shared = Shared { connections: Arc::new(AtomicU64::new(0)), max_connections: 1000, stop: stopping };
    let socket = sockets.take().context("a socket was bound")?;
    let listening = vec![Listening { socket, keys: None, protocol: Protocol::Http }];
    let reply = Bytes::from(vec![b'x'; bytes]);
    let thread = listen::spawn("io-0".to_owned(), listening, shared, move || Ok(Fixed(reply)))?;
    thread.join().map_err(|_| anyhow::anyhow!("the thread panicked"))?
}
