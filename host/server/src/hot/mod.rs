//! The questions that come with every request to a protected API: introspection and forward-auth.
//!
//! They are answered on the thread that read the request, out of memory, before any router is asked. Every verdict is the
//! policy component's; what is here reads requests and writes answers.

pub(crate) mod basic;
mod forward_auth;
mod introspect;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::EXPECT};
use hyper::body::{Body as _, Incoming};

use crate::{
    api::{
        body,
        oauth_error::{CHALLENGE_INVALID_REQUEST, OAuthError},
    },
    app::App,
    listen::Peer,
    observe::metrics::Class,
};

/// The class of a request, by its path.
#[must_use]
pub fn class_of(path: &str) -> Class {
    match path {
        "/oauth2/introspect" => Class::Introspect,
        // It waits on purpose: among other durations its own would say nothing.
        "/v1/live" => Class::Live,
        "/oauth2/token" | "/iwc/api/security/oauth/token" => Class::Token,
        path if path.strip_prefix("/forward-auth").is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) => {
            Class::ForwardAuth
        }
        _ => Class::Other,
    }
}

/// Answers a request of a hot class, and an exchange that there is no room for; gives any other back.
///
/// # Errors
/// The request, where it is for the router.
pub async fn answer(
    app: &Arc<App>,
    class: Class,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<Response<Bytes>, Request<Incoming>> {
    match class {
        Class::Introspect => Ok(introspect::answer(app, peer, request).await),
        Class::ForwardAuth => {
            let response = check(app, peer, &request);
            pass_over_body(request).await;
            Ok(response)
        }
        Class::Token if app.authority.is_full(jeton_runtime::Class::Exchange) => {
            let response = token_refused(app);
            pass_over_body(request).await;
            Ok(response)
        }
        Class::ExtAuthz | Class::Token | Class::Live | Class::Other => Err(request),
    }
}

/// The answer where too many exchanges wait already. To read what is asked for and to find its handler would cost more than the
/// refusal, and that at a time when there is too much to do.
fn token_refused(app: &App) -> Response<Bytes> {
    let error = OAuthError::unavailable();
    app.metrics.exchanged(error.code().as_str());
    error.response()
}

/// The check that gateways make, however they ask for it: 200 with what is known of the token, or the answer for the client.
pub fn check<B>(app: &App, peer: Peer, request: &Request<B>) -> Response<Bytes> {
    forward_auth::answer(app, peer, request)
}

/// The answer to a question of a gateway that cannot be read: `status` is a denial, and nobody can do anything to meet it.
pub fn unanswerable(status: StatusCode) -> Response<Bytes> {
    forward_auth::challenged(status, CHALLENGE_INVALID_REQUEST)
}

/// Reads a body that says nothing here, so that the connection can carry the gateway's next request. One that is too large,
/// or waits to be asked for, ends the connection instead.
async fn pass_over_body(request: Request<Incoming>) {
    if !request.body().is_end_stream() && !request.headers().contains_key(EXPECT) {
        let _unread = body::read(request.into_body()).await;
    }
}
