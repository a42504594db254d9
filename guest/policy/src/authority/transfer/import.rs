//! Import: each token whole or not at all, and none about which a promise could not be kept.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use super::{
    super::{
        ATTEMPTS, Actor, Authority, IssueError, MAX_NOTE_LENGTH, decoded, index,
        issue::raise_maximum,
        members::{self, LAST_EXPIRY, MAX_ANCESTORS},
        names::taking,
        standing::MaximumAccessTtl,
        time::Time,
    },
    ExportedToken,
};
use crate::{
    keys,
    ports::Draw,
    record::{Bindings, Conduct, Ending, Exchanges, Record, Settings, Stored as _, Used},
    scope::Scopes,
    seconds::Seconds,
    store::{Check, CommitError, Freshness, MAX_COMMIT, Unavailable, Write},
    token_id::{LineageId, TokenId},
};

/// The most tokens of one call.
pub const MAX_IMPORTED: usize = 1000;
/// The most checks and writes that one token takes; so a full call is one commit.
const WRITES_EACH: usize = 16;
/// Checks and writes of a whole call: the settings, and the maximum access TTL.
const WRITES_OF_ALL: usize = 3;
const _: () = assert!(MAX_IMPORTED * WRITES_EACH + WRITES_OF_ALL <= MAX_COMMIT, "a full call is one commit");
/// The most characters of an address as text (RFC 4291 section 2.2, with an embedded IPv4 address).
const MAX_ADDRESS_LENGTH: usize = 45;

/// What became of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is there now.
    Imported,
    /// It was there before, and the same.
    AlreadyThere,
    /// It is there, and another.
    Differs,
    /// It breaks this rule.
    Refused(IssueError),
    /// Its id is none.
    IdMalformed,
    /// Its secret is none, or a living token has none, or a tombstone has one.
    SecretMalformed,
    /// More exchanges are left than it may have, or they are not counted.
    ExchangesLeftOutOfRange,
    /// Its ending, or what disabled it, has an author or a note that breaks a rule.
    EndingMalformed,
    /// It would have been made in the future.
    CreatedInTheFuture,
}

/// Why nothing was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// See [`MAX_IMPORTED`].
    #[error("more than {MAX_IMPORTED} tokens")]
    TooMany,
    /// The clock is too far behind a time that was already reached.
    #[error("the clock is behind a time that was already reached")]
    ClockBehind,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for ImportError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// A token that may be imported once its parent is there.
struct Candidate {
    place: usize,
    id: TokenId,
    parent: Option<TokenId>,
    record: Record,
    exchanged: Option<u64>,
    used: Option<Used>,
}

/// What the store says around a batch.
struct Ground {
    time: Time,
    settings: Settings,
    settings_version: Option<u64>,
    maximum: MaximumAccessTtl,
    /// The tokens of the batch and their parents, as far as they are there.
    records: BTreeMap<TokenId, (Record, u64)>,
}

impl Authority {
    /// Takes tokens of another store, or of this one's past. Generation by generation: a child may stand beside its parent.
    ///
    /// # Errors
    /// [`ImportError`]. What was imported before the store failed stays; the same call again goes on from there.
    pub fn import(&self, actor: &Actor, tokens: &[ExportedToken]) -> Result<Vec<Imported>, ImportError> {
        if tokens.len() > MAX_IMPORTED {
            return Err(ImportError::TooMany);
        }
        let mut results: Vec<Option<Imported>> = vec![None; tokens.len()];
        let mut waiting = Vec::new();
        let mut seen = BTreeMap::new();
        let mut repeated = Vec::new();
        for (place, token) in tokens.iter().enumerate() {
            let Some(result) = results.get_mut(place) else { continue };
            match candidate(place, token, actor) {
                Err(refused) => *result = Some(refused),
                Ok(one) => match seen.entry(one.id) {
                    Entry::Occupied(first) => repeated.push((place, *first.get())),
                    Entry::Vacant(first) => {
                        first.insert(place);
                        waiting.push(one);
                    }
                },
            }
        }
        // Each turn takes those whose parents are there by now.
        for _ in 0..=MAX_ANCESTORS {
            if waiting.is_empty() {
                break;
            }
            waiting = self.import_generation(waiting, tokens, &mut results)?;
        }
        for one in waiting {
            put(&mut results, one.place, Imported::Refused(IssueError::ParentNotFound));
        }
        for (place, first) in repeated {
            let same = tokens.get(place) == tokens.get(first);
            let result = match results.get(first).copied().flatten() {
                _ if !same => Imported::Differs,
                Some(Imported::Imported) | None => Imported::AlreadyThere,
                Some(other) => other,
            };
            put(&mut results, place, result);
        }
        Ok(results.into_iter().map(|result| result.unwrap_or(Imported::IdMalformed)).collect())
    }

