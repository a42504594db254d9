//! How a refresh token stands: everything that minting with it or under it depends on, all of one moment.

use std::collections::BTreeMap;

use super::{Authority, decoded, time::Time};
use crate::{
    keys,
    network::{Address, Networks},
    ports::Reading,
    record::{Conduct, Ending, Epoch, Exchanges, Owner, Record, RecordError, Rotation, Settings},
    scope::Scopes,
    seconds::Seconds,
    store::{Check, Entry, Freshness, Unavailable},
    token_id::{LineageId, TokenId},
};

/// A record and its version.
pub(super) type Versioned<T> = (T, u64);

/// Everything that decides whether, and what, a refresh token mints.
pub(super) struct Standing {
    pub(super) time: Time,
    pub(super) epoch: Option<Versioned<Epoch>>,
    pub(super) settings: Settings,
    /// The version of the settings. `None`: they were never changed.
    pub(super) settings_version: Option<u64>,
    pub(super) maximum_access_ttl: MaximumAccessTtl,
    pub(super) token: Option<Versioned<Record>>,
    /// Nearest first; `None` for one that is not there.
    pub(super) ancestors: Vec<(TokenId, Option<Versioned<Record>>)>,
    owners: Vec<(String, Option<Versioned<Owner>>)>,
    /// What the token's exchanges change; read where its record says that there is something.
    pub(super) kept: Kept,
}

/// What the exchanges of a token change.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) exchanges: Option<Versioned<Exchanges>>,
    pub(super) rotation: Option<Versioned<Rotation>>,
}

/// The largest access TTL that was ever in force, and the version of what says so.
#[derive(Clone, Copy)]
pub(super) struct MaximumAccessTtl {
    pub(super) seconds: Seconds,
    pub(super) version: Option<u64>,
}

/// What a refresh token grants, narrowed over all that it descends from.
pub(super) struct Grant {
    pub(super) scopes: Scopes,
    /// The earliest expiry. `None`: never.
    pub(super) expires_at: Option<Seconds>,
    /// The latest moment before which nothing is minted.
    pub(super) not_before: Option<Seconds>,
    /// Where it may be used. Empty: everywhere, unless it [`is_nowhere`](Self::is_nowhere).
    pub(super) networks: Networks,
    /// Its links share no network, which was passed over: nothing lies within all of them.
    pub(super) is_nowhere: bool,
    /// Whether access tokens carry the networks.
    pub(super) networks_in_access_tokens: bool,
    /// Whom access tokens may be for. `None`: anyone.
    pub(super) audiences: Option<Vec<String>>,
    /// The token's own lineage first, then its owner's, then each ancestor's and that one's owner's.
    pub(super) lineage: Vec<LineageId>,
}

/// Why a refresh token grants nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It, or something that it descends from, is not there.
    Missing(TokenId),
    /// It, or something that it descends from, ended.
    Ended(TokenId, Ending),
    /// The owner of it, or of something that it descends from, ended.
    OwnerEnded(TokenId, String, Ending),
    /// It, or something that it descends from, has expired.
    Expired(TokenId, Seconds),
    /// It, or something that it descends from, is disabled.
    Disabled(TokenId, Ending),
    /// Its networks and those of what it descends from share nothing.
    Nowhere(TokenId),
    /// What is stored about it cannot be made sense of.
    Unreadable(TokenId),
}

impl Obstacle {
    /// Whether an administrator, or a later expiry, can take it out of the way again.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Expired(..) | Self::Disabled(..) | Self::Nowhere(_))
    }
}

impl Authority {
    /// Reads how `id` stands. What it descends from is known only once its record is read, so the read is repeated with
    /// all those keys, until one read holds everything.
    pub(super) fn standing(&self, reading: Reading, id: TokenId) -> Result<Standing, Unavailable> {
        let mut needs = Needs::default();
        for _ in 0..super::ATTEMPTS {
            let entries = self.store.read(&needs.keys(id), Freshness::Latest)?.entries;
            let standing = Standing::decode(reading, &entries, &needs)?;
            let now_needed = standing.needs();
            if now_needed == needs {
                return Ok(standing);
            }
            needs = now_needed;
        }
        Err(Unavailable)
    }
}

