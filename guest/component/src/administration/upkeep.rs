//! The interface `upkeep`.

use jeton_policy::{authority as rules, store::Unavailable};

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

    fn note_uses(_uses: Vec<Use>) -> Result<(), UpkeepRefusal> {
        Err(UpkeepRefusal::Unavailable)
    }

    fn open_uses() -> Result<(), UpkeepRefusal> {
        Err(UpkeepRefusal::Unavailable)
    }

    fn close_uses() -> Result<(), UpkeepRefusal> {
        Err(UpkeepRefusal::Unavailable)
    }

    fn accept_clock(_keep: bool) -> Result<Accepted, UpkeepRefusal> {
        Err(UpkeepRefusal::Unavailable)
    }
}

impl From<Unavailable> for UpkeepRefusal {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}
