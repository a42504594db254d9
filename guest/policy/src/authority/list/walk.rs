//! Walks: through one index, or through two as if they were one, a bounded number of records at a time.

use std::collections::VecDeque;

use super::Query;
use crate::{
    authority::{
        Authority,
        show::{Head, Token},
    },
    keys,
    seconds::Seconds,
    store::{Direction, MAX_KEY, MAX_SCAN, Unavailable},
    token_id::TokenId,
};

/// The most records that are looked at together.
const MAX_LOADED: usize = MAX_SCAN as usize;

/// A part of an index, gone through one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) prefix: Vec<u8>,
    /// Every key is beyond it. `None`: the beginning of the prefix.
    pub(super) lower: Option<Vec<u8>>,
    /// Every key stands before it. `None`: the end of the prefix.
    pub(super) upper: Option<Vec<u8>>,
    pub(super) direction: Direction,
    pub(super) kind: LaneKind,
}

/// Which of the tokens that a lane meets stand at this place of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LaneKind {
    /// All.
    Every,
    /// Those whose own expiry is earlier than `made + maximum`: this lane goes by their own.
    ByOwnExpiry(Seconds),
    /// The others: this lane goes by when they were made.
    ByMaximum(Seconds),
}

/// A walk through lanes: one after the other, or, where they go by a maximum, by the moment that each token stands at.
pub(super) struct Walk<'a> {
    authority: &'a Authority,
    head: &'a Head,
    query: &'a Query,
    ways: Vec<Way>,
    /// How many records may still be loaded.
    budget: usize,
    /// How many were loaded for nothing.
    missed: usize,
}

/// How far a lane was gone.
struct Way {
    lane: Lane,
    /// The key that was met last.
    after: Option<Vec<u8>>,
    /// Keys that come next.
    keys: VecDeque<Vec<u8>>,
    /// The tokens of the first of them.
    loaded: VecDeque<Option<Token>>,
    /// Behind `keys` there is nothing.
    is_over: bool,
}

/// Whether a way has a next token.
#[derive(PartialEq, Eq)]
enum Ahead {
    Loaded,
    Nothing,
    /// There may be one, but the budget is used up.
    Unknown,
}

impl<'a> Walk<'a> {
    /// A walk that begins where `position` says that an earlier one stopped, and loads at most `budget` records.
    /// `None`: that is no position of these lanes.
    pub(super) fn new(
        authority: &'a Authority,
        head: &'a Head,
        query: &'a Query,
        lanes: Vec<Lane>,
        position: Option<&[u8]>,
        budget: usize,
    ) -> Option<Self> {
        let mut ways: Vec<Way> = lanes.into_iter().map(Way::new).collect();
        if let Some(position) = position {
            let mut reached = None;
            for key in split(position)? {
                // A lane that is gone since the settings changed is not gone on with.
                let Some(place) = ways.iter().position(|way| key.starts_with(&way.lane.prefix)) else { continue };
                ways.get_mut(place)?.after = Some(key);
                reached = reached.max(Some(place));
            }
            for (place, way) in ways.iter_mut().enumerate() {
                way.is_over = way.lane.kind == LaneKind::Every && Some(place) < reached;
            }
        }
        Some(Self { authority, head, query, ways, budget, missed: 0 })
    }

    /// Goes on until `wanted` tokens were met that the query wants, or to the end, or until the budget is used up.
    pub(super) fn meet(&mut self, wanted: usize) -> Result<Vec<Token>, Unavailable> {
        let mut met = Vec::new();
        while met.len() < wanted {
            let Some(place) = self.first(wanted.saturating_sub(met.len()))? else { break };
            let Some(way) = self.ways.get_mut(place) else { break };
            let (Some(key), Some(token)) = (way.keys.pop_front(), way.loaded.pop_front()) else { break };
            way.after = Some(key);
            match token.filter(|token| way.lane.kind.is_place_of(token) && self.query.wants(token)) {
                Some(token) => met.push(token),
                None => self.missed = self.missed.saturating_add(1),
            }
        }
        Ok(met)
    }

    /// Whether there is nothing more to be met, whatever the budget.
    pub(super) fn is_over(&mut self) -> Result<bool, Unavailable> {
        for way in &mut self.ways {
            way.find(self.authority, 1)?;
        }
        Ok(self.ways.iter().all(|way| way.keys.is_empty()))
    }

    /// Where this walk stopped, for one that goes on.
    pub(super) fn position(&self) -> Vec<u8> {
        joined(self.ways.iter().filter_map(|way| way.after.as_deref()))
    }

    /// The way whose next token is first in the order. `None`: there is none, or that is not known.
    fn first(&mut self, wanted: usize) -> Result<Option<usize>, Unavailable> {
        let mut first: Option<(usize, Option<Seconds>)> = None;
        for place in 0..self.ways.len() {
            match self.load(place, wanted)? {
                Ahead::Loaded => {}
                Ahead::Nothing => continue,
                Ahead::Unknown => return Ok(None),
            }
            let Some(way) = self.ways.get(place) else { continue };
            let moment = way.moment();
            if way.lane.kind == LaneKind::Every {
                return Ok(Some(place));
            }
            let is_first = first.is_none_or(|(_, other)| match way.lane.moments() {
                // One is the other turned round, where moments are the same as well.
                Direction::Ascending => moment < other,
                Direction::Descending => moment >= other,
            });
            if is_first {
                first = Some((place, moment));
            }
        }
        Ok(first.map(|(place, _)| place))
    }

