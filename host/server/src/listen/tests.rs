//! Connections as clients of every kind make them, against a service that answers with what it was asked.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, TcpStream},
    time::Instant,
};

use http::StatusCode;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject as _,
};

use super::*;

/// Answers at once by the path, and does not look at the body.
#[derive(Clone, Default)]
struct ByPath {
    asked: Arc<AtomicU64>,
}

impl Service for ByPath {
    async fn answer(&self, _: SocketAddr, request: Request<Incoming>) -> Response<Bytes> {
        self.asked.fetch_add(1, Relaxed);
        let mut response = Response::new(Bytes::from(request.uri().path().to_owned()));
        match request.uri().path() {
            "/refused" => *response.status_mut() = StatusCode::UNAUTHORIZED,
            "/large" => *response.body_mut() = Bytes::from(vec![b'x'; LARGE]),
            "/slow" => tokio::time::sleep(Duration::from_millis(300)).await,
            _ => {}
        }
        response
    }

    async fn answer_gateway(&self, _: SocketAddr, question: Request<Incoming>) -> Response<tonic::body::Body> {
        self.asked.fetch_add(1, Relaxed);
        tonic::Status::unimplemented(question.uri().path()).into_http()
    }
}

const LARGE: usize = 1024 * 1024;

/// A listener with one I/O thread.
struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    connections: Arc<AtomicU64>,
    asked: Arc<AtomicU64>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(max_connections: u64, keys: Option<Arc<TlsKeys>>) -> Self {
        Self::speaking(Protocol::Http, max_connections, keys)
    }

    fn speaking(protocol: Protocol, max_connections: u64, keys: Option<Arc<TlsKeys>>) -> Self {
        let mut sockets = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), 1).unwrap();
        let (stop, stopping) = watch::channel(false);
        let connections = Arc::new(AtomicU64::new(0));
        let shared = Shared { connections: Arc::clone(&connections), max_connections, stop: stopping };
        let listening = vec![Listening { socket: sockets.take().unwrap(), keys, protocol }];
        let service = ByPath::default();
        let asked = Arc::clone(&service.asked);
        let thread = spawn("test".to_owned(), listening, shared, || Ok(service)).unwrap();
        Self { address: sockets.address(), stop, connections, asked, thread }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Stops, and says how long that took.
    fn stop(self) -> Duration {
        let begun = Instant::now();
        self.stop.send(true).unwrap();
        self.thread.join().unwrap().unwrap();
        begun.elapsed()
    }

    fn wait_for_connections(&self, expected: u64) {
        let begun = Instant::now();
        while self.connections.load(Relaxed) != expected {
            assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for {expected} connections");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn request(method: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes()
}

/// All that comes until the other side closes.
fn rest(mut stream: impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    assert!(end.is_ok() || !bytes.is_empty(), "{end:?}");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn an_answer_that_comes_before_the_body_is_not_lost_to_whoever_still_sends_it() {
    let running = Running::start(10, None);
    for _ in 0..20 {
        let mut stream = running.connect();
        stream.write_all(&request("POST", "/refused", "Content-Length: 400000\r\n")).unwrap();
        // As `http.client` does it: the head, and then the body in pieces, whatever has been answered meanwhile.
        for _ in 0..8 {
            thread::sleep(Duration::from_millis(1));
            stream.write_all(&[b'a'; 50_000]).unwrap();
        }
        assert!(rest(stream).starts_with("HTTP/1.1 401"));
    }
    running.stop();
}

#[test]
fn a_stop_waits_for_the_answer_of_a_request_and_for_nothing_else() {
    let running = Running::start(10, None);
    let (mut asked, mut used, unused) = (running.connect(), running.connect(), running.connect());
    used.write_all(&request("GET", "/before", "")).unwrap();
    let mut head = [0; 16];
    used.read_exact(&mut head).unwrap();
    asked.write_all(&request("GET", "/slow", "")).unwrap();
    running.wait_for_connections(3);
    thread::sleep(Duration::from_millis(50));
    let took = running.stop();
    assert!(rest(asked).ends_with("/slow"));
    drop((used, unused));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_stop_does_not_wait_long_for_half_a_request() {
    let running = Running::start(10, None);
    let mut stream = running.connect();
    stream.write_all(b"GET /healthz HT").unwrap();
    running.wait_for_connections(1);
    thread::sleep(Duration::from_millis(50));
    let took = running.stop();
    assert!(took < DRAIN_TIME - Duration::from_secs(5), "{took:?}");
}

#[test]
fn requests_without_end_are_not_buffered_without_end() {
    let running = Running::start(10, None);
    let mut stream = running.connect();
    stream.write_all(&request("GET", "/large", "").repeat(2000)).unwrap();
    // Nothing is read here. Once the sockets are full, no more requests are begun.
    let mut begun = 0;
    while begun == 0 || running.asked.load(Relaxed) != begun {
        begun = running.asked.load(Relaxed);
        thread::sleep(Duration::from_millis(200));
    }
    assert!(begun < 50, "{begun} answers of a mebibyte each were buffered");
    drop(stream);
    running.wait_for_connections(0);
    running.stop();
}

#[test]
fn one_connection_too_many_is_closed_at_once_and_makes_room_when_another_goes() {
    let running = Running::start(2, None);
    let (first, second) = (running.connect(), running.connect());
    running.wait_for_connections(2);
    let mut third = running.connect();
    let mut byte = [0];
    assert!(matches!(third.read(&mut byte), Ok(0) | Err(_)));
    drop((first, second));
    running.wait_for_connections(0);
    let mut fourth = running.connect();
    fourth.write_all(&request("GET", "/in", "Connection: close\r\n")).unwrap();
    assert!(rest(fourth).ends_with("/in"));
    running.stop();
}

#[test]
fn a_head_beyond_its_bounds_is_told_so() {
    let running = Running::start(10, None);
    // With the two that are there anyway.
    let most = format!("Connection: close\r\n{}", "X: y\r\n".repeat(limits::MAX_HEADERS - 2));
    let mut stream = running.connect();
    stream.write_all(&request("GET", "/in", &most)).unwrap();
    assert!(rest(stream).ends_with("/in"));
    let many = "X: y\r\n".repeat(limits::MAX_HEADERS + 1);
    let large = format!("X: {}\r\n", "y".repeat(limits::MAX_HEAD_BYTES));
    for headers in [many, large] {
        let mut stream = running.connect();
        // It may close before it has taken all.
        let _sent = stream.write_all(&request("GET", "/", &headers));
        let answer = rest(stream);
        assert!(answer.starts_with("HTTP/1.1 431"), "{} bytes: {answer}", headers.len());
    }
    running.stop();
}

fn client(certificate: &std::path::Path, versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap()
}

#[test]
fn the_self_signed_certificate_is_good_for_a_client_that_knows_it_and_a_reload_changes_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = self_signed(dir.path(), IpAddr::from(Ipv4Addr::LOCALHOST)).unwrap();
    let keys = Arc::new(TlsKeys::load(files.clone()).unwrap());
    let running = Running::start(10, Some(Arc::clone(&keys)));
    let asked = |certificate: &std::path::Path, versions: &[&'static rustls::SupportedProtocolVersion]| {
        let (mut tls, mut tcp) = (client(certificate, versions), running.connect());
        let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
        stream.write_all(&request("GET", "/over-tls", "Connection: close\r\n"))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        assert!(asked(&files.certificate, &[version]).unwrap().ends_with("/over-tls"));
    }
    let known = dir.path().join("known.pem");
    std::fs::rename(&files.certificate, &known).unwrap();
    self_signed(dir.path(), IpAddr::from(Ipv4Addr::LOCALHOST)).unwrap();
    keys.reload().unwrap();
    assert!(asked(&known, rustls::ALL_VERSIONS).is_err(), "the old certificate is no longer shown");
    assert!(asked(&files.certificate, rustls::ALL_VERSIONS).is_ok());
    running.stop();
}

#[test]
fn what_is_not_tls_on_its_port_ends_that_connection_alone_and_no_stop_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = self_signed(dir.path(), IpAddr::from(Ipv4Addr::LOCALHOST)).unwrap();
    let running = Running::start(10, Some(Arc::new(TlsKeys::load(files).unwrap())));
    let (mut plain, silent) = (running.connect(), running.connect());
    plain.write_all(&request("GET", "/", "")).unwrap();
    let mut answer = Vec::new();
    let _reset = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    running.wait_for_connections(1);
    let took = running.stop();
    drop(silent);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn what_is_not_http_2_on_the_port_of_gateways_ends_that_connection_alone_and_no_stop_waits_for_it() {
    let running = Running::speaking(Protocol::Grpc, 10, None);
    let (mut plain, silent) = (running.connect(), running.connect());
    plain.write_all(&request("GET", "/", "")).unwrap();
    let mut answer = Vec::new();
    let _reset = plain.read_to_end(&mut answer);
    assert!(answer.is_empty());
    running.wait_for_connections(1);
    assert_eq!(running.asked.load(Relaxed), 0);
    let took = running.stop();
    drop(silent);
    assert!(took < Duration::from_secs(2), "{took:?}");
}
