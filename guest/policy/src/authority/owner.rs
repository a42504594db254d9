//! The end of an owner: of every refresh token of theirs, and of all that descends from them.

use super::{ATTEMPTS, Actor, Authority, DeleteError, decoded, ending::Act, members::check_owner, time::Time};
use crate::{
    digest::CutDigest,
    keys,
    ports::Draw,
    record::{Owner, Reason, Stored as _},
    scope::{ADMIN, Scopes},
    store::{Check, CommitError, Unavailable, Write},
    token_id::LineageId,
};

impl Authority {
    /// Ends every refresh token of an owner, and everything that descends from them, by one write and one cut, however many
    /// there are. What is issued to the same owner afterwards lives. Gives the new epoch's number, where the live set had no
    /// room for the cut.
    ///
    /// Their tokens are not looked at, so the actor must hold what covers every `jeton:` scope: `jeton:admin`.
    ///
    /// # Errors
    /// [`DeleteError`]; nothing ended then, or, where the store failed, it is not known.
    pub fn delete_owned(
        &self,
        actor: &Actor,
        owner: &str,
        reason: Reason,
        note: Option<&str>,
    ) -> Result<Option<u64>, DeleteError> {
        check_owner(owner).map_err(|_| DeleteError::OwnerMalformed)?;
        let act = Act::of(actor, reason, note)?;
        if !actor.may_touch(&Scopes::parse(ADMIN).unwrap_or_default()) {
            return Err(DeleteError::ScopeBeyondActor);
        }
        for _ in 0..ATTEMPTS {
            match self.try_end_owner(owner, &act)? {
                Ok(advanced) => return Ok(advanced),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(DeleteError::Unavailable),
            }
        }
        Err(DeleteError::Unavailable)
    }

    fn try_end_owner(&self, owner: &str, act: &Act<'_>) -> Result<Result<Option<u64>, CommitError>, DeleteError> {
        let reading = self.clock.now();
        let key = keys::owner(owner);
        let [clock, epoch, known] = self.read([keys::CLOCK.to_vec(), keys::EPOCH.to_vec(), key.clone()])?;
        let mark = decoded(clock.as_ref()).map_err(Unavailable::from)?.map(|(mark, _)| mark);
        let time = Time::new(reading, mark);
        let epoch = decoded(epoch.as_ref()).map_err(Unavailable::from)?;
        let known = decoded::<Owner>(known.as_ref()).map_err(Unavailable::from)?;
        let (mut known, version) = known.ok_or(DeleteError::OwnerNotFound)?;
        let digest = CutDigest::of(&known.lineage.to_string());
        known.begin_life(LineageId(Draw::seeded(self.entropy.as_ref()).bytes()), act.ending(time.now));
        let mut cutting = self.cutting(time, epoch.as_ref(), vec![digest], act.by)?;
        cutting.checks.push(Check { key: key.clone(), version: Some(version) });
        cutting.writes.push(Write { key, value: Some(known.to_stored()) });
        // Their tokens become tombstones step by step. They are dead at once all the same.
        cutting.writes.push(Write { key: keys::entomb_owner(owner), value: Some(Vec::new()) });
        let (checks, writes) = (core::mem::take(&mut cutting.checks), core::mem::take(&mut cutting.writes));
        Ok(self.store.commit(checks, writes).and_then(|_| {
            self.settle(&cutting, time.now)?;
            Ok(cutting.advanced.as_ref().map(|epoch| epoch.number))
        }))
    }
}
