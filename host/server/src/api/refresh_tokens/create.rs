//! `POST /v1/refresh-tokens`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderValue, Request, StatusCode};
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::{Expiry, IssueRequest};
use serde::Serialize;
use zeroize::Zeroizing;

use super::super::json::Members;
use super::super::permissions::Caller;
use super::super::problem::Problem;
use super::super::refusals::Refusal;
use super::super::{respond, time};
use super::record::Record;
use crate::app::App;

/// The members that say when it expires. At most one of them is given.
const EXPIRIES: [&str; 3] = ["expires_at", "expires_in", "never"];

#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    record: Record<'a>,
    /// The secret: here, once, and nowhere again.
    token: &'a str,
}

/// Makes a refresh token: 201 with its record, its place, and, this once, the secret.
pub(in super::super) async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (issue, expiry_member) = read(Members::read(request).await?)?;
    let by = caller.claims.client_id.clone();
    let answer = app.authority.call(Class::Administration, move |call| call.issue(&caller.actor, &issue)).await;
    let issued = match answer {
        Ok(Ok(issued)) => issued,
        Ok(Err(refusal)) => return Err(refusal.row().about("expires_at", expiry_member).problem()),
        Err(error) => return Err(error.row().problem()),
    };
    tracing::info!(refresh_token = %issued.token.id, %by, "refresh token created");
    let secret = Zeroizing::new(issued.secret.unwrap_or_default());
    let created = Created { record: Record::of(&issued.token), token: &secret };
    let mut response = respond::with_generation(respond::json(StatusCode::CREATED, &created), issued.token.generation);
    if let Ok(place) = HeaderValue::try_from(format!("/v1/refresh-tokens/{}", issued.token.id)) {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

/// What is asked for, and the name of the member that says when it expires.
fn read(mut members: Members) -> Result<(IssueRequest, &'static str), Problem> {
    if !members.has("name") {
        members.refuse::<()>("name", "it is missing");
    }
    let name = members.text("name");
    let (expiry, expiry_member) = read_expiry(&mut members);
    let scopes = members.texts("scopes");
    let parent = members.text_or_null("parent");
    let owner = members.text_or_null("owner");
    let access_ttl = members.whole_number("access_ttl");
    members.finish()?;
    // What is missing here was refused above.
    let (name, scopes) = (name.unwrap_or_default(), scopes.unwrap_or_default());
    Ok((IssueRequest { expiry, scopes, parent, owner, access_ttl, ..IssueRequest::named(&name) }, expiry_member))
}

fn read_expiry(members: &mut Members) -> (Expiry, &'static str) {
    let given: Vec<&'static str> = EXPIRIES.into_iter().filter(|name| members.has(name)).collect();
    if given.len() > 1 {
        for name in &given {
            members.refuse::<()>(*name, "give only one of `expires_at`, `expires_in` and `never`");
        }
    }
    let at = members.text("expires_at").and_then(|text| match time::from_rfc3339(&text) {
        Ok(moment) => Some(moment),
        Err(error) => members.refuse("expires_at", error.to_string()),
    });
    let after = members.whole_number("expires_in");
    let never = members.flag("never");
    match (at, after, never) {
        (Some(moment), ..) => (Expiry::At(moment), "expires_at"),
        (_, Some(seconds), _) => (Expiry::After(seconds), "expires_in"),
        (.., true) => (Expiry::Never, "never"),
        // A setting can reach beyond what is possible too; then it is the missing member that is to blame.
        _ => (Expiry::BySetting, "expires_at"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;
    use serde_json::Value;

    fn request(json: &str) -> Result<IssueRequest, Vec<String>> {
        read(Members::parse(json.as_bytes()).unwrap()).map(|(request, _)| request).map_err(|problem| {
            let body: Value = serde_json::from_slice(problem.response().body()).unwrap();
            body["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
        })
    }

    fn refused(json: &str) -> Vec<String> {
        request(json).err().unwrap_or_default()
    }

    #[test]
    fn a_name_is_enough() {
        let request = request(r#"{"name":"nightly job"}"#).unwrap();
        assert_eq!(request.name, "nightly job");
        assert!(matches!(request.expiry, Expiry::BySetting));
        assert!(
            request.scopes.is_empty()
                && request.parent.is_none()
                && request.owner.is_none()
                && request.access_ttl.is_none()
        );
    }

    #[test]
    fn everything_can_be_said() {
        let request = request(r#"{"name":"n","expires_at":"2027-01-31T13:00:00+01:00","scopes":["a","b"],"parent":"p","owner":"o","access_ttl":60}"#).unwrap();
        assert!(matches!(request.expiry, Expiry::At(1_801_396_800)));
        assert_eq!(request.scopes, ["a", "b"]);
        assert_eq!(
            (request.parent.as_deref(), request.owner.as_deref(), request.access_ttl),
            (Some("p"), Some("o"), Some(60))
        );
    }

    #[test]
    fn each_kind_of_expiry_is_understood() {
        assert!(matches!(request(r#"{"name":"n","expires_in":60}"#).unwrap().expiry, Expiry::After(60)));
        assert!(matches!(request(r#"{"name":"n","never":true}"#).unwrap().expiry, Expiry::Never));
    }

    #[test]
    fn two_expiries_at_once_are_refused_by_name() {
        assert_eq!(refused(r#"{"name":"n","expires_in":60,"never":true}"#), ["expires_in", "never"]);
        assert_eq!(
            refused(r#"{"name":"n","expires_at":"2027-01-31T12:00:00Z","expires_in":60}"#),
            ["expires_at", "expires_in"]
        );
    }

    #[test]
    fn an_expiry_that_says_nothing_is_refused() {
        for json in [
            r#"{"name":"n","expires_at":null}"#,
            r#"{"name":"n","expires_at":"2027-01-31"}"#,
            r#"{"name":"n","expires_at":"12027-01-31T12:00:00Z"}"#,
            r#"{"name":"n","expires_at":1801396800}"#,
        ] {
            assert_eq!(refused(json), ["expires_at"], "{json}");
        }
        for json in [
            r#"{"name":"n","expires_in":"90d"}"#,
            r#"{"name":"n","expires_in":-60}"#,
            r#"{"name":"n","expires_in":null}"#,
        ] {
            assert_eq!(refused(json), ["expires_in"], "{json}");
        }
        assert_eq!(refused(r#"{"name":"n","never":false}"#), ["never"]);
    }

    #[test]
    fn a_missing_name_and_an_unknown_member_are_told_together() {
        assert_eq!(refused(r#"{"nmae":"n"}"#), ["name", "nmae"]);
        assert_eq!(refused(r#"{"name":"n","enabled":true}"#), ["enabled"]);
    }
}
