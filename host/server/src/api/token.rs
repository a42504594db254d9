//! The token endpoint (RFC 6749 section 6), and the same under the path and with the habits that DPA's scripts have.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::PRAGMA;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use jeton_runtime::Class;
use jeton_runtime::wit::exchange::{ExchangeRequest, Exchanged};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroize;

use super::form::Form;
use super::oauth_error::{OAuthCode, OAuthError};
use super::{body, oauth_request, refusals, respond};
use crate::app::{App, now};
use crate::listen::Peer;

/// What differs between the two paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    OAuth,
    Dpa,
}

/// `POST /oauth2/token`. `Authorization` and unknown parameters say nothing here.
pub(super) async fn oauth(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    answer(&app, Dialect::OAuth, request).await
}

/// `POST /iwc/api/security/oauth/token`, as DPA's scripts call it.
pub(super) async fn dpa(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    answer(&app, Dialect::Dpa, request).await
}

async fn answer(app: &App, dialect: Dialect, request: Request<Body>) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    match exchange(app, dialect, request).await {
        Ok(exchanged) => {
            app.metrics.exchanged("ok");
            app.uses.gather(&exchanged.client_id, peer.as_ref().and_then(Peer::client), now());
            granted(dialect, &exchanged)
        }
        Err(error) => {
            let error = limited(app, peer, error);
            app.metrics.exchanged(error.code().as_str());
            error.into_response()
        }
    }
}

async fn exchange(app: &App, dialect: Dialect, request: Request<Body>) -> Result<Exchanged, OAuthError> {
    let (parts, body) = request.into_parts();
    let body = body::read(body).await?;
    let allows_query = dialect == Dialect::Dpa && app.options.dpa_query_tokens;
    let mut request = read_request(parameters(&parts, &body, allows_query)?)?;
    request.peer = parts.extensions.get::<Peer>().and_then(Peer::client).map(Into::into);
    let answer = app.authority.call(Class::Exchange, move |call| {
        let answer = call.exchange(&request);
        request.refresh_token.zeroize();
        answer
    });
    match answer.await {
        Ok(answer) => answer.map_err(refusals::exchange),
        Err(_) => Err(OAuthError::unavailable()),
    }
}

/// Where the parameters stand: in the body, or, for DPA's scripts and where the operator allows it, in the query string of a request
/// whose body says nothing. Never in both.
fn parameters<'a>(parts: &'a Parts, body: &'a [u8], allows_query: bool) -> Result<Form<'a>, OAuthError> {
    if allows_query && says_nothing(body) {
        oauth_request::in_query(&parts.uri)
    } else {
        oauth_request::in_body(&parts.headers, &parts.uri, body, &["grant_type", "refresh_token", "scope"])
    }
}

/// An empty body, or JSON without content: what clients send that have nothing to say but must send JSON.
fn says_nothing(body: &[u8]) -> bool {
    body.is_empty()
        || match serde_json::from_slice(body) {
            Ok(Value::Null) => true,
            Ok(Value::Object(members)) => members.is_empty(),
            Ok(Value::Array(items)) => items.is_empty(),
            Ok(Value::String(text)) => text.is_empty(),
            _ => false,
        }
}

fn read_request(form: Form<'_>) -> Result<ExchangeRequest, OAuthError> {
    match form.one("grant_type")?.as_deref() {
        Some("refresh_token") => {}
        Some(_) => return Err(OAuthError::new(OAuthCode::UnsupportedGrantType, "the grant is `refresh_token`")),
        None => return Err(oauth_request::missing("grant_type")),
    }
    let refresh_token = oauth_request::token(&form, "refresh_token")?.into_owned();
    Ok(ExchangeRequest { refresh_token, scope: form.one("scope")?.map(Cow::into_owned), resource: None, peer: None })
}

/// Bad refresh tokens are counted by address: after too many the answer is to wait. A good one never waits.
fn limited(app: &App, peer: Option<Peer>, error: OAuthError) -> OAuthError {
    if error.code() != OAuthCode::InvalidGrant {
        return error;
    }
    match peer.and_then(|peer| app.failures.failed(peer.accountable())) {
        Some(wait) => OAuthError::limited(wait),
        None => error,
    }
}

#[derive(Serialize)]
struct Granted<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    scope: &'a str,
    jti: &'a str,
    /// Absent: the refresh token never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_in: Option<u64>,
}

