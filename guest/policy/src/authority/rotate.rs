//! Rotate: a new secret for a refresh token, on an administrator's order.

use super::{ATTEMPTS, Actor, Authority, ending::Act, issue::Issued, standing::Obstacle};
use crate::{
    keys,
    ports::Draw,
    record::{Reason, Record, Stored as _, Superseded},
    refresh_token::RefreshToken,
    scope::Scopes,
    seconds::Seconds,
    store::{Check, CommitError, Unavailable, Write},
    token_id::TokenId,
};

/// The longest that an old secret is taken beside the new one: a week, so that a weekly job gets the new one in time.
pub const MAX_OVERLAP: Seconds = Seconds(7 * 24 * 60 * 60);

/// Why the secret was not replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    /// There is none of this id.
    #[error("there is no such refresh token")]
    NotFound,
    /// It, or something that it descends from, has ended or has expired.
    #[error("the refresh token has ended or has expired")]
    NotActive,
    /// Somebody else changed it in between.
    #[error("the refresh token has another generation")]
    GenerationDiffers,
    /// Nobody gets a credential with a `jeton:` scope that they lack.
    #[error("the actor lacks a `jeton:` scope that the token has")]
    ScopeBeyondActor,
    /// See [`MAX_OVERLAP`].
    #[error("the overlap is longer than 7 days")]
    OverlapOutOfRange,
    /// A third secret would be in force.
    #[error("the overlap of the last rotation is not over")]
    OverlapNotOver,
    /// The clock is too far behind a time that was already reached.
    #[error("the clock is behind a time that was already reached")]
    ClockBehind,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for RotateError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Authority {
    /// Replaces the secret of a refresh token; its id stays. The old secret is taken for `overlap` more, and mints nothing that
    /// outlives that time. Without overlap a new life begins, and everything that the token gave out is dead.
    ///
    /// Where each use replaces the secret, a new chain of secrets begins: the one in force is the one that is taken for `overlap`
    /// more, and those spent before are not taken and end nothing any more.
    ///
    /// # Errors
    /// [`RotateError`]; nothing was changed then, or, where the store failed, it is not known.
    pub fn rotate(
        &self,
        actor: &Actor,
        id: &str,
        overlap: Seconds,
        generation: Option<u64>,
    ) -> Result<Issued, RotateError> {
        if overlap > MAX_OVERLAP {
            return Err(RotateError::OverlapOutOfRange);
        }
        let id = TokenId::parse(id).ok_or(RotateError::NotFound)?;
        for _ in 0..ATTEMPTS {
            if let Some(issued) = self.try_rotate(actor, id, overlap, generation)? {
                return Ok(issued);
            }
        }
        Err(RotateError::Unavailable)
    }

    /// One attempt; `None` when something changed in between.
    fn try_rotate(
        &self,
        actor: &Actor,
        id: TokenId,
        overlap: Seconds,
        generation: Option<u64>,
    ) -> Result<Option<Issued>, RotateError> {
        let standing = self.standing(self.clock.now(), id)?;
        let (before, _) = standing.token.as_ref().ok_or(RotateError::NotFound)?;
        if !self.may_act_on(actor, before)? {
            return Err(RotateError::NotFound);
        }
        // One that is disabled may get a new secret before it is enabled again: that is the safe order after a leak.
        let stands = |obstacle| matches!(obstacle, Obstacle::Disabled(..) | Obstacle::Nowhere(_));
        if !standing.obstacles(id).all(stands) {
            return Err(RotateError::NotActive);
        }
        if generation.is_some_and(|generation| generation != before.generation) {
            return Err(RotateError::GenerationDiffers);
        }
        if !actor.may_touch(&Scopes::parse(&before.scope).map_err(|_| RotateError::Unavailable)?) {
            return Err(RotateError::ScopeBeyondActor);
        }
        if standing.time.is_behind() {
            return Err(RotateError::ClockBehind);
        }
        let now = standing.time.now;
        let at_once = overlap == Seconds(0);
        if !at_once && before.superseded.is_some_and(|superseded| now < superseded.until) {
            return Err(RotateError::OverlapNotOver);
        }
        let secret = RefreshToken::new(id, Draw::seeded(self.entropy.as_ref()).bytes());
        let rotation = standing.kept.rotation.filter(|_| before.conduct().rotates_on_use);
        let in_force = rotation.map(|(rotation, _)| rotation.current).or(before.secret);
        let mut after = Record {
            secret: Some(secret.digest().0),
            superseded: in_force.filter(|_| !at_once).map(|secret| Superseded { secret, until: now.plus(overlap) }),
            generation: before.generation.saturating_add(1),
            ..before.clone()
        };
        let mut checks = standing.unchanged(id);
        let mut writes = Vec::new();
        if before.conduct().rotates_on_use {
            let key = keys::rotation(id);
            // What is cut at once needs no check that an exchange could spoil: what that draws meanwhile ends here as well.
            if !at_once {
                checks.push(Check { key: key.clone(), version: rotation.map(|(_, version)| version) });
            }
            writes.push(Write { key, value: None });
        }
        let act = at_once.then(|| Act::by(actor, Reason::Rotated, None).ending(now));
        let mut cutting = self.renewing(&standing, &mut after, act)?;
        checks.append(&mut cutting.checks);
        writes.append(&mut cutting.writes);
        let token = self.token_after(id, &after, &standing)?;
        writes.push(Write { key: keys::token(id), value: Some(after.to_stored()) });
        match self.store.commit(checks, writes) {
            Ok(_) => {}
            Err(CommitError::Conflict) => return Ok(None),
            Err(CommitError::Unavailable) => return Err(RotateError::Unavailable),
        }
        self.settle(&cutting, now)?;
        Ok(Some(Issued { secret: Some(secret.reveal()), token }))
    }
}
