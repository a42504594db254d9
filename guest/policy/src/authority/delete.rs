//! Delete: an administrator ends refresh tokens by their ids, and all that descends from them.

use super::{
    ATTEMPTS, Actor, Authority, decoded,
    ending::{Act, ActError, Entombing, cut_of, tombstone},
    members::MAX_NOTE_LENGTH,
    time::Time,
};
use crate::{
    keys,
    record::{Epoch, Reason, Record},
    scope::Scopes,
    store::{Check, CommitError, Freshness, Unavailable},
    token_id::TokenId,
};

/// The most ids of one call.
pub const MAX_BATCH: usize = 1000;

/// What became of one id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It ended now.
    Deleted,
    /// It had ended before.
    AlreadyDeleted,
    /// There is none of this id.
    NotFound,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// One for each id given, in their order.
    pub results: Vec<Deletion>,
    /// The new epoch, where the live set had no room for the cuts.
    pub advanced_epoch: Option<u64>,
}

/// Why nothing was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeleteError {
    /// See [`MAX_BATCH`].
    #[error("more than {MAX_BATCH} ids")]
    TooMany,
    /// Nobody ends what has a `jeton:` scope that they lack.
    #[error("the actor lacks a `jeton:` scope of one of the tokens")]
    ScopeBeyondActor,
    /// See [`MAX_NOTE_LENGTH`].
    #[error("the note has more than {MAX_NOTE_LENGTH} characters")]
    NoteTooLong,
    /// Control characters would break logs and tables.
    #[error("the note has a control character")]
    NoteHasControlCharacter,
    /// Only the policy says that it found or did something itself.
    #[error("the reason is one that only the policy gives")]
    ReasonReserved,
    /// See [`super::MAX_OWNER_LENGTH`].
    #[error("the owner is malformed")]
    OwnerMalformed,
    /// No token was ever issued to this owner.
    #[error("there is no such owner")]
    OwnerNotFound,
    /// Not the id of an access token.
    #[error("not a jti")]
    JtiMalformed,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for DeleteError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<ActError> for DeleteError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::NoteTooLong => Self::NoteTooLong,
            ActError::NoteHasControlCharacter => Self::NoteHasControlCharacter,
            ActError::ReasonReserved => Self::ReasonReserved,
        }
    }
}

/// How the tokens of a batch stand.
struct Stand {
    time: Time,
    epoch: Option<(Epoch, u64)>,
    records: Vec<(TokenId, Option<Found>)>,
    /// That nothing above those that live has changed since: who ended first is told for good.
    unchanged: Vec<Check>,
}

/// A record that is there.
struct Found {
    record: Record,
    version: u64,
    /// It, its owner, or something that it descends from has ended: nothing is left to end, whether the sweeper has written that down or not.
    has_ended: bool,
}

