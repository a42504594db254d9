//! List: refresh tokens in pages that cost the same however many there are.

use super::{
    Authority, cursor,
    members::{MAX_NAME_LENGTH, check_owner},
    show::{State, Token},
};
use crate::{
    keys,
    store::{Direction, MAX_SCAN, Unavailable},
    token_id::TokenId,
};

/// The most tokens of a page.
pub const MAX_PAGE: u32 = 1000;
/// The most records that a page examines: a filter that hits little costs no more than this.
pub const MAX_EXAMINED: u32 = 5000;

/// What to list. Every member narrows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Those in this state.
    pub state: Option<State>,
    /// Those whose name begins so; in the order of names then, else newest first.
    pub name: Option<String>,
    /// Those of this owner.
    pub owner: Option<String>,
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
    /// # Errors
    /// [`ListError`].
    pub fn list(&self, query: &Query) -> Result<TokenPage, ListError> {
        if query.limit == 0 || query.limit > MAX_PAGE {
            return Err(ListError::LimitOutOfRange);
        }
        if query.name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME_LENGTH) {
            return Err(ListError::NameTooLong);
        }
        if let Some(owner) = &query.owner {
            check_owner(owner).map_err(|_| ListError::OwnerMalformed)?;
        }
        let prefix = query.index();
        let identity = query.identity();
        let mut after = match &query.cursor {
            None => None,
            Some(cursor) => {
                let after = cursor::read(&identity, cursor).ok_or(ListError::CursorInvalid)?;
                if !after.starts_with(&prefix) {
                    return Err(ListError::CursorInvalid);
                }
                Some(after)
            }
        };

        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let mut items = Vec::new();
        let mut examined = 0_u32;
        loop {
            // A page without filters is found in one scan; one more than asked for tells whether there is a next.
            let wanted = query.limit.saturating_add(1).min(MAX_SCAN);
            let found = self.store.scan(&prefix, after.as_deref(), Direction::Ascending, wanted)?.items;
            let is_last = found.len() < usize::try_from(wanted).unwrap_or(usize::MAX);
            let ids: Vec<TokenId> = found.iter().filter_map(|item| keys::id_at_end(&item.key)).collect();
            let tokens = self.tokens(&ids)?;
            let mut rest = found.into_iter().zip(tokens).peekable();
            while let Some((item, token)) = rest.next() {
                examined = examined.saturating_add(1);
                items.extend(token.filter(|token| query.wants(token)));
                let is_full = items.len() >= limit || examined >= MAX_EXAMINED;
                let is_end = is_last && rest.peek().is_none();
                if is_full && !is_end {
                    return Ok(TokenPage { items, next: Some(cursor::write(&identity, &item.key)) });
                }
                after = Some(item.key);
            }
            if is_last {
                return Ok(TokenPage { items, next: None });
            }
        }
    }
}

impl Query {
    /// The keys that are gone through: those of the narrowest index.
    fn index(&self) -> Vec<u8> {
        match (&self.name, &self.owner) {
            (Some(name), _) => keys::name_prefix(name),
            (None, Some(owner)) => keys::owned_prefix(owner),
            (None, None) => keys::TOKENS.to_vec(),
        }
    }

    /// What two queries have in common if and only if a cursor of one is good for the other.
    fn identity(&self) -> Vec<u8> {
        let mut identity = Vec::new();
        for part in [self.name.as_deref(), self.owner.as_deref()] {
            identity.push(u8::from(part.is_some()));
            identity.extend_from_slice(part.unwrap_or_default().as_bytes());
            identity.push(0);
        }
        identity.push(match self.state {
            None => 0,
            Some(State::Active) => 1,
            Some(State::Disabled) => 2,
            Some(State::Expired) => 3,
            Some(State::Deleted) => 4,
        });
        identity
    }

    fn wants(&self, token: &Token) -> bool {
        self.state.is_none_or(|state| token.state == state)
            && self.owner.as_ref().is_none_or(|owner| token.owner.as_ref() == Some(owner))
            && self.name.as_ref().is_none_or(|name| token.name.starts_with(name.as_str()))
    }
}
