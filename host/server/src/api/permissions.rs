//! Who may do what: one table for every route, the console's pages included, and the guard that goes by it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::WWW_AUTHENTICATE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use jeton_policy::scope::{ADMIN, OWN, READ, Scopes, TOKENS};
use jeton_runtime::VerifyError;
use jeton_runtime::audit::Origin;
use jeton_runtime::wit::refresh_tokens::{IssueRequest, Query};
use jeton_runtime::wit::types::{ActingToken, Actor};
use jeton_runtime::wit::verification::Claims;

use super::bearer::{self, Credential};
use super::problem::{Problem, ProblemKind};
use crate::app::{App, verifier};
use crate::console::origin;
use crate::console::page::{self, Visit};
use crate::console::session::{self, NoSession, SignedIn};
use crate::listen::Peer;

/// In which a request that changes something under a session shows the session's form token.
const FORM_TOKEN: HeaderName = HeaderName::from_static("x-jeton-form-token");

/// What a caller must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing here: the route is public, or the possession of what the body brings is its authority.
    Nothing,
    /// A living access token, whatever its scopes and whoever it is for.
    LivingToken,
    /// Somebody who is signed in, whatever her role.
    SignedIn,
    /// `jeton:read`, or what includes it.
    Read,
    /// To see tokens: `jeton:read`, or `jeton:own` for what is one's own.
    SeeTokens,
    /// To change tokens: `jeton:tokens`, or `jeton:own` for what is one's own.
    ChangeTokens,
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
    ("/openapi.json", Method::GET, Need::Nothing),
    // What is held is public; who waits for changes shows a scope, which its handler looks at.
    ("/v1/live", Method::GET, Need::Nothing),
    ("/v1/live", Method::OPTIONS, Need::Nothing),
    ("/v1/self", Method::GET, Need::LivingToken),
    ("/v1/refresh-tokens", Method::GET, Need::SeeTokens),
    ("/v1/refresh-tokens", Method::POST, Need::ChangeTokens),
    ("/v1/refresh-tokens/delete", Method::POST, Need::ChangeTokens),
    ("/v1/refresh-tokens/{id}", Method::GET, Need::SeeTokens),
    ("/v1/refresh-tokens/{id}", Method::PATCH, Need::ChangeTokens),
    ("/v1/refresh-tokens/{id}", Method::DELETE, Need::ChangeTokens),
    ("/v1/refresh-tokens/{id}/rotate", Method::POST, Need::ChangeTokens),
    ("/v1/access-tokens/{jti}", Method::DELETE, Need::ChangeTokens),
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
    ("/v1/notices", Method::GET, Need::SeeTokens),
    ("/v1/epoch", Method::GET, Need::Read),
    ("/v1/epoch/advance", Method::POST, Need::Administer),
    ("/", Method::GET, Need::Nothing),
    ("/console/assets/{name}", Method::GET, Need::Nothing),
    // What this API is, is no secret.
    ("/console/api", Method::GET, Need::Nothing),
    // A code that the machine gave, or a password, is what these ask for.
    ("/console/first", Method::GET, Need::Nothing),
    ("/console/first", Method::POST, Need::Nothing),
    ("/console/code", Method::GET, Need::Nothing),
    ("/console/code", Method::POST, Need::Nothing),
    ("/console/sign-in", Method::GET, Need::Nothing),
    ("/console/sign-in", Method::POST, Need::Nothing),
    ("/console/sign-in/second", Method::POST, Need::Nothing),
    // Who comes back from the provider brings its word.
    ("/console/sso", Method::GET, Need::Nothing),
    ("/console/sso/back", Method::GET, Need::Nothing),
    ("/console", Method::GET, Need::SignedIn),
    ("/console/sign-out", Method::POST, Need::SignedIn),
    ("/console/account", Method::GET, Need::SignedIn),
    ("/console/account/password", Method::POST, Need::SignedIn),
    ("/console/account/second-factor", Method::GET, Need::SignedIn),
    ("/console/account/second-factor", Method::POST, Need::SignedIn),
    ("/console/account/second-factor/off", Method::POST, Need::SignedIn),
    ("/console/account/sessions/end", Method::POST, Need::SignedIn),
    ("/console/users", Method::GET, Need::Administer),
    ("/console/users", Method::POST, Need::Administer),
    ("/console/users/{name}", Method::GET, Need::Administer),
    ("/console/users/{name}/role", Method::POST, Need::Administer),
    ("/console/users/{name}/switch", Method::POST, Need::Administer),
    ("/console/users/{name}/reset", Method::POST, Need::Administer),
    ("/console/users/{name}/remove", Method::POST, Need::Administer),
    ("/console/audit", Method::GET, Need::Read),
    ("/console/audit/export", Method::GET, Need::Read),
    ("/console/settings", Method::GET, Need::Read),
    ("/console/settings", Method::POST, Need::Administer),
    ("/console/settings/apply", Method::POST, Need::Administer),
    ("/console/settings/epoch", Method::POST, Need::Administer),
    ("/console/notices", Method::GET, Need::SeeTokens),
    ("/console/tokens", Method::GET, Need::SeeTokens),
    ("/console/tokens/new", Method::GET, Need::ChangeTokens),
    ("/console/tokens/new", Method::POST, Need::ChangeTokens),
    ("/console/tokens/delete", Method::POST, Need::ChangeTokens),
    ("/console/tokens/{id}", Method::GET, Need::SeeTokens),
    ("/console/tokens/{id}/edit", Method::GET, Need::ChangeTokens),
    ("/console/tokens/{id}/edit", Method::POST, Need::ChangeTokens),
    ("/console/tokens/{id}/rotate", Method::GET, Need::ChangeTokens),
    ("/console/tokens/{id}/rotate", Method::POST, Need::ChangeTokens),
    ("/console/tokens/{id}/switch", Method::POST, Need::ChangeTokens),
];

