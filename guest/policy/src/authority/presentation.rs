//! Presentation: a bearer shows a refresh token in order to have something minted with it.
//!
//! Exchange and token exchange (RFC 8693) begin here, so each presentation passes the same secret, rotation and use count.

use super::{
    Authority, decoded,
    standing::{Grant, Standing, earlier},
    time::TOLERATED_STEP_BACK,
};
use crate::{
    digest::Digest,
    keys,
    network::Address,
    ports::{Draw, Reading},
    record::{Exchanges, Record, Rotation, RotationPredecessor, Spent, Stored as _},
    refresh_token::RefreshToken,
    seconds::Seconds,
    store::{Check, CommitError, Unavailable, Write},
    token_id::TokenId,
};

/// How long a secret that its use has replaced may be presented again, for a client that never got the answer.
///
/// Long enough for a request's timeout and one repetition, too short for a thief to live on.
pub const ROTATION_GRACE: Seconds = Seconds(30);
/// How long a spent secret is remembered: as long as a refresh token lives by default. Presented later, it is refused like any wrong one.
pub const SPENT_KEPT: Seconds = Seconds(90 * 24 * 60 * 60);
/// How often a presentation begins anew. A conflict means that another presentation of the same token went through, so of so
/// many that race none is refused wrongly; each attempt is a read and a commit, and signs nothing.
pub(super) const PRESENTATION_ATTEMPTS: u32 = 1024;

/// A refresh token that was presented and may mint, and what must be committed before anything is handed out.
pub(super) struct Presented {
    pub(super) id: TokenId,
    pub(super) standing: Standing,
    pub(super) grant: Grant,
    /// The secret that replaces the presented one.
    pub(super) successor: Option<RefreshToken>,
    checks: Vec<Check>,
    writes: Vec<Write>,
}

/// Why a presented refresh token mints nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PresentError {
    /// It is malformed, unknown, dead, used up, or out of place or time.
    Invalid,
    /// The clock is too far behind.
    ClockBehind,
    /// The store cannot be had.
    Unavailable,
}

impl From<Unavailable> for PresentError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// What a presented secret is to its token.
pub(super) enum Secret {
    /// The one in force.
    Current,
    /// The one whose use gave out the current one, within [`ROTATION_GRACE`].
    Repeated(Rotation),
    /// The one before the last rotation by an administrator, taken until this moment.
    Superseded(Seconds),
    /// One that was spent before: somebody else has a copy.
    Spent,
    /// None of this token.
    Wrong,
}

impl Authority {
    /// Judges a presented refresh token. Nothing is written yet: see [`Authority::keep`]. `None`: the token is not what it was found
    /// to be any more; begin anew.
    ///
    /// A spent secret of a token that rotates on use ends the token at once, and all that descends from it (RFC 9700 section 4.14.2).
    pub(super) fn present(
        &self,
        reading: Reading,
        presented: &RefreshToken,
        peer: Option<Address>,
    ) -> Result<Option<Presented>, PresentError> {
        let id = presented.id();
        let standing = self.standing(reading, id)?;
        let secret = self.secret(&standing, presented)?;
        let (cap, repeated) = match secret {
            Secret::Current => (None, None),
            Secret::Repeated(rotation) => (None, Some(rotation)),
            Secret::Superseded(until) => (Some(until), None),
            Secret::Wrong => return Err(PresentError::Invalid),
            Secret::Spent => {
                return match self.end_family(id, &standing) {
                    Ok(_) => Err(PresentError::Invalid),
                    Err(CommitError::Conflict) => Ok(None),
                    Err(CommitError::Unavailable) => Err(PresentError::Unavailable),
                };
            }
        };
        let mut grant = standing.grant(id).map_err(|_| PresentError::Invalid)?;
        if !grant.admits(peer, standing.time.now) {
            return Err(PresentError::Invalid);
        }
        if standing.time.is_behind() {
            return Err(PresentError::ClockBehind);
        }
        grant.expires_at = earlier(grant.expires_at, cap);
        grant.scopes = grant.scopes.mintable();
        let mut presented_token =
            Presented { id, standing, grant, successor: None, checks: Vec::new(), writes: Vec::new() };
        presented_token.count()?;
        if presented_token.standing.conduct().rotates_on_use && cap.is_none() {
            let mut draw = Draw::seeded(self.entropy.as_ref());
            let successor = RefreshToken::new(id, draw.bytes());
            presented_token.rotate(presented.digest(), repeated, successor);
        }
        Ok(Some(presented_token))
    }

    /// Commits what a presentation changed. `Conflict`: somebody else acted upon the same token, or above it, at the same time; begin anew.
    pub(super) fn keep(&self, presented: &mut Presented) -> Result<(), CommitError> {
        let (checks, writes) = presented.take_commit();
        if writes.is_empty() { Ok(()) } else { self.store.commit(checks, writes).map(|_| ()) }
    }

