//! `POST /v1/refresh-tokens`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use jeton_runtime::Class;
use jeton_runtime::wit::refresh_tokens::{Bindings, Expiry, IssueRefusal, IssueRequest, Issued};
use zeroize::Zeroizing;

use super::super::json::Members;
use super::super::permissions::Caller;
use super::super::problem::Problem;
use super::super::refusals::Refusal;
use super::super::respond;
use super::expiry;
use super::record::{Record, WithSecret};
use crate::app::App;

/// Who repeats a request under the same key gets what the first one made (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Makes a refresh token: 201 with its record, its place, and, this once, the secret.
pub(in super::super) async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let idempotency_key = idempotency_key(request.headers())?;
    let (issue, expiry_member) = read(Members::read(request).await?)?;
    let mut issue = IssueRequest { idempotency_key, ..issue };
    caller.confine_issue(&mut issue);
    let by = caller.by().to_owned();
    let answer = app.authority.call(Class::Administration, move |call| call.issue(&caller.actor, &issue)).await;
    let Issued { secret, token } = match answer {
        Ok(Ok(issued)) => issued,
        Ok(Err(refusal)) => return Err(refusal.row().about("expires_at", expiry_member).problem()),
        Err(error) => return Err(error.row().problem()),
    };
    let secret = secret.map(Zeroizing::new);
    let status = if secret.is_some() {
        tracing::info!(refresh_token = %token.id, %by, "refresh token created");
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let created = WithSecret { record: Record::of(&token), token: secret.as_ref().map(|secret| secret.as_str()) };
    let mut response = respond::with_generation(respond::json(status, &created), token.generation);
    if let Ok(place) = HeaderValue::try_from(format!("/v1/refresh-tokens/{}", token.id)) {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

/// The key of a request that may be repeated. Whether it is one the policy says.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if let Ok(key) = key.to_str() => Ok(Some(key.to_owned())),
        (Some(_), _) => Err(IssueRefusal::IdempotencyKeyMalformed.row().problem()),
    }
}

/// What is asked for, and the name of the member that says when it expires.
pub(in super::super) fn read(mut members: Members) -> Result<(IssueRequest, &'static str), Problem> {
    if !members.has("name") {
        members.refuse::<()>("name", "it is missing");
    }
    let name = members.text("name");
    // A setting can reach beyond what is possible too; then it is the missing member that is to blame.
    let (expiry, expiry_member) = expiry::read(&mut members).unwrap_or((Expiry::BySetting, "expires_at"));
    let request = IssueRequest {
        expiry,
        scopes: members.texts("scopes").unwrap_or_default(),
        parent: members.text_or_null("parent"),
        owner: members.text_or_null("owner"),
        access_ttl: members.or_null("access_ttl", Members::whole_number).flatten(),
        bindings: Bindings {
            not_before: members.or_null("not_before", Members::moment).flatten(),
            networks: members.texts("networks").unwrap_or_default(),
            networks_in_access_tokens: members.truth("networks_in_access_tokens").unwrap_or(false),
            audiences: members.texts("audiences").unwrap_or_default(),
            max_exchanges: members.or_null("max_exchanges", Members::whole_number).flatten(),
        },
        may_delegate: members.truth("may_delegate").unwrap_or(false),
        rotates_on_use: members.truth("rotates_on_use").unwrap_or(false),
        // What is missing here is refused below.
        ..IssueRequest::named(&name.unwrap_or_default())
    };
    members.finish()?;
    Ok((request, expiry_member))
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
    fn everything_that_ties_it_down_can_be_said() {
        let request = request(
            r#"{"name":"n","not_before":"2027-01-31T12:00:00Z","networks":["192.0.2.0/24"],"networks_in_access_tokens":true,
                "audiences":["https://a.example"],"max_exchanges":100,"may_delegate":true,"rotates_on_use":false}"#,
        )
        .unwrap();
        let bindings = request.bindings;
        assert_eq!((bindings.not_before, bindings.max_exchanges), (Some(1_801_396_800), Some(100)));
        assert_eq!(
            (bindings.networks, bindings.audiences),
            (vec!["192.0.2.0/24".to_owned()], vec!["https://a.example".to_owned()])
        );
        assert!(bindings.networks_in_access_tokens && request.may_delegate && !request.rotates_on_use);
        let json = r#"{"name":"n","not_before":null,"max_exchanges":null,"access_ttl":null,"parent":null}"#;
        assert_eq!(refused(json), Vec::<String>::new(), "records are written so");
        let wrong = r#"{"name":"n","not_before":"Monday","networks":"x","networks_in_access_tokens":1,"audiences":[1],"max_exchanges":"1","may_delegate":null,"rotates_on_use":"yes"}"#;
        let members = [
            "not_before",
            "networks",
            "networks_in_access_tokens",
            "audiences",
            "max_exchanges",
            "may_delegate",
            "rotates_on_use",
        ];
        let mut named = refused(wrong);
        named.sort();
        let mut members = members.map(str::to_owned);
        members.sort();
        assert_eq!(named, members);
    }

    #[test]
    fn a_key_for_repetitions_is_one_text() {
        let key = |values: &[&'static [u8]]| {
            let header = |value: &&'static [u8]| {
                (http::HeaderName::from_static(IDEMPOTENCY_KEY), HeaderValue::from_bytes(value).unwrap())
            };
            idempotency_key(&values.iter().map(header).collect()).map_err(|problem| problem.code())
        };
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[b"\"8e03978e\""]), Ok(Some("\"8e03978e\"".to_owned())));
        assert_eq!(key(&[b"a", b"a"]), Err("idempotency-key-malformed"));
        assert_eq!(key(&[b"\xff"]), Err("idempotency-key-malformed"));
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
