//! The interface `transfer`.

use jeton_policy::{
    authority::{self as rules, ExportError, ImportError},
    record,
    seconds::Seconds,
};

use super::refresh_tokens::{asked_bindings, last_use};
use crate::{
    Component, authority,
    bindings::{
        exports::jeton::policy::transfer::{
            Bindings, ExportRefusal, ExportedPage, ExportedToken, Guest, ImportRefusal, Imported,
        },
        jeton::policy::types::Actor,
    },
};

impl Guest for Component {
    fn export(limit: u32, cursor: Option<String>) -> Result<ExportedPage, ExportRefusal> {
        let page = authority::with(|authority| authority.export(limit, cursor.as_deref()))?;
        Ok(ExportedPage { items: page.items.into_iter().map(exported).collect(), next: page.next })
    }

    fn import(actor: Actor, tokens: Vec<ExportedToken>) -> Result<Vec<Imported>, ImportRefusal> {
        // Whose scopes are none may touch no administrative one.
        let actor = authority::actor(&actor).unwrap_or(rules::Actor::Token(rules::ActingToken {
            client_id: String::new(),
            subject: String::new(),
            scopes: jeton_policy::scope::Scopes::default(),
        }));
        let tokens: Vec<_> = tokens.into_iter().map(given).collect();
        let results = authority::with(|authority| authority.import(&actor, &tokens))?;
        Ok(results.into_iter().map(imported).collect())
    }
}

fn exported(token: rules::ExportedToken) -> ExportedToken {
    ExportedToken {
        id: token.id,
        name: token.name,
        owner: token.owner,
        parent: token.parent,
        scopes: token.scopes,
        created_at: token.created_at.0,
        created_by: token.created_by,
        expires_at: token.expires_at.map(|expiry| expiry.0),
        access_ttl: token.access_ttl.map(|ttl| ttl.0),
        bindings: Bindings {
            not_before: token.bindings.not_before.map(|from| from.0),
            networks: token.bindings.networks,
            networks_in_access_tokens: token.bindings.networks_in_access_tokens,
            audiences: token.bindings.audiences,
            max_exchanges: token.bindings.max_exchanges,
        },
        may_delegate: token.conduct.may_delegate,
        rotates_on_use: token.conduct.rotates_on_use,
        secret_sha256: token.secret_sha256,
        exchanges_left: token.exchanges_left,
        last_use: token.last_use.map(last_use),
        disabled: token.disabled.map(authority::ending),
        ending: token.ending.map(authority::ending),
    }
}

fn given(token: ExportedToken) -> rules::ExportedToken {
    rules::ExportedToken {
        id: token.id,
        name: token.name,
        owner: token.owner,
        parent: token.parent,
        scopes: token.scopes,
        created_at: Seconds(token.created_at),
        created_by: token.created_by,
        expires_at: token.expires_at.map(Seconds),
        access_ttl: token.access_ttl.map(Seconds),
        bindings: asked_bindings(token.bindings),
        conduct: record::Conduct { may_delegate: token.may_delegate, rotates_on_use: token.rotates_on_use },
        secret_sha256: token.secret_sha256,
        exchanges_left: token.exchanges_left,
        last_use: token.last_use.map(|used| rules::LastUse {
            at: Seconds(used.at),
            address: used.address,
            count: used.count,
        }),
        disabled: token.disabled.map(authority::given_ending),
        ending: token.ending.map(authority::given_ending),
    }
}

fn imported(result: rules::Imported) -> Imported {
    match result {
        rules::Imported::Imported => Imported::Imported,
        rules::Imported::AlreadyThere => Imported::AlreadyThere,
        rules::Imported::Differs => Imported::Differs,
        rules::Imported::Refused(refusal) => Imported::Refused(refusal.into()),
        rules::Imported::IdMalformed => Imported::IdMalformed,
        rules::Imported::SecretMalformed => Imported::SecretMalformed,
        rules::Imported::ExchangesLeftOutOfRange => Imported::ExchangesLeftOutOfRange,
        rules::Imported::EndingMalformed => Imported::EndingMalformed,
        rules::Imported::CreatedInTheFuture => Imported::CreatedInTheFuture,
    }
}

same!(ExportError => ExportRefusal { LimitOutOfRange CursorInvalid Unavailable });
same!(ImportError => ImportRefusal { TooMany ClockBehind Unavailable });
