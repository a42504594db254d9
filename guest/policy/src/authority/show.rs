//! Show: a refresh token as administrators see it.

use super::{Authority, decoded, time::Time};
use crate::{
    keys,
    record::{Ending, Reason, Record, Settings},
    scope::Scopes,
    seconds::Seconds,
    store::{Freshness, MAX_READ, Unavailable},
    token_id::TokenId,
};

/// How a refresh token stands: derived whenever it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be exchanged.
    Active,
    /// It can not, for now.
    Disabled,
    /// Its time, or that of something that it descends from, is up.
    Expired,
    /// It, or something that it descends from, was ended.
    Deleted,
}

/// A refresh token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its public id.
    pub id: TokenId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// What it was issued under.
    pub parent: Option<TokenId>,
    /// What it is good for.
    pub scopes: Scopes,
    /// How it stands.
    pub state: State,
    /// When it was made.
    pub created_at: Seconds,
    /// By whom.
    pub created_by: String,
    /// When it expires. `None`: never.
    pub expires_at: Option<Seconds>,
    /// How long its access tokens live.
    pub access_ttl: Seconds,
    /// Raised by every administrative write.
    pub generation: u64,
    /// Only where `state` is [`State::Deleted`].
    pub ending: Option<Ending>,
}

/// Why a refresh token is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShowError {
    /// There is none of this id.
    #[error("there is no such refresh token")]
    NotFound,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for ShowError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Authority {
    /// One refresh token, dead or alive.
    ///
    /// # Errors
    /// [`ShowError`].
    pub fn show(&self, id: &str) -> Result<Token, ShowError> {
        let id = TokenId::parse(id).ok_or(ShowError::NotFound)?;
        let mut tokens = self.tokens(&[id])?;
        tokens.pop().flatten().ok_or(ShowError::NotFound)
    }

    /// The tokens of these ids, in their order, with their states; `None` for one that is not there.
    pub(super) fn tokens(&self, ids: &[TokenId]) -> Result<Vec<Option<Token>>, Unavailable> {
        let reading = self.clock.now();
        let mut wanted = vec![keys::CLOCK.to_vec(), keys::SETTINGS.to_vec()];
        wanted.extend(ids.iter().map(|id| keys::token(*id)));
        let entries = self.store.read(&wanted, Freshness::Latest)?.entries;
        let [clock, settings, records @ ..] = entries.as_slice() else { return Err(Unavailable) };
        let time = Time::new(reading, decoded(clock.as_ref())?.map(|(mark, _)| mark));
        let settings = decoded(settings.as_ref())?.map(|(settings, _)| settings).unwrap_or_default();
        let records: Vec<Option<(Record, u64)>> =
            records.iter().map(|entry| decoded(entry.as_ref())).collect::<Result<_, _>>()?;

        let mut ancestors: Vec<TokenId> =
            records.iter().flatten().flat_map(|(record, _)| record.ancestors.iter().copied()).collect();
        ancestors.sort_unstable();
        ancestors.dedup();
        let ancestors = self.records(&ancestors)?;
        let find = |id: &TokenId| {
            let found = ancestors.binary_search_by_key(id, |(id, _)| *id).ok().and_then(|place| ancestors.get(place));
            found.and_then(|(_, record)| record.as_ref())
        };
        Ok(ids
            .iter()
            .zip(records)
            .map(|(id, record)| {
                record.map(|(record, _)| {
                    let chain: Vec<Option<&Record>> = record.ancestors.iter().map(find).collect();
                    Token::derive(*id, record, &chain, time.now, settings)
                })
            })
            .collect())
    }

    /// The records of these ids, in their order.
    fn records(&self, ids: &[TokenId]) -> Result<Vec<(TokenId, Option<Record>)>, Unavailable> {
        let mut records = Vec::with_capacity(ids.len());
        for part in ids.chunks(MAX_READ) {
            let wanted: Vec<_> = part.iter().map(|id| keys::token(*id)).collect();
            let entries = self.store.read(&wanted, Freshness::Latest)?.entries;
            for (id, entry) in part.iter().zip(entries) {
                records.push((*id, decoded(entry.as_ref())?.map(|(record, _)| record)));
            }
        }
        Ok(records)
    }
}

impl Token {
    /// A record as it stands at `now`, given the records that it descends from, nearest first.
    pub(super) fn derive(
        id: TokenId,
        record: Record,
        ancestors: &[Option<&Record>],
        now: Seconds,
        settings: Settings,
    ) -> Self {
        let is_over = |record: &Record| record.expires_at.is_some_and(|expiry| now >= expiry);
        let inherited_ending = || {
            ancestors.iter().find_map(|ancestor| match ancestor {
                Some(ancestor) => ancestor.ending.as_ref().map(|ending| (ending.at, ending.by.clone())),
                None => Some((record.created_at, "unknown".to_owned())),
            })
        };
        let ending = record
            .ending
            .clone()
            .or_else(|| inherited_ending().map(|(at, by)| Ending { at, by, reason: Reason::ParentEnded, note: None }));
        let state = if ending.is_some() {
            State::Deleted
        } else if is_over(&record) || ancestors.iter().flatten().any(|ancestor| is_over(ancestor)) {
            State::Expired
        } else {
            State::Active
        };
        Self {
            id,
            name: record.name,
            owner: record.owner,
            parent: record.ancestors.first().copied(),
            scopes: Scopes::parse(&record.scope).unwrap_or_default(),
            state,
            created_at: record.created_at,
            created_by: record.created_by,
            expires_at: record.expires_at,
            access_ttl: record.access_ttl.unwrap_or(settings.access_token_expiration),
            generation: record.generation,
            ending,
        }
    }
}
