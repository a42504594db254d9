//! The interface `refresh-tokens`.

use jeton_policy::{
    authority::{self as rules, DeleteError, IssueError, ListError, ShowError},
    seconds::Seconds,
};

use crate::{
    Component, authority,
    bindings::{
        exports::jeton::policy::refresh_tokens::{
            DeleteRefusal, Deleted, Deletion, Expiry, Guest, IssueRefusal, IssueRequest, Issued, ListRefusal, Page,
            Query, RefreshToken, ShowRefusal, State,
        },
        jeton::policy::types::{Actor, Reason},
    },
};

impl Guest for Component {
    fn issue(actor: Actor, request: IssueRequest) -> Result<Issued, IssueRefusal> {
        let actor = authority::actor(&actor).map_err(|_| IssueRefusal::ScopeBeyondActor)?;
        let request = rules::IssueRequest {
            name: request.name,
            expiry: match request.expiry {
                Expiry::BySetting => rules::Expiry::BySetting,
                Expiry::After(span) => rules::Expiry::After(Seconds(span)),
                Expiry::At(at) => rules::Expiry::At(Seconds(at)),
                Expiry::Never => rules::Expiry::Never,
            },
            scopes: request.scopes,
            parent: request.parent,
            owner: request.owner,
            access_ttl: request.access_ttl.map(Seconds),
        };
        let issued = authority::with(|authority| authority.issue(&actor, &request))?;
        Ok(Issued { secret: issued.secret.to_string(), token: refresh_token(issued.token) })
    }

    fn show(id: String) -> Result<RefreshToken, ShowRefusal> {
        Ok(refresh_token(authority::with(|authority| authority.show(&id))?))
    }

    fn list(query: Query) -> Result<Page, ListRefusal> {
        let query = rules::Query {
            state: query.state.map(|state| match state {
                State::Active => rules::State::Active,
                State::Disabled => rules::State::Disabled,
                State::Expired => rules::State::Expired,
                State::Deleted => rules::State::Deleted,
            }),
            name: query.name,
            owner: query.owner,
            limit: query.limit,
            cursor: query.cursor,
        };
        let page = authority::with(|authority| authority.list(&query))?;
        Ok(Page { items: page.items.into_iter().map(refresh_token).collect(), next: page.next })
    }

    fn delete(actor: Actor, ids: Vec<String>, reason: Reason, note: Option<String>) -> Result<Deleted, DeleteRefusal> {
        let actor = authority::actor(&actor).map_err(|_| DeleteRefusal::ScopeBeyondActor)?;
        let deleted = authority::with(|authority| authority.delete(&actor, &ids, reason.into(), note.as_deref()))?;
        let results = deleted.results.into_iter().map(|result| match result {
            rules::Deletion::Deleted => Deletion::Deleted,
            rules::Deletion::AlreadyDeleted => Deletion::AlreadyDeleted,
            rules::Deletion::NotFound => Deletion::NotFound,
        });
        Ok(Deleted { results: results.collect(), advanced_epoch: deleted.advanced_epoch })
    }
}

fn refresh_token(token: rules::Token) -> RefreshToken {
    RefreshToken {
        id: token.id.to_string(),
        name: token.name,
        owner: token.owner,
        parent: token.parent.map(|parent| parent.to_string()),
        scopes: token.scopes.as_slice().to_vec(),
        state: match token.state {
            rules::State::Active => State::Active,
            rules::State::Disabled => State::Disabled,
            rules::State::Expired => State::Expired,
            rules::State::Deleted => State::Deleted,
        },
        created_at: token.created_at.0,
        created_by: token.created_by,
        expires_at: token.expires_at.map(|expiry| expiry.0),
        access_ttl: token.access_ttl.0,
        generation: token.generation,
        ending: token.ending.map(authority::ending),
    }
}

impl From<IssueError> for IssueRefusal {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::NameEmpty => Self::NameEmpty,
            IssueError::NameTooLong => Self::NameTooLong,
            IssueError::NameHasControlCharacter => Self::NameHasControlCharacter,
            IssueError::NameHasOuterSpace => Self::NameHasOuterSpace,
            IssueError::ExpiryInThePast => Self::ExpiryInThePast,
            IssueError::ExpiryOutOfRange => Self::ExpiryOutOfRange,
            IssueError::ExpiryBeyondParent => Self::ExpiryBeyondParent,
            IssueError::TooManyScopes => Self::TooManyScopes,
            IssueError::ScopeMalformed => Self::ScopeMalformed,
            IssueError::ScopesTooLong => Self::ScopesTooLong,
            IssueError::ScopeUnknown => Self::ScopeUnknown,
            IssueError::ScopeBeyondParent => Self::ScopeBeyondParent,
            IssueError::ScopeBeyondActor => Self::ScopeBeyondActor,
            IssueError::ParentMalformed => Self::ParentMalformed,
            IssueError::ParentNotFound => Self::ParentNotFound,
            IssueError::ParentEnded => Self::ParentEnded,
            IssueError::TooDeep => Self::TooDeep,
            IssueError::OwnerMalformed => Self::OwnerMalformed,
            IssueError::AccessTtlOutOfRange => Self::AccessTtlOutOfRange,
            IssueError::ClockBehind => Self::ClockBehind,
            IssueError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<ShowError> for ShowRefusal {
    fn from(error: ShowError) -> Self {
        match error {
            ShowError::NotFound => Self::NotFound,
            ShowError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<ListError> for ListRefusal {
    fn from(error: ListError) -> Self {
        match error {
            ListError::LimitOutOfRange => Self::LimitOutOfRange,
            ListError::NameTooLong => Self::NameTooLong,
            ListError::OwnerMalformed => Self::OwnerMalformed,
            ListError::CursorInvalid => Self::CursorInvalid,
            ListError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<DeleteError> for DeleteRefusal {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::TooMany => Self::TooMany,
            DeleteError::ScopeBeyondActor => Self::ScopeBeyondActor,
            DeleteError::NoteTooLong => Self::NoteTooLong,
            DeleteError::NoteHasControlCharacter => Self::NoteHasControlCharacter,
            DeleteError::Unavailable => Self::Unavailable,
        }
    }
}