/// What is to be read beside the token itself.
#[derive(Default, PartialEq, Eq)]
struct Needs {
    ancestors: Vec<TokenId>,
    owners: Vec<String>,
    kept: bool,
}

impl Needs {
    fn keys(&self, id: TokenId) -> Vec<Vec<u8>> {
        let mut keys = vec![
            keys::CLOCK.to_vec(),
            keys::EPOCH.to_vec(),
            keys::SETTINGS.to_vec(),
            keys::MAXIMUM_ACCESS_TTL.to_vec(),
            keys::token(id),
        ];
        if self.kept {
            keys.extend([keys::exchanges(id), keys::rotation(id)]);
        }
        keys.extend(self.ancestors.iter().map(|id| keys::token(*id)));
        keys.extend(self.owners.iter().map(|owner| keys::owner(owner)));
        keys
    }
}

impl Standing {
    fn decode(reading: Reading, entries: &[Option<Entry>], needs: &Needs) -> Result<Self, RecordError> {
        let [clock, epoch, settings, maximum, token, rest @ ..] = entries else { return Err(RecordError) };
        let (kept, rest) = match (needs.kept, rest) {
            (true, [exchanges, rotation, rest @ ..]) => {
                (Kept { exchanges: decoded(exchanges.as_ref())?, rotation: decoded(rotation.as_ref())? }, rest)
            }
            (true, _) => return Err(RecordError),
            (false, rest) => (Kept::default(), rest),
        };
        let (chain, of_owners) = rest.split_at_checked(needs.ancestors.len()).ok_or(RecordError)?;
        let mark = decoded(clock.as_ref())?.map(|(mark, _)| mark);
        let settings = decoded::<Settings>(settings.as_ref())?;
        let ancestors = needs.ancestors.iter().zip(chain);
        let owners = needs.owners.iter().zip(of_owners);
        Ok(Self {
            time: Time::new(reading, mark),
            epoch: decoded(epoch.as_ref())?,
            settings_version: settings.as_ref().map(|(_, version)| *version),
            settings: settings.map(|(settings, _)| settings).unwrap_or_default(),
            maximum_access_ttl: MaximumAccessTtl::decode(maximum.as_ref())?,
            token: decoded(token.as_ref())?,
            ancestors: ancestors
                .map(|(id, entry)| decoded(entry.as_ref()).map(|record| (*id, record)))
                .collect::<Result<_, _>>()?,
            owners: owners
                .map(|(owner, entry)| decoded(entry.as_ref()).map(|found| (owner.clone(), found)))
                .collect::<Result<_, _>>()?,
            kept,
        })
    }

    /// What the records read so far speak of.
    fn needs(&self) -> Needs {
        let record = self.token.as_ref().map(|(record, _)| record);
        let mut owners: Vec<String> = self.chain_of_records().filter_map(|record| record.owner.clone()).collect();
        owners.sort_unstable();
        owners.dedup();
        Needs {
            ancestors: record.map(|record| record.ancestors.clone()).unwrap_or_default(),
            owners,
            kept: record.is_some_and(|record| {
                record.conduct().rotates_on_use
                    || record.bindings.as_ref().is_some_and(|bindings| bindings.max_exchanges.is_some())
            }),
        }
    }

    /// The token's record and those of its ancestors, as far as they are there.
    fn chain_of_records(&self) -> impl Iterator<Item = &Record> {
        self.token
            .iter()
            .chain(self.ancestors.iter().filter_map(|(_, record)| record.as_ref()))
            .map(|(record, _)| record)
    }

    /// How many of the token and its ancestors people sign in with.
    pub(super) fn links_of_console(&self) -> usize {
        self.chain_of_records().filter(|record| record.is_of_console()).count()
    }

    /// The token and what it descends from, nearest first.
    pub(super) fn chain(&self, id: TokenId) -> impl Iterator<Item = (TokenId, Option<&Versioned<Record>>)> {
        core::iter::once((id, self.token.as_ref()))
            .chain(self.ancestors.iter().map(|(id, record)| (*id, record.as_ref())))
    }

    /// The owner as it stands.
    pub(super) fn owner(&self, name: &str) -> Option<&Versioned<Owner>> {
        self.owners.iter().find(|(owner, _)| owner == name).and_then(|(_, owner)| owner.as_ref())
    }

