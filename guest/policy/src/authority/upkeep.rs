//! Upkeep: what must be done from time to time, in steps so small that no request waits for one.
//!
//! A step does one kind of work, the most pressing first, in one commit. Whether a token is alive never depends on any of it.

mod cuts;
mod entomb;
mod forget;
mod remove;

use super::{Authority, decoded, standing::MaximumAccessTtl, time::Time};
use crate::{
    keys,
    record::Settings,
    seconds::Seconds,
    store::{CommitError, Unavailable},
};

/// The most keys of one step: a commit of them takes a few milliseconds, and whatever else is asked of the store comes between two steps.
pub const MAX_SWEPT: u32 = 500;
/// The most tokens that one step makes tombstones, at six writes each.
pub const MAX_ENTOMBED: u32 = MAX_SWEPT / 5;
/// The most tombstones that one step removes, at about fourteen keys each.
pub const MAX_REMOVED: u32 = MAX_SWEPT / 16;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// How many cuts were dropped.
    pub dropped: u32,
    /// How many tokens became tombstones because something that they descend from ended.
    pub entombed: u32,
    /// How many tombstones were removed because their time is over.
    pub removed: u32,
    /// How many remembered requests and spent secrets were forgotten because their time is over.
    pub forgotten: u32,
    /// Whether there may be more to do at once.
    pub more: bool,
}

/// What a step goes by, all of one moment.
struct Moment {
    time: Time,
    /// The mark of the clock, and the version of what says so.
    mark: Option<(Seconds, u64)>,
    maximum: MaximumAccessTtl,
    settings: Settings,
}

impl Authority {
    /// The time, without writing anything.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn time(&self) -> Result<Time, Unavailable> {
        let reading = self.clock.now();
        let [clock] = self.read([keys::CLOCK.to_vec()])?;
        Ok(Time::new(reading, decoded(clock.as_ref())?.map(|(mark, _)| mark)))
    }

    /// Does one bounded step of the most pressing work that is due: drops cuts, makes what descends from ended tokens and
    /// owners tombstones, removes tombstones whose time is over, forgets spent secrets and requests. Moves the clock's mark.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn sweep(&self) -> Result<Swept, Unavailable> {
        match self.step() {
            Ok(swept) => Ok(swept),
            // Somebody changed what the step was decided upon: the next one sees it.
            Err(CommitError::Conflict) => Ok(Swept { more: true, ..Swept::default() }),
            Err(CommitError::Unavailable) => Err(Unavailable),
        }
    }

    fn step(&self) -> Result<Swept, CommitError> {
        let moment = self.moment()?;
        let dropped = self.drop_cuts(&moment)?;
        if dropped > 0 {
            return Ok(Swept { dropped, more: true, ..Swept::default() });
        }
        if let Some(entombed) = self.entomb_some()? {
            return Ok(Swept { entombed, more: true, ..Swept::default() });
        }
        if let Some(removed) = self.remove_some(&moment)? {
            return Ok(Swept { removed, more: true, ..Swept::default() });
        }
        let forgotten = self.forget_some(&moment)?;
        Ok(Swept { forgotten, more: forgotten > 0, ..Swept::default() })
    }

    fn moment(&self) -> Result<Moment, Unavailable> {
        let reading = self.clock.now();
        let [clock, maximum, settings] =
            self.read([keys::CLOCK.to_vec(), keys::MAXIMUM_ACCESS_TTL.to_vec(), keys::SETTINGS.to_vec()])?;
        let mark = decoded(clock.as_ref())?;
        Ok(Moment {
            time: Time::new(reading, mark.map(|(mark, _)| mark)),
            mark,
            maximum: MaximumAccessTtl::decode(maximum.as_ref())?,
            settings: decoded(settings.as_ref())?.map(|(settings, _)| settings).unwrap_or_default(),
        })
    }
}
