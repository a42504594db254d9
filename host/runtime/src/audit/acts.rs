//! What each call that changes something is called, and what is told of it: never a secret, nor what follows from one.

use std::borrow::Cow;

use jeton_policy::refresh_token::RefreshToken;
use serde_json::{Map, Value, json};

use super::Act;
use crate::wit::configuration::SettingsChange;
use crate::wit::epochs::{Algorithm, Boot};
use crate::wit::exchange::{TokenExchangeRequest, TokenType};
use crate::wit::refresh_tokens::{Change, Expiry, IssueRequest};
use crate::wit::types::{Actor, Reason, Seconds};

pub(crate) fn configure(requested: Option<&str>, fallback: &str) -> Act {
    Act::of("machine", "issuer.set").with("issuer", requested.unwrap_or(fallback))
}

pub(crate) fn change_settings(actor: &Actor, change: &SettingsChange, at_once: bool) -> Act {
    let SettingsChange {
        access_token_expiration,
        access_token_minimum,
        access_token_maximum,
        refresh_token_expiration,
        refresh_token_maximum,
        never_allowed,
        unique_names,
        scopes,
        delegation_levels,
        holder_delegation,
        tombstone_retention,
    } = change;
    let changed = changes([
        ("access_token_expiration", said(access_token_expiration)),
        ("access_token_minimum", said(access_token_minimum)),
        ("access_token_maximum", said(access_token_maximum)),
        ("refresh_token_expiration", said(refresh_token_expiration)),
        ("refresh_token_maximum", said(refresh_token_maximum)),
        ("never_allowed", said(never_allowed)),
        ("unique_names", said(unique_names)),
        ("scopes", said(scopes)),
        ("delegation_levels", said(delegation_levels)),
        ("holder_delegation", said(holder_delegation)),
        ("tombstone_retention", said(tombstone_retention)),
    ]);
    Act::new("settings.change", actor).with("changed", changed).with("at_once", at_once)
}

pub(crate) fn begin(boot: Boot, alg: Option<Algorithm>) -> Act {
    let boot = match boot {
        Boot::Advance => "advance",
        Boot::Resume => "resume",
    };
    Act::of("machine", "epoch.begin").with("boot", boot).with_some("alg", alg.map(algorithm))
}

pub(crate) fn advance(actor: &Actor, alg: Option<Algorithm>) -> Act {
    Act::new("epoch.advance", actor).with_some("alg", alg.map(algorithm))
}

pub(crate) fn issue(actor: &Actor, request: &IssueRequest) -> Act {
    Act::new("refresh-token.create", actor)
        .with("name", request.name.as_str())
        .with("expires", expiry(&request.expiry))
        .with("scopes", request.scopes.clone())
        .with_some("owner", request.owner.as_deref())
        .with_some("parent", request.parent.as_deref())
}

pub(crate) fn edit(actor: &Actor, id: &str, change: &Change) -> Act {
    let name = match change.enabled {
        Some(false) => "refresh-token.disable",
        Some(true) => "refresh-token.enable",
        None => "refresh-token.edit",
    };
    let Change {
        name: called,
        expiry: expires,
        enabled: _,
        scopes,
        access_ttl,
        not_before,
        networks,
        networks_in_access_tokens,
        audiences,
        max_exchanges,
        may_delegate,
        rotates_on_use,
        note,
    } = change;
    let changed = changes([
        ("name", said(called)),
        ("expires", expires.as_ref().map(expiry)),
        ("scopes", said(scopes)),
        ("access_ttl", said(access_ttl)),
        ("not_before", said(not_before)),
        ("networks", said(networks)),
        ("networks_in_access_tokens", said(networks_in_access_tokens)),
        ("audiences", said(audiences)),
        ("max_exchanges", said(max_exchanges)),
        ("may_delegate", said(may_delegate)),
        ("rotates_on_use", said(rotates_on_use)),
    ]);
    Act::new(name, actor).with("id", id).with("changed", changed).with_some("note", note.as_deref())
}

pub(crate) fn rotate(actor: &Actor, id: &str, overlap: Seconds) -> Act {
    Act::new("refresh-token.rotate", actor).with("id", id).with("overlap", overlap)
}

pub(crate) fn delete(actor: &Actor, reason: Reason, note: Option<&str>) -> Act {
    Act::new("refresh-token.delete", actor).with("reason", word(reason)).with_some("note", note)
}

pub(crate) fn delete_owned(actor: &Actor, owner: &str, reason: Reason, note: Option<&str>) -> Act {
    Act::new("owner.delete", actor).with("owner", owner).with("reason", word(reason)).with_some("note", note)
}

pub(crate) fn delete_access_token(actor: &Actor, jti: &str, reason: Reason, note: Option<&str>) -> Act {
    Act::new("access-token.delete", actor).with("jti", jti).with("reason", word(reason)).with_some("note", note)
}

pub(crate) fn import(actor: &Actor) -> Act {
    Act::new("refresh-token.import", actor)
}

/// An exchange is nobody's administrative act. Where a spent secret comes again, the policy ends the token.
pub(crate) fn exchange() -> Act {
    Act::of("policy", "refresh-token.reuse").of_records()
}

pub(crate) fn exchange_token(request: &TokenExchangeRequest) -> Act {
    match request.requested_token_type {
        TokenType::AccessToken => exchange(),
        TokenType::RefreshToken => Act::of(holder_of(&request.subject_token), "refresh-token.delegate")
            .with_some("name", request.name.as_deref())
            .with_some("scope", request.scope.as_deref())
            .of_records(),
    }
}

pub(crate) fn revoke(token: &str) -> Act {
    Act::of(holder_of(token), "token.revoke")
}

/// The id of the refresh token that is presented; whoever shows an access token is known by what is ended.
fn holder_of(token: &str) -> Cow<'static, str> {
    RefreshToken::parse(token).map_or(Cow::Borrowed("holder"), |token| Cow::Owned(token.id().to_string()))
}

pub(crate) fn accept_clock(keep: bool) -> Act {
    Act::of("machine", "clock.accept").with("keep", keep)
}

/// What is said, and taken away where `null` is.
fn said<T: Clone + Into<Value>>(member: &Option<T>) -> Option<Value> {
    member.clone().map(Into::into)
}

fn changes<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let said = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(said.collect::<Map<_, _>>())
}

fn expiry(expiry: &Expiry) -> Value {
    match expiry {
        Expiry::BySetting => json!("by-setting"),
        Expiry::After(seconds) => json!({ "after": seconds }),
        Expiry::At(moment) => json!({ "at": moment }),
        Expiry::Never => json!("never"),
    }
}

fn algorithm(alg: Algorithm) -> &'static str {
    match alg {
        Algorithm::Eddsa => "EdDSA",
        Algorithm::Es256 => "ES256",
        Algorithm::Rs256 => "RS256",
    }
}

fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Deleted => "deleted",
        Reason::Compromised => "compromised",
        Reason::Superseded => "superseded",
        Reason::Unused => "unused",
        Reason::OwnerLeft => "owner-left",
        Reason::RevokedByHolder => "revoked-by-holder",
        Reason::ParentEnded => "parent-ended",
        Reason::ReuseDetected => "reuse-detected",
        Reason::Disabled => "disabled",
        Reason::Narrowed => "narrowed",
        Reason::Rotated => "rotated",
        Reason::TooManyRevocations => "too-many-revocations",
        Reason::ClockAccepted => "clock-accepted",
    }
}
