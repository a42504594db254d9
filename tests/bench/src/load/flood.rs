//! More than a server can do: requests from many connections at once, until it is enough.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::{JoinSet, LocalSet},
    time::{Instant, interval_at},
};

use crate::load::is_whole;

/// How the system ranks the thread that floods: who asks for verdicts on the same core goes before it.
const NICENESS: i32 = 19;
/// A flood ends by then, whatever becomes of who began it.
const LONGEST: Duration = Duration::from_secs(30);
/// Connections of one address.
const PER_ADDRESS: usize = 1_000;

/// What a flood was answered.
#[derive(Default)]
pub(crate) struct Told {
    /// Answers, by status.
    pub(crate) answers: BTreeMap<u16, u64>,
    /// Milliseconds of each answer that said to come again.
    pub(crate) refusals: Vec<f64>,
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
}

impl Told {
    /// Counts an answer. Who is refused is told when to come again.
    pub(crate) fn count(&mut self, head: &str, since: Instant) -> anyhow::Result<()> {
        let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a status")?;
        *self.answers.entry(status).or_default() += 1;
        if matches!(status, 429 | 503) {
            ensure!(
                head.to_ascii_lowercase().contains("\r\nretry-after: "),
                "refused without a word when to come: {head}"
            );
            self.refusals.push(since.elapsed().as_secs_f64() * 1e3);
        }
        Ok(())
    }

    /// Adds what another round was told.
    pub(crate) fn add(&mut self, other: Self) {
        other.answers.into_iter().for_each(|(status, count)| *self.answers.entry(status).or_default() += count);
        self.refusals.extend(other.refusals);
        self.seconds += other.seconds;
    }

    /// Answers a second with one of these statuses.
    pub(crate) fn rate(&self, statuses: &[u16]) -> f64 {
        statuses.iter().filter_map(|status| self.answers.get(status)).sum::<u64>() as f64 / self.seconds
    }

    /// Milliseconds of the 99th of a hundred refusals.
    pub(crate) fn slow_refusal(&mut self) -> f64 {
        self.refusals.sort_by(f64::total_cmp);
        self.refusals.get(self.refusals.len() * 99 / 100).copied().unwrap_or(f64::NAN)
    }
}

/// What each part of a flood needs to know.
#[derive(Clone)]
pub(crate) struct Tide {
    pub(crate) to: SocketAddr,
    pub(crate) told: Rc<RefCell<Told>>,
    ebb: Arc<AtomicBool>,
    until: Instant,
}

impl Tide {
    /// Whether it still goes on.
    pub(crate) fn is_high(&self) -> bool {
        !self.ebb.load(Relaxed) && Instant::now() < self.until
    }
}

/// A flood that goes on, by a thread of its own.
pub(crate) struct Flood {
    ebb: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Told>>,
}

impl Flood {
    /// `prepare` makes what has a connection each, before anything is measured; `run` is what each does then, until the tide is low.
    pub(crate) fn start<C, F, G>(
        to: SocketAddr,
        connections: usize,
        prepare: impl Fn(SocketAddr, usize) -> F + Send + 'static,
        run: impl Fn(Tide, usize, C) -> G + Clone + Send + 'static,
    ) -> anyhow::Result<Self>
    where
        C: 'static,
        F: Future<Output = anyhow::Result<C>>,
        G: Future<Output = anyhow::Result<()>> + 'static,
    {
        let ebb = Arc::new(AtomicBool::new(false));
        let (seen, (begins, begun)) = (Arc::clone(&ebb), mpsc::channel());
        let thread = thread::Builder::new().name("flood".to_owned()).spawn(move || {
            let _ = rustix::process::setpriority_process(None, NICENESS);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            LocalSet::new().block_on(&runtime, async {
                let mut prepared = Vec::with_capacity(connections);
                for place in 0..connections {
                    prepared.push(prepare(to, place).await?);
                }
                begins.send(())?;
                let begun = Instant::now();
                let tide = Tide { to, told: Rc::default(), ebb: seen, until: begun + LONGEST };
                let mut all = JoinSet::new();
                for (place, made) in prepared.into_iter().enumerate() {
                    all.spawn_local(run(tide.clone(), place, made));
                }
                while let Some(one) = all.join_next().await {
                    one??;
                }
                let mut told = tide.told.take();
                told.seconds = begun.elapsed().as_secs_f64();
                Ok(told)
            })
        })?;
        match begun.recv() {
            Ok(()) => Ok(Self { ebb, thread }),
            // It has ended before it began, and says why.
            Err(_) => Err(joined(thread).err().context("no flood")?),
        }
    }

    /// The same request over each of some connections, `per_second` in all as far as answers come in time, or as they come.
    pub(crate) fn of(
        request: &str,
        to: SocketAddr,
        connections: usize,
        per_second: Option<f64>,
    ) -> anyhow::Result<Self> {
        let request: Arc<[u8]> = request.as_bytes().into();
        let between = per_second.map(|rate| Duration::from_secs_f64(connections as f64 / rate));
        Self::start(to, connections, connect, move |tide, place, stream| {
            let first = between.map(|between| between.mul_f64(place as f64 / connections as f64));
            repeat(tide, stream, Arc::clone(&request), between.zip(first))
        })
    }

    /// Ends it and gives what it was told; what is on its way is waited for.
    pub(crate) fn stop(self) -> anyhow::Result<Told> {
        self.ebb.store(true, Relaxed);
        joined(self.thread)
    }
}

fn joined(thread: JoinHandle<anyhow::Result<Told>>) -> anyhow::Result<Told> {
    thread.join().map_err(|_| anyhow::anyhow!("the flood panicked"))?
}

/// The connection at this place, from an address that has few enough of them.
pub(crate) async fn connect(to: SocketAddr, place: usize) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, u8::try_from(place / PER_ADDRESS)?), 0)))?;
    let stream = socket.connect(to).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn repeat(
    tide: Tide,
    mut stream: TcpStream,
    request: Arc<[u8]>,
    pace: Option<(Duration, Duration)>,
) -> anyhow::Result<()> {
    let mut pace = pace.map(|(between, first)| interval_at(Instant::now() + first, between));
    let mut answer = vec![0; 4 * 1024];
    loop {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        if !tide.is_high() {
            return Ok(());
        }
        let since = Instant::now();
        stream.write_all(&request).await?;
        let mut filled = 0;
        while !is_whole(answer.get(..filled).unwrap_or_default()) {
            let read = stream.read(answer.get_mut(filled..).context("the answer is too large")?).await?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
        }
        let head = String::from_utf8_lossy(answer.get(..filled.min(512)).unwrap_or_default());
        tide.told.borrow_mut().count(&head, since)?;
    }
}
