//! Who may do what: one table for every route, and the guard that goes by it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use jeton_policy::scope;
use jeton_runtime::VerifyError;
use jeton_runtime::audit::Origin;
use jeton_runtime::wit::types::{ActingToken, Actor};
use jeton_runtime::wit::verification::Claims;

use super::bearer::{self, Credential};
use super::problem::{Problem, ProblemKind};
use crate::app::{App, verifier};
use crate::listen::Peer;

/// What a caller must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing here: the route is public, or the possession of what the body brings is its authority.
    Nothing,
    /// A living access token, whatever its scopes and whoever it is for.
    LivingToken,
    /// `jeton:read` or `jeton:admin`.
    Read,
    /// `jeton:admin`.
    Administer,
}

/// Every route. A method that is not here does not exist, even where a handler was registered for it; `HEAD` goes by `GET`.
const TABLE: &[(&str, Method, Need)] = &[
    ("/oauth2/token", Method::POST, Need::Nothing),
    ("/iwc/api/security/oauth/token", Method::POST, Need::Nothing),
    ("/oauth2/revoke", Method::POST, Need::Nothing),
    ("/.well-known/oauth-authorization-server", Method::GET, Need::Nothing),
    ("/.well-known/oauth-authorization-server/{*issuer_path}", Method::GET, Need::Nothing),
    ("/.well-known/jwks.json", Method::GET, Need::Nothing),
    ("/healthz", Method::GET, Need::Nothing),
    ("/readyz", Method::GET, Need::Nothing),
    // What is held is public; who waits for changes shows a scope, which its handler looks at.
    ("/v1/live", Method::GET, Need::Nothing),
    ("/v1/live", Method::OPTIONS, Need::Nothing),
    ("/v1/self", Method::GET, Need::LivingToken),
    ("/v1/refresh-tokens", Method::GET, Need::Read),
    ("/v1/refresh-tokens", Method::POST, Need::Administer),
    ("/v1/refresh-tokens/delete", Method::POST, Need::Administer),
    ("/v1/refresh-tokens/{id}", Method::GET, Need::Read),
    ("/v1/refresh-tokens/{id}", Method::PATCH, Need::Administer),
    ("/v1/refresh-tokens/{id}", Method::DELETE, Need::Administer),
    ("/v1/refresh-tokens/{id}/rotate", Method::POST, Need::Administer),
    ("/v1/access-tokens/{jti}", Method::DELETE, Need::Administer),
    ("/v1/explain", Method::GET, Need::Read),
    // It changes nothing: the token asked about goes into the body, so that it is in no path.
    ("/v1/explain", Method::POST, Need::Read),
    ("/v1/settings", Method::GET, Need::Read),
    ("/v1/settings", Method::PATCH, Need::Administer),
    // Digests are no secrets, but not for every reader either.
    ("/v1/export", Method::GET, Need::Administer),
    ("/v1/import", Method::POST, Need::Administer),
    ("/v1/policy", Method::GET, Need::Read),
    ("/v1/policy", Method::POST, Need::Administer),
    // An auditor needs no right to change anything.
    ("/v1/audit", Method::GET, Need::Read),
    ("/v1/epoch", Method::GET, Need::Read),
    ("/v1/epoch/advance", Method::POST, Need::Administer),
];

/// The bearer of an access token that the verifier found alive for this very request.
pub(super) struct Caller {
    /// As the policy knows who acts.
    pub(super) actor: Actor,
    /// What the token says.
    pub(super) claims: Claims,
}

/// What a request is called in logs and in its answer.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) HeaderValue);

/// Lets a request through to its handler, with its [`Caller`] where the route needs one. What it does, it does as coming from where
/// the request comes from; that somebody lacks a right for it is told in the audit log.
pub(super) async fn guard(
    State(app): State<Arc<App>>,
    matched: MatchedPath,
    request: Request<Body>,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let origin = Origin {
        address: peer.as_ref().and_then(Peer::client),
        request: request.extensions().get::<RequestId>().and_then(|RequestId(id)| id.to_str().ok()).map(Arc::from),
    };
    origin.during(let_through(app, peer, matched, request, next)).await
}

async fn let_through(
    app: Arc<App>,
    peer: Option<Peer>,
    matched: MatchedPath,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let need = match need(matched.as_str(), request.method()) {
        Ok(need) => need,
        Err(problem) => return problem.into_response(),
    };
    if need == Need::Nothing {
        return next.run(request).await;
    }
    let route = format!("{} {}", request.method(), matched.as_str());
    let client = peer.as_ref().and_then(Peer::client);
    let caller = match authorize(&app.issuer, request.headers(), client, need) {
        Ok(caller) => Arc::new(caller),
        Err(Unauthorized { problem, actor }) => {
            match actor {
                Some(actor) => app.audit.forbidden(actor, problem.code(), peer, &route).await,
                None if problem.status() == StatusCode::UNAUTHORIZED => {
                    app.audit.unauthenticated(problem.code(), peer, &route);
                }
                None => {}
            }
            return problem.into_response();
        }
    };
    let actor = caller.claims.client_id.clone();
    request.extensions_mut().insert(caller);
    let response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN {
        // What only the policy can tell: that somebody would grant, or take, what he has not himself.
        app.audit.forbidden(actor, "scope-beyond-actor", peer, &route).await;
    }
    response
}