    /// The records that the token descends from, as far as they are there.
    pub(super) fn ancestor_records(&self) -> BTreeMap<TokenId, Record> {
        let there = |(id, record): &(TokenId, Option<Versioned<Record>>)| Some((*id, record.clone()?.0));
        self.ancestors.iter().filter_map(there).collect()
    }

    /// The owners of the token and of what it descends from, as far as they are there.
    pub(super) fn owners(&self) -> BTreeMap<String, Owner> {
        let there = |(name, owner): &(String, Option<Versioned<Owner>>)| Some((name.clone(), owner.clone()?.0));
        self.owners.iter().filter_map(there).collect()
    }

    /// What the token of this `id` grants now, wherever its bearer is.
    ///
    /// # Errors
    /// The first [`Obstacle`], nearest first, when it or anything that it descends from is missing, has ended, has expired or is disabled.
    pub(super) fn grant(&self, id: TokenId) -> Result<Grant, Obstacle> {
        self.narrowed(self.chain(id), |_| false)
    }

    /// What bounds the members of the token: all that is above it, be it expired or disabled for now. `None`: nothing is above it.
    ///
    /// # Errors
    /// The first [`Obstacle`] above it that is for good.
    pub(super) fn bounds(&self) -> Result<Option<Grant>, Obstacle> {
        if self.ancestors.is_empty() {
            return Ok(None);
        }
        let above = self.ancestors.iter().map(|(id, record)| (*id, record.as_ref()));
        self.narrowed(above, Obstacle::may_pass).map(Some)
    }

    /// That the token, what it descends from and whose all that is are as they were read, for the commit of an act that follows from
    /// that. Exchanges change none of these.
    pub(super) fn unchanged(&self, id: TokenId) -> Vec<Check> {
        let records = self.chain(id).filter_map(|(id, record)| Some((keys::token(id), record?.1)));
        let owners = self.owners.iter().filter_map(|(name, owner)| Some((keys::owner(name), owner.as_ref()?.1)));
        records.chain(owners).map(|(key, version)| Check { key, version: Some(version) }).collect()
    }

    /// That the epoch and the settings are as they were read. Exchanges change neither.
    pub(super) fn same_epoch_and_settings(&self) -> [Check; 2] {
        let epoch = Check { key: keys::EPOCH.to_vec(), version: self.epoch.as_ref().map(|(_, version)| *version) };
        [epoch, Check { key: keys::SETTINGS.to_vec(), version: self.settings_version }]
    }

    /// What is in the way of the token, nearest first.
    pub(super) fn obstacles(&self, id: TokenId) -> impl Iterator<Item = Obstacle> {
        self.chain(id).filter_map(|(id, record)| match record {
            None => Some(Obstacle::Missing(id)),
            Some((record, _)) => self.judge(id, record).err(),
        })
    }

    /// Whether one link of the chain holds now.
    fn judge(&self, id: TokenId, record: &Record) -> Result<(), Obstacle> {
        let owner = record.owner.as_ref().and_then(|owner| self.owner(owner)).map(|(owner, _)| owner);
        obstacle(id, record, owner, &self.settings, self.time.now)
    }

