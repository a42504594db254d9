//! Where things lie in the store. Every key and every prefix is made here.

use crate::{
    digest::{CutDigest, Digest},
    seconds::Seconds,
    token_id::TokenId,
};

/// The issuer, as text.
pub(crate) const ISSUER: &[u8] = b"issuer";
/// [`crate::record::Settings`].
pub(crate) const SETTINGS: &[u8] = b"settings";
/// The largest access TTL that was ever in force: how long a cut must be kept. Only ever raised.
pub(crate) const MAXIMUM_ACCESS_TTL: &[u8] = b"maximum-access-ttl";
/// The highest time that the policy has reached, in coarse steps.
pub(crate) const CLOCK: &[u8] = b"clock";
/// How far accepting a clock that went back has come.
pub(crate) const CLOCK_ACCEPTING: &[u8] = b"accepting-clock";
/// [`crate::record::Epoch`].
pub(crate) const EPOCH: &[u8] = b"live/epoch";
/// What verifiers must learn of, and hosts hand on.
pub const LIVE_PREFIX: &[u8] = b"live/";
/// Records, by id: newest first.
pub(crate) const TOKENS: &[u8] = b"token/";
/// Cuts by the time of the cut: what the sweeper goes by.
pub(crate) const DUE: &[u8] = b"due/";
/// Tokens by their own expiry. Those that never expire are last.
pub(crate) const EXPIRES: &[u8] = b"expires/";
/// Tokens by the time of their last use.
pub(crate) const LAST_USED: &[u8] = b"last-used/";
/// Tokens that were never used, newest first.
pub(crate) const UNUSED: &[u8] = b"unused/";
/// Tombstones by the time of their end: what the sweeper removes them by.
pub(crate) const ENDED: &[u8] = b"ended/";
/// Ended tokens whose children are not tombstones yet.
pub(crate) const ENTOMB: &[u8] = b"entomb/";
/// Owners who ended, and whose tokens are not all tombstones yet.
pub(crate) const ENTOMB_OWNERS: &[u8] = b"entomb-owner/";
/// Spent secrets by the time they were spent.
pub(crate) const SPENT_DUE: &[u8] = b"spent-due/";
/// Requests that may be repeated, by the time they were made.
pub(crate) const IDEMPOTENT_DUE: &[u8] = b"idempotent-due/";
/// There while uses are being gathered.
pub(crate) const USES_OPEN: &[u8] = b"uses-open";
/// [`crate::record::UsesGap`].
pub(crate) const USES_GAP: &[u8] = b"uses-gap";

const CUTS: &[u8] = b"live/cut/";
const OWNERS: &[u8] = b"owner/";
const OWNED: &[u8] = b"owned/";
const NAMES: &[u8] = b"name/";
const JTI_CUTS: &[u8] = b"jti-cuts/";
const CHILDREN: &[u8] = b"child/";
const NAMED: &[u8] = b"named/";
const HOLDERS: &[u8] = b"holder/";
const USED: &[u8] = b"used/";
const EXCHANGES: &[u8] = b"exchanges/";
const ROTATION: &[u8] = b"rotation/";
const SPENT: &[u8] = b"spent/";
const IDEMPOTENT: &[u8] = b"idempotent/";
/// Where an index by time keeps what has none.
const NEVER: Seconds = Seconds(u64::MAX);
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

/// The children of a token, newest first.
pub(crate) fn children_prefix(parent: TokenId) -> Vec<u8> {
    joined(&[CHILDREN, &parent.0])
}

/// One child of a token.
pub(crate) fn child(parent: TokenId, id: TokenId) -> Vec<u8> {
    joined(&[CHILDREN, &parent.0, &id.0])
}

/// The tokens of exactly this name that are no tombstones, newest first.
pub(crate) fn holders_prefix(name: &str) -> Vec<u8> {
    joined(&[HOLDERS, &Digest::of(name.as_bytes()).0])
}

/// One token that has a name and is no tombstone.
pub(crate) fn holder(name: &str, id: TokenId) -> Vec<u8> {
    joined(&[&holders_prefix(name), &id.0])
}

/// Who took a name last, where names are unique: what two who take the same one meet at.
pub(crate) fn named(name: &str) -> Vec<u8> {
    joined(&[NAMED, &Digest::of(name.as_bytes()).0])
}

/// One token by its own expiry. Never is later than every moment.
pub(crate) fn expires(at: Option<Seconds>, id: TokenId) -> Vec<u8> {
    joined(&[EXPIRES, &at.unwrap_or(NEVER).0.to_be_bytes(), &id.0])
}

/// A token that was never used.
pub(crate) fn unused(id: TokenId) -> Vec<u8> {
    joined(&[UNUSED, &id.0])
}