    /// Makes sure that the next token of a way is loaded, where there is one.
    fn load(&mut self, place: usize, wanted: usize) -> Result<Ahead, Unavailable> {
        let Some(way) = self.ways.get_mut(place) else { return Ok(Ahead::Nothing) };
        if !way.loaded.is_empty() {
            return Ok(Ahead::Loaded);
        }
        // One more than wanted tells whether there is a next page. Where much was in vain, more are looked at together.
        let step =
            wanted.saturating_add(1).saturating_add(self.missed.saturating_mul(4)).min(MAX_LOADED).min(self.budget);
        way.find(self.authority, step.max(1))?;
        if way.keys.is_empty() {
            return Ok(Ahead::Nothing);
        }
        let ids: Vec<TokenId> = way.keys.iter().take(step).filter_map(|key| keys::id_at_end(key)).collect();
        if ids.is_empty() {
            return Ok(Ahead::Unknown);
        }
        way.loaded = self.authority.tokens_by(self.head, &ids)?.into();
        self.budget = self.budget.saturating_sub(ids.len());
        Ok(Ahead::Loaded)
    }
}

impl Way {
    fn new(lane: Lane) -> Self {
        Self { lane, after: None, keys: VecDeque::new(), loaded: VecDeque::new(), is_over: false }
    }

    /// Makes sure that a next key is known, where there is one; asks for `count` at once.
    fn find(&mut self, authority: &Authority, count: usize) -> Result<(), Unavailable> {
        if !self.keys.is_empty() || self.is_over {
            return Ok(());
        }
        let limit = u32::try_from(count).unwrap_or(MAX_SCAN).min(MAX_SCAN);
        let after = self.lane.behind(self.after.as_deref());
        let found = authority.store.scan(&self.lane.prefix, after, self.lane.direction, limit)?.items;
        self.is_over = found.len() < count;
        for item in found {
            if !self.lane.holds(&item.key) {
                self.is_over = true;
                break;
            }
            self.keys.push_back(item.key);
        }
        Ok(())
    }

    /// The moment that the next token stands at.
    fn moment(&self) -> Option<Seconds> {
        match self.lane.kind {
            LaneKind::Every => None,
            LaneKind::ByOwnExpiry(_) => self.keys.front().and_then(|key| keys::moment(keys::EXPIRES, key)),
            LaneKind::ByMaximum(maximum) => {
                self.keys.front().and_then(|key| keys::id_at_end(key)).map(|id| id.made_at().plus(maximum))
            }
        }
    }
}

impl Lane {
    /// Where a scan begins that goes on behind `after`: never outside of the bounds, whatever a cursor says.
    fn behind<'k>(&'k self, after: Option<&'k [u8]>) -> Option<&'k [u8]> {
        match self.direction {
            Direction::Ascending => after.max(self.lower.as_deref()),
            Direction::Descending => match (after, self.upper.as_deref()) {
                (Some(after), Some(upper)) => Some(after.min(upper)),
                (after, upper) => after.or(upper),
            },
        }
    }

    /// Whether a key is within the bound that the way leads to.
    fn holds(&self, key: &[u8]) -> bool {
        match self.direction {
            Direction::Ascending => self.upper.as_deref().is_none_or(|upper| key < upper),
            Direction::Descending => self.lower.as_deref().is_none_or(|lower| key > lower),
        }
    }

    /// Whether the moments of this lane grow on the way. Ids stand newest first, so there it is the other way round.
    fn moments(&self) -> Direction {
        match (self.kind, self.direction) {
            (LaneKind::ByMaximum(_), Direction::Ascending) => Direction::Descending,
            (LaneKind::ByMaximum(_), Direction::Descending) => Direction::Ascending,
            (_, direction) => direction,
        }
    }
}

impl LaneKind {
    /// Whether a token stands at this place of the order, not at the other lane's.
    fn is_place_of(self, token: &Token) -> bool {
        let by_maximum = |maximum| token.expires_at == Some(token.created_at.plus(maximum));
        match self {
            Self::Every => true,
            Self::ByOwnExpiry(maximum) => !by_maximum(maximum),
            Self::ByMaximum(maximum) => by_maximum(maximum),
        }
    }
}

/// Keys, each behind its length.
fn joined<'k>(keys: impl Iterator<Item = &'k [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for key in keys {
        // A key has at most 512 bytes.
        bytes.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(key);
    }
    bytes
}

/// Reads what [`joined`] wrote. No key of a store is longer than [`MAX_KEY`], so nothing longer may be asked of one.
fn split(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (key, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        if key.len() > MAX_KEY {
            return None;
        }
        keys.push(key.to_vec());
        bytes = rest;
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_position_names_no_key_that_no_store_takes() {
        let keys = |length: usize| vec![b"token/a".to_vec(), vec![b'x'; length]];
        let read = |length| split(&joined(keys(length).iter().map(Vec::as_slice)));
        assert_eq!(read(MAX_KEY), Some(keys(MAX_KEY)));
        assert_eq!(read(MAX_KEY + 1), None);
        assert_eq!(split(&[0, 1]), None);
        assert_eq!(split(&[0]), None);
    }
}
