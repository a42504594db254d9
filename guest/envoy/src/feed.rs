//! The feed: one poll in flight at a time, for ever. It asks, judges what it hears, and publishes what is new.

use core::time::Duration;

use jeton_policy::{
    live::{Delta, LEASE, LiveSet, LoadError, Written},
    seconds::Seconds,
};

use crate::{
    board::Board,
    config::Feed,
    publisher::{LedFurther, Publisher},
    time::Now,
};

/// How long the authority may wait for news before it answers. What is held was asked for up to two waits ago when the next
/// answer comes, and is counted in whole seconds, rounded up: with more, an edge without news would be stale for a moment each time.
const WAIT: Seconds = Seconds(1);
/// A request that takes as long as the lease brings nothing that could be used.
pub const TIMEOUT: Duration = Duration::from_secs(LEASE.0);
/// An answer that Envoy owes for longer than [`TIMEOUT`] and this was lost.
const LOST: Duration = Duration::from_secs(1);
/// Between answers of an authority that does not wait for news.
const PAUSE: Duration = Duration::from_millis(500);
/// An authority that waited for news waited at least so long, unless it had some.
const HASTE: Duration = Duration::from_secs(1);
/// The least time between two requests, whatever comes back.
const GAP: Duration = Duration::from_millis(20);
/// The first pause after a failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause after a failure, unless the authority asks for more.
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that an authority can ask for.
const MOST_PAUSE: Duration = Duration::from_secs(5);
/// How far the clocks of authority and edge may be apart before that is worth a word.
const CLOCK_BOUND: Duration = Duration::from_secs(10);

/// What came back.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<u64>,
    /// The body; `None` when it is larger than any document, and was not read.
    pub body: Option<&'a [u8]>,
}

/// Why a request brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There was no answer.
    #[error("the authority does not answer")]
    Unreachable,
    /// The credential is not good, or not for this.
    #[error("the authority answers {0}: the credential is missing, not good, or lacks the scope `jeton:live`")]
    Unauthorized(u16),
    /// Another answer than the live set.
    #[error("the authority answers {0}")]
    Status(u16),
    /// More than [`jeton_policy::live::MAX_DOCUMENT`].
    #[error("the answer is larger than a live set can be")]
    TooLarge,
    /// The policy refuses it.
    #[error("the answer is refused: {0}")]
    Refused(#[from] LoadError),
    /// Not the issuer that the configuration names.
    #[error("the answer is of another issuer than the configuration names")]
    OtherIssuer,
    /// Somebody else publishes.
    #[error("the board leads further: more than one feed publishes under this `vm_id`, or this one was reloaded")]
    LedFurther,
}

impl From<LedFurther> for Failure {
    fn from(LedFurther: LedFurther) -> Self {
        Self::LedFurther
    }
}

/// What an answer brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// The epoch's number.
    pub epoch: u64,
    /// The sequence in it.
    pub sequence: u64,
    /// Cuts in the live set.
    pub cuts: usize,
    /// Whether the edge's clock is further from the authority's than is sound.
    pub clock_is_off: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing is asked until then, on the monotonic clock.
    Pausing(Duration),
    Asked {
        at: Now,
        waits: bool,
    },
}

/// Asks for the live set, and keeps what is held.
pub struct Poll {
    feed: Feed,
    state: State,
    held: Option<LiveSet>,
    publisher: Publisher,
    /// What is held may be asked for changes; otherwise the whole is asked for.
    may_follow: bool,
    /// Whether the authority lets this edge wait.
    may_wait: bool,
    failures: u32,
    renewed: Option<Now>,
}

impl Poll {
    /// One that asks at once.
    #[must_use]
    pub fn new(feed: Feed) -> Self {
        Self {
            feed,
            state: State::Pausing(Duration::ZERO),
            held: None,
            publisher: Publisher::default(),
            may_follow: true,
            may_wait: true,
            failures: 0,
            renewed: None,
        }
    }

    /// How the authority is asked.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// When the request was sent that renewed the lease last.
    #[must_use]
    pub fn renewed(&self) -> Option<Now> {
        self.renewed
    }

    /// The target to ask for now, if it is time. It is taken for asked.
    pub fn question(&mut self, now: Now) -> Option<String> {
        let is_time = match self.state {
            State::Pausing(until) => now.monotonic >= until,
            State::Asked { at, .. } => now.monotonic.saturating_sub(at.monotonic) > TIMEOUT.saturating_add(LOST),
        };
        if !is_time {
            return None;
        }
        let followed = self.held.as_ref().filter(|_| self.may_follow);
        let waits = followed.is_some() && self.may_wait;
        self.state = State::Asked { at: now, waits };
        let base = &self.feed.base_path;
        Some(match followed {
            None => format!("{base}/v1/live"),
            Some(live) => {
                let (sequence, epoch) = (live.sequence(), live.epoch().number());
                let wait = if waits { format!("&wait={WAIT}") } else { String::new() };
                format!("{base}/v1/live?after={sequence}&epoch={epoch}{wait}")
            }
        })
    }

