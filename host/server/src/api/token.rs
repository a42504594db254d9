//! The token endpoint (RFC 6749 section 6), and the same under the path and with the habits that DPA's scripts have.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::PRAGMA;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use jeton_policy::refresh_token::RefreshToken;
use jeton_runtime::Class;
use jeton_runtime::wit::exchange::{
    ExchangeRequest, Exchanged, TokenExchangeRefusal, TokenExchangeRequest, TokenExchanged,
};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroize;

use super::form::Form;
use super::oauth_error::{OAuthCode, OAuthError};
use super::{body, oauth_request, refusals, respond, token_exchange};
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
        Ok(mut given) => {
            app.metrics.exchanged("ok");
            if let Some(seconds) = given.lives_for() {
                app.metrics.minted(seconds);
            }
            if let Some(used) = given.used() {
                app.uses.gather(used, peer.as_ref().and_then(Peer::client), now());
            }
            given.answer(dialect)
        }
        Err(Refused { error, presented }) => {
            if error.code() != OAuthCode::TemporarilyUnavailable {
                app.audit.exchange_refused(presented, error.code().as_str(), peer);
            }
            let error = limited(app, peer, error);
            app.metrics.exchanged(error.code().as_str());
            error.into_response()
        }
    }
}

/// What is asked for, by its grant.
enum Asked {
    /// RFC 6749 section 6.
    Exchange(ExchangeRequest),
    /// RFC 8693.
    TokenExchange(TokenExchangeRequest),
}

/// What was given.
enum Given {
    Exchanged(Exchanged),
    /// And the id of the refresh token that was presented, where it was one.
    TokenExchanged(TokenExchanged, Option<String>),
}

impl Given {
    /// The id of the refresh token that was used.
    fn used(&self) -> Option<&str> {
        match self {
            Self::Exchanged(exchanged) => Some(&exchanged.client_id),
            Self::TokenExchanged(_, used) => used.as_deref(),
        }
    }

    /// How many seconds the access token lives that was given, where it is one: it is the one that has a `jti`.
    fn lives_for(&self) -> Option<u64> {
        match self {
            Self::Exchanged(exchanged) => Some(exchanged.expires_in),
            Self::TokenExchanged(exchanged, _) => exchanged.jti.as_ref().and(exchanged.expires_in),
        }
    }

    /// The answer. What is left of secrets here is wiped.
    fn answer(&mut self, dialect: Dialect) -> Response {
        match self {
            Self::Exchanged(exchanged) => {
                let response = granted(dialect, exchanged);
                exchanged.refresh_token.zeroize();
                response
            }
            Self::TokenExchanged(exchanged, _) => {
                let response = token_exchange::granted(exchanged);
                exchanged.token.zeroize();
                exchanged.refresh_token.zeroize();
                response
            }
        }
    }
}

/// Why nothing was given, and the id of the refresh token that was shown, where it was one.
struct Refused {
    error: OAuthError,
    presented: Option<String>,
}

impl<E: Into<OAuthError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { error: error.into(), presented: None }
    }
}

async fn exchange(app: &App, dialect: Dialect, request: Request<Body>) -> Result<Given, Refused> {
    let (parts, body) = request.into_parts();
    let body = body::read(body).await?;
    let allows_query = dialect == Dialect::Dpa && app.options.dpa_query_tokens;
    let peer = parts.extensions.get::<Peer>().and_then(Peer::client).map(Into::into);
    match asked(dialect, parameters(&parts, &body, allows_query)?)? {
        Asked::Exchange(mut request) => {
            request.peer = peer;
            let answer = app.authority.call(Class::Exchange, move |call| {
                let answer = call.exchange(&request);
                // A refusal is told of the token that was shown, by its id.
                let answer = answer.map(|answer| answer.map_err(|refusal| (refusal, id_of(&request.refresh_token))));
                request.refresh_token.zeroize();
                answer
            });
            let answer = answer.await.map_err(|_| OAuthError::unavailable())?;
            answer
                .map(Given::Exchanged)
                .map_err(|(refusal, presented)| Refused { error: refusals::exchange(refusal), presented })
        }
        Asked::TokenExchange(mut request) => {
            request.peer = peer;
            let used = token_exchange::presented(&request);
            let answer = app.authority.call(token_exchange::class(&request), move |call| {
                let answer = call.exchange_token(&request);
                request.subject_token.zeroize();
                answer
            });
            let answer = answer.await.map_err(|_| OAuthError::unavailable())?;
            let refusal = match answer {
                Ok(given) => return Ok(Given::TokenExchanged(given, used)),
                Err(refusal) => refusal,
            };
            // A bad subject token is a bad credential, by whatever name RFC 8693 calls it.
            let wait = match refusal {
                TokenExchangeRefusal::InvalidSubject => waiting(app, parts.extensions.get::<Peer>().copied()),
                _ => None,
            };
            Err(Refused { error: wait.unwrap_or_else(|| refusals::token_exchange(refusal)), presented: used })
        }
    }
}

