//! Show: a refresh token as administrators see it.

use super::{
    Authority, decoded,
    standing::{Obstacle, Standing, obstacle},
    surroundings::Surroundings,
    time::Time,
};
use crate::{
    keys,
    record::{BY_POLICY, Bindings, Conduct, Ending, Exchanges, Reason, Record, Settings, Used, UsesGap},
    scope::Scopes,
    seconds::Seconds,
    store::Unavailable,
    token_id::TokenId,
};

/// How a refresh token stands: derived whenever it is read. The later ones hide the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It can be exchanged.
    Active,
    /// It, or something that it descends from, is disabled.
    Disabled,
    /// Its time, or that of something that it descends from, is up.
    Expired,
    /// It, or something that it descends from, was ended.
    Deleted,
}

/// When a refresh token was exchanged last, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Seconds,
    /// From where.
    pub address: Option<String>,
    /// How often it was exchanged in all.
    pub count: u64,
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
    /// How many it descends from.
    pub depth: usize,
    /// What it is good for.
    pub scopes: Scopes,
    /// How it stands.
    pub state: State,
    /// When it was made.
    pub created_at: Seconds,
    /// By whom.
    pub created_by: String,
    /// When it expires, by its own date or by the settings. `None`: never.
    pub expires_at: Option<Seconds>,
    /// How long its access tokens live.
    pub access_ttl: Seconds,
    /// What ties it down.
    pub bindings: Bindings,
    /// How it behaves in its holder's hands.
    pub conduct: Conduct,
    /// Until when the secret before the last rotation is still taken.
    pub superseded_until: Option<Seconds>,
    /// How many exchanges are left, where they are counted.
    pub exchanges_left: Option<u64>,
    /// Its last use. `None`: never, or, where that is not certain, unknown.
    pub last_use: Option<LastUse>,
    /// Whether no crash can have lost a later use.
    pub last_use_certain: bool,
    /// Raised by every administrative write.
    pub generation: u64,
    /// When, by whom and why it was disabled. Only where `state` is [`State::Disabled`].
    pub disabled: Option<Ending>,
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

/// What is kept beside a record.
#[derive(Default)]
struct Beside {
    used: Option<Used>,
    exchanges: Option<Exchanges>,
}

/// What every token is seen by.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) now: Seconds,
    pub(super) settings: Settings,
    gap: Option<UsesGap>,
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
        self.tokens_by(&self.head()?, ids)
    }

    /// What every token is seen by now.
    pub(super) fn head(&self) -> Result<Head, Unavailable> {
        let reading = self.clock.now();
        let [clock, settings, gap] =
            self.read([keys::CLOCK.to_vec(), keys::SETTINGS.to_vec(), keys::USES_GAP.to_vec()])?;
        Ok(Head {
            now: Time::new(reading, decoded(clock.as_ref())?.map(|(mark, _)| mark)).now,
            settings: decoded(settings.as_ref())?.map(|(settings, _)| settings).unwrap_or_default(),
            gap: decoded(gap.as_ref())?.map(|(gap, _)| gap),
        })
    }

    /// The same as [`Authority::tokens`], seen by `head`.
    pub(super) fn tokens_by(&self, head: &Head, ids: &[TokenId]) -> Result<Vec<Option<Token>>, Unavailable> {
        let around = self.surroundings(head, ids)?;
        self.tokens_in(&around, ids)
    }

    /// The tokens of these ids, whose surroundings were read.
    pub(super) fn tokens_in(&self, around: &Surroundings, ids: &[TokenId]) -> Result<Vec<Option<Token>>, Unavailable> {
        let mut used = self.stored(ids.iter().copied(), keys::used)?;
        Ok(ids
            .iter()
            .map(|id| {
                let record = around.records.get(id)?.clone();
                let beside = Beside { used: used.remove(id), exchanges: around.exchanges.get(id).copied() };
                Some(Token::derive(*id, record, around, beside))
            })
            .collect())
    }

    /// The token of `id` as it stands once `record` is written, with everything else as `standing` found it.
    pub(super) fn token_after(&self, id: TokenId, record: &Record, standing: &Standing) -> Result<Token, Unavailable> {
        let [gap, used, exchanges] = self.read([keys::USES_GAP.to_vec(), keys::used(id), keys::exchanges(id)])?;
        let head = Head {
            now: standing.time.now,
            settings: standing.settings.clone(),
            gap: decoded(gap.as_ref())?.map(|(gap, _)| gap),
        };
        let (records, owners) = (standing.ancestor_records(), standing.owners());
        let around = Surroundings { records, owners, ..Surroundings::of(head) };
        let beside = Beside {
            used: decoded(used.as_ref())?.map(|(used, _)| used),
            exchanges: decoded(exchanges.as_ref())?.map(|(exchanges, _)| exchanges),
        };
        Ok(Token::derive(id, record.clone(), &around, beside))
    }
}

impl Surroundings {
    /// How `record` stands.
    pub(super) fn state(&self, id: TokenId, record: &Record) -> State {
        state(id, &self.obstacles(id, record))
    }

