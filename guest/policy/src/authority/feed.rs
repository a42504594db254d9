//! The live set as documents, for verifiers anywhere. Nothing here writes or needs the root key.

use std::borrow::Cow;

use serde::Serialize;

use super::{ATTEMPTS, Authority, decoded, time::Time};
use crate::{
    access_token::{EpochKey, KeyMembers, PublicKey},
    digest::CutDigest,
    keys,
    live::{Delta, EpochMember, LEASE, Whole},
    record::Epoch,
    store::{Direction, Freshness, MAX_SCAN, Unavailable},
};

/// A committed write below [`keys::LIVE_PREFIX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Vec<u8>,
    /// `None`: it was removed.
    pub value: Option<Vec<u8>>,
}

/// Why there is no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// No epoch has begun.
    #[error("no epoch has begun")]
    NotBegun,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for FeedError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// The changes do not lead from one live set to another of the same epoch: a whole document must be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("take a snapshot instead")]
pub struct TakeSnapshot;

impl Authority {
    /// The whole live document.
    ///
    /// Its sequence is the store's revision of the first read. Pages of cuts read after it may hold later ones as well:
    /// loading those again does no harm, and none is missed.
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn snapshot(&self) -> Result<Vec<u8>, FeedError> {
        for _ in 0..ATTEMPTS {
            let reading = self.clock.now();
            let wanted = [keys::CLOCK.to_vec(), keys::EPOCH.to_vec()];
            let first = self.store.read(&wanted, Freshness::Latest)?;
            let [clock, epoch] = first.entries.as_slice() else { return Err(FeedError::Unavailable) };
            let mark = decoded(clock.as_ref()).map_err(Unavailable::from)?.map(|(mark, _)| mark);
            let (epoch, version) =
                decoded::<Epoch>(epoch.as_ref()).map_err(Unavailable::from)?.ok_or(FeedError::NotBegun)?;
            let cuts = self.all_cuts(epoch.number)?;
            let [again] = self.read([keys::EPOCH.to_vec()])?;
            if again.is_none_or(|again| again.version != version) {
                continue;
            }
            let (key, public_key) = usable(&epoch)?;
            let issuer = self.issuer()?;
            return Ok(Whole {
                issuer: Cow::Borrowed(&issuer),
                sequence: first.revision,
                as_of: Time::new(reading, mark).now,
                lease: LEASE,
                epoch: EpochMember { number: epoch.number, kid: Cow::Borrowed(key.kid()), public_key },
                cuts,
            }
            .render());
        }
        Err(FeedError::Unavailable)
    }

    /// The document that leads from the live set of sequence `base` to the one of `sequence`. It touches the clock alone.
    ///
    /// # Errors
    /// [`TakeSnapshot`] when the changes begin an epoch, or are not of this policy's making.
    pub fn delta(&self, base: u64, sequence: u64, changes: &[Change]) -> Result<Vec<u8>, TakeSnapshot> {
        let mut of = None;
        let (mut cuts, mut dropped) = (Vec::new(), Vec::new());
        for change in changes {
            let (epoch, digest) = keys::parse_cut(&change.key).ok_or(TakeSnapshot)?;
            if *of.get_or_insert(epoch) != epoch {
                return Err(TakeSnapshot);
            }
            if change.value.is_some() { cuts.push(digest) } else { dropped.push(digest) }
        }
        let epoch_number = of.ok_or(TakeSnapshot)?;
        Ok(Delta { base, sequence, as_of: self.clock.now().seconds, epoch_number, cuts, dropped }.render())
    }

    /// The JSON Web Key Set of the current epoch (RFC 7517, RFC 7518, RFC 8037).
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn key_set(&self) -> Result<Vec<u8>, FeedError> {
        let [epoch] = self.read([keys::EPOCH.to_vec()])?;
        let (epoch, _) = decoded::<Epoch>(epoch.as_ref()).map_err(Unavailable::from)?.ok_or(FeedError::NotBegun)?;
        let (key, public_key) = usable(&epoch)?;
        let jwk = Jwk { usage: "sig", alg: epoch.algorithm.name(), kid: key.kid(), members: public_key.members() };
        serde_json::to_vec(&KeySet { keys: [jwk] }).map_err(|_| FeedError::Unavailable)
    }

    fn all_cuts(&self, epoch: u64) -> Result<Vec<CutDigest>, Unavailable> {
        let prefix = keys::cuts(epoch);
        let (mut cuts, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let page = self.store.scan(&prefix, after.as_deref(), Direction::Ascending, MAX_SCAN)?.items;
            cuts.extend(page.iter().filter_map(|item| keys::parse_cut(&item.key)).map(|(_, digest)| digest));
            match page.into_iter().next_back() {
                Some(last) => after = Some(last.key),
                None => return Ok(cuts),
            }
        }
    }
}

/// The key of an epoch. A damaged one is a store that cannot be asked.
fn usable(epoch: &Epoch) -> Result<(EpochKey, PublicKey), FeedError> {
    let public_key = epoch.public_key().map_err(|_| FeedError::Unavailable)?;
    let key = EpochKey::new(&public_key).map_err(|_| FeedError::Unavailable)?;
    Ok((key, public_key))
}

#[derive(Serialize)]
struct KeySet<'a> {
    keys: [Jwk<'a>; 1],
}

/// RFC 7517 section 4.
#[derive(Serialize)]
struct Jwk<'a> {
    #[serde(flatten)]
    members: KeyMembers<'a>,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: &'a str,
}
