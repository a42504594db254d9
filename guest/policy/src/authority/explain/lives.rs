//! What a `jti` tells of an access token: the lives that it must descend from, and how long it can have lived.

use crate::{
    authority::{COMMIT_GUARD, standing::Standing},
    record::{MAX_PAST_LIVES, Record, Settings},
    seconds::Seconds,
    token_id::{Jti, LineageId, LineageTag},
};

/// The most lineages that are tried: a chain of which every link began new lives within a minute has no more.
const MAX_CANDIDATES: usize = 4096;

/// The lineage of the access token with this `jti`: of each link the life that was in force at the `iat`, told apart by the
/// tag where a life began at that very time.
pub(super) fn lineage_of(standing: &Standing, jti: &Jti) -> Vec<String> {
    let links: Vec<Link> = standing
        .chain(jti.client)
        .filter_map(|(_, record)| record)
        .map(|(record, _)| {
            let owner = record.owner.as_ref().and_then(|name| standing.owner(name));
            Link {
                lives: lives_at(record, jti.issued_at),
                owner: owner.map(|(owner, _)| record.owner_lineage.unwrap_or(owner.lineage)),
            }
        })
        .collect();
    let candidates: usize = links.iter().map(|link| link.lives.len()).fold(1, usize::saturating_mul);
    let lineages = (0..candidates.min(MAX_CANDIDATES)).map(|candidate| lineage(&links, candidate));
    let fits = |lineage: &Vec<String>| LineageTag::of(lineage) == jti.tag();
    lineages.into_iter().find(fits).unwrap_or_else(|| lineage(&links, 0))
}

/// How long the access tokens of `record` can have lived: what its members and the settings say, where neither was ever
/// changed, else the most that was ever in force.
pub(super) fn most_that_it_lives(standing: &Standing, record: &Record) -> Seconds {
    let most = standing.maximum_access_ttl.seconds;
    let is_first = record.generation == 1 && standing.settings.generation() == Settings::default().generation();
    if is_first { standing.settings.access_ttl(record.access_ttl).min(most) } else { most }
}

/// A link of a chain, and the lives of it that an access token may descend from, the likeliest first; never empty.
struct Link {
    lives: Vec<LineageId>,
    owner: Option<LineageId>,
}

/// The lives of `record` around `issued_at`. An exchange and an act that race may each have read the clock first, so the lives
/// up to [`COMMIT_GUARD`] before and after are taken as well, after the one that was in force by the clock.
fn lives_at(record: &Record, issued_at: Seconds) -> Vec<LineageId> {
    let past = record.past.as_deref().unwrap_or_default();
    let ended_at = record.ending.as_ref().map_or(Seconds(u64::MAX), |ending| ending.at);
    let ends = core::iter::once(ended_at).chain(past.iter().map(|life| life.ending.at));
    let lives = core::iter::once(record.lineage).chain(past.iter().map(|life| life.lineage));
    // Where older lives were forgotten, the oldest known one may have begun at any time.
    let first = if past.len() < MAX_PAST_LIVES { record.created_at } else { Seconds(0) };
    let begins = past.iter().map(|life| life.ending.at).chain(core::iter::once(first));
    let spans: Vec<_> = lives.zip(begins.zip(ends)).collect();
    let within = |guard: Seconds| {
        let reaches =
            move |(begin, end): (Seconds, Seconds)| begin.since(guard) <= issued_at && issued_at <= end.plus(guard);
        spans.iter().filter(move |(_, span)| reaches(*span)).map(|(life, _)| *life)
    };
    let mut lives: Vec<LineageId> = within(Seconds(0)).collect();
    for life in within(COMMIT_GUARD) {
        if !lives.contains(&life) {
            lives.push(life);
        }
    }
    if lives.is_empty() {
        lives.push(record.lineage);
    }
    lives
}

/// The lineage of one choice of lives, in the order in which an exchange writes it.
fn lineage(links: &[Link], mut candidate: usize) -> Vec<String> {
    let mut lineage: Vec<LineageId> = Vec::new();
    for link in links {
        let count = link.lives.len().max(1);
        lineage.extend(link.lives.get(candidate % count));
        candidate /= count;
        if let Some(owner) = link.owner
            && !lineage.contains(&owner)
        {
            lineage.push(owner);
        }
    }
    lineage.iter().map(ToString::to_string).collect()
}