/// Why a request is not let through, and whose it is, where he is known and lacks a right.
struct Unauthorized {
    problem: Problem,
    actor: Option<String>,
}

impl From<Problem> for Unauthorized {
    fn from(problem: Problem) -> Self {
        Self { problem, actor: None }
    }
}

/// What the table says of a route: 405 for a method, 404 for a path that it lacks.
fn need(path: &str, method: &Method) -> Result<Need, Problem> {
    let sought = if *method == Method::HEAD { &Method::GET } else { method };
    let rows = || TABLE.iter().filter(|(row, ..)| *row == path);
    if let Some((.., need)) = rows().find(|(_, known, _)| known == sought) {
        return Ok(*need);
    }
    let known: Vec<&str> =
        rows().map(|(_, known, _)| if *known == Method::GET { "GET, HEAD" } else { known.as_str() }).collect();
    match HeaderValue::try_from(known.join(", ")) {
        Ok(allow) if !known.is_empty() => Err(Problem::method_not_allowed(allow)),
        _ => Err(Problem::no_such_path()),
    }
}

/// Judges the access token that is shown, by the one rule, and then whether it is for this authority (RFC 9068 section 4) and what
/// its scopes are. Whoever it is for, a living one may ask about itself, as at introspection: it learns what it says.
fn authorize(issuer: &str, headers: &HeaderMap, peer: Option<IpAddr>, need: Need) -> Result<Caller, Unauthorized> {
    let token = match bearer::from_headers(headers) {
        Ok(Some(Credential::Bearer(token))) => token,
        Ok(Some(Credential::Basic(_)) | None) => return Err(Problem::token_missing().into()),
        Err(error) if error.is_dead_token() => return Err(Problem::token_refused().into()),
        Err(error) => {
            let problem = Problem::field("authorization-malformed", "Authorization", error.to_string());
            return Err(problem.with_header(WWW_AUTHENTICATE, error.challenge()).into());
        }
    };
    let claims = verifier::claims(token, peer).map_err(|error| match error {
        VerifyError::Refused(_) | VerifyError::Elsewhere(_) => Problem::token_refused(),
        VerifyError::Unready => Problem::unavailable(),
    })?;
    if need != Need::LivingToken && claims.audience != issuer {
        return Err(Problem::token_refused().into());
    }
    let has = |wanted: &str| claims.scopes.iter().any(|scope| scope == wanted);
    let sentence = match need {
        Need::Nothing | Need::LivingToken => None,
        Need::Read => (!has(scope::READ) && !has(scope::ADMIN))
            .then_some("the access token needs the scope `jeton:read` or `jeton:admin`"),
        Need::Administer => (!has(scope::ADMIN)).then_some("the access token needs the scope `jeton:admin`"),
    };
    match sentence {
        Some(sentence) => Err(Unauthorized {
            problem: Problem::new(ProblemKind::InsufficientScope, "insufficient-scope", sentence),
            actor: Some(claims.client_id),
        }),
        None => Ok(Caller { actor: actor(&claims), claims }),
    }
}

fn actor(claims: &Claims) -> Actor {
    Actor::Token(ActingToken {
        client_id: claims.client_id.clone(),
        subject: claims.subject.clone(),
        scopes: claims.scopes.clone(),
    })
}

/// The routes that can change something, for the test that each of them is told in the audit log.
#[cfg(test)]
pub(super) fn changing() -> impl Iterator<Item = String> {
    let asks = |method: &Method| *method == Method::GET || *method == Method::OPTIONS;
    TABLE.iter().filter(move |(_, method, _)| !asks(method)).map(|(path, method, _)| format!("{method} {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_under_v1_needs_a_token_but_the_live_set() {
        for (path, method, need) in TABLE {
            let public = *need == Need::Nothing;
            assert_eq!(public, !path.starts_with("/v1/") || *path == "/v1/live", "{method} {path}");
        }
    }

    #[test]
    fn reading_scopes_open_nothing_that_changes_anything() {
        for (path, method, need) in TABLE {
            let asks = *method == Method::GET || *path == "/v1/explain";
            assert!(matches!(need, Need::Nothing | Need::Administer) || asks, "{method} {path}");
        }
    }

    #[test]
    fn head_goes_by_get_and_other_methods_are_told_what_there_is() {
        assert_eq!(need("/v1/epoch", &Method::HEAD), Ok(Need::Read));
        let refused = need("/v1/refresh-tokens/{id}", &Method::PUT);
        let allow = refused.err().and_then(|problem| problem.response().headers().get("allow").cloned());
        assert_eq!(allow, Some(HeaderValue::from_static("GET, HEAD, PATCH, DELETE")));
    }

    #[test]
    fn a_route_without_a_row_does_not_exist() {
        assert_eq!(need("/v1/forgotten", &Method::GET), Err(Problem::no_such_path()));
    }
}
