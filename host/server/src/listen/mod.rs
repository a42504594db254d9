//! Connections: one I/O thread per core, each with a runtime, a listener and a verifier of its own.
//!
//! The sockets are bound once, and every thread accepts from its own handle of them with `SO_REUSEPORT`, so that no thread
//! hands work to another.

mod bind;
mod connection;
mod grpc;
mod later;
pub(crate) mod limits;
mod peer;
mod sliced;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod turns;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::LocalSet,
};

pub use bind::{BindError, Sockets, bind};
pub use later::Later;
pub use limits::{DRAIN_TIME, MAX_CONNECTIONS};
pub use peer::{Encrypted, Peer, TrustedProxy};
pub use tls::{TlsError, TlsFiles, TlsKeys, fingerprint, self_signed};
use turns::{Rank, Turns};

/// Answers requests; one for each I/O thread.
pub trait Service: Clone + 'static {
    /// Answers a request that came from `peer`; with [`Later`] in the answer's extensions, when that gives one.
    fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> impl Future<Output = Response<Bytes>>;

    /// Whether the connection of this request goes before others from now on: it asks for what is there at once.
    fn goes_first(&self, request: &Request<Incoming>) -> bool {
        let _nothing_of_it = request;
        false
    }

    /// The same for connections that are encrypted.
    #[must_use]
    fn over_tls(self) -> Self {
        self
    }

    /// Answers what `gateway` asks over gRPC; unless that is served, that it is not.
    fn answer_gateway(
        &self,
        gateway: SocketAddr,
        question: Request<Incoming>,
    ) -> impl Future<Output = Response<tonic::body::Body>> {
        let _nothing_of_it = (gateway, question);
        std::future::ready(tonic::Status::unimplemented("no gateways are served").into_http())
    }
}

/// What the I/O threads share.
#[derive(Clone)]
pub struct Shared {
    /// Open connections.
    pub connections: Arc<AtomicU64>,
    /// The most of them.
    pub max_connections: u64,
    /// Turns true when no more connections are to be accepted.
    pub stop: watch::Receiver<bool>,
}

/// One socket that an I/O thread listens on.
pub struct Listening {
    /// The socket.
    pub socket: std::net::TcpListener,
    /// The keys of TLS, which may change while it runs. `None`: what comes and goes there is not encrypted.
    pub keys: Option<Arc<TlsKeys>>,
    /// What is spoken there.
    pub protocol: Protocol,
}

/// What is spoken on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, with whoever comes.
    Http,
    /// gRPC, with gateways.
    Grpc,
}

/// Runs an I/O thread until `shared.stop` turns true and every request that was accepted is answered, or [`DRAIN_TIME`] is over.
///
/// `service` is called on the new thread, so it may give it things of its own.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn<S: Service>(
    name: String,
    listening: Vec<Listening>,
    shared: Shared,
    service: impl FnOnce() -> anyhow::Result<S> + Send + 'static,
) -> std::io::Result<JoinHandle<anyhow::Result<()>>> {
    thread::Builder::new().name(name).spawn(move || {
        let service = service()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let local = LocalSet::new();
        local.block_on(&runtime, run(listening, shared, service))
    })
}

async fn run<S: Service>(listening: Vec<Listening>, shared: Shared, service: S) -> anyhow::Result<()> {
    let (open, turns) = (connection::Open::default(), Turns::default());
    let giving = tokio::task::spawn_local(turns.clone().give());
    let mut accepting = tokio::task::JoinSet::new();
    for Listening { socket, keys, protocol } in listening {
        let listener = TcpListener::from_std(socket)?;
        accepting.spawn_local(accept(
            listener,
            keys,
            protocol,
            shared.clone(),
            service.clone(),
            open.clone(),
            turns.clone(),
        ));
    }
    while accepting.join_next().await.is_some() {}
    open.drained(DRAIN_TIME).await;
    giving.abort();
    Ok(())
}

async fn accept<S: Service>(
    listener: TcpListener,
    keys: Option<Arc<TlsKeys>>,
    protocol: Protocol,
    shared: Shared,
    service: S,
    open: connection::Open,
    turns: Turns,
) {
    let mut stop = shared.stop.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // The system is out of something, most likely descriptors: a moment later there may be some again.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if shared.connections.load(Relaxed) >= shared.max_connections {
            // Closed at once: whoever is in already keeps what they have.
            drop(stream);
            continue;
        }
        let guard = connection::Guard::new(Arc::clone(&shared.connections), open.clone());
        let _ = stream.set_nodelay(true);
        let (keys, service, stop) = (keys.clone(), service.clone(), shared.stop.clone());
        let (turns, rank) = (turns.clone(), Rank::default());
        tokio::task::spawn_local(async move {
            let _guard = guard;
            let work = Box::pin(work(stream, peer, keys, protocol, service, stop, rank.clone()));
            turns.keep(rank, work).await;
        });
    }
}

/// Serves one connection.
async fn work<S: Service>(
    stream: TcpStream,
    peer: SocketAddr,
    keys: Option<Arc<TlsKeys>>,
    protocol: Protocol,
    service: S,
    mut stop: watch::Receiver<bool>,
    rank: Rank,
) {
    let Some(keys) = keys else {
        return match protocol {
            Protocol::Http => connection::serve(stream, peer, service, stop, rank).await,
            Protocol::Grpc => Box::pin(grpc::serve(stream, peer, service, stop, rank)).await,
        };
    };
    let encrypted = tokio::select! {
        // A handshake is no request yet: a stop does not wait for it.
        _ = stop.wait_for(|stop| *stop) => return,
        encrypted = Box::pin(keys.accept(stream, protocol)) => encrypted,
    };
    // In a place of its own: else every plain connection would have room for the keys of an encrypted one.
    match (encrypted, protocol) {
        (Some(stream), Protocol::Http) => {
            Box::pin(connection::serve(stream, peer, service.over_tls(), stop, rank)).await;
        }
        (Some(stream), Protocol::Grpc) => Box::pin(grpc::serve(stream, peer, service, stop, rank)).await,
        (None, _) => {}
    }
}

/// How long accepting rests after the system refused.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
