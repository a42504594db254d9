//! The thread that looks and sends, beside everything else: no request ever waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use jeton_policy::store::{Direction, Unavailable};
use jeton_runtime::{
    Class,
    wit::refresh_tokens::{ListRefusal, Page, Query, ShowRefusal},
};
use jeton_store::audit::{Lines, MAX_LINES};
use rustix::time::{ClockId, clock_gettime};

use super::{
    kept::{Channel, Kept, Told},
    looking::{self, Source},
    marks::Marks,
    notice::{About, Kind, Notice},
    options::Opened,
    sending::{Carrier, Sender},
    webhook::Webhook,
};
use crate::app::{App, now};

/// How often it is looked, in seconds. What is looked for happens by days.
const LOOK_EVERY: u64 = 5;
/// How often what is to be sent is looked at, while there is something.
const SEND_EVERY: Duration = Duration::from_secs(1);
/// How long marks stay unwritten that only moved: a crash makes it look through these minutes again, and tells nothing twice.
const WRITE_EVERY: u64 = 10 * 60;
/// How long a stop waits for a message that is just being handed over. It is sent again after the next start, under the same id.
const PATIENCE: Duration = Duration::from_secs(2);

/// The thread, running.
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    ended: Receiver<()>,
}

impl Running {
    /// Begins.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(app: Arc<App>, opened: Opened) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopping, (done, ended)) = (Arc::clone(&stop), channel());
        let thread = thread::Builder::new().name("jeton-notices".to_owned()).spawn(move || {
            let mut round = Round::new(app, opened);
            while !stopping.load(Relaxed) {
                let pause = round.turn();
                if !stopping.load(Relaxed) {
                    thread::park_timeout(pause);
                }
            }
            let _nobody_waits = done.send(());
        })?;
        Ok(Self { stop, thread, ended })
    }

    /// Ends it, while the store is still open.
    pub fn stop(self) {
        self.stop.store(true, Relaxed);
        self.thread.thread().unpark();
        if self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::info!("a notice was just being sent; it may be sent again after the next start");
        }
    }
}

/// What goes on from one turn to the next.
struct Round {
    app: Arc<App>,
    /// Which kinds go out. `None`: all.
    kinds: Option<Vec<Kind>>,
    senders: Vec<Sender>,
    /// `None`: not read yet.
    marks: Option<Marks>,
    looked_at: u64,
    written_at: u64,
    /// The wall clock and one that nobody sets, when it was last looked.
    clocks: Option<(u64, u64)>,
    is_failing: bool,
}

impl Round {
    fn new(app: Arc<App>, opened: Opened) -> Self {
        let Opened { kinds, webhook, mail } = opened;
        let webhook = webhook.map(|(url, secrets, allow_local)| -> Box<dyn Carrier> {
            Box::new(Webhook::new(&url, secrets, allow_local, &app.issuer))
        });
        let mail = mail.map(|mail| -> Box<dyn Carrier> { Box::new(mail.of(&app.issuer)) });
        let carriers = webhook.into_iter().chain(mail);
        let senders = carriers.map(|carrier| Sender::new(carrier, Box::new(fastrand::f64))).collect();
        Self { app, kinds, senders, marks: None, looked_at: 0, written_at: 0, clocks: None, is_failing: false }
    }

    /// Looks and sends; gives how long to wait until the next turn.
    fn turn(&mut self) -> Duration {
        let now = now();
        match self.look_and_send(now) {
            Ok(waits) => {
                self.is_failing = false;
                if waits { SEND_EVERY } else { Duration::from_secs(LOOK_EVERY) }
            }
            Err(Unavailable) => {
                // What was found is not told yet, and is found again.
                self.marks = None;
                if !self.is_failing {
                    tracing::warn!("notices cannot be looked for while the store does not answer; it is tried again");
                }
                self.is_failing = true;
                Duration::from_secs(LOOK_EVERY)
            }
        }
    }

    fn look_and_send(&mut self, now: u64) -> Result<bool, Unavailable> {
        let kept = self.app.notices.clone();
        let mut marks = match self.marks.take() {
            Some(marks) => marks,
            None => self.begin(&kept, now)?,
        };
        let mut more = false;
        if now.abs_diff(self.looked_at) >= LOOK_EVERY {
            more = self.look(&kept, &mut marks, now)?;
        }
        let waits = self.send(&kept, &mut marks, now)?;
        self.marks = Some(marks);
        Ok(more || waits)
    }

    /// What a start begins with. What was to go where nothing goes any more is dropped.
    fn begin(&self, kept: &Kept, now: u64) -> Result<Marks, Unavailable> {
        for channel in Channel::ALL {
            if !self.senders.iter().any(|sender| sender.channel() == channel) {
                while kept.abandon(channel)? {}
            }
        }
        Ok(kept.marks()?.unwrap_or_else(|| Marks::new(now)))
    }

