//! Judges for many threads: each has a lock of its own, and threads that ask at the same time seldom meet at one.

use std::cell::Cell;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jeton_policy::network::Address;
use jeton_policy::seconds::Seconds;
use jeton_policy::verifier::Moment;
use parking_lot::Mutex;

use crate::feed::Position;
use crate::judge::{Judge, Judges, LoadFailure};
use crate::{Claims, FeedError, Refusal};

/// Judges at most: each holds the live set, so that memory grows with them, and more threads than this seldom judge at once.
const MAX_SHARDS: usize = 16;

/// When something was asked for, by both clocks of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    monotonic: Instant,
    wall: SystemTime,
}

impl Stamp {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// How long ago it is at most, in whole seconds rounded up: by the clock that went further. One stands still while the machine
    /// sleeps, and the other may be set back.
    fn age_at(&self, now: &Self) -> Seconds {
        let monotonic = now.monotonic.saturating_duration_since(self.monotonic);
        let wall = now.wall.duration_since(self.wall).unwrap_or(Duration::ZERO);
        let age = monotonic.max(wall);
        Seconds(age.as_secs().saturating_add(u64::from(age.subsec_nanos() > 0)))
    }

    /// Seconds since 1970.
    pub(crate) fn unix(&self) -> u64 {
        self.wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.monotonic.elapsed()
    }
}

/// The judges, and what each of them holds.
pub(crate) struct Shards {
    judges: Box<dyn Judges>,
    shards: Box<[Mutex<Shard>]>,
    /// What was loaded last, by whichever judge: what one that is new must not fall behind.
    floor: Mutex<Option<Position>>,
}

#[derive(Default)]
struct Shard {
    judge: Option<Box<dyn Judge>>,
    /// When what it holds was asked for. `None`: it holds nothing, or nothing that is known.
    held_since: Option<Stamp>,
}

impl Shards {
    pub(crate) fn new(judges: Box<dyn Judges>) -> Self {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_SHARDS);
        Self { judges, shards: (0..count).map(|_| Mutex::default()).collect(), floor: Mutex::new(None) }
    }

    /// Judges a token now.
    pub(crate) fn verify(&self, token: &str, peer: Option<IpAddr>) -> Result<Claims, Refusal> {
        let mut shard = self.own().ok_or(Refusal::Fault)?.lock();
        let Shard { judge: Some(judge), held_since: Some(since) } = &mut *shard else { return Err(Refusal::Stale) };
        let now = Stamp::now();
        let moment = Moment {
            now: Seconds(now.unix()),
            held_for: since.age_at(&now),
            enforce_lease: true,
            peer: peer.map(Address::from),
        };
        let verdict = judge.verify(token, moment);
        if verdict == Err(Refusal::Fault) {
            *shard = Shard::default();
        }
        verdict
    }

    /// Takes a document that was asked for at `since` over what is held, everywhere. An error: not everywhere, and all is to be asked for.
    pub(crate) fn load(&self, document: &[u8], position: &Position, since: Stamp) -> Result<(), FeedError> {
        let mut floor = self.floor.lock();
        let mut outcome = Ok(());
        for shard in &self.shards {
            let loaded = shard.lock().load(&*self.judges, document, position, floor.as_ref(), since);
            outcome = outcome.and(loaded);
        }
        if outcome.is_ok() {
            *floor = Some(position.after(floor.take()));
        }
        outcome
    }

    /// The judge of this thread.
    fn own(&self) -> Option<&Mutex<Shard>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: Cell<Option<usize>> = const { Cell::new(None) };
        }
        let own = OWN.with(|own| {
            own.get().unwrap_or_else(|| {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                own.set(Some(number));
                number
            })
        });
        self.shards.get(own.checked_rem(self.shards.len())?)
    }
}

impl Shard {
    fn load(
        &mut self,
        judges: &dyn Judges,
        document: &[u8],
        position: &Position,
        floor: Option<&Position>,
        since: Stamp,
    ) -> Result<(), FeedError> {
        if self.held_since.is_none() {
            // A new one has nothing to compare with, and would take what the one before has refused.
            floor.map_or(Ok(()), |floor| position.follows(floor))?;
        }
        let judge = match &mut self.judge {
            Some(judge) => judge,
            None => self.judge.insert(judges.one().map_err(FeedError::Fault)?),
        };
        match judge.load(document) {
            Ok(()) => {
                self.held_since = Some(since);
                Ok(())
            }
            Err(LoadFailure::Refused(refusal)) => Err(refusal.into()),
            Err(LoadFailure::Broken(what)) => {
                *self = Self::default();
                Err(FeedError::Fault(what))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn the_clock_that_went_further_counts_and_every_begun_second() {
        let (monotonic, wall) = (Instant::now(), SystemTime::now());
        let since = Stamp { monotonic, wall };
        let seconds = Duration::from_secs;
        for (monotonic_went, wall_went, age) in [
            (seconds(0), seconds(0), 0),
            (Duration::from_nanos(1), seconds(0), 1),
            (seconds(2), seconds(1), 2),
            (seconds(1), seconds(3600), 3600),
            (Duration::from_millis(4001), seconds(0), 5),
        ] {
            let now = Stamp { monotonic: monotonic + monotonic_went, wall: wall + wall_went };
            assert_eq!(since.age_at(&now), Seconds(age));
        }
        let set_back = Stamp { monotonic: monotonic + seconds(3), wall: wall - seconds(3600) };
        assert_eq!(since.age_at(&set_back), Seconds(3));
    }
}
