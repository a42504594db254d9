//! Ending: what an act that ends a token says and writes. Delete, owners, holders, reuse and accepted clocks share it.

use super::{Actor, Authority, members::MAX_NOTE_LENGTH, time::Time};
use crate::{
    digest::CutDigest,
    keys,
    record::{BY_HOLDER, BY_POLICY, Ending, Epoch, Reason, Record, Stored as _},
    seconds::Seconds,
    store::{Check, CommitError, Write},
    token_id::TokenId,
};

/// Whose act ends something, and why: the same words in everything that it leaves.
#[derive(Clone, Copy)]
pub(super) struct Act<'a> {
    pub(super) by: &'a str,
    pub(super) reason: Reason,
    pub(super) note: Option<&'a str>,
}

/// Why the words of an act are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActError {
    NoteTooLong,
    NoteHasControlCharacter,
    ReasonReserved,
}

impl<'a> Act<'a> {
    /// An administrator's act, in words that an administrator may use.
    pub(super) fn of(actor: &'a Actor, reason: Reason, note: Option<&'a str>) -> Result<Self, ActError> {
        check_note(note)?;
        if !reason.may_be_given() {
            return Err(ActError::ReasonReserved);
        }
        Ok(Self::by(actor, reason, note))
    }

    /// An administrator's act whose reason follows from what it does, and whose note was checked.
    pub(super) fn by(actor: &'a Actor, reason: Reason, note: Option<&'a str>) -> Self {
        Self { by: actor.name(), reason, note }
    }

    /// A bearer gave back what it holds.
    pub(super) const fn of_holder() -> Self {
        Self { by: BY_HOLDER, reason: Reason::RevokedByHolder, note: None }
    }

    /// The policy itself found a reason.
    pub(super) const fn of_policy(reason: Reason) -> Self {
        Self { by: BY_POLICY, reason, note: None }
    }

    /// What is remembered of it.
    pub(super) fn ending(&self, at: Seconds) -> Ending {
        Ending { at, by: self.by.to_owned(), reason: self.reason, note: self.note.map(str::to_owned) }
    }
}

/// A note goes into logs and tables, where control characters would break the line.
pub(super) fn check_note(note: Option<&str>) -> Result<(), ActError> {
    let Some(note) = note else { return Ok(()) };
    if note.chars().count() > MAX_NOTE_LENGTH {
        return Err(ActError::NoteTooLong);
    }
    if note.chars().any(char::is_control) { Err(ActError::NoteHasControlCharacter) } else { Ok(()) }
}

/// What it takes to make tombstones: to be added to the commit of the act that it belongs to.
#[derive(Default)]
pub(super) struct Entombing {
    pub(super) checks: Vec<Check>,
    pub(super) writes: Vec<Write>,
}

impl Entombing {
    /// Makes `record` a tombstone: everything but the secrets remains of it. Its children follow, step by step, by the work
    /// item written here; whether they are alive never depends on that. The item is written whether there are children or not:
    /// one that is issued at this very moment would be missed by a look before the commit.
    pub(super) fn add(&mut self, id: TokenId, record: &Record, version: u64, tombstone: Record) {
        self.checks.push(Check { key: keys::token(id), version: Some(version) });
        self.writes.extend(super::index::moved(id, record, &tombstone));
        self.writes.extend([
            Write { key: keys::token(id), value: Some(tombstone.to_stored()) },
            Write { key: keys::rotation(id), value: None },
            Write { key: keys::exchanges(id), value: None },
            Write { key: keys::entomb(id), value: Some(Vec::new()) },
        ]);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// What remains of a record that an act ends.
pub(super) fn tombstone(record: &Record, ending: Ending) -> Record {
    Record { generation: record.generation.saturating_add(1), ..inherited_tombstone(record, ending) }
}

/// What remains of a record that ended with something that it descends from. It had ended before this was written, and looks
/// as it did: even its generation is the same.
pub(super) fn inherited_tombstone(record: &Record, ending: Ending) -> Record {
    Record { secret: None, superseded: None, disabled: None, ending: Some(ending), ..record.clone() }
}

/// The cut that ending `record` takes. What an expired one gave out has expired with it: nothing is left to cut.
pub(super) fn cut_of(record: &Record, now: Seconds) -> Option<CutDigest> {
    let may_have_living = record.expires_at.is_none_or(|expiry| now < expiry);
    may_have_living.then(|| CutDigest::of(&record.lineage.to_string()))
}

impl Authority {
    /// Commits tombstones together with the cuts that they take; gives the new epoch's number, where the live set had no room.
    pub(super) fn end_by(
        &self,
        act: &Act<'_>,
        (time, epoch): (Time, Option<&(Epoch, u64)>),
        entombing: Entombing,
        digests: Vec<CutDigest>,
    ) -> Result<Option<u64>, CommitError> {
        let mut cutting = self.cutting(time, epoch, digests, act.by)?;
        let Entombing { mut checks, mut writes } = entombing;
        checks.append(&mut cutting.checks);
        writes.append(&mut cutting.writes);
        self.store.commit(checks, writes)?;
        self.settle(&cutting, time.now)?;
        Ok(cutting.advanced.map(|epoch| epoch.number))
    }
}