    /// Imports those whose parents are there, in one commit; gives those whose parents are still to come.
    fn import_generation(
        &self,
        mut waiting: Vec<Candidate>,
        tokens: &[ExportedToken],
        results: &mut [Option<Imported>],
    ) -> Result<Vec<Candidate>, ImportError> {
        for _ in 0..ATTEMPTS {
            let ground = self.ground(&waiting)?;
            if ground.time.is_behind() {
                return Err(ImportError::ClockBehind);
            }
            let coming: BTreeSet<TokenId> = waiting.iter().map(|one| one.id).collect();
            let (mut now, mut later) = (Vec::new(), Vec::new());
            for one in waiting {
                if ground.records.contains_key(&one.id) {
                    let same = self.is_same(one.id, tokens.get(one.place))?;
                    put(results, one.place, if same { Imported::AlreadyThere } else { Imported::Differs });
                } else if one
                    .parent
                    .is_some_and(|parent| !ground.records.contains_key(&parent) && coming.contains(&parent))
                {
                    later.push(one);
                } else {
                    now.push(one);
                }
            }
            let mut draw = Draw::seeded(self.entropy.as_ref());
            let mut batch = Batch::default();
            batch.check(keys::SETTINGS.to_vec(), ground.settings_version);
            let mut entering = Vec::with_capacity(now.len());
            for one in now {
                match self.prepare(&one, &ground, &mut draw, &mut batch)? {
                    Ok(()) => entering.push(one),
                    Err(refused) => put(results, one.place, refused),
                }
            }
            if entering.is_empty() {
                return Ok(later);
            }
            let longest = entering.iter().filter_map(|one| one.record.access_ttl).max();
            if let Some(ttl) = longest {
                raise_maximum(ground.maximum, ttl, &mut batch.checks, &mut batch.writes);
            }
            match self.store.commit(batch.checks, batch.writes) {
                Ok(_) => {
                    entering.iter().for_each(|one| put(results, one.place, Imported::Imported));
                    return Ok(later);
                }
                Err(CommitError::Conflict) => {
                    waiting = entering;
                    waiting.extend(later);
                }
                Err(CommitError::Unavailable) => return Err(ImportError::Unavailable),
            }
        }
        Err(ImportError::Unavailable)
    }

    fn ground(&self, waiting: &[Candidate]) -> Result<Ground, Unavailable> {
        let reading = self.clock.now();
        let ids: BTreeSet<TokenId> = waiting.iter().flat_map(|one| [Some(one.id), one.parent]).flatten().collect();
        let mut wanted = vec![keys::CLOCK.to_vec(), keys::SETTINGS.to_vec(), keys::MAXIMUM_ACCESS_TTL.to_vec()];
        wanted.extend(ids.iter().map(|id| keys::token(*id)));
        let entries = self.store.read(&wanted, Freshness::Latest)?.entries;
        let [clock, settings, maximum, found @ ..] = entries.as_slice() else { return Err(Unavailable) };
        let mut records = BTreeMap::new();
        for (id, entry) in ids.into_iter().zip(found) {
            if let Some(record) = decoded(entry.as_ref())? {
                records.insert(id, record);
            }
        }
        let settings = decoded::<Settings>(settings.as_ref())?;
        Ok(Ground {
            time: Time::new(reading, decoded(clock.as_ref())?.map(|(mark, _)| mark)),
            settings_version: settings.as_ref().map(|(_, version)| *version),
            settings: settings.map(|(settings, _)| settings).unwrap_or_default(),
            maximum: MaximumAccessTtl::decode(maximum.as_ref())?,
            records,
        })
    }

