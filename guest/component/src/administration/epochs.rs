//! The interface `epochs`.

use jeton_policy::{
    access_token::{EpochKey, PublicKey},
    authority::{self as rules, BeginError, EpochError},
    record,
};

use crate::{
    Component, authority,
    bindings::{
        exports::jeton::policy::epochs::{BeginRefusal, Boot, Epoch, EpochReason, EpochRefusal, Guest},
        jeton::policy::types::Actor,
    },
};

impl Guest for Component {
    fn begin(boot: Boot) -> Result<Epoch, BeginRefusal> {
        let boot = match boot {
            Boot::Advance => rules::Boot::Advance,
            Boot::Resume => rules::Boot::Resume,
        };
        Ok(epoch(authority::with(|authority| authority.begin(boot))?))
    }

    fn advance(actor: Actor) -> Result<Epoch, EpochRefusal> {
        let actor = authority::actor(&actor).map_err(|_| EpochRefusal::Unavailable)?;
        Ok(epoch(authority::with(|authority| authority.advance(&actor))?))
    }

    fn current() -> Result<Epoch, EpochRefusal> {
        Ok(epoch(authority::with(|authority| authority.epoch())?))
    }
}

fn epoch(epoch: record::Epoch) -> Epoch {
    Epoch {
        number: epoch.number,
        began_at: epoch.began_at.0,
        reason: match epoch.reason {
            record::EpochReason::First => EpochReason::First,
            record::EpochReason::Boot => EpochReason::Boot,
            record::EpochReason::Order => EpochReason::Order,
            record::EpochReason::LiveSetFull => EpochReason::LiveSetFull,
        },
        by: epoch.by,
        kid: EpochKey::new(PublicKey(epoch.public_key)).map(|key| key.kid().to_owned()).unwrap_or_default(),
    }
}

impl From<BeginError> for BeginRefusal {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::RootKeyDoesNotFit => Self::RootKeyDoesNotFit,
            BeginError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<EpochError> for EpochRefusal {
    fn from(error: EpochError) -> Self {
        match error {
            EpochError::NotBegun => Self::NotBegun,
            EpochError::Unavailable => Self::Unavailable,
        }
    }
}
