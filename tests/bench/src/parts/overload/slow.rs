//! Clients that take their time, many that do nothing, and those that come for one request each.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, interval_at},
};
use tokio_rustls::TlsConnector;

use crate::{
    book::report::Report,
    load::flood::{Flood, Tide, Told, connect},
    load::is_whole,
    parts::overload::{Compared, ROUNDS, Site},
    servers::process::free_address,
    servers::served::Served,
};

/// Clients that are slow at a time.
const SLOW: usize = 1_000;
/// How often each of them goes on.
const STEP: Duration = Duration::from_millis(100);
/// Connections that are idle.
const IDLE: usize = 10_000;
/// Who makes handshakes at a time.
const COMERS: usize = 16;

/// Heads and bodies that come a little at a time, and answers that nobody reads.
pub(crate) fn slow(report: &mut Report) -> anyhow::Result<()> {
    let kinds: [(&str, String, usize); 3] = [
        ("heads that come 64 bytes at a time", "GET /forward-auth HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned(), 64),
        (
            "bodies that come 2 KB at a time",
            "POST /oauth2/introspect HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ACCESS\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: 65000\r\n\r\n"
                .to_owned(),
            2_048,
        ),
        ("answers that nobody reads", String::new(), 0),
    ];
    for (what, begin, step) in kinds {
        let site = Site::new(Served::start(&[])?)?;
        let to = site.served.server.address;
        let begin: Arc<str> = begin.replace("ACCESS", &site.access).into();
        let mut compared = Compared::default();
        for _ in 0..ROUNDS {
            let begin = Arc::clone(&begin);
            let flood = || {
                Flood::start(to, SLOW, connect, move |tide, place, stream| {
                    let begin = Arc::clone(&begin);
                    async move {
                        match step {
                            0 => never_reads(tide, stream).await,
                            _ => drips(tide, place, stream, &begin, step).await,
                        }
                    }
                })
            };
            compared.round(&site, flood, Flood::stop)?;
        }
        compared.report(report, &format!("{SLOW} {what}"));
    }
    Ok(())
}

async fn drips(tide: Tide, place: usize, mut stream: TcpStream, begin: &str, step: usize) -> anyhow::Result<()> {
    stream.write_all(begin.as_bytes()).await?;
    let first = Instant::now() + STEP.mul_f64(place as f64 / SLOW as f64);
    let mut pace = interval_at(first, STEP);
    let drop = vec![b'x'; step];
    while tide.is_high() {
        pace.tick().await;
        stream.write_all(&drop).await?;
    }
    Ok(())
}

async fn never_reads(tide: Tide, mut stream: TcpStream) -> anyhow::Result<()> {
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";
    while tide.is_high() {
        let _ = tokio::time::timeout(STEP, stream.write_all(request)).await;
        tokio::time::sleep(STEP).await;
    }
    Ok(())
}

/// Ten thousand connections that made a request each, and wait.
pub(crate) fn idle(report: &mut Report) -> anyhow::Result<()> {
    let site = Site::new(Served::start(&["--max-connections", "12000"])?)?;
    let to = site.served.server.address;
    let mut compared = Compared::default();
    for _ in 0..ROUNDS {
        let begin = || {
            Flood::start(to, IDLE, asked_once, |tide, _, stream| async move {
                while tide.is_high() {
                    tokio::time::sleep(STEP).await;
                }
                drop(stream);
                Ok(())
            })
        };
        compared.round(&site, begin, Flood::stop)?;
    }
    compared.report(report, &format!("{IDLE} idle connections"));
    Ok(())
}

async fn asked_once(to: SocketAddr, place: usize) -> anyhow::Result<TcpStream> {
    let mut stream = connect(to, place).await?;
    ask(&mut stream, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    Ok(stream)
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> anyhow::Result<Vec<u8>> {
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(4 * 1024);
    while !is_whole(&answer) {
        anyhow::ensure!(stream.read_buf(&mut answer).await? > 0, "the server closed the connection");
    }
    Ok(answer)
}

/// A TLS handshake for every request, as fast as they are made.
pub(crate) fn handshakes(report: &mut Report) -> anyhow::Result<()> {
    let encrypted = free_address()?;
    let served = Served::start(&["--tls-self-signed", "--tls-listen", &encrypted.to_string()])?;
    let certificate = CertificateDer::from_pem_file(served.data.join("tls-cert.pem"))?;
    let site = Site::new(served)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let check: Arc<str> = site.check.as_str().into();
    let (mut compared, mut told) = (Compared::default(), Told::default());
    for _ in 0..ROUNDS {
        let (connector, check) = (connector.clone(), Arc::clone(&check));
        let begin = || {
            let nothing = |_, _| std::future::ready(Ok(()));
            Flood::start(encrypted, COMERS, nothing, move |tide, place, ()| {
                let (connector, check) = (connector.clone(), Arc::clone(&check));
                async move {
                    while tide.is_high() {
                        let since = Instant::now();
                        let stream = connect(tide.to, place).await?;
                        let name = ServerName::try_from("localhost").context("a name")?;
                        let mut stream = connector.connect(name, stream).await?;
                        let answer = ask(&mut stream, &check).await?;
                        tide.told.borrow_mut().count(&String::from_utf8_lossy(&answer), since)?;
                    }
                    Ok(())
                }
            })
        };
        told.add(compared.round(&site, begin, Flood::stop)?);
    }
    compared.report(report, "TLS handshakes, one for each request");
    report.row("handshakes, with a verdict each", &format!("{:.0}/s", told.rate(&[200])), "");
    Ok(())
}