    /// What it takes to enter one token, added to the batch; or why it is refused.
    fn prepare(
        &self,
        one: &Candidate,
        ground: &Ground,
        draw: &mut Draw,
        batch: &mut Batch,
    ) -> Result<Result<(), Imported>, Unavailable> {
        let mut record = one.record.clone();
        if record.created_at > ground.time.rounded_up {
            return Ok(Err(Imported::CreatedInTheFuture));
        }
        if let Some(parent) = one.parent {
            let Some((above, version)) = ground.records.get(&parent) else {
                return Ok(Err(Imported::Refused(IssueError::ParentNotFound)));
            };
            record.ancestors = vec![parent];
            record.ancestors.extend(&above.ancestors);
            let levels = usize::try_from(ground.settings.delegation_levels()).unwrap_or(usize::MAX);
            if record.ancestors.len() > MAX_ANCESTORS.min(levels) {
                return Ok(Err(Imported::Refused(IssueError::TooDeep)));
            }
            batch.check(keys::token(parent), Some(*version));
            // The sweeper may have passed there before: it comes once more, so that this becomes a tombstone as well.
            let entomb = keys::entomb(parent);
            if above.ending.is_some() && !batch.writes.iter().any(|write| write.key == entomb) {
                batch.writes.push(Write { key: entomb, value: Some(Vec::new()) });
            }
        }
        if ground.settings.unique_names() && record.ending.is_none() {
            let taken = match self.free_name(&record.name) {
                Ok(taken) => taken,
                Err(IssueError::Unavailable) => return Err(Unavailable),
                Err(refused) => return Ok(Err(Imported::Refused(refused))),
            };
            if !batch.names.insert(record.name.clone()) {
                return Ok(Err(Imported::Refused(IssueError::NameTaken)));
            }
            let (check, write) = taking(&record.name, one.id, taken);
            batch.check(check.key, check.version);
            batch.writes.push(write);
        }
        record.lineage = LineageId(draw.bytes());
        if let Some(owner) = &record.owner {
            record.owner_lineage = Some(match batch.owners.get(owner) {
                Some(lineage) => *lineage,
                None => {
                    let lineage = self.join_owner(owner, draw, &mut batch.checks, &mut batch.writes)?;
                    batch.owners.insert(owner.clone(), lineage);
                    lineage
                }
            });
        }
        batch.check(keys::token(one.id), None);
        batch.writes.push(Write { key: keys::token(one.id), value: Some(record.to_stored()) });
        let unused = keys::unused(one.id);
        let entered = index::entered(one.id, &record).into_iter();
        batch.writes.extend(entered.filter(|write| one.used.is_none() || write.key != unused));
        if let Some(count) = one.exchanged {
            let exchanges = Exchanges { count };
            batch.writes.push(Write { key: keys::exchanges(one.id), value: Some(exchanges.to_stored()) });
        }
        if let Some(used) = &one.used {
            batch.writes.push(Write { key: keys::used(one.id), value: Some(used.to_stored()) });
            batch.writes.push(Write { key: keys::last_used(used.at, one.id), value: Some(Vec::new()) });
        }
        Ok(Ok(()))
    }

    /// Whether the token that is there is the one that is given. What its use changes is not compared.
    fn is_same(&self, id: TokenId, given: Option<&ExportedToken>) -> Result<bool, Unavailable> {
        let Some(given) = given else { return Ok(false) };
        let Some(mut there) = self.exported(&[id])?.pop() else { return Ok(false) };
        there.exchanges_left = given.exchanges_left;
        there.last_use.clone_from(&given.last_use);
        if there.conduct.rotates_on_use {
            there.secret_sha256.clone_from(&given.secret_sha256);
        }
        Ok(there == *given)
    }
}

/// What one commit shall do.
#[derive(Default)]
struct Batch {
    checks: Vec<Check>,
    writes: Vec<Write>,
    checked: BTreeSet<Vec<u8>>,
    owners: BTreeMap<String, LineageId>,
    names: BTreeSet<String>,
}

