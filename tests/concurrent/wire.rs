//! Calls of a history as requests, and answers as a history speaks of them.

use jeton_model::history::{Act, Answer, Name, Record};
use jeton_model::{Ask, Deletion, Edit, Expiry, Network, Reason, Setting, Settings, State, TokenAsk};
use serde_json::{Map, Value, json};

use super::pool::Pool;
use crate::support::http::{Answer as Received, Request};

const TOKEN_EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
const TYPE: &str = "urn:ietf:params:oauth:token-type";

/// The request that a call is.
pub(super) fn request(act: &Act, by: Option<&Name>, pool: &Pool) -> Request {
    let id = |name: &Name| pool.id(name);
    let secret = |name: &Name| pool.secret_text(name);
    let access = |name: &Name| pool.access_named(name).text.as_str();
    let of = |token: &Name, more: &str| format!("/v1/refresh-tokens/{}{more}", id(token));
    let request = match act {
        Act::Create { ask, parent } => {
            let request = Request::json("POST", "/v1/refresh-tokens", &create(ask, parent.as_ref().map(id)));
            ask.key.iter().fold(request, |request, key| request.header("Idempotency-Key", key))
        }
        Act::Exchange { secret: name, ask, by_rfc_8693: false } => {
            form("grant_type=refresh_token", &format!("refresh_token={}", secret(name)), ask)
        }
        Act::Exchange { secret: name, ask, by_rfc_8693: true } => {
            let subject = format!("subject_token={}&subject_token_type={TYPE}:refresh_token", secret(name));
            form(TOKEN_EXCHANGE, &subject, ask)
        }
        Act::Delegate { secret: name, ask } => {
            let types = format!("subject_token_type={TYPE}:refresh_token&requested_token_type={TYPE}:refresh_token");
            form(TOKEN_EXCHANGE, &format!("subject_token={}&{types}", secret(name)), ask)
        }
        Act::ExchangeAccess { access: name, ask } => {
            let subject = format!("subject_token={}&subject_token_type={TYPE}:access_token", access(name));
            form(TOKEN_EXCHANGE, &subject, ask)
        }
        Act::Introspect { access: name } => Request::form("/oauth2/introspect", &format!("token={}", access(name))),
        Act::ForwardAuth { access: name, .. } => Request::get("/forward-auth/x").bearer(access(name)),
        Act::Show { token } => Request::get(&of(token, "")),
        Act::Edit { token, edit: change, generation } => {
            conditional(Request::json("PATCH", &of(token, ""), &edit(change)), *generation)
        }
        Act::Rotate { token, overlap, generation } => {
            let request = Request::json("POST", &of(token, "/rotate"), &json!({ "overlap_seconds": overlap }));
            conditional(request, *generation)
        }
        Act::Delete { tokens, reason } => match &tokens[..] {
            [token] => Request::new("DELETE", &of(token, &format!("?reason={}", reason_name(*reason)))),
            tokens => {
                let ids: Vec<&str> = tokens.iter().map(id).collect();
                deletion(&json!({ "ids": ids, "reason": reason_name(*reason) }))
            }
        },
        Act::DeleteOwned { owner, reason } => deletion(&json!({ "owner": owner, "reason": reason_name(*reason) })),
        Act::DeleteAccess { access, reason } => {
            let jti = &pool.access_named(access).jti;
            Request::new("DELETE", &format!("/v1/access-tokens/{jti}?reason={}", reason_name(*reason)))
        }
        Act::GiveBack { secret: name } => Request::form("/oauth2/revoke", &format!("token={}", secret(name))),
        Act::GiveBackAccess { access: name } => Request::form("/oauth2/revoke", &format!("token={}", access(name))),
        Act::Advance => Request::new("POST", "/v1/epoch/advance"),
        Act::Set { change, generation, at_once, dry_run } => {
            let apply = if *at_once { "at_once" } else { "next_exchange" };
            let target = format!("/v1/settings?dry_run={dry_run}&apply={apply}");
            conditional(Request::json("PATCH", &target, &setting(change)), *generation)
        }
        Act::ShowSettings => Request::get("/v1/settings"),
        Act::ShowEpoch => Request::get("/v1/epoch"),
    };
    by.into_iter().fold(request, |request, by| request.bearer(access(by)))
}

fn form(grant: &str, subject: &str, ask: &TokenAsk) -> Request {
    let scope = ask.scope.as_ref().map(|scope| format!("&scope={}", scope.join("+"))).unwrap_or_default();
    Request::form("/oauth2/token", &format!("{grant}&{subject}{scope}"))
}

fn conditional(request: Request, generation: Option<u64>) -> Request {
    generation.into_iter().fold(request, |request, tag| request.header("If-Match", &format!("\"{tag}\"")))
}

fn deletion(body: &Value) -> Request {
    Request::json("POST", "/v1/refresh-tokens/delete", body)
}

