//! Delete: the end of refresh tokens, and of all that descends from them.

use super::{ATTEMPTS, Actor, Authority, decoded, time::Time};
use crate::{
    digest::CutDigest,
    keys,
    record::{BY_HOLDER, BY_POLICY, Ending, Epoch, Reason, Record, Stored as _},
    scope::Scopes,
    seconds::Seconds,
    store::{Check, CommitError, Freshness, Unavailable, Write},
    token_id::TokenId,
};

/// The most ids of one call.
pub const MAX_BATCH: usize = 1000;
/// The most characters of a note.
pub const MAX_NOTE_LENGTH: usize = 500;

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
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for DeleteError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// What ends a token: the same words in every tombstone of an act.
struct Act<'a> {
    by: &'a str,
    reason: Reason,
    note: Option<&'a str>,
}

/// How the tokens of a batch stand.
struct Stand {
    time: Time,
    epoch: Option<(Epoch, u64)>,
    records: Vec<(TokenId, Option<(Record, u64)>)>,
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
        if note.is_some_and(|note| note.chars().count() > MAX_NOTE_LENGTH) {
            return Err(DeleteError::NoteTooLong);
        }
        if note.is_some_and(|note| note.chars().any(char::is_control)) {
            return Err(DeleteError::NoteHasControlCharacter);
        }
        let act = Act { by: actor.name(), reason, note };
        let given: Vec<Option<TokenId>> = ids.iter().map(|id| TokenId::parse(id)).collect();
        let mut wanted: Vec<TokenId> = given.iter().flatten().copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        for _ in 0..ATTEMPTS {
            let stand = self.stand(&wanted)?;
            let held = |record: &Record| Scopes::parse(&record.scope).unwrap_or_default();
            let living = stand.records.iter().filter_map(|(_, record)| record.as_ref()).map(|(record, _)| record);
            if living.filter(|record| record.ending.is_none()).any(|record| !actor.may_touch(&held(record))) {
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

    /// Ends one token on behalf of its bearer; gives whether it ended now.
    pub(super) fn give_back(&self, id: TokenId) -> Result<bool, Unavailable> {
        self.end_one(id, &Act { by: BY_HOLDER, reason: Reason::RevokedByHolder, note: None })
    }

    /// Ends one token of which a spent secret was presented.
    pub(super) fn end_family(&self, id: TokenId) -> Result<bool, Unavailable> {
        self.end_one(id, &Act { by: BY_POLICY, reason: Reason::ReuseDetected, note: None })
    }

    fn end_one(&self, id: TokenId, act: &Act<'_>) -> Result<bool, Unavailable> {
        for _ in 0..ATTEMPTS {
            let stand = self.stand(&[id])?;
            let living = stand.records.iter().any(|(_, record)| is_living(record.as_ref()));
            match self.end(&stand, act) {
                Ok(_) => return Ok(living),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(Unavailable),
            }
        }
        Err(Unavailable)
    }

    fn stand(&self, ids: &[TokenId]) -> Result<Stand, Unavailable> {
        let reading = self.clock.now();
        let mut wanted = vec![keys::CLOCK.to_vec(), keys::EPOCH.to_vec()];
        wanted.extend(ids.iter().map(|id| keys::token(*id)));
        let entries = self.store.read(&wanted, Freshness::Latest)?.entries;
        let [clock, epoch, records @ ..] = entries.as_slice() else { return Err(Unavailable) };
        let mark = decoded(clock.as_ref())?.map(|(mark, _)| mark);
        let records = ids.iter().zip(records).map(|(id, entry)| decoded(entry.as_ref()).map(|record| (*id, record)));
        Ok(Stand {
            time: Time::new(reading, mark),
            epoch: decoded(epoch.as_ref())?,
            records: records.collect::<Result<_, _>>()?,
        })
    }

    /// Turns every living token of the batch into a tombstone and cuts its lineage, all in one commit.
    fn end(&self, stand: &Stand, act: &Act<'_>) -> Result<Option<u64>, CommitError> {
        let now = stand.time.now;
        let (mut checks, mut writes, mut digests) = (Vec::new(), Vec::new(), Vec::new());
        for (id, record) in &stand.records {
            let Some((record, version)) = record.as_ref().filter(|one| is_living(Some(one))) else { continue };
            checks.push(Check { key: keys::token(*id), version: Some(*version) });
            writes.push(Write { key: keys::token(*id), value: Some(tombstone(record, now, act).to_stored()) });
            // What an expired token gave out has expired with it: nothing is left to cut.
            if record.expires_at.is_none_or(|expiry| now < expiry) {
                digests.push(CutDigest::of(&record.lineage.to_string()));
            }
        }
        if writes.is_empty() {
            return Ok(None);
        }
        let mut cutting = self.cutting(stand.time, stand.epoch.as_ref(), digests, act.by)?;
        checks.append(&mut cutting.checks);
        writes.append(&mut cutting.writes);
        self.store.commit(checks, writes)?;
        self.settle(&cutting, now)?;
        Ok(cutting.advanced.map(|epoch| epoch.number))
    }
}

/// What remains of a record: everything but the secret.
fn tombstone(record: &Record, at: Seconds, act: &Act<'_>) -> Record {
    Record {
        secret: None,
        generation: record.generation.saturating_add(1),
        ending: Some(Ending { at, by: act.by.to_owned(), reason: act.reason, note: act.note.map(str::to_owned) }),
        ..record.clone()
    }
}

fn is_living(record: Option<&(Record, u64)>) -> bool {
    record.is_some_and(|(record, _)| record.ending.is_none())
}

/// One result for each id given. An id that was given twice was deleted once.
fn results(given: &[Option<TokenId>], records: &[(TokenId, Option<(Record, u64)>)]) -> Vec<Deletion> {
    let mut seen = std::collections::BTreeSet::new();
    given
        .iter()
        .map(|id| {
            let Some(id) = id else { return Deletion::NotFound };
            let place = records.binary_search_by_key(id, |(id, _)| *id);
            match place.ok().and_then(|place| records.get(place)) {
                Some((_, Some((record, _)))) if record.ending.is_none() && seen.insert(*id) => Deletion::Deleted,
                Some((_, Some(_))) => Deletion::AlreadyDeleted,
                _ => Deletion::NotFound,
            }
        })
        .collect()
}