    /// Whether `presented` has a secret of its token that is taken now; spends nothing.
    pub(super) fn is_held(&self, standing: &Standing, presented: &RefreshToken) -> Result<bool, Unavailable> {
        Ok(matches!(self.secret(standing, presented)?, Secret::Current | Secret::Repeated(_) | Secret::Superseded(_)))
    }

    /// What a presented secret is to its token; spends nothing.
    pub(super) fn secret(&self, standing: &Standing, presented: &RefreshToken) -> Result<Secret, Unavailable> {
        let Some((record, _)) = &standing.token else { return Ok(Secret::Wrong) };
        let (digest, now) = (presented.digest(), standing.time.now);
        // A tombstone has none.
        let Some(first) = record.secret else { return Ok(Secret::Wrong) };
        let rotates = record.conduct().rotates_on_use;
        let rotation = standing.kept.rotation.filter(|_| rotates).map(|(rotation, _)| rotation);
        let current = rotation.map_or(first, |rotation| rotation.current);
        if Digest(current).matches(&digest) {
            return Ok(Secret::Current);
        }
        if let Some(superseded) = record.superseded
            && Digest(superseded.secret).matches(&digest)
        {
            return Ok(if now < superseded.until { Secret::Superseded(superseded.until) } else { Secret::Wrong });
        }
        if !rotates {
            return Ok(Secret::Wrong);
        }
        if let Some(rotation) = rotation
            && Digest(rotation.predecessor.secret).matches(&digest)
        {
            // A use that lies further ahead than clocks may differ by was noted by a clock that was found to be wrong: no grace.
            let used_at = rotation.predecessor.used_at;
            let in_grace = now < used_at.plus(ROTATION_GRACE) && used_at.since(now) <= TOLERATED_STEP_BACK;
            return Ok(if in_grace { Secret::Repeated(rotation) } else { Secret::Spent });
        }
        let [spent] = self.read([keys::spent(presented.id(), &digest)])?;
        let spent: Option<Spent> = decoded(spent.as_ref())?.map(|(spent, _)| spent);
        Ok(if spent.is_some_and(|spent| spent.chain == first) { Secret::Spent } else { Secret::Wrong })
    }
}

impl Presented {
    /// The token's record.
    pub(super) fn record(&self) -> Option<&Record> {
        self.standing.token.as_ref().map(|(record, _)| record)
    }

    /// Hands over what is to be committed, for a caller that commits it together with something else.
    ///
    /// What is counted or spent is so by the records, the epoch and the settings that allowed it: an administrator's act upon one of
    /// them makes this begin anew, so that nobody pays with one of a few exchanges for an access token of an epoch that is over. An end
    /// also takes the counts away, so that there being none would not tell that none was taken.
    pub(super) fn take_commit(&mut self) -> (Vec<Check>, Vec<Write>) {
        if !self.writes.is_empty() {
            self.checks.extend(self.standing.unchanged(self.id));
            self.checks.extend(self.standing.same_epoch_and_settings());
        }
        (core::mem::take(&mut self.checks), core::mem::take(&mut self.writes))
    }

    /// Takes one of a limited number of exchanges. The commit's check makes the number exact, whoever races.
    fn count(&mut self) -> Result<(), PresentError> {
        let limit = self.record().and_then(|record| record.bindings.as_ref()).and_then(|one| one.max_exchanges);
        let Some(limit) = limit else { return Ok(()) };
        let (exchanges, version) = match self.standing.kept.exchanges {
            None => (Exchanges::default(), None),
            Some((exchanges, version)) => (exchanges, Some(version)),
        };
        if exchanges.count >= limit {
            return Err(PresentError::Invalid);
        }
        let counted = Exchanges { count: exchanges.count.saturating_add(1) };
        self.checks.push(Check { key: keys::exchanges(self.id), version });
        self.writes.push(Write { key: keys::exchanges(self.id), value: Some(counted.to_stored()) });
        Ok(())
    }

    /// Replaces the secret. `repeated`: the rotation whose successor was never seen, and is ended by this one.
    fn rotate(&mut self, presented: Digest, repeated: Option<Rotation>, successor: RefreshToken) {
        let (id, now) = (self.id, self.standing.time.now);
        let stored = self.standing.kept.rotation;
        let (predecessor, spent) = match repeated {
            Some(rotation) => (rotation.predecessor, Some(rotation.current)),
            None => (
                RotationPredecessor { secret: presented.0, used_at: now },
                stored.map(|(rotation, _)| rotation.predecessor.secret),
            ),
        };
        let rotation = Rotation { current: successor.digest().0, predecessor };
        self.checks.push(Check { key: keys::rotation(id), version: stored.map(|(_, version)| version) });
        self.writes.push(Write { key: keys::rotation(id), value: Some(rotation.to_stored()) });
        if let (Some(spent), Some(chain)) = (spent.map(Digest), self.record().and_then(|record| record.secret)) {
            let kept = Spent { at: now, chain };
            self.writes.push(Write { key: keys::spent(id, &spent), value: Some(kept.to_stored()) });
            self.writes.push(Write { key: keys::spent_due(now, id, &spent), value: Some(Vec::new()) });
        }
        self.successor = Some(successor);
    }
}