fn create(ask: &Ask, parent: Option<&str>) -> Value {
    let mut body = json!({
        "name": ask.name, "scopes": ask.scopes, "parent": parent, "owner": ask.owner, "access_ttl": ask.access_ttl,
        "max_exchanges": ask.bindings.max_exchanges, "may_delegate": ask.may_delegate,
        "rotates_on_use": ask.rotates_on_use, "networks": ask.bindings.networks.iter().map(network).collect::<Vec<_>>(),
    });
    expiry(ask.expiry, body.as_object_mut().unwrap());
    body
}

fn network(network: &Network) -> String {
    format!("{}/{}", std::net::Ipv4Addr::from(u32::try_from(network.first).unwrap()), network.length)
}

fn expiry(expiry: Expiry, body: &mut Map<String, Value>) {
    let member = match expiry {
        Expiry::BySetting => return,
        Expiry::Never => ("never", json!(true)),
        Expiry::After(span) => ("expires_in", json!(span)),
        Expiry::At(at) => {
            let moment = jiff::Timestamp::from_second(i64::try_from(at).unwrap()).unwrap();
            ("expires_at", json!(moment.to_string()))
        }
    };
    body.insert(member.0.to_owned(), member.1);
}

fn edit(edit: &Edit) -> Value {
    let mut body = Map::new();
    if let Some(at) = edit.expiry {
        expiry(at, &mut body);
    }
    let members = [
        ("name", edit.name.as_ref().map(|name| json!(name))),
        ("enabled", edit.enabled.map(|enabled| json!(enabled))),
        ("scopes", edit.scopes.as_ref().map(|scopes| json!(scopes))),
        ("access_ttl", edit.access_ttl.map(|ttl| json!(ttl))),
        ("max_exchanges", edit.max_exchanges.map(|most| json!(most))),
        ("rotates_on_use", edit.rotates_on_use.map(|rotates| json!(rotates))),
    ];
    body.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(body)
}

fn setting(setting: &Setting) -> Value {
    match setting {
        Setting::AccessTokenExpiration(to) => json!({ "access_token_expiration": to }),
        Setting::UniqueNames(to) => json!({ "unique_names": to }),
        Setting::DelegationLevels(to) => json!({ "delegation_levels": to }),
        Setting::HolderDelegation(to) => json!({ "holder_delegation": to }),
        other => panic!("{other:?} is not drawn"),
    }
}

fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Deleted => "deleted",
        Reason::Compromised => "compromised",
        Reason::OwnerLeft => "owner-left",
        other => panic!("{other:?} is not an administrator's"),
    }
}

/// What came back, by names; what is new in it gets one.
pub(super) fn answer(act: &Act, received: &Received, pool: &mut Pool) -> Answer {
    match (received.status, act) {
        (401, Act::ForwardAuth { .. }) => Answer::Dead,
        (401, _) => Answer::CallerRefused,
        (200, Act::ForwardAuth { .. }) => alive_by_headers(received, pool),
        (200 | 204, Act::GiveBack { .. } | Act::GiveBackAccess { .. } | Act::DeleteOwned { .. }) | (204, _) => {
            Answer::Done
        }
        (200 | 201, _) => granted(act, received, pool),
        _ => {
            let body = received.json();
            let code = body["code"].as_str().or(body["error"].as_str());
            Answer::Refused(code.unwrap_or_else(|| panic!("no code in {body}")).replace('_', "-"))
        }
    }
}