/// The bearer of an access token that the verifier found alive for this very request.
pub(crate) struct Caller {
    /// As the policy knows who acts.
    pub(crate) actor: Actor,
    /// What the token says.
    pub(crate) claims: Claims,
    /// Of somebody who signed in: her session, which the token came from.
    pub(crate) signed_in: Option<Arc<SignedIn>>,
}

impl Caller {
    /// As records and logs know who acts: an account by its name, everybody else by the refresh token.
    pub(crate) fn by(&self) -> &str {
        match &self.actor {
            Actor::Token(token) => &token.client_id,
            Actor::Machine => "machine",
        }
    }

    /// Whose tokens alone the caller sees; `None`: everybody's. What may be done to them, the policy says by the same scopes.
    pub(crate) fn confined_to(&self) -> Option<&str> {
        let scopes = Scopes::new(&self.claims.scopes).unwrap_or_default();
        (!scopes.cover(READ)).then_some(self.claims.subject.as_str())
    }

    /// Whether the caller sees a token of this owner.
    pub(crate) fn may_see(&self, owner: Option<&str>) -> bool {
        self.confined_to().is_none_or(|subject| owner == Some(subject))
    }

    /// Whether the caller changes tokens at all.
    pub(crate) fn may_change_tokens(&self) -> bool {
        allows(Need::ChangeTokens, &self.claims.scopes)
    }

    /// Whether the caller administers.
    pub(crate) fn may_administer(&self) -> bool {
        allows(Need::Administer, &self.claims.scopes)
    }

    /// Leaves in a query what the caller may see.
    pub(crate) fn confine(&self, query: &mut Query) {
        if let Some(subject) = self.confined_to() {
            // Of another owner there is nothing to be seen: no owner has this name.
            let is_own = query.owner.as_deref().is_none_or(|owner| owner == subject);
            query.owner = Some(if is_own { subject.to_owned() } else { NOBODY.to_owned() });
        }
    }

    /// What somebody who is confined to her own need not say: whose her token is, and what it descends from.
    pub(crate) fn confine_issue(&self, request: &mut IssueRequest) {
        let scopes = Scopes::new(&self.claims.scopes).unwrap_or_default();
        if let Some(signed_in) = self.signed_in.as_ref().filter(|_| scopes.cover(OWN) && !scopes.cover(TOKENS)) {
            request.owner.get_or_insert_with(|| self.claims.subject.clone());
            request.parent.get_or_insert_with(|| signed_in.account.clone());
        }
    }
}

/// An owner that no account and no token has: it is no name of an account, and `jeton:` is not handed out.
const NOBODY: &str = "jeton:nobody";

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
    let source = Origin {
        address: peer.as_ref().and_then(Peer::client),
        request: request.extensions().get::<RequestId>().and_then(|RequestId(id)| id.to_str().ok()).map(Arc::from),
    };
    let is_page = matched.as_str() == "/console" || matched.as_str().starts_with("/console/");
    if is_page {
        let mut response = source.during(let_through_to_page(app, peer, matched, request, next)).await;
        page::dress(&mut response);
        response
    } else {
        source.during(let_through(app, peer, matched, request, next)).await
    }
}

