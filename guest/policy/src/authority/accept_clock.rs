//! Accepting the host's clock although a later time was reached: a clock stood wrong, and an administrator says so.
//!
//! Nothing is revived. Access tokens die with the epoch; refresh tokens that had expired by the wrong clock end, unless they
//! are to be kept; so do secrets that a rotation had replaced. Every record is looked at, since no index knows all of these; the
//! command is rare enough. Until the last step is committed, the later time is still the one that everything goes by.

use minicbor::{Decode, Encode};

use super::{
    ATTEMPTS, Actor, Authority, decoded,
    ending::{Act, Entombing, tombstone},
    time::{MARK_STEP, Time},
    upkeep::{MAX_ENTOMBED, MAX_SWEPT},
};
use crate::{
    keys,
    ports::Reading,
    record::{Epoch, EpochReason, Reason, Record, Settings, Stored as _},
    seconds::Seconds,
    store::{Check, CommitError, Direction, Item, Unavailable, Write},
};

/// How far the stored mark may lag behind the time that was reached: one step of it, and one sweep that came late.
const MARK_LAG: Seconds = Seconds(2 * MARK_STEP.0);

/// What one step of accepting the clock did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The time that is gone by once there is no more.
    pub time: Seconds,
    /// Refresh tokens that this step ended because they had expired by the wrong clock.
    pub ended: u32,
    /// Whether there is more to do: the clock is accepted by the last step.
    pub more: bool,
}

/// How far accepting the clock has come. It is good for the same two times alone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Progress {
    /// The time by the clock when it began.
    #[n(0)]
    from: Seconds,
    /// The last moment that may have been reached by the wrong clock.
    #[n(1)]
    until: Seconds,
    /// The last key that was looked at.
    #[cbor(n(2), with = "minicbor::bytes")]
    reached: Vec<u8>,
}

/// What a step goes by, all of one moment.
struct Moment {
    reading: Reading,
    clock: Option<(Seconds, u64)>,
    epoch: Option<(Epoch, u64)>,
    settings: Settings,
    progress: Option<(Progress, u64)>,
}

/// What one step looks at, and what it writes.
struct Step {
    progress: Progress,
    settings: Settings,
    ended: u32,
    entombing: Entombing,
}

impl Step {
    /// Ends the token where it had expired by the wrong clock. One that lives, but whose former secret was past its overlap,
    /// loses that secret.
    fn look_at(&mut self, item: &Item, now: Seconds) -> Result<(), Unavailable> {
        self.progress.reached.clone_from(&item.key);
        let Some(id) = keys::id_at_end(&item.key) else { return Ok(()) };
        let record = Record::from_stored(&item.value)?;
        let Progress { from, until, .. } = self.progress;
        let was_over = |moment: Seconds| from < moment && moment <= until;
        if record.ending.is_some() {
            return Ok(());
        }
        if record.expiry(&self.settings).is_some_and(was_over) {
            // Its end is told in the time that is gone by from now on.
            let act = Act { by: Actor::Machine.name(), ..Act::of_policy(Reason::ClockAccepted) };
            self.entombing.add(id, &record, item.version, tombstone(&record, act.ending(now)));
            self.ended = self.ended.saturating_add(1);
        } else if record.superseded.is_some_and(|superseded| was_over(superseded.until)) {
            let generation = record.generation.saturating_add(1);
            let settled = Record { superseded: None, generation, ..record };
            self.entombing.checks.push(Check { key: item.key.clone(), version: Some(item.version) });
            self.entombing.writes.push(Write { key: item.key.clone(), value: Some(settled.to_stored()) });
        }
        Ok(())
    }
}