/// One token by its last use.
pub(crate) fn last_used(at: Seconds, id: TokenId) -> Vec<u8> {
    joined(&[LAST_USED, &at.0.to_be_bytes(), &id.0])
}

/// [`crate::record::Used`].
pub(crate) fn used(id: TokenId) -> Vec<u8> {
    joined(&[USED, &id.0])
}

/// [`crate::record::Exchanges`].
pub(crate) fn exchanges(id: TokenId) -> Vec<u8> {
    joined(&[EXCHANGES, &id.0])
}

/// [`crate::record::Rotation`].
pub(crate) fn rotation(id: TokenId) -> Vec<u8> {
    joined(&[ROTATION, &id.0])
}

/// The spent secrets of a token.
pub(crate) fn spent_prefix(id: TokenId) -> Vec<u8> {
    joined(&[SPENT, &id.0])
}

/// [`crate::record::Spent`].
pub(crate) fn spent(id: TokenId, secret: &Digest) -> Vec<u8> {
    joined(&[SPENT, &id.0, &secret.0])
}

/// When a secret was spent, for the sweeper.
pub(crate) fn spent_due(at: Seconds, id: TokenId, secret: &Digest) -> Vec<u8> {
    joined(&[SPENT_DUE, &at.0.to_be_bytes(), &id.0, &secret.0])
}

/// The spent secret that a key of [`spent_due`] speaks of.
pub(crate) fn spent_of_due(key: &[u8]) -> Option<Vec<u8>> {
    let (_, of) = key.strip_prefix(SPENT_DUE)?.split_first_chunk::<8>()?;
    Some(joined(&[SPENT, of]))
}

/// A tombstone, by its end.
pub(crate) fn ended(at: Seconds, id: TokenId) -> Vec<u8> {
    joined(&[ENDED, &at.0.to_be_bytes(), &id.0])
}

/// An ended token whose children are to become tombstones.
pub(crate) fn entomb(id: TokenId) -> Vec<u8> {
    joined(&[ENTOMB, &id.0])
}

/// An ended owner whose tokens are to become tombstones.
pub(crate) fn entomb_owner(owner: &str) -> Vec<u8> {
    joined(&[ENTOMB_OWNERS, owner.as_bytes()])
}

/// A request that may be repeated: `of` is the digest of who made it under which key.
pub(crate) fn idempotent(of: &Digest) -> Vec<u8> {
    joined(&[IDEMPOTENT, &of.0])
}