async fn let_through(
    app: Arc<App>,
    peer: Option<Peer>,
    matched: MatchedPath,
    request: Request<Body>,
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
    let (mut parts, body) = request.into_parts();
    let caller = match authorize(&app, &parts, need).await {
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
    let actor = caller.by().to_owned();
    parts.extensions.insert(caller);
    let response = next.run(Request::from_parts(parts, body)).await;
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

/// The same for pages: they are for people, who are led to where they sign in, and who come from nowhere but our own pages.
async fn let_through_to_page(
    app: Arc<App>,
    peer: Option<Peer>,
    matched: MatchedPath,
    request: Request<Body>,
    next: Next,
) -> Response {
    let need = match need(matched.as_str(), request.method()) {
        Ok(need) => need,
        Err(problem) => return problem.into_response(),
    };
    let (mut parts, body) = request.into_parts();
    let trouble = |parts: &Parts, status, sentence| Visit::of(parts).trouble(status, sentence);
    if !parts.method.is_safe() && !origin::is_own(&parts.headers) {
        let sentence = "This was not sent by a page of this console, and nothing was done.";
        return trouble(&parts, StatusCode::FORBIDDEN, sentence);
    }
    let session = match page::session_cookie(&parts.headers, &parts.extensions) {
        None => Err(NoSession::SignedOut),
        Some(secret) => by_session(&app, &secret, peer.as_ref().and_then(Peer::client)).await,
    };
    match session {
        Ok(caller) => {
            let is_allowed = allows(need, &caller.claims.scopes) && caller.claims.audience == app.issuer;
            let actor = caller.by().to_owned();
            parts.extensions.insert(Arc::new(caller));
            if !is_allowed {
                let route = format!("{} {}", parts.method, matched.as_str());
                app.audit.forbidden(actor, "insufficient-scope", peer, &route).await;
                return trouble(&parts, StatusCode::FORBIDDEN, "Your role does not include this.");
            }
        }
        Err(_) if need == Need::Nothing => {}
        Err(NoSession::SignedOut) => return Redirect::to("/console/sign-in").into_response(),
        Err(NoSession::Unavailable) => {
            let sentence = "The authority cannot answer now. Try again in a moment.";
            return trouble(&parts, StatusCode::SERVICE_UNAVAILABLE, sentence);
        }
    }
    next.run(Request::from_parts(parts, body)).await
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

/// Judges the access token that is shown, or that a session gives, by the one rule, and then whether it is for this authority (RFC 9068
/// section 4) and what its scopes are. Whoever it is for, a living one may ask about itself, as at introspection: it learns what it says.
async fn authorize(app: &Arc<App>, request: &Parts, need: Need) -> Result<Caller, Unauthorized> {
    let headers = &request.headers;
    let peer = request.extensions.get::<Peer>().and_then(Peer::client);
    let token = match bearer::from_headers(headers) {
        Ok(Some(Credential::Bearer(token))) => Some(token),
        Ok(Some(Credential::Basic(_))) => return Err(Problem::token_missing().into()),
        Ok(None) => None,
        Err(error) if error.is_dead_token() => return Err(Problem::token_refused().into()),
        Err(error) => {
            let problem = Problem::field("authorization-malformed", "Authorization", error.to_string());
            return Err(problem.with_header(WWW_AUTHENTICATE, error.challenge()).into());
        }
    };
    let caller = match token {
        Some(token) => by_token(token, peer)?,
        None => {
            let secret = page::session_cookie(headers, &request.extensions).ok_or_else(Problem::token_missing)?;
            let caller = by_session(app, &secret, peer).await.map_err(|error| match error {
                NoSession::SignedOut => Problem::token_refused(),
                NoSession::Unavailable => Problem::unavailable(),
            })?;
            require_own_page(request, &caller)?;
            caller
        }
    };
    if need != Need::LivingToken && caller.claims.audience != app.issuer {
        return Err(Problem::token_refused().into());
    }
    if allows(need, &caller.claims.scopes) {
        return Ok(caller);
    }
    let sentence = match need {
        Need::Read => "the access token needs the scope `jeton:read` or `jeton:admin`",
        Need::SeeTokens => "the access token needs the scope `jeton:read`, `jeton:own` or `jeton:admin`",
        Need::ChangeTokens => "the access token needs the scope `jeton:tokens`, `jeton:own` or `jeton:admin`",
        Need::Nothing | Need::LivingToken | Need::SignedIn | Need::Administer => {
            "the access token needs the scope `jeton:admin`"
        }
    };
    Err(Unauthorized {
        problem: Problem::new(ProblemKind::InsufficientScope, "insufficient-scope", sentence),
        actor: Some(caller.by().to_owned()),
    })
}

fn by_token(token: &str, peer: Option<IpAddr>) -> Result<Caller, Problem> {
    let claims = verifier::claims(token, peer).map_err(|error| match error {
        VerifyError::Refused(_) | VerifyError::Elsewhere(_) => Problem::token_refused(),
        VerifyError::Unready => Problem::unavailable(),
    })?;
    let actor = actor(&claims.client_id, &claims);
    Ok(Caller { actor, claims, signed_in: None })
}

/// Who signed in acts under the account's name: sessions come and go.
async fn by_session(app: &Arc<App>, secret: &str, peer: Option<IpAddr>) -> Result<Caller, NoSession> {
    let (claims, signed_in) = session::judged(app, secret, peer).await?;
    let actor = actor(&signed_in.name, &claims);
    Ok(Caller { actor, claims, signed_in: Some(signed_in) })
}

/// A cookie is sent whoever makes the request, so a request that changes something also shows that a page of ours made it.
fn require_own_page(request: &Parts, caller: &Caller) -> Result<(), Problem> {
    if request.method.is_safe() {
        return Ok(());
    }
    let shown = request.headers.get(FORM_TOKEN).map(HeaderValue::as_bytes).unwrap_or_default();
    let expected = caller.signed_in.as_ref().map(|signed_in| signed_in.form_token.as_bytes()).unwrap_or_default();
    if origin::is_own(&request.headers) && constant_time_eq::constant_time_eq(shown, expected) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::InsufficientScope,
        "not-of-this-console",
        "under a session, a request that changes something comes from a page of the console and shows its form token",
    ))
}

fn allows(need: Need, scopes: &[String]) -> bool {
    let scopes = Scopes::new(scopes).unwrap_or_default();
    match need {
        Need::Nothing | Need::LivingToken | Need::SignedIn => true,
        Need::Read => scopes.cover(READ),
        Need::SeeTokens => scopes.cover(READ) || scopes.cover(OWN),
        Need::ChangeTokens => scopes.cover(TOKENS) || scopes.cover(OWN),
        Need::Administer => scopes.cover(ADMIN),
    }
}

fn actor(name: &str, claims: &Claims) -> Actor {
    Actor::Token(ActingToken {
        client_id: name.to_owned(),
        subject: claims.subject.clone(),
        scopes: claims.scopes.clone(),
    })
}

/// What the table says of a route, under the path that the document has for it.
pub(super) fn needed(path: &str, method: &Method) -> Option<Need> {
    TABLE.iter().find(|(row, known, _)| documented(row) == path && known == method).map(|(.., need)| *need)
}

/// A path as the document writes it: what an asterisk marks may hold slashes there, too.
fn documented(path: &str) -> String {
    path.replace("{*", "{")
}

/// Every route that is no page, under the path that the document has for it.
#[cfg(test)]
pub(super) fn documentable() -> impl Iterator<Item = (String, Method)> {
    let is_page = |path: &str| path == "/" || path.starts_with("/console");
    TABLE.iter().filter(move |(path, ..)| !is_page(path)).map(|(path, method, _)| (documented(path), method.clone()))
}

/// The routes that can change something, for the test that each of them is told in the audit log. Pages do what these do, by the same
/// calls.
#[cfg(test)]
pub(super) fn changing() -> impl Iterator<Item = String> {
    let asks = |method: &Method| *method == Method::GET || *method == Method::OPTIONS;
    let rows = TABLE.iter().filter(move |(path, method, _)| !asks(method) && !path.starts_with("/console"));
    rows.map(|(path, method, _)| format!("{method} {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_under_v1_needs_a_token_but_the_live_set() {
        for (path, method, need) in TABLE {
            let public = *need == Need::Nothing;
            let is_console = *path == "/" || path.starts_with("/console");
            assert!(is_console || public != path.starts_with("/v1/") || *path == "/v1/live", "{method} {path}");
        }
    }

    #[test]
    fn pages_need_somebody_who_is_signed_in_but_for_signing_in() {
        let open =
            ["/console/api", "/console/assets/", "/console/code", "/console/first", "/console/sign-in", "/console/sso"];
        for (path, method, need) in TABLE.iter().filter(|(path, ..)| path.starts_with("/console")) {
            let is_open = open.iter().any(|open| path.starts_with(open));
            assert_eq!(*need == Need::Nothing, is_open, "{method} {path}");
            assert!(*need != Need::LivingToken, "{method} {path}");
        }
    }

    #[test]
    fn reading_scopes_open_nothing_that_changes_anything() {
        for (path, method, need) in TABLE {
            let asks = *method == Method::GET || *path == "/v1/explain";
            let opens = allows(*need, &[READ.to_owned()]) && !matches!(need, Need::Nothing | Need::SignedIn);
            assert!(!opens || asks, "{method} {path}");
        }
    }

    #[test]
    fn each_need_is_met_by_the_scopes_of_its_name_and_by_what_includes_them() {
        let met = |need| {
            let all = [ADMIN, TOKENS, READ, OWN, "orders"];
            all.into_iter().filter(|scope| allows(need, &[(*scope).to_owned()])).collect::<Vec<_>>()
        };
        assert_eq!(met(Need::Read), [ADMIN, TOKENS, READ]);
        assert_eq!(met(Need::SeeTokens), [ADMIN, TOKENS, READ, OWN]);
        assert_eq!(met(Need::ChangeTokens), [ADMIN, TOKENS, OWN]);
        assert_eq!(met(Need::Administer), [ADMIN]);
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
