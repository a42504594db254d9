//! List: refresh tokens in pages that cost the same however many there are.
//!
//! A query goes through the narrowest index that has its order ([`plan`]); everything else that it asks for is a filter
//! over a bounded number of records ([`walk`]).

mod plan;
mod walk;

use super::{
    Authority, cursor,
    members::{MAX_NAME_LENGTH, check_owner},
    show::{State, Token},
};
use crate::{seconds::Seconds, store::Unavailable, token_id::TokenId};
use walk::Walk;

/// The most tokens of a page.
pub const MAX_PAGE: u32 = 1000;
/// The most records that a page examines: a filter that hits little costs no more than this.
pub const MAX_EXAMINED: u32 = 5000;

/// What tokens are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// When they were made.
    Created,
    /// Their names, by their bytes. Names that are alike in their first 128 bytes stand newest first.
    Name,
    /// When they expire, by their own date or by the settings. Never is last.
    Expires,
    /// When they were exchanged last. Never is first.
    LastUsed,
}

/// Moments from (inclusive) and until (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// `None`: from the beginning.
    pub from: Option<Seconds>,
    /// `None`: for ever.
    pub until: Option<Seconds>,
}

/// What to list. Every member narrows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Those in this state.
    pub state: Option<State>,
    /// Those whose name begins so, byte for byte.
    pub name: Option<String>,
    /// Those whose name has this part, whatever the case of its letters.
    pub name_contains: Option<String>,
    /// Those of this owner.
    pub owner: Option<String>,
    /// Those issued under the token of this id, sessions included: without it nothing is listed that people sign in with.
    pub parent: Option<String>,
    /// Those made within it.
    pub created: Span,
    /// Those that expire within it. What never expires is in no span.
    pub expires: Span,
    /// Those exchanged last within it. What was never used is in no span.
    pub last_used: Span,
    /// Those of which no use is known.
    pub never_used: bool,
    /// `None`: the order of the narrowest index, see [`Query::order`].
    pub sort: Option<Sort>,
    /// The other way round. Without `sort` it means nothing.
    pub descending: bool,
    /// 1 to [`MAX_PAGE`].
    pub limit: u32,
    /// Where an earlier page ended.
    pub cursor: Option<String>,
}

/// Some of what a query finds. It may hold fewer than asked for and still have a `next`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPage {
    /// The tokens.
    pub items: Vec<Token>,
    /// Where the next page begins. `None`: this was the last.
    pub next: Option<String>,
}

/// Why nothing is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Outside 1 to [`MAX_PAGE`].
    #[error("the limit is out of range")]
    LimitOutOfRange,
    /// Longer than a name can be.
    #[error("the name is too long")]
    NameTooLong,
    /// Not an owner.
    #[error("the owner is malformed")]
    OwnerMalformed,
    /// Not an id.
    #[error("the parent is not a token id")]
    ParentMalformed,
    /// Not a cursor, tampered with, or of another query.
    #[error("the cursor is not one of this query")]
    CursorInvalid,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for ListError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Authority {
    /// A page of refresh tokens.
    ///
    /// A token that stays where it is in the order is neither missed nor repeated by a walk through the pages, whatever is
    /// written meanwhile.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn list(&self, query: &Query) -> Result<TokenPage, ListError> {
        if query.limit == 0 || query.limit > MAX_PAGE {
            return Err(ListError::LimitOutOfRange);
        }
        let names = [&query.name, &query.name_contains];
        if names.into_iter().flatten().any(|name| name.chars().count() > MAX_NAME_LENGTH) {
            return Err(ListError::NameTooLong);
        }
        if let Some(owner) = &query.owner {
            check_owner(owner).map_err(|_| ListError::OwnerMalformed)?;
        }
        let parent = match &query.parent {
            None => None,
            Some(parent) => Some(TokenId::parse(parent).ok_or(ListError::ParentMalformed)?),
        };
        let identity = query.identity();
        let position = match &query.cursor {
            None => None,
            Some(cursor) => Some(cursor::read(&identity, cursor).ok_or(ListError::CursorInvalid)?),
        };
        let head = self.head()?;
        let lanes = plan::lanes(query, parent, &head.settings);
        let budget = usize::try_from(MAX_EXAMINED).unwrap_or(usize::MAX);
        let mut walk =
            Walk::new(self, &head, query, lanes, position.as_deref(), budget).ok_or(ListError::CursorInvalid)?;
        let items = walk.meet(usize::try_from(query.limit).unwrap_or(usize::MAX))?;
        let next = if walk.is_over()? { None } else { Some(cursor::write(&identity, &walk.position())) };
        Ok(TokenPage { items, next })
    }
}

impl Query {
    /// The order, and whether it goes the other way round. Where none is asked for: newest first with a parent or an owner; else
    /// by name with the beginning of one; else by expiry, or by last use, with a span of it; else newest first.
    #[must_use]
    pub fn order(&self) -> (Sort, bool) {
        match self.sort {
            Some(sort) => (sort, self.descending),
            None if self.parent.is_some() || self.owner.is_some() => (Sort::Created, true),
            None if self.name.is_some() => (Sort::Name, false),
            None if self.expires.is_bounded() => (Sort::Expires, false),
            None if self.last_used.is_bounded() => (Sort::LastUsed, false),
            None => (Sort::Created, true),
        }
    }

    /// What two queries have in common if and only if a cursor of one is good for the other.
    fn identity(&self) -> Vec<u8> {
        let (sort, descending) = self.order();
        let words = (&self.name, &self.name_contains, &self.owner, &self.parent);
        let spans = [self.created, self.expires, self.last_used].map(|span| (span.from, span.until));
        // Members without data: their place in the enum is their number.
        let members = (words, spans, self.state.map(|state| state as u8), self.never_used, sort as u8, descending);
        // Writing into memory cannot fail.
        minicbor::to_vec(members).unwrap_or_default()
    }

    fn wants(&self, token: &Token) -> bool {
        // What people sign in with is none of anybody's tokens; who asks for the children of an account is told of them.
        (self.parent.is_some() || !token.scopes.are_of_console())
            && self.state.is_none_or(|state| token.state == state)
            && self.owner.as_ref().is_none_or(|owner| token.owner.as_ref() == Some(owner))
            && self.parent.as_ref().is_none_or(|parent| token.parent.is_some_and(|id| id.to_string() == *parent))
            && self.name.as_ref().is_none_or(|name| token.name.starts_with(name.as_str()))
            && self.name_contains.as_ref().is_none_or(|part| lowercase(&token.name).contains(&lowercase(part)))
            && self.created.holds(Some(token.id.made_at()))
            && self.expires.holds(token.expires_at)
            && self.last_used.holds(token.last_use.as_ref().map(|used| used.at))
            && !(self.never_used && token.last_use.is_some())
    }
}

impl Span {
    /// Whether it leaves anything out.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.from.is_some() || self.until.is_some()
    }

    /// Whether `moment` is within it. What has no moment is in no span that leaves anything out.
    #[must_use]
    pub fn holds(&self, moment: Option<Seconds>) -> bool {
        match moment {
            None => !self.is_bounded(),
            Some(at) => self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until),
        }
    }
}

/// Letter by letter (Unicode), so that the case of a part does not depend on where it stands.
fn lowercase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}