impl Authority {
    /// Does a bounded step of going back to the host's clock, although the stored mark, or `reached`, the latest time that the
    /// host has seen, is later. To be called again while there is more; the last step sets the mark and advances the epoch.
    ///
    /// A clock that is not behind is accepted already: nothing is done.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn accept_clock(&self, keep: bool, reached: Seconds) -> Result<Accepted, Unavailable> {
        for _ in 0..ATTEMPTS {
            match self.accept_step(keep, reached) {
                Ok(accepted) => return Ok(accepted),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(Unavailable),
            }
        }
        Err(Unavailable)
    }

    fn accept_step(&self, keep: bool, reached: Seconds) -> Result<Accepted, CommitError> {
        let moment = self.clock_moment()?;
        let time = moment.reading.seconds;
        let latest = moment.clock.map_or(reached, |(mark, _)| mark.max(reached));
        if time >= latest {
            return Ok(Accepted { time, ended: 0, more: false });
        }
        if keep {
            return self.finish(&moment);
        }
        // What had ended before is a tombstone first, so that it is not ended once more.
        if self.entomb_some()?.is_some() {
            return Ok(Accepted { time, ended: 0, more: true });
        }
        let until = latest.plus(MARK_LAG);
        let resumed = moment.progress.as_ref().map(|(progress, _)| progress);
        let resumed = resumed.filter(|progress| progress.until == until && progress.from <= time);
        let progress = resumed.cloned().unwrap_or_else(|| Progress { from: time, until, reached: Vec::new() });
        let after = (!progress.reached.is_empty()).then_some(progress.reached.as_slice());
        let found = self.store.scan(keys::TOKENS, after, Direction::Ascending, MAX_SWEPT)?.items;
        let mut step = Step { progress, settings: moment.settings.clone(), ended: 0, entombing: Entombing::default() };
        for item in &found {
            if step.ended >= MAX_ENTOMBED {
                break;
            }
            step.look_at(item, time)?;
        }
        if found.is_empty() {
            return self.finish(&moment);
        }
        let Step { progress, ended, entombing: Entombing { mut checks, mut writes }, .. } = step;
        let key = keys::CLOCK_ACCEPTING.to_vec();
        checks.push(Check { key: key.clone(), version: moment.progress.as_ref().map(|(_, version)| *version) });
        writes.push(Write { key, value: Some(progress.to_stored()) });
        self.store.commit(checks, writes)?;
        Ok(Accepted { time, ended, more: true })
    }

    fn clock_moment(&self) -> Result<Moment, Unavailable> {
        let reading = self.clock.now();
        let [clock, epoch, settings, progress] = self.read([
            keys::CLOCK.to_vec(),
            keys::EPOCH.to_vec(),
            keys::SETTINGS.to_vec(),
            keys::CLOCK_ACCEPTING.to_vec(),
        ])?;
        Ok(Moment {
            reading,
            clock: decoded(clock.as_ref())?,
            epoch: decoded(epoch.as_ref())?,
            settings: decoded(settings.as_ref())?.map(|(settings, _)| settings).unwrap_or_default(),
            progress: decoded(progress.as_ref())?,
        })
    }

    /// The last step: the mark goes back and the epoch advances, in one commit, so that nothing that was minted by the wrong
    /// clock, or had expired by it, is ever judged by the other.
    fn finish(&self, moment: &Moment) -> Result<Accepted, CommitError> {
        let Moment { reading, clock, epoch, progress, .. } = moment;
        let time = Time::new(*reading, None);
        let mut checks = vec![
            Check { key: keys::CLOCK.to_vec(), version: clock.map(|(_, version)| version) },
            Check { key: keys::CLOCK_ACCEPTING.to_vec(), version: progress.as_ref().map(|(_, version)| *version) },
        ];
        let mut writes = vec![Write { key: keys::CLOCK_ACCEPTING.to_vec(), value: None }];
        if epoch.is_some() {
            let (_, next) = self.next_epoch(time, epoch.as_ref(), EpochReason::Order, Actor::Machine.name(), None)?;
            checks.extend(next.checks);
            writes.extend(next.writes);
        } else {
            // No epoch ever began: no access token is out.
            checks.push(Check { key: keys::EPOCH.to_vec(), version: None });
            writes.push(super::epochs::mark_at(time));
        }
        self.store.commit(checks, writes)?;
        Ok(Accepted { time: time.now, ended: 0, more: false })
    }
}