impl Authority {
    /// Ends refresh tokens and, by one cut each, everything that descends from them, in one commit.
    ///
    /// # Errors
    /// [`DeleteError`]; none ended then, or, where the store failed, it is not known.
    pub fn delete(
        &self,
        actor: &Actor,
        ids: &[String],
        reason: Reason,
        note: Option<&str>,
    ) -> Result<Deleted, DeleteError> {
        if ids.len() > MAX_BATCH {
            return Err(DeleteError::TooMany);
        }
        let act = Act::of(actor, reason, note)?;
        let given: Vec<Option<TokenId>> = ids.iter().map(|id| TokenId::parse(id)).collect();
        let mut wanted: Vec<TokenId> = given.iter().flatten().copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        for _ in 0..ATTEMPTS {
            let mut stand = self.stand(&wanted)?;
            for (_, found) in &mut stand.records {
                if let Some(one) = found
                    && !self.may_act_on(actor, &one.record)?
                {
                    *found = None;
                }
            }
            let held = |record: &Record| Scopes::parse(&record.scope).unwrap_or_default();
            if living(&stand.records).any(|(_, found)| !actor.may_touch(&held(&found.record))) {
                return Err(DeleteError::ScopeBeyondActor);
            }
            match self.end(&stand, &act) {
                Ok(advanced_epoch) => {
                    return Ok(Deleted { results: results(&given, &stand.records), advanced_epoch });
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(DeleteError::Unavailable),
            }
        }
        Err(DeleteError::Unavailable)
    }

    fn stand(&self, ids: &[TokenId]) -> Result<Stand, Unavailable> {
        let reading = self.clock.now();
        let mut wanted = vec![keys::CLOCK.to_vec(), keys::EPOCH.to_vec()];
        wanted.extend(ids.iter().map(|id| keys::token(*id)));
        let entries = self.store.read(&wanted, Freshness::Latest)?.entries;
        let [clock, epoch, records @ ..] = entries.as_slice() else { return Err(Unavailable) };
        let mark = decoded(clock.as_ref())?.map(|(mark, _)| mark);
        let mut found: Vec<(TokenId, Option<Found>)> = Vec::with_capacity(ids.len());
        for (id, entry) in ids.iter().zip(records) {
            let record = decoded::<Record>(entry.as_ref())?;
            let found_one =
                |(record, version): (Record, u64)| Found { has_ended: record.ending.is_some(), record, version };
            found.push((*id, record.map(found_one)));
        }
        // What has ended never comes back, so how they stand may be read after the records; the commit checks that it is so still.
        let may_have_ended_above = |found: &Found| found.record.owner.is_some() || !found.record.ancestors.is_empty();
        let above: Vec<TokenId> =
            living(&found).filter(|(_, found)| may_have_ended_above(found)).map(|(id, _)| id).collect();
        let (mut over, mut unchanged) = (Vec::new(), Vec::new());
        if !above.is_empty() {
            let around = self.surroundings(&self.head()?, &above)?;
            let tokens = self.tokens_in(&around, &above)?.into_iter().flatten();
            over.extend(tokens.filter(|token| token.ending.is_some()).map(|token| token.id));
            unchanged = around.unchanged;
        }
        for (id, one) in &mut found {
            if let Some(one) = one {
                one.has_ended |= over.contains(id);
            }
        }
        Ok(Stand { time: Time::new(reading, mark), epoch: decoded(epoch.as_ref())?, records: found, unchanged })
    }

    /// Turns every living token of the batch into a tombstone and cuts its lineage, all in one commit.
    fn end(&self, stand: &Stand, act: &Act<'_>) -> Result<Option<u64>, CommitError> {
        let now = stand.time.now;
        let (mut entombing, mut digests) = (Entombing::default(), Vec::new());
        for (id, Found { record, version, .. }) in living(&stand.records) {
            entombing.add(id, record, *version, tombstone(record, act.ending(now)));
            digests.extend(cut_of(record, now));
        }
        if entombing.is_empty() {
            return Ok(None);
        }
        entombing.checks.extend(stand.unchanged.iter().cloned());
        self.end_by(act, (stand.time, stand.epoch.as_ref()), entombing, digests)
    }
}

/// Those that are there to be ended.
fn living(records: &[(TokenId, Option<Found>)]) -> impl Iterator<Item = (TokenId, &Found)> {
    records.iter().filter_map(|(id, found)| Some((*id, found.as_ref()?))).filter(|(_, found)| !found.has_ended)
}

/// One result for each id given. An id that was given twice was deleted once.
fn results(given: &[Option<TokenId>], records: &[(TokenId, Option<Found>)]) -> Vec<Deletion> {
    let mut seen = std::collections::BTreeSet::new();
    given
        .iter()
        .map(|id| {
            let Some(id) = id else { return Deletion::NotFound };
            let place = records.binary_search_by_key(id, |(id, _)| *id);
            match place.ok().and_then(|place| records.get(place)) {
                Some((_, Some(found))) if !found.has_ended && seen.insert(*id) => Deletion::Deleted,
                Some((_, Some(_))) => Deletion::AlreadyDeleted,
                _ => Deletion::NotFound,
            }
        })
        .collect()
}