    /// What the links of a chain leave of each other, as far as none of them has an obstacle that is not `passed`.
    fn narrowed<'a>(
        &self,
        chain: impl Iterator<Item = (TokenId, Option<&'a Versioned<Record>>)>,
        passed: impl Fn(&Obstacle) -> bool,
    ) -> Result<Grant, Obstacle> {
        let pass = |judged: Result<(), Obstacle>| judged.or_else(|met| if passed(&met) { Ok(()) } else { Err(met) });
        let mut grant = Grant {
            scopes: Scopes::default(),
            expires_at: None,
            not_before: None,
            networks: Networks::default(),
            is_nowhere: false,
            networks_in_access_tokens: false,
            audiences: None,
            lineage: Vec::with_capacity(4),
        };
        for (level, (id, record)) in chain.enumerate() {
            let (record, _) = record.ok_or(Obstacle::Missing(id))?;
            pass(self.judge(id, record))?;
            let scopes = Scopes::parse(&record.scope).map_err(|_| Obstacle::Unreadable(id))?;
            grant.scopes = if level == 0 { scopes } else { grant.scopes.within(&scopes) };
            grant.expires_at = earlier(grant.expires_at, record.expiry(&self.settings));
            if let Some(bindings) = &record.bindings {
                grant.not_before = grant.not_before.max(bindings.not_before);
                grant.networks_in_access_tokens |= bindings.networks_in_access_tokens;
                match grant.networks.within(&bindings.networks) {
                    Some(shared) => grant.networks = shared,
                    None => {
                        pass(Err(Obstacle::Nowhere(id)))?;
                        grant.is_nowhere = true;
                    }
                }
                if !bindings.audiences.is_empty() {
                    grant.audiences = Some(match grant.audiences.take() {
                        None => bindings.audiences.clone(),
                        Some(nearer) => nearer.into_iter().filter(|one| bindings.audiences.contains(one)).collect(),
                    });
                }
            }
            grant.lineage.push(record.lineage);
            if let Some((owner, _)) = record.owner.as_ref().and_then(|owner| self.owner(owner))
                && !grant.lineage.contains(&owner.lineage)
            {
                grant.lineage.push(owner.lineage);
            }
        }
        if let Some(catalogue) = &self.settings.scopes {
            grant.scopes = grant.scopes.in_catalogue(catalogue);
        }
        Ok(grant)
    }

    /// How the token behaves.
    pub(super) fn conduct(&self) -> Conduct {
        self.token.as_ref().map(|(record, _)| record.conduct()).unwrap_or_default()
    }
}

/// Whether one link of a chain holds now: a token by itself, and the owner that it has.
///
/// # Errors
/// What is in the way.
pub(super) fn obstacle(
    id: TokenId,
    record: &Record,
    owner: Option<&Owner>,
    settings: &Settings,
    now: Seconds,
) -> Result<(), Obstacle> {
    if let Some(ending) = &record.ending {
        return Err(Obstacle::Ended(id, ending.clone()));
    }
    if let Some(name) = &record.owner {
        let owner = owner.ok_or(Obstacle::Unreadable(id))?;
        if let Some(ending) = owner.ending_of(record.owner_lineage.unwrap_or(owner.lineage)) {
            return Err(Obstacle::OwnerEnded(id, name.clone(), ending));
        }
    }
    if let Some(expiry) = record.expiry(settings).filter(|expiry| now >= *expiry) {
        return Err(Obstacle::Expired(id, expiry));
    }
    match &record.disabled {
        Some(disabled) => Err(Obstacle::Disabled(id, disabled.clone())),
        None => Ok(()),
    }
}

impl Grant {
    /// Whether it may be used by `peer` at `now`. An unknown peer is outside every network.
    pub(super) fn admits(&self, peer: Option<Address>, now: Seconds) -> bool {
        self.not_before.is_none_or(|from| now >= from) && self.networks.judge(peer).permits()
    }

    /// The networks that an access token carries.
    pub(super) fn networks_to_mint(&self) -> Vec<String> {
        if self.networks_in_access_tokens { self.networks.texts() } else { Vec::new() }
    }

    /// Whom an access token is for, when `asked` for: `None` is the issuer.
    pub(super) fn audience(&self, asked: Option<&str>) -> Result<Option<String>, NoSuchAudience> {
        match (&self.audiences, asked) {
            (None, asked) => Ok(asked.map(str::to_owned)),
            (Some(allowed), None) => allowed.first().cloned().map(Some).ok_or(NoSuchAudience),
            (Some(allowed), Some(asked)) if allowed.iter().any(|one| one == asked) => Ok(Some(asked.to_owned())),
            (Some(_), Some(_)) => Err(NoSuchAudience),
        }
    }
}

/// The audience asked for is not one of those that the token may have.
pub(super) struct NoSuchAudience;

impl MaximumAccessTtl {
    pub(super) fn decode(entry: Option<&Entry>) -> Result<Self, RecordError> {
        let stored = decoded(entry)?;
        Ok(Self {
            seconds: stored.map_or(Settings::default().access_token_expiration, |(seconds, _)| seconds),
            version: stored.map(|(_, version)| version),
        })
    }
}

/// The earlier of two expiries; `None` is never.
pub(super) fn earlier(one: Option<Seconds>, other: Option<Seconds>) -> Option<Seconds> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
