//! The end of one access token by its `jti`: by its holder, or by an administrator who knows nothing else of it.

use super::{
    ATTEMPTS, Actor, Authority, COMMIT_GUARD, DeleteError, Deletion, cuts::MAX_JTI_CUTS, decoded, ending::Act,
    standing::MaximumAccessTtl, time::Time,
};
use crate::{
    digest::CutDigest,
    keys,
    life::SKEW,
    ports::Draw,
    record::{Ending, Epoch, JtiCuts, Reason, Record, Stored as _},
    scope::Scopes,
    store::{Check, CommitError, Unavailable, Write},
    token_id::{Jti, LineageId},
};

impl Authority {
    /// Ends one access token: [`Deletion::AlreadyDeleted`] where it cannot be alive any more, [`Deletion::NotFound`] where
    /// none of this `jti` can ever have been minted.
    ///
    /// # Errors
    /// [`DeleteError`]. The actor needs every `jeton:` scope of the refresh token that it came from.
    pub fn delete_access_token(
        &self,
        actor: &Actor,
        jti: &str,
        reason: Reason,
        note: Option<&str>,
    ) -> Result<Deletion, DeleteError> {
        let act = Act::of(actor, reason, note)?;
        let parsed = Jti::parse(jti).ok_or(DeleteError::JtiMalformed)?;
        for _ in 0..ATTEMPTS {
            match self.try_cut_jti(actor, parsed, jti, &act)? {
                Ok(deletion) => return Ok(deletion),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(DeleteError::Unavailable),
            }
        }
        Err(DeleteError::Unavailable)
    }

    fn try_cut_jti(
        &self,
        actor: &Actor,
        jti: Jti,
        text: &str,
        act: &Act<'_>,
    ) -> Result<Result<Deletion, CommitError>, DeleteError> {
        let reading = self.clock.now();
        let [clock, epoch, maximum, record, cut] = self.read([
            keys::CLOCK.to_vec(),
            keys::EPOCH.to_vec(),
            keys::MAXIMUM_ACCESS_TTL.to_vec(),
            keys::token(jti.client),
            keys::cut(jti.epoch, CutDigest::of(text)),
        ])?;
        let time = Time::new(reading, decoded(clock.as_ref()).map_err(Unavailable::from)?.map(|(mark, _)| mark));
        let epoch = decoded::<Epoch>(epoch.as_ref()).map_err(Unavailable::from)?;
        let maximum = MaximumAccessTtl::decode(maximum.as_ref()).map_err(Unavailable::from)?;
        let record = decoded::<Record>(record.as_ref()).map_err(Unavailable::from)?;
        let (Some((record, _)), Some(epoch)) = (record, epoch) else { return Ok(Ok(Deletion::NotFound)) };
        if !self.may_act_on(actor, &record)? {
            return Ok(Ok(Deletion::NotFound));
        }
        if !actor.may_touch(&Scopes::parse(&record.scope).unwrap_or_default()) {
            return Err(DeleteError::ScopeBeyondActor);
        }
        // One of an epoch that is over may have been minted by a clock that was found to be wrong.
        let is_of_the_future = jti.epoch == epoch.0.number && jti.issued_at > time.now.plus(SKEW);
        if is_of_the_future || jti.epoch > epoch.0.number {
            return Ok(Ok(Deletion::NotFound));
        }
        let is_over = jti.epoch != epoch.0.number
            || cut.is_some()
            || record.ending.is_some()
            || time.now >= jti.issued_at.plus(maximum.seconds);
        if is_over {
            return Ok(Ok(Deletion::AlreadyDeleted));
        }
        let uncut = vec![Check { key: keys::cut(jti.epoch, CutDigest::of(text)), version: None }];
        Ok(self.cut_jti((jti, text), uncut, time, &epoch, maximum, act).map(|()| Deletion::Deleted))
    }

    /// Cuts one access token, where it is still `uncut`; where its refresh token has as many such cuts as it may, the refresh
    /// token's lineage.
    pub(super) fn cut_jti(
        &self,
        (jti, text): (Jti, &str),
        uncut: Vec<Check>,
        time: Time,
        epoch: &(Epoch, u64),
        maximum: MaximumAccessTtl,
        act: &Act<'_>,
    ) -> Result<(), CommitError> {
        let (jti_cuts, token) = (keys::jti_cuts(jti.client), keys::token(jti.client));
        let [cuts, record] = self.read([jti_cuts.clone(), token.clone()])?;
        let (mut cuts, version) = match decoded::<JtiCuts>(cuts.as_ref()).map_err(Unavailable::from)? {
            None => (JtiCuts::default(), None),
            Some((cuts, version)) => (cuts, Some(version)),
        };
        let kept_for = maximum.seconds.plus(COMMIT_GUARD);
        cuts.cut_at.retain(|cut_at| time.now < cut_at.plus(kept_for));
        let mut checks = uncut;
        checks.push(Check { key: jti_cuts.clone(), version });
        let mut writes = Vec::new();
        let mut cutting = if cuts.cut_at.len() < MAX_JTI_CUTS {
            cuts.cut_at.push(time.now);
            writes.push(Write { key: jti_cuts, value: Some(cuts.to_stored()) });
            self.cutting_one(time, epoch, CutDigest::of(text), act)?
        } else {
            let (record, version) =
                decoded::<Record>(record.as_ref()).map_err(Unavailable::from)?.ok_or(Unavailable)?;
            let digest = CutDigest::of(&record.lineage.to_string());
            let lineage = LineageId(Draw::seeded(self.entropy.as_ref()).bytes());
            let ending = Ending { reason: Reason::TooManyRevocations, ..act.ending(time.now) };
            let mut renewed = Record { generation: record.generation.saturating_add(1), ..record };
            renewed.begin_life(lineage, ending);
            checks.push(Check { key: token.clone(), version: Some(version) });
            writes.push(Write { key: token, value: Some(renewed.to_stored()) });
            writes.push(Write { key: jti_cuts, value: None });
            self.cutting(time, Some(epoch), vec![digest], act.by)?
        };
        checks.append(&mut cutting.checks);
        writes.append(&mut cutting.writes);
        self.store.commit(checks, writes)?;
        Ok(self.settle(&cutting, time.now)?)
    }
}
