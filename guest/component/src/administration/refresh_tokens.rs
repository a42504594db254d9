//! The interface `refresh-tokens`.

mod refusals;

use jeton_policy::{authority as rules, record, seconds::Seconds};

use crate::{
    Component, authority,
    bindings::{
        exports::jeton::policy::refresh_tokens::{
            Bindings, Change, DeleteRefusal, Deleted, Deletion, EditRefusal, Expiry, Guest, IssueRefusal, IssueRequest,
            Issued, LastUse, ListRefusal, Page, Query, RefreshToken, RotateRefusal, ShowRefusal, Span,
        },
        jeton::policy::types::{Actor, Reason},
    },
};

impl Guest for Component {
    fn issue(actor: Actor, request: IssueRequest) -> Result<Issued, IssueRefusal> {
        let actor = authority::actor(&actor).map_err(|_| IssueRefusal::ScopeBeyondActor)?;
        let request = rules::IssueRequest {
            name: request.name,
            expiry: expiry(request.expiry),
            scopes: request.scopes,
            parent: request.parent,
            owner: request.owner,
            access_ttl: request.access_ttl.map(Seconds),
            bindings: asked_bindings(request.bindings),
            conduct: record::Conduct { may_delegate: request.may_delegate, rotates_on_use: request.rotates_on_use },
            idempotency_key: request.idempotency_key,
        };
        Ok(issued(authority::with(|authority| authority.issue(&actor, &request))?))
    }

    fn show(id: String) -> Result<RefreshToken, ShowRefusal> {
        Ok(refresh_token(authority::with(|authority| authority.show(&id))?))
    }

    fn list(query: Query) -> Result<Page, ListRefusal> {
        let query = rules::Query {
            state: query.state.map(Into::into),
            name: query.name,
            name_contains: query.name_contains,
            owner: query.owner,
            parent: query.parent,
            created: query.created.into(),
            expires: query.expires.into(),
            last_used: query.last_used.into(),
            never_used: query.never_used,
            sort: query.sort.map(Into::into),
            descending: query.descending,
            limit: query.limit,
            cursor: query.cursor,
        };
        let page = authority::with(|authority| authority.list(&query))?;
        Ok(Page { items: page.items.into_iter().map(refresh_token).collect(), next: page.next })
    }

    fn edit(actor: Actor, id: String, change: Change, generation: Option<u64>) -> Result<RefreshToken, EditRefusal> {
        let actor = authority::actor(&actor).map_err(|_| EditRefusal::ScopeBeyondActor)?;
        let edit = rules::Edit {
            name: change.name,
            expiry: change.expiry.map(expiry),
            enabled: change.enabled,
            scopes: change.scopes,
            access_ttl: change.access_ttl.map(|ttl| ttl.map(Seconds)),
            not_before: change.not_before.map(|from| from.map(Seconds)),
            networks: change.networks,
            networks_in_access_tokens: change.networks_in_access_tokens,
            audiences: change.audiences,
            max_exchanges: change.max_exchanges,
            may_delegate: change.may_delegate,
            rotates_on_use: change.rotates_on_use,
            note: change.note,
        };
        Ok(refresh_token(authority::with(|authority| authority.edit(&actor, &id, &edit, generation))?))
    }

    fn rotate(actor: Actor, id: String, overlap: u64, generation: Option<u64>) -> Result<Issued, RotateRefusal> {
        let actor = authority::actor(&actor).map_err(|_| RotateRefusal::ScopeBeyondActor)?;
        let rotated = authority::with(|authority| authority.rotate(&actor, &id, Seconds(overlap), generation))?;
        Ok(issued(rotated))
    }

    fn delete(actor: Actor, ids: Vec<String>, reason: Reason, note: Option<String>) -> Result<Deleted, DeleteRefusal> {
        let actor = authority::actor(&actor).map_err(|_| DeleteRefusal::ScopeBeyondActor)?;
        let deleted = authority::with(|authority| authority.delete(&actor, &ids, reason.into(), note.as_deref()))?;
        let results = deleted.results.into_iter().map(Into::into);
        Ok(Deleted { results: results.collect(), advanced_epoch: deleted.advanced_epoch })
    }

    fn delete_owned(
        actor: Actor,
        owner: String,
        reason: Reason,
        note: Option<String>,
    ) -> Result<Option<u64>, DeleteRefusal> {
        let actor = authority::actor(&actor).map_err(|_| DeleteRefusal::ScopeBeyondActor)?;
        let reason = reason.into();
        Ok(authority::with(|authority| authority.delete_owned(&actor, &owner, reason, note.as_deref()))?)
    }

    fn delete_access_token(
        actor: Actor,
        jti: String,
        reason: Reason,
        note: Option<String>,
    ) -> Result<Deletion, DeleteRefusal> {
        let actor = authority::actor(&actor).map_err(|_| DeleteRefusal::ScopeBeyondActor)?;
        let reason = reason.into();
        Ok(authority::with(|authority| authority.delete_access_token(&actor, &jti, reason, note.as_deref()))?.into())
    }
}

impl From<Span> for rules::Span {
    fn from(span: Span) -> Self {
        Self { from: span.from.map(Seconds), until: span.until.map(Seconds) }
    }
}

pub(super) fn expiry(expiry: Expiry) -> rules::Expiry {
    match expiry {
        Expiry::BySetting => rules::Expiry::BySetting,
        Expiry::After(span) => rules::Expiry::After(Seconds(span)),
        Expiry::At(at) => rules::Expiry::At(Seconds(at)),
        Expiry::Never => rules::Expiry::Never,
    }
}

pub(super) fn asked_bindings(bindings: Bindings) -> rules::AskedBindings {
    rules::AskedBindings {
        not_before: bindings.not_before.map(Seconds),
        networks: bindings.networks,
        networks_in_access_tokens: bindings.networks_in_access_tokens,
        audiences: bindings.audiences,
        max_exchanges: bindings.max_exchanges,
    }
}

pub(super) fn bindings(bindings: record::Bindings) -> Bindings {
    Bindings {
        not_before: bindings.not_before.map(|from| from.0),
        networks: bindings.networks.texts(),
        networks_in_access_tokens: bindings.networks_in_access_tokens,
        audiences: bindings.audiences,
        max_exchanges: bindings.max_exchanges,
    }
}

fn issued(issued: rules::Issued) -> Issued {
    Issued { secret: issued.secret.map(|secret| secret.to_string()), token: refresh_token(issued.token) }
}

pub(super) fn last_use(used: rules::LastUse) -> LastUse {
    LastUse { at: used.at.0, address: used.address, count: used.count }
}

pub(super) fn refresh_token(token: rules::Token) -> RefreshToken {
    RefreshToken {
        id: token.id.to_string(),
        name: token.name,
        owner: token.owner,
        parent: token.parent.map(|parent| parent.to_string()),
        depth: u32::try_from(token.depth).unwrap_or(u32::MAX),
        scopes: token.scopes.as_slice().to_vec(),
        state: token.state.into(),
        created_at: token.created_at.0,
        created_by: token.created_by,
        expires_at: token.expires_at.map(|expiry| expiry.0),
        access_ttl: token.access_ttl.0,
        bindings: bindings(token.bindings),
        may_delegate: token.conduct.may_delegate,
        rotates_on_use: token.conduct.rotates_on_use,
        superseded_until: token.superseded_until.map(|until| until.0),
        exchanges_left: token.exchanges_left,
        last_use: token.last_use.map(last_use),
        last_use_certain: token.last_use_certain,
        generation: token.generation,
        disabled: token.disabled.map(authority::ending),
        ending: token.ending.map(authority::ending),
    }
}
