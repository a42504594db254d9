//! What lies in the store, in CBOR (RFC 8949). A member's number is its name for ever: later versions may add members.

use minicbor::{Decode, Encode};

use crate::{
    seconds::Seconds,
    token_id::{LineageId, TokenId},
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

/// Why a refresh token ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Reason {
    /// An administrator deleted it and gave no other reason.
    #[n(0)]
    Deleted,
    /// It may have leaked.
    #[n(1)]
    Compromised,
    /// Another one took its place.
    #[n(2)]
    Superseded,
    /// Nobody uses it any more.
    #[n(3)]
    Unused,
    /// Its owner is gone.
    #[n(4)]
    OwnerLeft,
    /// Its bearer gave it back.
    #[n(5)]
    RevokedByHolder,
    /// Something that it descends from ended.
    #[n(6)]
    ParentEnded,
}

/// When, by whom and why a refresh token ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Ending {
    /// When.
    #[n(0)]
    pub at: Seconds,
    /// Whose act: a `client_id`, `machine` or `holder`.
    #[n(1)]
    pub by: String,
    /// Why.
    #[n(2)]
    pub reason: Reason,
    /// In the actor's own words.
    #[n(3)]
    pub note: Option<String>,
}

/// A refresh token. Only administrative writes change it, so its version moves with those alone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// SHA-256 of the secret. A tombstone has none.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub secret: Option<[u8; 32]>,
    /// The life that its access tokens descend from.
    #[n(2)]
    pub lineage: LineageId,
    /// Whose it is.
    #[n(3)]
    pub owner: Option<String>,
    /// What it descends from, nearest first.
    #[n(4)]
    pub ancestors: Vec<TokenId>,
    /// What it is good for, separated by spaces.
    #[n(5)]
    pub scope: String,
    /// When it was made.
    #[n(6)]
    pub created_at: Seconds,
    /// Whose act: a `client_id` or `machine`.
    #[n(7)]
    pub created_by: String,
    /// When it expires. `None`: never.
    #[n(8)]
    pub expires_at: Option<Seconds>,
    /// How long its access tokens live. `None`: the setting.
    #[n(9)]
    pub access_ttl: Option<Seconds>,
    /// Raised by every administrative write.
    #[n(10)]
    pub generation: u64,
    /// What remains of a dead one.
    #[n(11)]
    pub ending: Option<Ending>,
}

/// An owner's lineage: every access token of every token of this owner descends from it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Owner {
    #[n(0)]
    pub(crate) lineage: LineageId,
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
    /// The public half of its key.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub public_key: [u8; 32],
}

/// What administrators may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Settings {
    /// How long an access token lives.
    #[n(0)]
    pub access_token_expiration: Seconds,
    /// How long a refresh token lives where nothing else is said.
    #[n(1)]
    pub refresh_token_expiration: Seconds,
}

impl Default for Settings {
    /// The seed's: 900 s and 90 days.
    fn default() -> Self {
        Self { access_token_expiration: Seconds(900), refresh_token_expiration: Seconds(90 * 24 * 60 * 60) }
    }
}

/// The times of living cuts of single access tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct JtiCuts {
    #[n(0)]
    pub(crate) cut_at: Vec<Seconds>,
}