    /// What is in the way of `record`, over the whole chain, nearest first.
    fn obstacles(&self, id: TokenId, record: &Record) -> Vec<Obstacle> {
        let own = core::iter::once((id, Some(record)));
        let chain = own.chain(record.ancestors.iter().map(|id| (*id, self.records.get(id))));
        chain
            .filter_map(|(id, record)| {
                let Some(record) = record else { return Some(Obstacle::Missing(id)) };
                let owner = record.owner.as_ref().and_then(|owner| self.owners.get(owner));
                obstacle(id, record, owner, &self.head.settings, self.head.now).err()
            })
            .collect()
    }
}

impl Token {
    /// A record that was just made: nothing is in its way, and it was never used.
    pub(super) fn new(id: TokenId, record: Record, now: Seconds, settings: &Settings) -> Self {
        let head = Head { now, settings: settings.clone(), gap: None };
        let around = Surroundings::of(head);
        Self::shown(id, record, &around, Beside::default(), Vec::new())
    }

    /// A record as it stands in its surroundings.
    fn derive(id: TokenId, record: Record, around: &Surroundings, beside: Beside) -> Self {
        let obstacles = around.obstacles(id, &record);
        Self::shown(id, record, around, beside, obstacles)
    }

    fn shown(id: TokenId, record: Record, around: &Surroundings, beside: Beside, obstacles: Vec<Obstacle>) -> Self {
        // Of all that ended it, the first: whether the sweeper came before a later one makes no difference then.
        let endings = endings(&obstacles).filter_map(|obstacle| inherited_ending(id, record.created_at, obstacle));
        let ending = endings.min_by_key(|ending| ending.at);
        let disabled = obstacles.iter().find_map(|obstacle| match obstacle {
            Obstacle::Disabled(_, disabled) => Some(disabled.clone()),
            _ => None,
        });
        let state = state(id, &obstacles);
        let bindings = record.bindings();
        let used_until = beside.used.as_ref().map_or(record.created_at, |used| used.at);
        Self {
            id,
            parent: record.ancestors.first().copied(),
            depth: record.ancestors.len(),
            scopes: Scopes::parse(&record.scope).unwrap_or_default(),
            state,
            created_at: record.created_at,
            expires_at: record.expiry(&around.head.settings),
            access_ttl: around.head.settings.access_ttl(record.access_ttl),
            conduct: record.conduct(),
            superseded_until: record
                .superseded
                .map(|superseded| superseded.until)
                .filter(|until| around.head.now < *until && state != State::Deleted),
            exchanges_left: bindings.max_exchanges.map(|limit| match state {
                // What was counted goes with the secret.
                State::Deleted => 0,
                _ => limit.saturating_sub(beside.exchanges.map_or(0, |exchanges| exchanges.count)),
            }),
            last_use: beside.used.map(|used| LastUse { at: used.at, address: used.address, count: used.count }),
            // Seconds are whole: what was made or used in the last one of a gap may have been used in it once more.
            last_use_certain: around.head.gap.is_none_or(|gap| used_until > gap.until),
            generation: record.generation,
            disabled: disabled.filter(|_| state == State::Disabled),
            ending,
            bindings,
            name: record.name,
            owner: record.owner,
            created_by: record.created_by,
        }
    }
}

/// How a token stands that has these in its way: an end is for good, an expiry nearly, and both hide that it was disabled.
fn state(id: TokenId, obstacles: &[Obstacle]) -> State {
    let rank = |obstacle: &Obstacle| match obstacle {
        Obstacle::Expired(..) => Some(State::Expired),
        Obstacle::Disabled(..) => Some(State::Disabled),
        other => inherited_ending(id, Seconds(0), other).map(|_| State::Deleted),
    };
    obstacles.iter().filter_map(rank).max().unwrap_or(State::Active)
}

/// The obstacles that may be told as the end: none beyond the nearest tombstone. That stands as it was written, although what ended
/// above it later bears an earlier time where a clock that went back was accepted in between.
fn endings(obstacles: &[Obstacle]) -> impl Iterator<Item = &Obstacle> {
    let tombstone = obstacles.iter().position(|obstacle| matches!(obstacle, Obstacle::Ended(..)));
    obstacles.iter().take(tombstone.map_or(usize::MAX, |nearest| nearest.saturating_add(1)))
}

/// The ending that an obstacle means for the token `id`; `None` where it means none.
fn inherited_ending(id: TokenId, created_at: Seconds, obstacle: &Obstacle) -> Option<Ending> {
    match obstacle {
        Obstacle::Ended(link, ending) | Obstacle::OwnerEnded(link, _, ending) if *link == id => Some(ending.clone()),
        Obstacle::Ended(_, ending) | Obstacle::OwnerEnded(_, _, ending) => {
            Some(Ending { reason: Reason::ParentEnded, note: None, ..ending.clone() })
        }
        Obstacle::Missing(_) | Obstacle::Unreadable(_) => {
            Some(Ending { at: created_at, by: BY_POLICY.to_owned(), reason: Reason::ParentEnded, note: None })
        }
        Obstacle::Expired(..) | Obstacle::Disabled(..) | Obstacle::Nowhere(_) => None,
    }
}