fn granted(dialect: Dialect, exchanged: &Exchanged) -> Response {
    let body = Granted {
        access_token: &exchanged.access_token,
        token_type: match dialect {
            Dialect::OAuth => "Bearer",
            Dialect::Dpa => "bearer",
        },
        expires_in: exchanged.expires_in,
        scope: &exchanged.scope,
        jti: &exchanged.jti,
        refresh_expires_in: exchanged.refresh_expires_in,
    };
    let mut response = respond::json(StatusCode::OK, &body);
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;
    use http::header::CONTENT_TYPE;

    const FORM: &str = "application/x-www-form-urlencoded";
    const GOOD: &str = "grant_type=refresh_token&refresh_token=jtn";

    fn read(
        target: &str,
        content_type: &str,
        body: &str,
        allows_query: bool,
    ) -> Result<(String, Option<String>), OAuthCode> {
        let request = Request::post(target).header(CONTENT_TYPE, content_type).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let read = parameters(&parts, body.as_bytes(), allows_query).and_then(read_request);
        read.map(|request| (request.refresh_token, request.scope)).map_err(|error| error.code())
    }

    fn read_form(body: &str) -> Result<(String, Option<String>), OAuthCode> {
        read("/oauth2/token", FORM, body, false)
    }

    #[test]
    fn a_form_is_read_whatever_else_it_brings() {
        assert_eq!(read_form(GOOD), Ok(("jtn".to_owned(), None)));
        let more = format!("{GOOD}&scope=a+b&client_id=x&client_id=y&unknown=1");
        assert_eq!(read_form(&more), Ok(("jtn".to_owned(), Some("a b".to_owned()))));
        assert_eq!(read_form(&format!("{GOOD}&scope=")), Ok(("jtn".to_owned(), None)));
        assert_eq!(
            read("/oauth2/token?trace=1", "application/x-www-form-urlencoded;charset=UTF-8", GOOD, false),
            Ok(("jtn".to_owned(), None))
        );
    }

    #[test]
    fn what_is_missing_repeated_or_broken_is_an_invalid_request() {
        for body in [
            "",
            "grant_type=refresh_token",
            "refresh_token=jtn",
            "grant_type=refresh_token&refresh_token=",
            "grant_type=&refresh_token=jtn",
            "grant_type=refresh_token&refresh_token=a&refresh_token=b",
            "grant_type=refresh_token&grant_type=refresh_token&refresh_token=a",
            "grant_type=refresh_token&refresh_token=jtn&scope=a&scope=b",
            "grant_type=refresh_token&refresh_token=%zz",
            "grant_type=refresh_token&refresh_token=a%00",
            "grant_type=refresh_token&refresh_token=%ff",
            "grant_type=refresh_token&refresh_token=jtn&x=%",
            "{\"grant_type\":\"refresh_token\"}",
        ] {
            assert_eq!(read_form(body), Err(OAuthCode::InvalidRequest), "{body}");
        }
    }

    #[test]
    fn another_grant_is_unsupported_even_without_a_token() {
        for grant in
            ["password", "client_credentials", "REFRESH_TOKEN", "urn:ietf:params:oauth:grant-type:token-exchange"]
        {
            assert_eq!(read_form(&format!("grant_type={grant}")), Err(OAuthCode::UnsupportedGrantType), "{grant}");
        }
    }

    #[test]
    fn the_query_string_is_refused_unless_it_is_allowed() {
        let target = format!("/oauth2/token?{GOOD}");
        for body in ["", "{}", GOOD, "grant_type=refresh_token"] {
            assert_eq!(read(&target, FORM, body, false), Err(OAuthCode::InvalidRequest), "{body}");
        }
        assert_eq!(read("/oauth2/token?refresh%5Ftoken=jtn", FORM, GOOD, false), Err(OAuthCode::InvalidRequest));
        assert_eq!(read("/oauth2/token?grant_type=%zz", FORM, GOOD, false), Err(OAuthCode::InvalidRequest));
    }

    #[test]
    fn where_it_is_allowed_the_query_string_counts_if_the_body_says_nothing() {
        let target = format!("/iwc/api/security/oauth/token?{GOOD}");
        for body in ["", "{}", " { } ", "null", "\"\""] {
            assert_eq!(
                read(&target, "application/json;charset=UTF-8", body, true),
                Ok(("jtn".to_owned(), None)),
                "{body}"
            );
        }
        for body in ["{\"a\":1}", "[1]", "0", "{"] {
            assert_eq!(read(&target, "application/json", body, true), Err(OAuthCode::InvalidRequest), "{body}");
        }
        assert_eq!(read(&target, FORM, GOOD, true), Err(OAuthCode::InvalidRequest));
        assert_eq!(read("/iwc/api/security/oauth/token", FORM, GOOD, true), Ok(("jtn".to_owned(), None)));
    }
}
