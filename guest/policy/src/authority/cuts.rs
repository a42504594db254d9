//! Cuts: "everything that descends from this id is dead", as writes.

use super::{Authority, ending::Act, epochs::EpochCommit, time::Time};
use crate::{
    digest::CutDigest,
    keys,
    live::MAX_CUTS,
    record::{Ending, Epoch, EpochReason, Stored},
    seconds::Seconds,
    store::{Check, CommitError, Direction, Unavailable, Write},
};

/// How long a commit may take until its cut counts as made later than it says.
///
/// A token that was minted in a race with the cut carries an `iat` of at most this much later, so it has expired when the cut is dropped.
pub const COMMIT_GUARD: Seconds = Seconds(60);
/// Cuts of one epoch that share a first byte. Cuts are digests, so bounding each of the 256 buckets bounds the whole
/// ([`MAX_CUTS`]) by looking at one of them.
pub const MAX_CUTS_IN_BUCKET: usize = MAX_CUTS / 256;
/// Living cuts of single access tokens of one refresh token. The next one cuts the refresh token's lineage instead.
pub const MAX_JTI_CUTS: usize = 64;

/// What cutting takes: to be added to the commit of the act that it belongs to.
pub(super) struct Cutting {
    pub(super) checks: Vec<Check>,
    pub(super) writes: Vec<Write>,
    /// The epoch that was begun because there was no room for the cuts.
    pub(super) advanced: Option<Epoch>,
    made: Option<Made>,
}

/// Cuts as they were made.
struct Made {
    epoch: u64,
    digests: Vec<CutDigest>,
    /// Whose act the cuts are, where no record remembers it. It lies beside the cut, outside of what verifiers learn.
    remembered: Option<Ending>,
}

impl Cutting {
    /// Of an act that cuts nothing.
    pub(super) fn nothing() -> Self {
        Self { checks: Vec::new(), writes: Vec::new(), advanced: None, made: None }
    }
}

impl Authority {
    /// What it takes to cut `digests` in the epoch that was read.
    ///
    /// The commit checks that the epoch is still the same: a cut belongs to an epoch, and must not miss what the next one mints.
    pub(super) fn cutting(
        &self,
        time: Time,
        epoch: Option<&(Epoch, u64)>,
        digests: Vec<CutDigest>,
        by: &str,
    ) -> Result<Cutting, Unavailable> {
        let check = Check { key: keys::EPOCH.to_vec(), version: epoch.map(|(_, version)| *version) };
        let Some((current, _)) = epoch.filter(|_| !digests.is_empty()) else {
            // Without an epoch no access token was ever minted.
            return Ok(Cutting { checks: vec![check], writes: Vec::new(), advanced: None, made: None });
        };
        if !self.has_room(current.number, &digests)? {
            let (advanced, EpochCommit { checks, writes }) =
                self.next_epoch(time, epoch, EpochReason::LiveSetFull, by, None)?;
            return Ok(Cutting { checks, writes, advanced: Some(advanced), made: None });
        }
        let made = Made { epoch: current.number, digests, remembered: None };
        Ok(Cutting { checks: vec![check], writes: made.writes(time.now), advanced: None, made: Some(made) })
    }

    /// What it takes to cut one access token in the epoch that was read, so that the act can be told from the cut.
    pub(super) fn cutting_one(
        &self,
        time: Time,
        epoch: &(Epoch, u64),
        digest: CutDigest,
        act: &Act<'_>,
    ) -> Result<Cutting, Unavailable> {
        let mut cutting = self.cutting(time, Some(epoch), vec![digest], act.by)?;
        if let Some(made) = &mut cutting.made {
            made.remembered = Some(act.ending(time.now));
            cutting.writes = made.writes(time.now);
        }
        Ok(cutting)
    }

    /// Makes sure, after the commit, that the cuts say a time that is late enough. Only then may the act be acknowledged.
    pub(super) fn settle(&self, cutting: &Cutting, cut_at: Seconds) -> Result<(), Unavailable> {
        let Some(made) = &cutting.made else { return Ok(()) };
        let mut said = cut_at;
        for _ in 0..super::ATTEMPTS {
            let now = self.clock.now().seconds;
            if now <= said.plus(COMMIT_GUARD) {
                return Ok(());
            }
            let mut writes = made.writes(now);
            writes.extend(
                made.digests.iter().map(|digest| Write { key: keys::due(said, made.epoch, *digest), value: None }),
            );
            match self.store.commit(Vec::new(), writes) {
                Ok(_) => said = now,
                Err(CommitError::Conflict | CommitError::Unavailable) => return Err(Unavailable),
            }
        }
        Err(Unavailable)
    }

    fn has_room(&self, epoch: u64, digests: &[CutDigest]) -> Result<bool, Unavailable> {
        let mut firsts: Vec<u8> = digests.iter().map(|CutDigest([first, ..])| *first).collect();
        firsts.sort_unstable();
        for bucket in firsts.chunk_by(|one, other| one == other) {
            let Some(first) = bucket.first() else { continue };
            let limit = u32::try_from(MAX_CUTS_IN_BUCKET).unwrap_or(u32::MAX);
            let held =
                self.store.scan(&keys::cuts_beginning(epoch, *first), None, Direction::Ascending, limit)?.items.len();
            if held.saturating_add(bucket.len()) > MAX_CUTS_IN_BUCKET {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Made {
    /// The cuts, made at `at`.
    fn writes(&self, at: Seconds) -> Vec<Write> {
        let remembered = self.remembered.as_ref().map(Stored::to_stored).unwrap_or_default();
        let of_one = |digest: &CutDigest| {
            [
                Write { key: keys::cut(self.epoch, *digest), value: Some(at.to_stored()) },
                Write { key: keys::due(at, self.epoch, *digest), value: Some(remembered.clone()) },
            ]
        };
        self.digests.iter().flat_map(of_one).collect()
    }
}
