//! Where things lie in the store. Every key and every prefix is made here.

use crate::{digest::CutDigest, seconds::Seconds, token_id::TokenId};

/// The issuer, as text.
pub(crate) const ISSUER: &[u8] = b"issuer";
/// [`crate::record::Settings`].
pub(crate) const SETTINGS: &[u8] = b"settings";
/// The largest access TTL that was ever in force: how long a cut must be kept. Only ever raised.
pub(crate) const MAXIMUM_ACCESS_TTL: &[u8] = b"maximum-access-ttl";
/// The highest time that the policy has reached, in coarse steps.
pub(crate) const CLOCK: &[u8] = b"clock";
/// [`crate::record::Epoch`].
pub(crate) const EPOCH: &[u8] = b"live/epoch";
/// What verifiers must learn of, and hosts hand on.
pub const LIVE_PREFIX: &[u8] = b"live/";
/// Records, by id: newest first.
pub(crate) const TOKENS: &[u8] = b"token/";
/// Cuts by the time of the cut: what the sweeper goes by.
pub(crate) const DUE: &[u8] = b"due/";

const CUTS: &[u8] = b"live/cut/";
const OWNERS: &[u8] = b"owner/";
const OWNED: &[u8] = b"owned/";
const NAMES: &[u8] = b"name/";
const JTI_CUTS: &[u8] = b"jti-cuts/";
/// Bytes of a name that its index goes by: a key has at most 512 bytes, a name up to 800.
const INDEXED_NAME: usize = 128;

/// The record of a refresh token.
pub(crate) fn token(id: TokenId) -> Vec<u8> {
    joined(&[TOKENS, &id.0])
}

/// The lineage of an owner.
pub(crate) fn owner(owner: &str) -> Vec<u8> {
    joined(&[OWNERS, owner.as_bytes()])
}

/// The tokens of an owner: newest first below it.
pub(crate) fn owned_prefix(owner: &str) -> Vec<u8> {
    joined(&[OWNED, owner.as_bytes(), &[0]])
}

/// One token of an owner.
pub(crate) fn owned(owner: &str, id: TokenId) -> Vec<u8> {
    joined(&[&owned_prefix(owner), &id.0])
}

/// The tokens whose name begins with `beginning`, in the order of the names' bytes.
pub(crate) fn name_prefix(beginning: &str) -> Vec<u8> {
    joined(&[NAMES, indexed(beginning)])
}

/// One token by its name. A name has no NUL, so it never runs into the id.
pub(crate) fn name(name: &str, id: TokenId) -> Vec<u8> {
    joined(&[NAMES, indexed(name), &[0], &id.0])
}

/// The cuts of an epoch that share a first byte: cuts are digests, so each of the 256 holds as many as the others.
pub(crate) fn cuts_beginning(epoch: u64, first: u8) -> Vec<u8> {
    joined(&[CUTS, &epoch.to_be_bytes(), &[first]])
}

/// All cuts of an epoch.
pub(crate) fn cuts(epoch: u64) -> Vec<u8> {
    joined(&[CUTS, &epoch.to_be_bytes()])
}

/// A cut. It belongs to an epoch: a new epoch begins without any.
pub(crate) fn cut(epoch: u64, digest: CutDigest) -> Vec<u8> {
    joined(&[CUTS, &epoch.to_be_bytes(), &digest.0])
}

/// When a cut was made, for the sweeper.
pub(crate) fn due(cut_at: Seconds, epoch: u64, digest: CutDigest) -> Vec<u8> {
    joined(&[DUE, &cut_at.0.to_be_bytes(), &epoch.to_be_bytes(), &digest.0])
}

/// The living cuts of single access tokens of one refresh token.
pub(crate) fn jti_cuts(id: TokenId) -> Vec<u8> {
    joined(&[JTI_CUTS, &id.0])
}

/// Reads a key that [`cut`] made.
pub(crate) fn parse_cut(key: &[u8]) -> Option<(u64, CutDigest)> {
    let (epoch, digest) = key.strip_prefix(CUTS)?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*epoch), CutDigest(digest.try_into().ok()?)))
}

/// Reads a key that [`due`] made.
pub(crate) fn parse_due(key: &[u8]) -> Option<(Seconds, u64, CutDigest)> {
    let (cut_at, rest) = key.strip_prefix(DUE)?.split_first_chunk::<8>()?;
    let (epoch, digest) = rest.split_first_chunk::<8>()?;
    Some((Seconds(u64::from_be_bytes(*cut_at)), u64::from_be_bytes(*epoch), CutDigest(digest.try_into().ok()?)))
}

/// The id that a key of a record or of an index ends with.
pub(crate) fn id_at_end(key: &[u8]) -> Option<TokenId> {
    key.last_chunk().copied().map(TokenId)
}

fn indexed(name: &str) -> &[u8] {
    let bytes = name.as_bytes();
    bytes.get(..INDEXED_NAME).unwrap_or(bytes)
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}
