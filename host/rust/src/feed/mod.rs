//! The feed: one request in flight, for ever.

mod backoff;
mod client;
mod position;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

pub(crate) use client::Client;
pub(crate) use position::Position;

use crate::FeedError;
use crate::event::Event;
use crate::shards::{Shards, Stamp};
use crate::verifier::Listener;
use backoff::Backoff;
use client::Failure;

/// How long the authority may let a request wait. What is held was asked for up to two waits ago when the next answer comes, and is
/// counted in whole seconds, rounded up: with more, an edge without news would be stale for a moment each time.
const WAIT_SECONDS: u64 = 1;
/// The lease, until a document says it.
const FIRST_LEASE: Duration = Duration::from_secs(5);
/// The longest lease that is believed for the time that a request may take.
const LONGEST_LEASE: Duration = Duration::from_secs(60);
/// How often the authority is asked where it lets nobody wait.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How long after it let nobody wait it is tried again.
const TRY_TO_WAIT_EVERY: Duration = Duration::from_secs(30);
/// The least time between two requests whose answers bring nothing: an authority that stops lets go of who waits, again and again.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
/// How far this machine's clock may be off before it is said, in seconds.
const TOLERATED_SECONDS: u64 = 10;

/// Follows one authority.
pub(crate) struct Feed {
    pub(crate) client: Client,
    pub(crate) shards: Arc<Shards>,
    pub(crate) listener: Listener,
    /// Somebody's judge has failed: everything is wanted, and soon.
    pub(crate) failed: Arc<Notify>,
    /// Turns true with the first document.
    pub(crate) ready: watch::Sender<bool>,
}

/// What is known between two requests.
struct Course {
    held: Option<Position>,
    lease: Duration,
    nobody_waits_until: Option<Instant>,
    backoff: Backoff,
    clock_off: i64,
}

impl Feed {
    /// Asks and loads until it is dropped.
    pub(crate) async fn follow(self) {
        let mut course = Course {
            held: None,
            lease: FIRST_LEASE,
            nobody_waits_until: None,
            backoff: Backoff::default(),
            clock_off: 0,
        };
        loop {
            let pause = self.step(&mut course).await;
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// One request; gives how long to wait before the next.
    async fn step(&self, course: &mut Course) -> Duration {
        let waits = course.nobody_waits_until.is_none_or(|until| Instant::now() >= until);
        let sent = Stamp::now();
        let query = course.query(waits);
        let asked = tokio::time::timeout(course.lease, self.client.ask(&query));
        let answered = tokio::select! {
            answered = asked => answered.unwrap_or_else(|_| Err(FeedError::TimedOut.into())),
            () = self.failed.notified() => {
                course.held = None;
                // Not at once: a token that makes judges fail is presented again.
                return LEAST_PAUSE;
            }
        };
        let loaded = answered.and_then(|document| Ok(self.load(course, &document, sent)?));
        match loaded {
            Ok(brought_news) => {
                course.backoff.reset();
                if !waits {
                    POLL_EVERY.saturating_sub(sent.elapsed())
                } else if brought_news {
                    Duration::ZERO
                } else {
                    LEAST_PAUSE.saturating_sub(sent.elapsed())
                }
            }
            Err(Failure { error, retry_after }) => {
                tracing::debug!(%error, "the authority gave nothing");
                self.listener.hear(&Event::FeedFailed(&error));
                if matches!(error, FeedError::NotAllowed(_)) && waits {
                    course.nobody_waits_until = Some(Instant::now() + TRY_TO_WAIT_EVERY);
                    return Duration::ZERO;
                }
                course.backoff.next(fastrand::f64(), retry_after)
            }
        }
    }

    /// Loads a document; gives whether it brought anything new.
    fn load(&self, course: &mut Course, document: &[u8], sent: Stamp) -> Result<bool, FeedError> {
        let loaded = Position::of(document).and_then(|position| {
            self.shards.load(document, &position, sent)?;
            Ok(position)
        });
        let position = match loaded {
            Ok(position) => position,
            Err(error) => {
                // What is held counts until its lease is over, and everything is asked for.
                course.held = None;
                return Err(error);
            }
        };
        if let Some(seconds) = position.lease_seconds {
            course.lease = Duration::from_secs(seconds).clamp(Duration::from_secs(1), LONGEST_LEASE);
        }
        self.compare_clocks(course, &position, sent);
        let Position { sequence, epoch, whole, .. } = position;
        self.listener.hear(&Event::Loaded { sequence, epoch, whole });
        self.ready.send_replace(true);
        let brought_news = !position.nothing_new;
        course.held = Some(position);
        Ok(brought_news)
    }

    /// The authority's time lies between the sending and now. What is further away than what is tolerated is said, once.
    fn compare_clocks(&self, course: &mut Course, position: &Position, sent: Stamp) {
        let (earliest, latest) = (sent.unix(), Stamp::now().unix());
        let ahead = earliest.saturating_sub(position.as_of);
        let behind = position.as_of.saturating_sub(latest.max(earliest));
        let off = i64::try_from(ahead).unwrap_or(i64::MAX).saturating_sub_unsigned(behind);
        let off = if off.unsigned_abs() > TOLERATED_SECONDS { off } else { 0 };
        if off.abs_diff(course.clock_off) <= TOLERATED_SECONDS && (off == 0) == (course.clock_off == 0) {
            return;
        }
        course.clock_off = off;
        if off == 0 {
            tracing::info!("this machine's clock agrees with the authority's again");
            self.listener.hear(&Event::ClockRight);
        } else {
            tracing::warn!(seconds = off, "this machine's clock differs from the authority's: set it right");
            self.listener.hear(&Event::ClockOff { seconds: off });
        }
    }
}

impl Course {
    fn query(&self, waits: bool) -> String {
        match &self.held {
            None => String::new(),
            Some(Position { sequence, epoch, .. }) => {
                let wait = if waits { format!("&wait={WAIT_SECONDS}") } else { String::new() };
                format!("?after={sequence}&epoch={epoch}{wait}")
            }
        }
    }
}
