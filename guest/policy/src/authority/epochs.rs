//! Epochs: the authority's lives.

use std::rc::Rc;

use super::{ATTEMPTS, Actor, Authority, decoded, time::Time};
use crate::{
    access_token::{Algorithm, EpochSigner},
    keys,
    ports::Draw,
    record::{Epoch, EpochReason, Stored as _},
    store::{Check, CommitError, Unavailable, Write},
};

/// What a start of the authority means for the access tokens that are out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boot {
    /// A new epoch: they are dead.
    Advance,
    /// The stored epoch goes on, or the first one begins.
    Resume,
}

/// Why the authority cannot start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// The root key does not give the stored public key.
    #[error("the root key does not fit the epoch in the store")]
    RootKeyDoesNotFit,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

/// Why an epoch was not advanced or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// No epoch has begun.
    #[error("no epoch has begun")]
    NotBegun,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

/// Why an epoch's signer cannot be derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignerError {
    /// What the root key gives is not the stored public key.
    #[error("the root key does not fit the epoch in the store")]
    RootKeyDoesNotFit,
}

impl From<Unavailable> for BeginError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<Unavailable> for EpochError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Authority {
    /// Begins the authority's life: called once at the start, before anything is served. An epoch that begins signs with
    /// `algorithm`; `None` is that of the epoch before, and EdDSA for the first. One that goes on keeps its own.
    ///
    /// # Errors
    /// [`BeginError`].
    pub fn begin(&self, boot: Boot, algorithm: Option<Algorithm>) -> Result<Epoch, BeginError> {
        for _ in 0..ATTEMPTS {
            let (time, current) = self.current_epoch()?;
            let reason = match (&current, boot) {
                (Some((epoch, _)), Boot::Resume) => {
                    return match self.signer(epoch) {
                        Ok(_) => Ok(epoch.clone()),
                        Err(SignerError::RootKeyDoesNotFit) => Err(BeginError::RootKeyDoesNotFit),
                    };
                }
                (Some(_), Boot::Advance) => EpochReason::Boot,
                (None, _) => EpochReason::First,
            };
            let (epoch, commit) = self.next_epoch(time, current.as_ref(), reason, Actor::Machine.name(), algorithm)?;
            match self.store.commit(commit.checks, commit.writes) {
                Ok(_) => return Ok(epoch),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(BeginError::Unavailable),
            }
        }
        Err(BeginError::Unavailable)
    }

    /// Begins a new epoch: every access token that is out is dead. It signs with `algorithm`; `None` is that of the epoch before.
    ///
    /// # Errors
    /// [`EpochError`].
    pub fn advance(&self, actor: &Actor, algorithm: Option<Algorithm>) -> Result<Epoch, EpochError> {
        for _ in 0..ATTEMPTS {
            let (time, current) = self.current_epoch()?;
            let current = current.ok_or(EpochError::NotBegun)?;
            let (epoch, commit) = self.next_epoch(time, Some(&current), EpochReason::Order, actor.name(), algorithm)?;
            match self.store.commit(commit.checks, commit.writes) {
                Ok(_) => return Ok(epoch),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(EpochError::Unavailable),
            }
        }
        Err(EpochError::Unavailable)
    }

    /// The current epoch.
    ///
    /// # Errors
    /// [`EpochError`].
    pub fn epoch(&self) -> Result<Epoch, EpochError> {
        let (_, current) = self.current_epoch()?;
        current.map(|(epoch, _)| epoch).ok_or(EpochError::NotBegun)
    }

    fn current_epoch(&self) -> Result<(Time, Option<(Epoch, u64)>), Unavailable> {
        let reading = self.clock.now();
        let [clock, epoch] = self.read([keys::CLOCK.to_vec(), keys::EPOCH.to_vec()])?;
        let mark = decoded(clock.as_ref())?.map(|(mark, _)| mark);
        Ok((Time::new(reading, mark), decoded(epoch.as_ref())?))
    }

    /// The epoch that follows, and what it takes to begin it. The mark of the clock moves with it.
    pub(super) fn next_epoch(
        &self,
        time: Time,
        last: Option<&(Epoch, u64)>,
        reason: EpochReason,
        by: &str,
        algorithm: Option<Algorithm>,
    ) -> Result<(Epoch, EpochCommit), Unavailable> {
        let number = last.map_or(0, |(last, _)| last.number.saturating_add(1)).max(time.now.0);
        let nonce = Draw::seeded(self.entropy.as_ref()).bytes();
        let algorithm = algorithm.or(last.map(|(last, _)| last.algorithm)).unwrap_or_default();
        let root_key = self.root_key.root_key();
        let (signer, source) = EpochSigner::begin(&root_key, algorithm, number, nonce).map_err(|_| Unavailable)?;
        let epoch = Epoch {
            number,
            began_at: time.now,
            reason,
            by: by.to_owned(),
            nonce,
            public_key: signer.public_key().as_bytes().to_vec(),
            algorithm,
            prime_gaps: source.prime_gaps,
        };
        let checks = vec![Check { key: keys::EPOCH.to_vec(), version: last.map(|(_, version)| *version) }];
        let writes = vec![Write { key: keys::EPOCH.to_vec(), value: Some(epoch.to_stored()) }, mark_at(time)];
        Ok((epoch, EpochCommit { checks, writes }))
    }

    /// The signer of `epoch`, derived from the root key and compared with the stored public key.
    pub(super) fn signer(&self, epoch: &Epoch) -> Result<Rc<EpochSigner>, SignerError> {
        let kept = self.signer.borrow().clone();
        if let Some(signer) = kept
            && signer.public_key().as_bytes() == epoch.public_key
        {
            return Ok(signer);
        }
        let root_key = self.root_key.root_key();
        let signer = EpochSigner::derive(&root_key, &epoch.key_source()).map_err(|_| SignerError::RootKeyDoesNotFit)?;
        if signer.public_key().as_bytes() != epoch.public_key {
            return Err(SignerError::RootKeyDoesNotFit);
        }
        let signer = Rc::new(signer);
        self.signer.replace(Some(Rc::clone(&signer)));
        Ok(signer)
    }
}

/// What it takes to begin an epoch.
pub(super) struct EpochCommit {
    pub(super) checks: Vec<Check>,
    pub(super) writes: Vec<Write>,
}

/// The mark of the clock at `time`.
pub(super) fn mark_at(time: Time) -> Write {
    Write { key: keys::CLOCK.to_vec(), value: Some(time.now.to_stored()) }
}