    /// Takes an answer and publishes what is new in it. `jitter` is a random number.
    ///
    /// # Errors
    /// [`Failure`]. What is held stays, as long as its lease lasts.
    pub fn answered(
        &mut self,
        answer: Option<Answer<'_>>,
        now: Now,
        jitter: u32,
        board: &impl Board,
    ) -> Result<News, Failure> {
        let State::Asked { at, waits } = self.state else { return Err(Failure::Unreachable) };
        match self.take(answer, at, now, board) {
            Ok((news, has_news)) => {
                self.failures = 0;
                let took = now.monotonic.saturating_sub(at.monotonic);
                let pause = if has_news || (waits && took >= HASTE) { GAP.saturating_sub(took) } else { PAUSE };
                self.state = State::Pausing(now.monotonic.saturating_add(pause));
                Ok(news)
            }
            Err(Failure::Unauthorized(_)) if waits && self.feed.authorization.is_none() => {
                // Whoever may not wait may still look.
                self.may_wait = false;
                self.state = State::Pausing(now.monotonic);
                Err(Failure::Unauthorized(401))
            }
            Err(failure) => {
                let asked_for =
                    answer.and_then(|answer| answer.retry_after).map_or(Duration::ZERO, Duration::from_secs);
                let pause = pause_after(self.failures, jitter).max(asked_for.min(MOST_PAUSE));
                self.failures = self.failures.saturating_add(1);
                self.state = State::Pausing(now.monotonic.saturating_add(pause));
                Err(failure)
            }
        }
    }

    /// Gives the news, and whether anything but the lease is new.
    fn take(
        &mut self,
        answer: Option<Answer<'_>>,
        asked: Now,
        now: Now,
        board: &impl Board,
    ) -> Result<(News, bool), Failure> {
        let answer = answer.ok_or(Failure::Unreachable)?;
        match answer.status {
            200 => {}
            status @ (401 | 403) => return Err(Failure::Unauthorized(status)),
            status => return Err(Failure::Status(status)),
        }
        let document = answer.body.ok_or(Failure::TooLarge)?;
        let before = self.held.as_ref().map(place);
        // Whatever is wrong with it: the next question is for the whole.
        self.may_follow = false;
        let written = Written::parse(document).map_err(LoadError::from)?;
        if let (Written::Whole(whole), Some(issuer)) = (&written, &self.feed.issuer)
            && whole.issuer != issuer.as_str()
        {
            return Err(Failure::OtherIssuer);
        }
        let live = match &mut self.held {
            Some(live) => {
                live.load(document)?;
                live
            }
            held => held.insert(LiveSet::from_document(document)?),
        };
        let (after, as_of) = (place(live), as_of(&written));
        let has_news = before != Some(after);
        match written {
            Written::Delta(Delta { base, .. }) => self.publisher.change(board, base, document, live, asked)?,
            Written::Whole(_) if has_news => self.publisher.whole(board, document, live, asked)?,
            Written::Whole(_) => {
                // The workers hold all of it but its time.
                let (epoch_number, sequence) = after;
                let (cuts, dropped) = (Vec::new(), Vec::new());
                let empty = Delta { base: sequence, sequence, as_of, epoch_number, cuts, dropped };
                self.publisher.change(board, sequence, &empty.render(), live, asked)?;
            }
        }
        self.may_follow = true;
        self.renewed = Some(asked);
        let (epoch, sequence) = after;
        Ok((News { epoch, sequence, cuts: live.cuts(), clock_is_off: is_off(as_of, &asked, &now) }, has_news))
    }
}

fn place(live: &LiveSet) -> (u64, u64) {
    (live.epoch().number(), live.sequence())
}

fn as_of(written: &Written<'_>) -> Seconds {
    match written {
        Written::Whole(whole) => whole.as_of,
        Written::Delta(delta) => delta.as_of,
    }
}

/// Whether the authority's time lies outside of what the request took, and the bound around it.
fn is_off(as_of: Seconds, asked: &Now, now: &Now) -> bool {
    let as_of = Duration::from_secs(as_of.0);
    as_of.saturating_add(CLOCK_BOUND) < asked.wall || as_of > now.wall.saturating_add(CLOCK_BOUND)
}

/// Doubling, with full jitter: edges that lost their authority together do not come back together.
fn pause_after(failures: u32, jitter: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(failures.min(8)).unwrap_or(u32::MAX)).min(LAST_PAUSE);
    longest.saturating_mul(jitter >> 16) / (1 << 16)
}

#[cfg(test)]
mod tests;
