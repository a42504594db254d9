//! The live set in memory.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::document::{DocumentError, Written};
use crate::{access_token::EpochKey, digest::CutDigest, seconds::Seconds};

/// Why a live document was not loaded. What was held before is still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is not a live document, or breaks a bound.
    #[error("not a live document")]
    Malformed,
    /// It belongs to another issuer than the one held.
    #[error("a live document of another authority")]
    AnotherAuthority,
    /// Of a past epoch, or of a lower sequence than what is held.
    #[error("an older live document than the one held")]
    Older,
    /// It says what changed since a sequence that is not the one held.
    #[error("a change since another sequence than the one held")]
    Gap,
}

impl From<DocumentError> for LoadError {
    fn from(DocumentError: DocumentError) -> Self {
        Self::Malformed
    }
}

/// The current epoch, as far as verifying goes.
#[derive(Debug, Clone)]
pub struct LiveEpoch {
    number: u64,
    key: EpochKey,
}

impl LiveEpoch {
    /// Its number: it only grows.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &EpochKey {
        &self.key
    }
}

/// The epoch and the cuts of one moment.
#[derive(Debug, Clone)]
pub struct LiveSet {
    issuer: String,
    sequence: u64,
    as_of: Seconds,
    lease: Seconds,
    epoch: LiveEpoch,
    cuts: HashSet<CutDigest, BuildHasherDefault<Uniform>>,
}

impl LiveSet {
    /// Reads a whole document.
    ///
    /// # Errors
    /// [`LoadError::Malformed`]; [`LoadError::Gap`] when it is a change and not whole.
    pub fn from_document(document: &[u8]) -> Result<Self, LoadError> {
        match Written::parse(document)? {
            Written::Delta(_) => Err(LoadError::Gap),
            Written::Whole(whole) => {
                let key = EpochKey::new(&whole.epoch.public_key).map_err(|_| LoadError::Malformed)?;
                if key.kid() != whole.epoch.kid {
                    return Err(LoadError::Malformed);
                }
                Ok(Self {
                    issuer: whole.issuer.into_owned(),
                    sequence: whole.sequence,
                    as_of: whole.as_of,
                    lease: whole.lease,
                    epoch: LiveEpoch { number: whole.epoch.number, key },
                    cuts: whole.cuts.into_iter().collect(),
                })
            }
        }
    }

    /// The part of the live set that the authority needs to judge one token: its epoch, and the cuts that the token may meet.
    #[cfg(feature = "authority")]
    pub(crate) fn of_store(number: u64, key: EpochKey, now: Seconds, cuts: impl Iterator<Item = CutDigest>) -> Self {
        let epoch = LiveEpoch { number, key };
        Self { issuer: String::new(), sequence: 0, as_of: now, lease: Seconds(0), epoch, cuts: cuts.collect() }
    }

    /// Takes a document over what is held: a whole one that is not older, or a change of exactly what is held.
    ///
    /// # Errors
    /// [`LoadError`]; what is held is unchanged then.
    pub fn load(&mut self, document: &[u8]) -> Result<(), LoadError> {
        match Written::parse(document)? {
            Written::Whole(_) => self.replace(Self::from_document(document)?),
            Written::Delta(delta) => {
                if delta.epoch_number < self.epoch.number || delta.sequence < self.sequence {
                    return Err(LoadError::Older);
                }
                if delta.epoch_number != self.epoch.number || delta.base != self.sequence {
                    return Err(LoadError::Gap);
                }
                for cut in &delta.dropped {
                    self.cuts.remove(cut);
                }
                self.cuts.extend(delta.cuts);
                self.sequence = delta.sequence;
                self.as_of = self.as_of.max(delta.as_of);
                Ok(())
            }
        }
    }

    fn replace(&mut self, newer: Self) -> Result<(), LoadError> {
        if newer.issuer != self.issuer {
            return Err(LoadError::AnotherAuthority);
        }
        // Sequences are compared within an epoch: a restored authority may count anew, but never under an old epoch.
        let same_epoch = newer.epoch.number == self.epoch.number;
        let went_back = newer.sequence < self.sequence || newer.epoch.key.id() != self.epoch.key.id();
        if newer.epoch.number < self.epoch.number || (same_epoch && went_back) {
            return Err(LoadError::Older);
        }
        let as_of = if same_epoch { self.as_of.max(newer.as_of) } else { newer.as_of };
        *self = Self { as_of, ..newer };
        Ok(())
    }

    /// Whether what `id` names is cut.
    #[must_use]
    pub fn is_cut(&self, id: &CutDigest) -> bool {
        !self.cuts.is_empty() && self.cuts.contains(id)
    }

    /// The authority that it comes from.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> &LiveEpoch {
        &self.epoch
    }

    /// Its place in the order of all live sets of the authority: it only grows.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The authority's time when it was made.
    #[must_use]
    pub fn as_of(&self) -> Seconds {
        self.as_of
    }

    /// How long an edge may go by it.
    #[must_use]
    pub fn lease(&self) -> Seconds {
        self.lease
    }

    /// How many cuts it has.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.cuts.len()
    }
}

/// Hashes what is a digest already: its first eight bytes serve. Whoever could choose them would have broken SHA-256.
#[derive(Debug, Default)]
struct Uniform(u64);

impl Hasher for Uniform {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length_of_the_array: usize) {}
}
