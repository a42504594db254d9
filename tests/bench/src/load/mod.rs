//! Load on a server: keep-alive connections that send one request after another.

pub(crate) mod calls;
pub(crate) mod flood;
pub(crate) mod probe;

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

/// What a run of load saw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
}

/// Sends `request` over `connections` connections for `span`; every answer must have this status line.
pub(crate) fn run(
    to: SocketAddr,
    request: &[u8],
    status: &str,
    connections: usize,
    span: Duration,
) -> anyhow::Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let until = begun + span;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..connections {
            let (request, status) = (request.to_vec(), status.to_owned());
            tasks.spawn(async move { one_connection(to, &request, &status, until).await });
        }
        let mut requests = 0;
        while let Some(task) = tasks.join_next().await {
            requests += task??;
        }
        Ok(Seen { requests, seconds: begun.elapsed().as_secs_f64() })
    })
}

async fn one_connection(to: SocketAddr, request: &[u8], status: &str, until: Instant) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(to).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let (mut buffer, mut requests) = (vec![0; 16 * 1024], 0);
    while Instant::now() < until {
        stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = stream.read(buffer.get_mut(filled..).context("the answer is too large")?).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            filled += read;
            if is_whole(buffer.get(..filled).unwrap_or_default()) {
                break;
            }
        }
        if !buffer.starts_with(status.as_bytes()) {
            bail!("an unexpected answer: {}", String::from_utf8_lossy(buffer.get(..filled).unwrap_or_default()));
        }
        requests += 1;
    }
    Ok(requests)
}

/// Whether an answer with a `content-length` is there to its end.
pub(crate) fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let fields = String::from_utf8_lossy(answer.get(..head).unwrap_or_default()).to_ascii_lowercase();
    let length =
        fields.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok());
    length.is_some_and(|length| answer.len() >= head + 4 + length)
}