impl Batch {
    /// Adds a check once.
    fn check(&mut self, key: Vec<u8>, version: Option<u64>) {
        if self.checked.insert(key.clone()) {
            self.checks.push(Check { key, version });
        }
    }
}

fn put(results: &mut [Option<Imported>], place: usize, result: Imported) {
    if let Some(slot) = results.get_mut(place) {
        *slot = Some(result);
    }
}

/// Reads one token, by the rules that need no store.
fn candidate(place: usize, token: &ExportedToken, actor: &Actor) -> Result<Candidate, Imported> {
    let id = TokenId::parse(&token.id).ok_or(Imported::IdMalformed)?;
    let refused = Imported::Refused;
    members::check_name(&token.name).map_err(refused)?;
    if let Some(owner) = &token.owner {
        members::check_owner(owner).map_err(refused)?;
    }
    let parent = match &token.parent {
        None => None,
        Some(text) => {
            Some(TokenId::parse(text).filter(|parent| *parent != id).ok_or(refused(IssueError::ParentMalformed))?)
        }
    };
    let scopes = Scopes::new(&token.scopes).map_err(|error| refused(error.into()))?;
    if !actor.may_touch(&scopes) || actor.confined_to().is_some() {
        return Err(refused(IssueError::ScopeBeyondActor));
    }
    if token.expires_at.is_some_and(|expiry| expiry > LAST_EXPIRY) {
        return Err(refused(IssueError::ExpiryOutOfRange));
    }
    members::check_access_ttl(token.access_ttl, &Settings::default()).map_err(refused)?;
    let bindings: Option<Bindings> = members::bindings(&token.bindings, token.expires_at, None).map_err(refused)?;
    let secret = match (&token.secret_sha256, &token.ending) {
        (None, Some(_)) => None,
        (Some(secret), None) => Some(<[u8; 32]>::try_from(secret.as_slice()).map_err(|_| Imported::SecretMalformed)?),
        _ => return Err(Imported::SecretMalformed),
    };
    let author_is_sound = members::is_author(&token.created_by);
    if !author_is_sound || [&token.disabled, &token.ending].into_iter().flatten().any(|ending| !is_sound(ending)) {
        return Err(Imported::EndingMalformed);
    }
    let exchanged = match (token.bindings.max_exchanges, token.exchanges_left) {
        (None, None) => None,
        (Some(limit), Some(left)) if left <= limit && token.ending.is_none() => Some(limit.saturating_sub(left)),
        (Some(limit), Some(left)) if left <= limit => None,
        _ => return Err(Imported::ExchangesLeftOutOfRange),
    };
    let address_is_sound =
        |address: &String| address.len() <= MAX_ADDRESS_LENGTH && address.bytes().all(|byte| byte.is_ascii_graphic());
    let used = token.last_use.as_ref().map(|used| Used {
        at: used.at,
        address: used.address.clone().filter(address_is_sound),
        count: used.count,
    });
    let record = Record {
        name: token.name.clone(),
        secret,
        lineage: LineageId([0; 16]),
        owner: token.owner.clone(),
        ancestors: Vec::new(),
        scope: scopes.joined(),
        created_at: token.created_at,
        created_by: token.created_by.clone(),
        expires_at: token.expires_at,
        access_ttl: token.access_ttl,
        generation: 1,
        ending: token.ending.clone(),
        owner_lineage: None,
        disabled: token.disabled.clone(),
        bindings,
        conduct: (token.conduct != Conduct::default()).then_some(token.conduct),
        superseded: None,
        past: None,
    };
    Ok(Candidate { place, id, parent, record, exchanged: exchanged.filter(|count| *count > 0), used })
}

fn is_sound(ending: &Ending) -> bool {
    let note_is_sound = |note: &String| note.chars().count() <= MAX_NOTE_LENGTH && !note.chars().any(char::is_control);
    members::is_author(&ending.by)
        && ending.at <= Seconds(LAST_EXPIRY.0)
        && ending.note.as_ref().is_none_or(note_is_sound)
}
