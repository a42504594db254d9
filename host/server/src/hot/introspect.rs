//! `POST /oauth2/introspect` (RFC 7662).

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use hyper::body::Incoming;
use jeton_runtime::IntrospectError;

use super::basic;
use crate::{
    api::{
        bearer::{self, Credential},
        body,
        oauth_error::{CHALLENGE, OAuthCode, OAuthError},
        oauth_request,
        problem::Problem,
    },
    app::{App, verifier},
    listen::Peer,
    observe::metrics::Verdict,
};

/// Answers one introspection.
pub(super) async fn answer(app: &Arc<App>, peer: Peer, request: Request<Incoming>) -> Response<Bytes> {
    if request.method() != Method::POST {
        return Problem::method_not_allowed(HeaderValue::from_static("POST")).response();
    }
    let (parts, body) = request.into_parts();
    let credential = match bearer::from_headers(&parts.headers) {
        Ok(Some(credential)) => credential,
        Ok(None) => return nothing_shown(),
        Err(error) if error.is_dead_token() => {
            return refused(app, Some(peer), Verdict::InvalidCaller, OAuthCode::InvalidToken);
        }
        Err(error) => {
            let mut response = OAuthError::new(OAuthCode::InvalidRequest, error.to_string()).response();
            response.headers_mut().insert(WWW_AUTHENTICATE, error.challenge());
            return response;
        }
    };
    let body = match body::read(body).await {
        Ok(body) => body,
        Err(error) => return OAuthError::from(error).response(),
    };
    let asked = oauth_request::in_body(&parts.headers, &parts.uri, &body, &["token"])
        .and_then(|form| oauth_request::token(&form, "token"));
    let token = match asked {
        Ok(token) => token,
        Err(error) => return error.response(),
    };
    let outcome = match &credential {
        Credential::Bearer(caller) => verifier::introspect(caller, &token, peer.client()),
        Credential::Basic(password) => {
            let ask = |caller: &str| verifier::introspect(caller, &token, peer.client());
            // What an exchange needs room for is not held by every connection.
            Box::pin(basic::judged(app, password, peer.client(), ask)).await.map_err(IntrospectError::from)
        }
    };
    match outcome {
        Ok(answer) => {
            let is_active = answer.len() > jeton_policy::verifier::INACTIVE.len();
            app.metrics.judged(if is_active { Verdict::Active } else { Verdict::Inactive });
            json(answer)
        }
        Err(IntrospectError::InvalidToken) => refused(app, Some(peer), Verdict::InvalidCaller, OAuthCode::InvalidToken),
        Err(IntrospectError::InsufficientScope) => {
            refused(app, None, Verdict::InsufficientScope, OAuthCode::InsufficientScope)
        }
        Err(IntrospectError::Unready) => {
            app.metrics.judged(Verdict::Unready);
            OAuthError::unavailable().response()
        }
    }
}

fn json(answer: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// RFC 7662 section 2.3 and RFC 6750 section 3.1: without credentials the answer names none of their faults.
fn nothing_shown() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response.headers_mut().append(WWW_AUTHENTICATE, CHALLENGE);
    response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"jeton\""));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The caller may not ask. Bad credentials are counted by address, and after too many the answer is to wait.
fn refused(app: &App, peer: Option<Peer>, verdict: Verdict, code: OAuthCode) -> Response<Bytes> {
    app.metrics.judged(verdict);
    if let Some(wait) = peer.and_then(|peer| app.failures.failed(peer.accountable())) {
        return OAuthError::limited(wait).response();
    }
    let sentence = match code {
        OAuthCode::InsufficientScope => "asking about another token needs the scope jeton:introspect or jeton:admin",
        _ => "the credential that was shown is not accepted",
    };
    OAuthError::new(code, sentence).response()
}
