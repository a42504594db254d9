//! `PATCH /v1/refresh-tokens/{id}`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{Request, StatusCode};
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::Change;

use super::super::json::Members;
use super::super::permissions::Caller;
use super::super::problem::Problem;
use super::super::refusals::Refusal;
use super::super::{precondition, respond};
use super::record::Record;
use super::{expiry, id_of};
use crate::app::App;

/// Changes what is sent and leaves the rest: 200 with the record as it is then. An edit that changes nothing may be repeated.
pub(in super::super) async fn edit(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    id: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let id = id_of(id)?;
    let generation = precondition::generation(request.headers())?;
    let (change, expiry_member) = read(Members::read(request).await?)?;
    let by = caller.by().to_owned();
    let edit = move |call: &mut jeton_runtime::AuthorityCall<'_>| call.edit(&caller.actor, &id, &change, generation);
    let token = match app.authority.call(Class::Administration, edit).await {
        Ok(Ok(token)) => token,
        Ok(Err(refusal)) => return Err(refusal.row().about("expires_at", expiry_member).problem()),
        Err(error) => return Err(error.row().problem()),
    };
    tracing::info!(refresh_token = %token.id, %by, generation = token.generation, "refresh token changed");
    Ok(respond::with_generation(respond::json(StatusCode::OK, &Record::of(&token)), token.generation))
}

/// What is to change, and the name of the member that says when it expires. `null` takes a member away.
pub(in super::super) fn read(mut members: Members) -> Result<(Change, &'static str), Problem> {
    for name in ["owner", "parent"] {
        if members.has(name) {
            members.refuse::<()>(name, "it is for good: make another token");
            members.ignore(name);
        }
    }
    let expiry = expiry::read(&mut members);
    let change = Change {
        name: members.text("name"),
        expiry: expiry.map(|(expiry, _)| expiry),
        enabled: members.truth("enabled"),
        scopes: members.or_null("scopes", Members::texts).map(Option::unwrap_or_default),
        access_ttl: members.or_null("access_ttl", Members::whole_number),
        not_before: members.or_null("not_before", Members::moment),
        networks: members.or_null("networks", Members::texts).map(Option::unwrap_or_default),
        networks_in_access_tokens: members.truth("networks_in_access_tokens"),
        audiences: members.or_null("audiences", Members::texts).map(Option::unwrap_or_default),
        max_exchanges: members.or_null("max_exchanges", Members::whole_number),
        may_delegate: members.truth("may_delegate"),
        rotates_on_use: members.truth("rotates_on_use"),
        note: members.text("note"),
    };
    members.finish()?;
    Ok((change, expiry.map_or("expires_at", |(_, member)| member)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use jeton_runtime::wit::refresh_tokens::Expiry;
    use serde_json::Value;

    fn change(json: &str) -> Result<Change, Vec<String>> {
        read(Members::parse(json.as_bytes()).unwrap()).map(|(change, _)| change).map_err(|problem| {
            let body: Value = serde_json::from_slice(problem.response().body()).unwrap();
            let errors = body.get("errors").and_then(Value::as_array).unwrap();
            errors.iter().filter_map(|error| error.get("field")?.as_str().map(str::to_owned)).collect()
        })
    }

    fn refused(json: &str) -> Vec<String> {
        change(json).err().unwrap_or_default()
    }

    #[test]
    fn what_is_not_said_stays() {
        let nothing = change("{}").unwrap();
        assert!(nothing.name.is_none() && nothing.expiry.is_none() && nothing.enabled.is_none());
        assert!(nothing.scopes.is_none() && nothing.access_ttl.is_none() && nothing.not_before.is_none());
        assert!(nothing.networks.is_none() && nothing.audiences.is_none() && nothing.max_exchanges.is_none());
    }

    #[test]
    fn null_takes_away_what_can_be_taken_away() {
        let change =
            change(r#"{"access_ttl":null,"not_before":null,"max_exchanges":null,"networks":null,"audiences":null,"scopes":null}"#)
                .unwrap();
        assert_eq!((change.access_ttl, change.not_before, change.max_exchanges), (Some(None), Some(None), Some(None)));
        assert_eq!((change.networks, change.audiences, change.scopes), (Some(vec![]), Some(vec![]), Some(vec![])));
        for (json, field) in [
            (r#"{"name":null}"#, "name"),
            (r#"{"expires_at":null}"#, "expires_at"),
            (r#"{"enabled":null}"#, "enabled"),
            (r#"{"may_delegate":null}"#, "may_delegate"),
        ] {
            assert_eq!(refused(json), [field], "{json}");
        }
    }

    #[test]
    fn every_member_can_be_changed() {
        let change = change(
            r#"{"name":"n","never":true,"enabled":false,"scopes":["a"],"access_ttl":60,"not_before":"2027-01-31T12:00:00Z",
                "networks":["10.0.0.0/8"],"networks_in_access_tokens":true,"audiences":["urn:a"],"max_exchanges":5,
                "may_delegate":true,"rotates_on_use":true,"note":"why"}"#,
        )
        .unwrap();
        assert!(matches!(change.expiry, Some(Expiry::Never)));
        assert_eq!(
            (change.enabled, change.access_ttl, change.max_exchanges),
            (Some(false), Some(Some(60)), Some(Some(5)))
        );
        assert_eq!((change.may_delegate, change.rotates_on_use), (Some(true), Some(true)));
        assert_eq!((change.not_before, change.note.as_deref()), (Some(Some(1_801_396_800)), Some("why")));
    }

    #[test]
    fn what_is_for_good_or_unknown_is_refused_by_name() {
        assert_eq!(refused(r#"{"owner":"o","parent":null}"#), ["owner", "parent"]);
        for member in ["id", "state", "created_at", "generation", "token", "exchanges_left"] {
            assert_eq!(refused(&format!("{{\"{member}\":1}}")), [member]);
        }
    }
}