/// The id of a refresh token, as far as it has the form of one: no secret, and told to nobody but administrators.
fn id_of(presented: &str) -> Option<String> {
    RefreshToken::parse(presented).map(|token| token.id().to_string())
}

/// What may stand in the body alone.
const PARAMETERS: [&str; 6] = ["grant_type", "refresh_token", "scope", "resource", "subject_token", "actor_token"];

/// Where the parameters stand: in the body, or, for DPA's scripts and where the operator allows it, in the query string of a request
/// whose body says nothing. Never in both.
fn parameters<'a>(parts: &'a Parts, body: &'a [u8], allows_query: bool) -> Result<Form<'a>, OAuthError> {
    if allows_query && says_nothing(body) {
        oauth_request::in_query(&parts.uri)
    } else {
        oauth_request::in_body(&parts.headers, &parts.uri, body, &PARAMETERS)
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

fn asked(dialect: Dialect, form: Form<'_>) -> Result<Asked, OAuthError> {
    if dialect == Dialect::OAuth && form.one("grant_type")?.as_deref() == Some(token_exchange::GRANT) {
        return token_exchange::read(&form).map(Asked::TokenExchange);
    }
    read_request(form).map(Asked::Exchange)
}

fn read_request(form: Form<'_>) -> Result<ExchangeRequest, OAuthError> {
    match form.one("grant_type")?.as_deref() {
        Some("refresh_token") => {}
        Some(_) => return Err(OAuthError::new(OAuthCode::UnsupportedGrantType, "the grant is `refresh_token`")),
        None => return Err(oauth_request::missing("grant_type")),
    }
    let refresh_token = oauth_request::token(&form, "refresh_token")?.into_owned();
    let scope = form.one("scope")?.map(Cow::into_owned);
    Ok(ExchangeRequest { refresh_token, scope, resource: token_exchange::target(&form, &["resource"])?, peer: None })
}

/// Bad refresh tokens are counted by address: after too many the answer is to wait. A good one never waits.
fn limited(app: &App, peer: Option<Peer>, error: OAuthError) -> OAuthError {
    if error.code() != OAuthCode::InvalidGrant {
        return error;
    }
    waiting(app, peer).unwrap_or(error)
}

/// Counts a bad credential. After too many the answer is to wait.
fn waiting(app: &App, peer: Option<Peer>) -> Option<OAuthError> {
    peer.and_then(|peer| app.failures.failed(peer.accountable())).map(OAuthError::limited)
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
    /// Only where each use replaces the refresh token: what takes the place of the one that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
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
        refresh_token: exchanged.refresh_token.as_deref(),
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
    fn one_resource_is_asked_for_at_a_time() {
        let resource = |form: &str| {
            let form = format!("{GOOD}{form}");
            read_request(Form::parse(form.as_bytes()).unwrap())
                .map(|request| request.resource)
                .map_err(|error| error.code())
        };
        assert_eq!(resource(""), Ok(None));
        assert_eq!(resource("&resource="), Ok(None));
        assert_eq!(resource("&resource=https%3A%2F%2Fa.example"), Ok(Some("https://a.example".to_owned())));
        assert_eq!(resource("&resource=https://a.example&resource=https://b.example"), Err(OAuthCode::InvalidTarget));
    }

    #[test]
    fn another_grant_is_unsupported_even_without_a_token() {
        for grant in ["password", "client_credentials", "REFRESH_TOKEN", "urn:ietf:params:oauth:grant-type:jwt-bearer"]
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
