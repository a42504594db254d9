//! The interface `epochs`.

use jeton_policy::{
    access_token,
    authority::{self as rules, BeginError, EpochError},
    record,
};

use crate::{
    Component, authority,
    bindings::{
        exports::jeton::policy::epochs::{Algorithm, BeginRefusal, Boot, Epoch, EpochReason, EpochRefusal, Guest},
        jeton::policy::types::Actor,
    },
};

impl Guest for Component {
    fn begin(boot: Boot, alg: Option<Algorithm>) -> Result<Epoch, BeginRefusal> {
        let boot = match boot {
            Boot::Advance => rules::Boot::Advance,
            Boot::Resume => rules::Boot::Resume,
        };
        Ok(epoch(authority::with(|authority| authority.begin(boot, alg.map(Into::into)))?))
    }

    fn advance(actor: Actor, alg: Option<Algorithm>) -> Result<Epoch, EpochRefusal> {
        let actor = authority::actor(&actor).map_err(|_| EpochRefusal::Unavailable)?;
        Ok(epoch(authority::with(|authority| authority.advance(&actor, alg.map(Into::into)))?))
    }

    fn current() -> Result<Epoch, EpochRefusal> {
        Ok(epoch(authority::with(|authority| authority.epoch())?))
    }
}

pub(super) fn epoch(epoch: record::Epoch) -> Epoch {
    let kid = epoch.key().map(|key| key.kid().to_owned()).unwrap_or_default();
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
        kid,
        alg: epoch.algorithm.into(),
    }
}

impl From<Algorithm> for access_token::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Eddsa => Self::EdDsa,
            Algorithm::Es256 => Self::Es256,
            Algorithm::Rs256 => Self::Rs256,
        }
    }
}

impl From<access_token::Algorithm> for Algorithm {
    fn from(algorithm: access_token::Algorithm) -> Self {
        match algorithm {
            access_token::Algorithm::EdDsa => Self::Eddsa,
            access_token::Algorithm::Es256 => Self::Es256,
            access_token::Algorithm::Rs256 => Self::Rs256,
        }
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
