//! How a refresh token stands: everything that minting with it or under it depends on, all of one moment.

use super::{Authority, decoded, time::Time};
use crate::{
    keys,
    ports::Reading,
    record::{Epoch, Owner, Record, RecordError, Settings},
    scope::Scopes,
    seconds::Seconds,
    store::{Entry, Freshness, Unavailable},
    token_id::{LineageId, TokenId},
};

/// A record and its version.
pub(super) type Versioned<T> = (T, u64);

/// Everything that decides whether, and what, a refresh token mints.
pub(super) struct Standing {
    pub(super) time: Time,
    pub(super) epoch: Option<Versioned<Epoch>>,
    pub(super) settings: Settings,
    pub(super) maximum_access_ttl: MaximumAccessTtl,
    pub(super) token: Option<Versioned<Record>>,
    /// Nearest first; `None` for one that is not there.
    pub(super) ancestors: Vec<(TokenId, Option<Versioned<Record>>)>,
    owners: Vec<(String, Option<Owner>)>,
}

/// The largest access TTL that was ever in force, and the version of what says so.
#[derive(Clone, Copy)]
pub(super) struct MaximumAccessTtl {
    pub(super) seconds: Seconds,
    pub(super) version: Option<u64>,
}

/// What a refresh token that may mint grants, narrowed over all that it descends from.
pub(super) struct Grant {
    pub(super) scopes: Scopes,
    /// The earliest expiry. `None`: never.
    pub(super) expires_at: Option<Seconds>,
    /// The token's own lineage first, then its owner's, then each ancestor's and that one's owner's.
    pub(super) lineage: Vec<LineageId>,
}

impl Authority {
    /// Reads how `id` stands. What it descends from is known only once its record is read, so the read is repeated with
    /// all those keys, until one read holds everything.
    pub(super) fn standing(&self, reading: Reading, id: TokenId) -> Result<Standing, Unavailable> {
        let (mut ancestors, mut owners) = (Vec::<TokenId>::new(), Vec::<String>::new());
        for _ in 0..super::ATTEMPTS {
            let mut wanted = vec![
                keys::CLOCK.to_vec(),
                keys::EPOCH.to_vec(),
                keys::SETTINGS.to_vec(),
                keys::MAXIMUM_ACCESS_TTL.to_vec(),
                keys::token(id),
            ];
            wanted.extend(ancestors.iter().map(|id| keys::token(*id)));
            wanted.extend(owners.iter().map(|owner| keys::owner(owner)));
            let entries = self.store.read(&wanted, Freshness::Latest)?.entries;
            let standing = Standing::decode(reading, &entries, ancestors, owners)?;
            let (needed_ancestors, needed_owners) = standing.needs();
            if standing.holds(&needed_ancestors, &needed_owners) {
                return Ok(standing);
            }
            (ancestors, owners) = (needed_ancestors, needed_owners);
        }
        Err(Unavailable)
    }
}

impl Standing {
    fn decode(
        reading: Reading,
        entries: &[Option<Entry>],
        ancestors: Vec<TokenId>,
        owners: Vec<String>,
    ) -> Result<Self, RecordError> {
        let [clock, epoch, settings, maximum, token, rest @ ..] = entries else { return Err(RecordError) };
        let (chain, of_owners) = rest.split_at_checked(ancestors.len()).ok_or(RecordError)?;
        let mark = decoded(clock.as_ref())?.map(|(mark, _)| mark);
        let with_records = ancestors.into_iter().zip(chain);
        let with_lineages = owners.into_iter().zip(of_owners);
        Ok(Self {
            time: Time::new(reading, mark),
            epoch: decoded(epoch.as_ref())?,
            settings: decoded(settings.as_ref())?.map(|(settings, _)| settings).unwrap_or_default(),
            maximum_access_ttl: MaximumAccessTtl::decode(maximum.as_ref())?,
            token: decoded(token.as_ref())?,
            ancestors: with_records
                .map(|(id, entry)| decoded(entry.as_ref()).map(|record| (id, record)))
                .collect::<Result<_, _>>()?,
            owners: with_lineages
                .map(|(owner, entry)| {
                    decoded(entry.as_ref()).map(|lineage| (owner, lineage.map(|(lineage, _)| lineage)))
                })
                .collect::<Result<_, _>>()?,
        })
    }

    /// The ancestors and owners that the records read so far speak of.
    fn needs(&self) -> (Vec<TokenId>, Vec<String>) {
        let ancestors = self.token.as_ref().map(|(record, _)| record.ancestors.clone()).unwrap_or_default();
        let mut owners: Vec<String> = self.chain().filter_map(|record| record.owner.clone()).collect();
        owners.sort_unstable();
        owners.dedup();
        (ancestors, owners)
    }

    fn holds(&self, ancestors: &[TokenId], owners: &[String]) -> bool {
        self.ancestors.iter().map(|(id, _)| id).eq(ancestors) && self.owners.iter().map(|(owner, _)| owner).eq(owners)
    }

    /// The token's record and those of its ancestors, as far as they are there.
    fn chain(&self) -> impl Iterator<Item = &Record> {
        self.token
            .iter()
            .chain(self.ancestors.iter().filter_map(|(_, record)| record.as_ref()))
            .map(|(record, _)| record)
    }

    /// What the token grants now; `None` when it or anything that it descends from is missing, has ended or has expired.
    pub(super) fn grant(&self) -> Option<Grant> {
        let (record, _) = self.token.as_ref()?;
        if self.ancestors.iter().any(|(_, ancestor)| ancestor.is_none()) {
            return None;
        }
        let mut grant =
            Grant { scopes: Scopes::parse(&record.scope).ok()?, expires_at: None, lineage: Vec::with_capacity(4) };
        for record in self.chain() {
            let expired = record.expires_at.is_some_and(|expiry| self.time.now >= expiry);
            if expired || record.ending.is_some() {
                return None;
            }
            grant.scopes = grant.scopes.within(&Scopes::parse(&record.scope).ok()?);
            grant.expires_at = earlier(grant.expires_at, record.expires_at);
            grant.lineage.push(record.lineage);
            if let Some(owner) = &record.owner {
                let (_, lineage) = self.owners.iter().find(|(name, _)| name == owner)?;
                let lineage = lineage.as_ref()?.lineage;
                if !grant.lineage.contains(&lineage) {
                    grant.lineage.push(lineage);
                }
            }
        }
        Some(grant)
    }
}

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
