//! Why a refresh token mints, or does not.

use super::{Cause, Death, ExplainError, Explanation};
use crate::{
    authority::{
        Authority,
        presentation::Secret,
        standing::{Grant, Obstacle, Standing, earlier},
    },
    record::{Ending, Reason, Record},
    refresh_token::RefreshToken,
    seconds::Seconds,
    store::Unavailable,
    token_id::TokenId,
};

impl Authority {
    /// By the id alone, or by the token itself; `None`: nothing is known of it.
    pub(super) fn explain_refresh_token(
        &self,
        id: TokenId,
        presented: Option<&RefreshToken>,
    ) -> Result<Option<Explanation>, ExplainError> {
        let standing = self.standing(self.clock.now(), id)?;
        let Some((record, _)) = &standing.token else { return Ok(None) };
        let records = standing.chain(id).filter_map(|(_, record)| record);
        let explanation = Explanation {
            issued_at: Some(record.created_at),
            expires_at: records.fold(None, |first, (record, _)| earlier(first, record.expiry(&standing.settings))),
            ..Explanation::of(id, self.explained_chain(&standing, id)?)
        };
        let death = match standing.grant(id) {
            Err(obstacle) => Some(first_death(&standing, id).unwrap_or_else(|| of_obstacle(&standing, id, &obstacle))),
            Ok(grant) => {
                match presented.map(|presented| self.wrong_secret(&standing, record, presented)).transpose()? {
                    Some(Some(death)) => Some(death),
                    _ => out_of_time_or_count(&standing, id, record, &grant),
                }
            }
        };
        Ok(Some(match death {
            Some(death) => explanation.dead_by(death),
            None => explanation,
        }))
    }

    /// Why the presented secret is not taken. Nothing is spent by asking, and no reuse is found.
    fn wrong_secret(
        &self,
        standing: &Standing,
        record: &Record,
        presented: &RefreshToken,
    ) -> Result<Option<Death>, Unavailable> {
        let link = Some(presented.id().to_string());
        match self.secret(standing, presented)? {
            Secret::Current | Secret::Repeated(_) | Secret::Superseded(_) => Ok(None),
            Secret::Spent => Ok(Some(Death { link, ..Death::by(Cause::WrongSecret) })),
            Secret::Wrong => {
                // The one before the last rotation, whose overlap is over; or one from before a rotation at once, if there was one.
                let superseded = record
                    .superseded
                    .filter(|superseded| crate::digest::Digest(superseded.secret).matches(&presented.digest()));
                let past = record.past.iter().flatten();
                let mut rotated = past.map(|life| &life.ending).filter(|ending| ending.reason == Reason::Rotated);
                let ending = if superseded.is_some() { None } else { rotated.next().cloned() };
                let at = superseded.map(|superseded| superseded.until).or(ending.as_ref().map(|ending| ending.at));
                Ok(Some(Death { at, cause: Cause::WrongSecret, ending, link }))
            }
        }
    }
}

/// The first thing that ended the token or something that it descends from.
fn first_death(standing: &Standing, id: TokenId) -> Option<Death> {
    let (mut deaths, now) = (Vec::new(), standing.time.now);
    // The nearest tombstone stands as it was written: what ended above it and bears an earlier time came later, after a clock that
    // went back was accepted.
    let mut written: Option<Seconds> = None;
    for (id, record) in standing.chain(id) {
        let Some((record, _)) = record else {
            deaths.push(Death { link: Some(id.to_string()), ..Death::by(Cause::Ended) });
            continue;
        };
        let came_first = |ending: &&Ending| written.is_none_or(|written| ending.at >= written);
        if let Some(name) = &record.owner
            && let Some((owner, _)) = standing.owner(name)
            && let Some(ending) = owner.ending_of(record.owner_lineage.unwrap_or(owner.lineage))
        {
            deaths.extend(came_first(&&ending).then(|| Death::by_act(Cause::Ended, &ending, name.clone())));
        }
        deaths.extend(
            record.ending.iter().filter(came_first).map(|ending| Death::by_act(Cause::Ended, ending, id.to_string())),
        );
        let expiry = record.expiry(&standing.settings).filter(|expiry| now >= *expiry);
        deaths.extend(expiry.map(|expiry| Death::at(Cause::Expired, expiry, id.to_string())));
        deaths.extend(record.disabled.iter().map(|ending| Death::by_act(Cause::Disabled, ending, id.to_string())));
        written = written.or(record.ending.as_ref().map(|ending| ending.at));
    }
    Death::first(deaths)
}

/// What is in the way without having happened at a moment that is known.
fn of_obstacle(standing: &Standing, id: TokenId, obstacle: &Obstacle) -> Death {
    match obstacle {
        // Something above it was narrowed, so that nothing is left that both may.
        Obstacle::Nowhere(link) => {
            let narrowed = standing.chain(id).find(|(id, _)| id == link).and_then(|(_, record)| record);
            let past = narrowed.iter().flat_map(|(record, _)| record.past.iter().flatten());
            let mut endings = past.map(|life| &life.ending).filter(|ending| ending.reason == Reason::Narrowed);
            match endings.next() {
                Some(ending) => Death::by_act(Cause::Cut, ending, link.to_string()),
                None => Death { link: Some(link.to_string()), ..Death::by(Cause::Cut) },
            }
        }
        Obstacle::Missing(link)
        | Obstacle::Ended(link, _)
        | Obstacle::OwnerEnded(link, ..)
        | Obstacle::Expired(link, _)
        | Obstacle::Disabled(link, _)
        | Obstacle::Unreadable(link) => Death { link: Some(link.to_string()), ..Death::by(Cause::Ended) },
    }
}

fn out_of_time_or_count(standing: &Standing, id: TokenId, record: &Record, grant: &Grant) -> Option<Death> {
    let link = Some(id.to_string());
    if grant.not_before.is_some_and(|from| standing.time.now < from) {
        return Some(Death { link, ..Death::by(Cause::NotBefore) });
    }
    let limit = record.bindings.as_ref().and_then(|bindings| bindings.max_exchanges)?;
    let used = standing.kept.exchanges.map_or(0, |(exchanges, _)| exchanges.count);
    (used >= limit).then(|| Death { link, ..Death::by(Cause::UsedUp) })
}
