//! The interface `upkeep`.

use jeton_policy::store::Unavailable;

use crate::{
    Component, authority,
    bindings::exports::jeton::policy::upkeep::{Clock, Guest, Swept, UpkeepRefusal},
};

impl Guest for Component {
    fn read_clock() -> Result<Clock, UpkeepRefusal> {
        let time = authority::with(|authority| authority.time())?;
        Ok(Clock { time: time.now.0, behind_by: time.behind_by.0 })
    }

    fn sweep() -> Result<Swept, UpkeepRefusal> {
        let swept = authority::with(|authority| authority.sweep())?;
        Ok(Swept { dropped: swept.dropped, more: swept.more })
    }
}

impl From<Unavailable> for UpkeepRefusal {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}