/// When a request was made, for the sweeper.
pub(crate) fn idempotent_due(at: Seconds, of: &Digest) -> Vec<u8> {
    joined(&[IDEMPOTENT_DUE, &at.0.to_be_bytes(), &of.0])
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

/// The refresh token whose record a key is of: a host tells by it whom a commit was about.
#[must_use]
pub fn record_of(key: &[u8]) -> Option<TokenId> {
    key.strip_prefix(TOKENS)?.try_into().ok().map(TokenId)
}

/// The refresh token that is a tombstone where a key is written.
#[must_use]
pub fn tombstone_of(key: &[u8]) -> Option<TokenId> {
    let (_, id) = key.strip_prefix(ENDED)?.split_first_chunk::<8>()?;
    id.try_into().ok().map(TokenId)
}

/// The refresh token of which a key cuts single access tokens.
#[must_use]
pub fn cut_singly(key: &[u8]) -> Option<TokenId> {
    key.strip_prefix(JTI_CUTS)?.try_into().ok().map(TokenId)
}

/// Whether a key is that of the epoch.
#[must_use]
pub fn is_epoch(key: &[u8]) -> bool {
    key == EPOCH
}

/// Whether a key is of an index of refresh tokens: it ends with the id of one that stands there.
pub(crate) fn is_index(key: &[u8]) -> bool {
    [NAMES, EXPIRES, OWNED, CHILDREN, ENDED, HOLDERS, UNUSED, LAST_USED].iter().any(|index| key.starts_with(index))
}

/// What a key is of: all that stands before the first slash.
pub(crate) fn kind(key: &[u8]) -> &str {
    let kind = key.split(|byte| *byte == b'/').next().unwrap_or_default();
    core::str::from_utf8(kind).unwrap_or("?")
}

/// Where the keys of an index by time that lie at `at` or later begin.
pub(crate) fn from_moment(index: &[u8], at: Seconds) -> Vec<u8> {
    joined(&[index, &at.0.to_be_bytes()])
}

/// Where those without a time begin, in an index by time.
pub(crate) fn never(index: &[u8]) -> Vec<u8> {
    from_moment(index, NEVER)
}

/// Where the keys of an index by id begin whose tokens were made before `at`: newest first, later ones stand before it.
pub(crate) fn made_before(index: &[u8], at: Seconds) -> Vec<u8> {
    joined(&[index, &TokenId::made_before(at)])
}

/// The moment that a key of an index by time begins with, after `prefix`.
pub(crate) fn moment(prefix: &[u8], key: &[u8]) -> Option<Seconds> {
    let (moment, _) = key.strip_prefix(prefix)?.split_first_chunk::<8>()?;
    Some(Seconds(u64::from_be_bytes(*moment)))
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

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TokenId = TokenId([1; 16]);
    const OTHER: TokenId = TokenId([2; 16]);

    /// That `key` lies below `prefix`, where the key and the prefix of anything else do not.
    fn assert_below(key: &[u8], prefix: &[u8], index: &[u8], others: &[&[u8]]) {
        assert!(key.starts_with(prefix), "a key lies below its prefix");
        assert!(prefix.starts_with(index) && prefix.len() > index.len(), "a prefix lies in its index");
        for other in others {
            assert!(!other.starts_with(prefix), "what belongs to another lies elsewhere");
        }
    }

    #[test]
    fn what_belongs_to_one_lies_below_a_prefix_of_its_own() {
        let others = [owned("bobby", ONE), owned_prefix("bo")];
        assert_below(&owned("bob", ONE), &owned_prefix("bob"), OWNED, &others.each_ref().map(Vec::as_slice));
        assert_below(&child(ONE, OTHER), &children_prefix(ONE), CHILDREN, &[&child(OTHER, ONE)]);
        assert_below(&holder("job", ONE), &holders_prefix("job"), HOLDERS, &[&holder("jobs", ONE)]);
        let secret = Digest([3; 32]);
        assert_below(&spent(ONE, &secret), &spent_prefix(ONE), SPENT, &[&spent(OTHER, &secret)]);
        assert_below(&named("job"), &named("job"), NAMED, &[&named("jobs")]);
        assert_below(&name("job", ONE), &name_prefix("job"), NAMES, &[&name("jo", ONE)]);
    }

    #[test]
    fn a_cut_lies_below_its_epoch_and_below_its_first_byte() {
        let (one, other) = (CutDigest([1; 16]), CutDigest([2; 16]));
        assert_below(&cut(5, one), &cuts(5), CUTS, &[&cut(6, one)]);
        assert_below(&cut(5, one), &cuts_beginning(5, 1), CUTS, &[&cut(6, one), &cut(5, other)]);
        assert!(cuts(5).starts_with(LIVE_PREFIX), "verifiers must learn of it");
        assert_eq!(parse_cut(&cut(5, one)), Some((5, one)));
        assert_eq!(parse_due(&due(Seconds(9), 5, one)), Some((Seconds(9), 5, one)));
    }

    #[test]
    fn a_moment_stands_before_all_that_is_then_or_later_and_never_stands_behind_every_moment() {
        let at = |seconds| expires(Some(Seconds(seconds)), ONE);
        let from = from_moment(EXPIRES, Seconds(300));
        assert!(at(299) < from && from < at(300) && from < at(301));
        assert!(at(u64::MAX - 1) < never(EXPIRES) && never(EXPIRES) < expires(None, ONE));
        assert!(never(EXPIRES).starts_with(EXPIRES));
        assert_eq!(moment(EXPIRES, &at(300)), Some(Seconds(300)));
    }

    #[test]
    fn what_was_made_before_a_moment_stands_in_the_index_behind_its_place() {
        let made_at = |seconds, rest| token(TokenId::new(crate::ports::Reading::at(seconds), rest));
        let place = made_before(TOKENS, Seconds(1_000));
        assert!(made_at(1_000, [u8::MAX; 10]) < place && place <= made_at(999, [0; 10]));
    }

    #[test]
    fn whom_a_commit_was_about_is_told_by_its_keys() {
        assert_eq!((record_of(&token(ONE)), cut_singly(&jti_cuts(OTHER))), (Some(ONE), Some(OTHER)));
        assert_eq!(tombstone_of(&ended(Seconds(7), ONE)), Some(ONE));
        for other in [child(ONE, OTHER), owned("bob", ONE), entomb(ONE), EPOCH.to_vec(), b"token/short".to_vec()] {
            assert_eq!((record_of(&other), tombstone_of(&other), cut_singly(&other)), (None, None, None));
        }
        assert!(is_epoch(EPOCH) && !is_epoch(&cuts(1)));
    }

    #[test]
    fn the_key_of_a_spent_secret_follows_from_the_key_of_its_time() {
        let secret = Digest([3; 32]);
        assert_eq!(spent_of_due(&spent_due(Seconds(7), ONE, &secret)), Some(spent(ONE, &secret)));
        assert_eq!(spent_of_due(&spent(ONE, &secret)), None);
        assert_eq!(id_at_end(&owned("bob", ONE)), Some(ONE));
    }
}