fn granted(act: &Act, received: &Received, pool: &mut Pool) -> Answer {
    let body = received.json();
    let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no text `{name}` in {body}"));
    let scopes = || text("scope").split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    match act {
        Act::Create { .. } => {
            let secret = body["token"].as_str().map(|secret| pool.secret(text("id"), secret));
            let token = pool.token(text("id")).name.clone();
            Answer::Created { token, secret, record: Box::new(record(&body, pool)) }
        }
        Act::Exchange { secret, .. } => Answer::Minted {
            access: pool.minted(text("access_token"), text("jti"), text("scope")),
            scopes: scopes(),
            expires_in: body["expires_in"].as_u64().unwrap(),
            refresh_expires_in: body["refresh_expires_in"].as_u64(),
            successor: successor(&body, secret, pool),
        },
        Act::ExchangeAccess { .. } => Answer::Minted {
            access: pool.minted(text("access_token"), text("jti"), text("scope")),
            scopes: scopes(),
            expires_in: body["expires_in"].as_u64().unwrap(),
            refresh_expires_in: None,
            successor: None,
        },
        Act::Delegate { secret, .. } => {
            let child = pool.secret(text("client_id"), text("access_token"));
            Answer::Delegated {
                token: pool.token(text("client_id")).name.clone(),
                secret: child,
                scopes: scopes(),
                expires_in: body["expires_in"].as_u64(),
                successor: successor(&body, secret, pool),
            }
        }
        Act::Introspect { .. } if body["active"] == json!(false) => {
            assert_eq!(body, json!({ "active": false }), "a dead token says nothing else");
            Answer::Dead
        }
        Act::Introspect { .. } => {
            Answer::Alive { client: pool.actor(text("client_id")), subject: pool.actor(text("sub")), scopes: scopes() }
        }
        Act::Show { .. } | Act::Edit { .. } => Answer::Shown(Box::new(record(&body, pool))),
        Act::Rotate { .. } => {
            let secret = pool.secret(text("id"), text("token"));
            Answer::Rotated { secret, record: Box::new(record(&body, pool)) }
        }
        Act::Delete { .. } => {
            let results = body["results"].as_array().unwrap().iter().map(|one| one["result"].as_str().unwrap());
            Answer::Deletions(results.map(deleted).collect())
        }
        Act::Advance | Act::ShowEpoch => Answer::Epoch(body["number"].as_u64().unwrap()),
        Act::Set { .. } | Act::ShowSettings => {
            let settings = if body["settings"].is_object() { &body["settings"] } else { &body };
            let tag = received.header("etag").unwrap().trim_matches('"').parse().unwrap();
            Answer::Settings(Box::new(settings_of(settings, tag)))
        }
        other => panic!("{} was answered with {body}", other),
    }
}

fn alive_by_headers(received: &Received, pool: &Pool) -> Answer {
    let header = |name: &str| received.header(name).unwrap().to_owned();
    let scope = header("x-jeton-scope");
    Answer::Alive {
        client: pool.actor(&header("x-jeton-client")),
        subject: pool.actor(&header("x-jeton-subject")),
        scopes: scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
    }
}

/// The secret that replaces a presented one.
fn successor(body: &Value, presented: &Name, pool: &mut Pool) -> Option<Name> {
    let text = body["refresh_token"].as_str()?;
    let id = pool.id(presented.split_once('/').unwrap().0).to_owned();
    Some(pool.secret(&id, text))
}

fn deleted(result: &str) -> Deletion {
    match result {
        "deleted" => Deletion::Deleted,
        "already-deleted" => Deletion::AlreadyDeleted,
        "not-found" => Deletion::NotFound,
        other => panic!("no result: {other}"),
    }
}

fn record(body: &Value, pool: &mut Pool) -> Record {
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let texts =
        |name: &str| body[name].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    let moment = |name: &str| {
        let moment = body[name].as_str()?.parse::<jiff::Timestamp>().unwrap();
        Some(u64::try_from(moment.as_second()).unwrap())
    };
    let state = match body["state"].as_str().unwrap() {
        "active" => State::Active,
        "disabled" => State::Disabled,
        "expired" => State::Expired,
        "deleted" => State::Deleted,
        other => panic!("no state: {other}"),
    };
    Record {
        name: text("name").unwrap(),
        owner: text("owner"),
        parent: text("parent").map(|parent| pool.token(&parent).name.clone()),
        depth: body["depth"].as_u64().unwrap(),
        scopes: texts("scopes"),
        state,
        created_by: pool.actor(&text("created_by").unwrap()),
        expires_at: moment("expires_at"),
        access_ttl: body["access_ttl"].as_u64().unwrap(),
        audiences: texts("audiences"),
        max_exchanges: body["max_exchanges"].as_u64(),
        exchanges_left: body["exchanges_left"].as_u64(),
        may_delegate: body["may_delegate"].as_bool().unwrap(),
        rotates_on_use: body["rotates_on_use"].as_bool().unwrap(),
        superseded_until: moment("superseded_until"),
        generation: body["generation"].as_u64().unwrap(),
        disabled_by: text("disabled_by").map(|by| pool.actor(&by)),
        ended: text("ended_by").map(|by| (pool.actor(&by), text("reason").unwrap())),
    }
}

fn settings_of(body: &Value, generation: u64) -> Settings {
    let number = |name: &str| body[name].as_u64().unwrap_or_else(|| panic!("no number `{name}` in {body}"));
    let truth = |name: &str| body[name].as_bool().unwrap();
    let scopes = |all: &Vec<Value>| all.iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    Settings {
        access_token_expiration: number("access_token_expiration"),
        access_token_minimum: number("access_token_minimum"),
        access_token_maximum: number("access_token_maximum"),
        refresh_token_expiration: number("refresh_token_expiration"),
        refresh_token_maximum: body["refresh_token_maximum"].as_u64(),
        never_allowed: truth("never_allowed"),
        unique_names: truth("unique_names"),
        scopes: body["scopes"].as_array().map(scopes),
        delegation_levels: number("delegation_levels"),
        holder_delegation: truth("holder_delegation"),
        tombstone_retention: number("tombstone_retention"),
        generation,
    }
}
