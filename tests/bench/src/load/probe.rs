//! Verdicts that are asked for while something else goes on: how many are given, and how long they take.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use crate::{load::is_whole, measure::median};

/// Connections that verdicts are asked for over.
const CONNECTIONS: u32 = 4;

/// What was seen in one span.
#[derive(Clone, Copy)]
pub(crate) struct Verdicts {
    pub(crate) per_second: f64,
    /// Microseconds of the median.
    pub(crate) half: f64,
    /// Microseconds of the 99th of a hundred.
    pub(crate) slow: f64,
}

/// A gateway that keeps its connections, each with a thread of its own.
pub(crate) struct Gateway {
    streams: Vec<TcpStream>,
    check: String,
}

impl Gateway {
    /// One that asks by this request, and has done so once over each connection.
    pub(crate) fn new(to: SocketAddr, check: &str) -> anyhow::Result<Self> {
        let connect = |_| {
            let stream = TcpStream::connect(to).context("cannot connect")?;
            stream.set_nodelay(true)?;
            ask(&stream, check)?;
            anyhow::Ok(stream)
        };
        Ok(Self { streams: (0..CONNECTIONS).map(connect).collect::<anyhow::Result<_>>()?, check: check.to_owned() })
    }

    /// Asks for `rate` verdicts a second for `span`; each is to be 200. One that comes late is counted from when it should have been
    /// asked for.
    pub(crate) fn ask(&self, rate: u32, span: Duration) -> anyhow::Result<Verdicts> {
        let begun = Instant::now();
        let mut times = Vec::new();
        thread::scope(|scope| {
            let places = self.streams.iter().zip(0..);
            let askers: Vec<_> = places
                .map(|(stream, place)| scope.spawn(move || asked(stream, &self.check, rate, place, span)))
                .collect();
            for asker in askers {
                times.extend(asker.join().map_err(|_| anyhow::anyhow!("who asks panicked"))??);
            }
            anyhow::Ok(())
        })?;
        let per_second = times.len() as f64 / begun.elapsed().as_secs_f64();
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times.get(times.len() * share / 100).copied().context("a verdict");
        Ok(Verdicts { per_second, half: at(50)?, slow: at(99)? })
    }
}

impl Verdicts {
    /// The median of each figure.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure).collect());
        Self { per_second: of(|seen| seen.per_second), half: of(|seen| seen.half), slow: of(|seen| seen.slow) }
    }
}

impl std::fmt::Display for Verdicts {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{:.0}/s; {:.0} us; {:.0} us", self.per_second, self.half, self.slow)
    }
}

/// The microseconds of each verdict on one connection.
fn asked(stream: &TcpStream, check: &str, rate: u32, place: u32, span: Duration) -> anyhow::Result<Vec<f64>> {
    let (until, between) = (Instant::now() + span, Duration::from_secs(1) / rate);
    let mut next = Instant::now() + between * place;
    let mut times = Vec::new();
    while Instant::now() < until {
        let mut since = next;
        if let Some(early) = next.checked_duration_since(Instant::now()) {
            thread::sleep(early);
            // That the system wakes a sleeper late is not the server's doing.
            since = Instant::now();
        }
        next += between * CONNECTIONS;
        ask(stream, check)?;
        times.push(since.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

fn ask(mut stream: &TcpStream, check: &str) -> anyhow::Result<()> {
    stream.write_all(check.as_bytes())?;
    let (mut answer, mut filled) = ([0; 4 * 1024], 0);
    while !is_whole(answer.get(..filled).unwrap_or_default()) {
        let read = stream.read(answer.get_mut(filled..).context("the answer is too large")?)?;
        ensure!(read > 0, "the server closed the connection");
        filled += read;
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "an unexpected verdict");
    Ok(())
}
