//! The interface `upkeep`.

use jeton_policy::{authority as rules, seconds::Seconds, store::Unavailable};

use crate::{
    Component, authority,
    bindings::exports::jeton::policy::upkeep::{Accepted, Clock, Guest, Swept, UpkeepRefusal, Use},
};

impl Guest for Component {
    fn read_clock() -> Result<Clock, UpkeepRefusal> {
        let time = authority::with(|authority| authority.time())?;
        Ok(Clock { time: time.now.0, behind_by: time.behind_by.0 })
    }

    fn sweep() -> Result<Swept, UpkeepRefusal> {
        let rules::Swept { dropped, entombed, removed, forgotten, more } =
            authority::with(|authority| authority.sweep())?;
        Ok(Swept { dropped, entombed, removed, forgotten, more })
    }

    fn note_uses(uses: Vec<Use>) -> Result<(), UpkeepRefusal> {
        let uses: Vec<_> = uses.into_iter().map(Into::into).collect();
        Ok(authority::with(|authority| authority.note_uses(&uses))?)
    }

    fn open_uses() -> Result<(), UpkeepRefusal> {
        Ok(authority::with(|authority| authority.open_uses())?)
    }

    fn close_uses() -> Result<(), UpkeepRefusal> {
        Ok(authority::with(|authority| authority.close_uses())?)
    }

    fn accept_clock(keep: bool, reached: u64) -> Result<Accepted, UpkeepRefusal> {
        let accepted = authority::with(|authority| authority.accept_clock(keep, Seconds(reached)))?;
        Ok(Accepted { time: accepted.time.0, ended: accepted.ended, more: accepted.more })
    }
}

impl From<Use> for rules::Use {
    fn from(told: Use) -> Self {
        Self { id: told.id, at: Seconds(told.at), address: told.address, count: told.count }
    }
}

impl From<Unavailable> for UpkeepRefusal {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}
