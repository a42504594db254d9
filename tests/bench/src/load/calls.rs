//! One request after another over one connection, timed.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use anyhow::{Context as _, ensure};

use crate::load::is_whole;

/// A keep-alive connection.
pub(crate) struct Caller {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Caller {
    pub(crate) fn connect(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to).context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: vec![0; 1024 * 1024] })
    }

    /// Sends a request; gives the microseconds until its answer was there to the end. Its status must be this one.
    pub(crate) fn timed(&mut self, request: &str, status: &str) -> anyhow::Result<f64> {
        let begun = Instant::now();
        self.stream.write_all(request.as_bytes())?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(self.answer.get_mut(filled..).context("the answer is too large")?)?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            let answer = self.answer.get(..filled).unwrap_or_default();
            if is_whole(answer) || is_empty(answer) {
                break;
            }
        }
        let took = begun.elapsed().as_secs_f64() * 1e6;
        let answer = self.answer.get(..filled).unwrap_or_default();
        ensure!(
            answer.get("HTTP/1.1 ".len()..).is_some_and(|rest| rest.starts_with(status.as_bytes())),
            "an unexpected answer: {}",
            String::from_utf8_lossy(answer)
        );
        Ok(took)
    }
}

/// Whether an answer that has no body is there to its end.
fn is_empty(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 204") && answer.ends_with(b"\r\n\r\n")
}