    /// One step on; gives whether the next one should follow at once.
    fn look(&mut self, kept: &Kept, marks: &mut Marks, now: u64) -> Result<bool, Unavailable> {
        let leap = self.leap(now);
        let mut moved = marks.clone();
        let looked = looking::look(&*self.app, &mut moved, now, leap)?;
        let told: Vec<_> = looked.notices.into_iter().map(|notice| self.addressed(notice, now, None)).collect();
        for (notice, _) in &told {
            // The sentence may name a token; its name is whatever somebody typed.
            tracing::info!(kind = notice.kind.word(), id = %notice.id, "notice");
        }
        let has_changed = moved.clock_told != marks.clock_told || moved.next != marks.next;
        *marks = moved;
        if !told.is_empty() || looked.more || has_changed || now.abs_diff(self.written_at) >= WRITE_EVERY {
            kept.tell(marks, &told)?;
            kept.prune(marks, now)?;
            self.written_at = now;
            told.iter().for_each(|(notice, _)| self.app.metrics.notices().tell(notice.kind));
        }
        if !looked.more {
            tracing::debug!("looked for what is to be told");
            self.looked_at = now;
        }
        Ok(looked.more)
    }

    /// Sends what is due; gives whether there is more to be sent.
    fn send(&mut self, kept: &Kept, marks: &mut Marks, now: u64) -> Result<bool, Unavailable> {
        let mut waits = false;
        let mut troubled = Vec::new();
        for sender in &mut self.senders {
            let (channel, outcome) = (sender.channel(), sender.round(kept, now)?);
            self.app.metrics.notices().count(channel, &outcome);
            waits |= outcome.waits;
            marks.failing.resize(Channel::ALL.len(), false);
            let Some(was_failing) = marks.failing.get_mut(channel.place()) else { continue };
            match outcome.trouble {
                Some(error) if !*was_failing => {
                    *was_failing = true;
                    troubled.push((channel, error));
                }
                _ if outcome.delivered > 0 => *was_failing = false,
                _ => {}
            }
        }
        for (channel, error) in troubled {
            let sentence = format!(
                "Notices do not get through by {}: {error}. Each is tried for three days; look after where they go to, at the options \
                 of `jeton serve`.",
                channel.word()
            );
            let notice = Notice::new(Kind::DeliveryFailed, now, sentence);
            kept.tell(marks, &[self.addressed(notice, now, Some(channel))])?;
            self.app.metrics.notices().tell(Kind::DeliveryFailed);
        }
        Ok(waits)
    }

    /// A notice, and what carries it away: anything but what is just failing.
    fn addressed(&self, notice: Notice, now: u64, failing: Option<Channel>) -> Told {
        let goes_out = self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&notice.kind));
        let channels = self.senders.iter().map(Sender::channel);
        let channels = channels.filter(|channel| goes_out && Some(*channel) != failing);
        let channels = channels.map(|channel| (channel, channel.pending(now))).collect();
        (notice, channels)
    }

    /// How far the wall clock went ahead of one that nobody sets, and that goes on while the machine sleeps.
    fn leap(&mut self, now: u64) -> u64 {
        let steady = u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or_default();
        let before = self.clocks.replace((now, steady));
        before.map_or(0, |(was, then)| now.saturating_sub(was).saturating_sub(steady.saturating_sub(then)))
    }
}

impl Source for App {
    fn tokens(&self, query: Query) -> Result<Option<Page>, Unavailable> {
        match self.authority.call_blocking(Class::Administration, move |call| call.list(&query)) {
            Ok(Ok(page)) => Ok(Some(page)),
            Ok(Err(ListRefusal::CursorInvalid)) => Ok(None),
            Ok(Err(_)) | Err(_) => Err(Unavailable),
        }
    }

    fn token(&self, id: &str) -> Result<Option<About>, Unavailable> {
        let id = id.to_owned();
        match self.authority.call_blocking(Class::Administration, move |call| call.show(&id)) {
            Ok(Ok(token)) => Ok(Some(About { id: token.id, name: token.name, owner: token.owner })),
            Ok(Err(ShowRefusal::NotFound)) => Ok(None),
            Ok(Err(ShowRefusal::Unavailable)) | Err(_) => Err(Unavailable),
        }
    }

    fn audit(&self, after: u64) -> Result<Lines, Unavailable> {
        self.audit.log().audit_lines(Some(after), Direction::Ascending, MAX_LINES)
    }

    fn clock_behind(&self) -> u64 {
        self.metrics.clock_behind()
    }
}
