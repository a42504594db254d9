//! What lies in the store, in CBOR (RFC 8949). A member's number is its name for ever: later versions may add members.

mod kept;
mod settings;
mod token;

use minicbor::{Decode, Encode};

use crate::{
    access_token::{Algorithm, EpochKey, EpochKeyError, KeySource, PrimeGaps, PublicKey},
    seconds::Seconds,
    token_id::LineageId,
};
pub(crate) use kept::{Exchanges, Idempotent, Rotation, RotationPredecessor, Spent, Used, UsesGap};
pub use settings::{DEFAULT_TOMBSTONE_RETENTION, Settings};
pub use token::{
    BY_HOLDER, BY_POLICY, Bindings, Conduct, Ending, MAX_PAST_LIVES, PastLife, Reason, Record, Superseded,
};

/// Why a stored value cannot be read: the store was damaged or written by something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored value cannot be read")]
pub struct RecordError;

/// A value that lies in the store.
pub(crate) trait Stored: Sized {
    /// Its bytes.
    fn to_stored(&self) -> Vec<u8>;
    /// Reads all of `bytes`.
    fn from_stored(bytes: &[u8]) -> Result<Self, RecordError>;
}

impl<T: Encode<()> + for<'b> Decode<'b, ()>> Stored for T {
    fn to_stored(&self) -> Vec<u8> {
        // Writing into memory cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }

    fn from_stored(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut decoder = minicbor::Decoder::new(bytes);
        let value = decoder.decode().map_err(|_| RecordError)?;
        if decoder.position() == bytes.len() { Ok(value) } else { Err(RecordError) }
    }
}

impl<C> Encode<C> for Seconds {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.u64(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Seconds {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        decoder.u64().map(Self)
    }
}

/// An owner's lineage: every access token of every token of this owner descends from it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Owner {
    /// The life that new tokens of this owner descend from. A token that was issued in another one has ended with that.
    #[n(0)]
    pub(crate) lineage: LineageId,
    /// The lives that ended, newest first.
    #[n(1)]
    pub(crate) past: Option<Vec<PastLife>>,
}

impl Owner {
    /// Begins the life `next`; the one until now is over, and the caller cuts it.
    pub(crate) fn begin_life(&mut self, next: LineageId, ending: Ending) {
        let mut past = self.past.take().unwrap_or_default();
        past.insert(0, PastLife { lineage: self.lineage, ending });
        past.truncate(MAX_PAST_LIVES);
        self.past = Some(past);
        self.lineage = next;
    }

    /// How the life `lineage` of this owner ended; `None` while it goes on.
    pub(crate) fn ending_of(&self, lineage: LineageId) -> Option<Ending> {
        if lineage == self.lineage {
            return None;
        }
        let past = self.past.iter().flatten();
        let known = past.clone().find(|life| life.lineage == lineage).or_else(|| past.last());
        let unknown = Ending { at: Seconds(0), by: BY_POLICY.to_owned(), reason: Reason::OwnerLeft, note: None };
        Some(known.map_or(unknown, |life| life.ending.clone()))
    }
}

/// Why an epoch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum EpochReason {
    /// The first one.
    #[n(0)]
    First,
    /// The authority started.
    #[n(1)]
    Boot,
    /// An administrator's order.
    #[n(2)]
    Order,
    /// The live set had no room for another cut.
    #[n(3)]
    LiveSetFull,
}

/// The current epoch. Its signing key is not here: only what it is derived over, and its public half.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Epoch {
    /// `max(last + 1, Unix time)`.
    #[n(0)]
    pub number: u64,
    /// When it began.
    #[n(1)]
    pub began_at: Seconds,
    /// Why.
    #[n(2)]
    pub reason: EpochReason,
    /// Whose act: a `client_id` or `machine`.
    #[n(3)]
    pub by: String,
    /// Goes into the derivation of its key.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The public half of its key, as [`PublicKey::from_bytes`] takes it.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub public_key: Vec<u8>,
    /// The algorithm. The first stores did not name it: they knew one.
    #[n(6)]
    #[cbor(default)]
    pub algorithm: Algorithm,
    /// RSA: where its primes were found.
    #[n(7)]
    pub prime_gaps: Option<PrimeGaps>,
}

impl Epoch {
    /// What its tokens are verified with.
    ///
    /// # Errors
    /// [`EpochKeyError`] when what is stored is no key.
    pub fn key(&self) -> Result<EpochKey, EpochKeyError> {
        EpochKey::new(&self.public_key()?)
    }

    /// The public half of its key.
    ///
    /// # Errors
    /// [`EpochKeyError`] when what is stored is no key.
    pub fn public_key(&self) -> Result<PublicKey, EpochKeyError> {
        PublicKey::from_bytes(self.algorithm, &self.public_key)
    }

    /// What its key is derived over.
    #[must_use]
    pub fn key_source(&self) -> KeySource {
        KeySource { algorithm: self.algorithm, number: self.number, nonce: self.nonce, prime_gaps: self.prime_gaps }
    }
}

/// The times of living cuts of single access tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct JtiCuts {
    #[n(0)]
    pub(crate) cut_at: Vec<Seconds>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(at: u64) -> Ending {
        Ending { at: Seconds(at), by: "machine".to_owned(), reason: Reason::OwnerLeft, note: None }
    }

    #[test]
    fn each_life_of_an_owner_has_the_end_that_was_its_own() {
        let [first, second, third] = [1, 2, 3].map(|life| LineageId([life; 16]));
        let mut owner = Owner { lineage: first, past: None };
        owner.begin_life(second, ending(10));
        owner.begin_life(third, ending(20));
        assert_eq!(owner.ending_of(first), Some(ending(10)));
        assert_eq!(owner.ending_of(second), Some(ending(20)));
        assert_eq!(owner.ending_of(third), None);
        let forgotten = LineageId([9; 16]);
        assert_eq!(owner.ending_of(forgotten), Some(ending(10)), "no earlier end is known");
    }
}
