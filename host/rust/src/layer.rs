//! A tower layer: requests with a living token go through, with what it says; others are answered.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Response};
use jeton_policy::scope::{ScopeError, Scopes};
use tower_layer::Layer;
use tower_service::Service;

use crate::answers::Answer;
use crate::{Claims, Verifier};

const SUBJECT: HeaderName = HeaderName::from_static("x-jeton-subject");
const CLIENT: HeaderName = HeaderName::from_static("x-jeton-client");
const SCOPE: HeaderName = HeaderName::from_static("x-jeton-scope");
const EXPIRES: HeaderName = HeaderName::from_static("x-jeton-expires");

/// What the names of headers that are ours begin with.
const OURS: &str = "x-jeton-";

/// Bytes that a presented token may have: an access token never has more than half of that.
const MAX_TOKEN: usize = 8 * 1024;

type PeerOf = dyn Fn(&Extensions, &HeaderMap) -> Option<IpAddr> + Send + Sync;

/// Guards a service: a request gets through with a living access token in `Authorization: Bearer`, with its [`Claims`] as an extension and
/// in the headers `X-Jeton-Subject`, `X-Jeton-Client`, `X-Jeton-Scope` and `X-Jeton-Expires`. What a client sent under such names is removed.
#[derive(Clone)]
pub struct JetonLayer {
    guard: Arc<Guard>,
}

#[derive(Clone)]
struct Guard {
    verifier: Verifier,
    required: Scopes,
    audience: Option<String>,
    peer: Option<Arc<PeerOf>>,
}

impl JetonLayer {
    /// Lets every living token of the verifier's authority through.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self { guard: Arc::new(Guard { verifier, required: Scopes::default(), audience: None, peer: None }) }
    }

    /// Demands all of these scopes: 403 `insufficient_scope` for a token without them.
    ///
    /// # Errors
    /// [`ScopeError`], where they cannot be scopes.
    pub fn required_scopes<S: AsRef<str>>(self, scopes: impl IntoIterator<Item = S>) -> Result<Self, ScopeError> {
        let required = Scopes::new(scopes)?;
        Ok(self.with(|guard| guard.required = required))
    }

    /// Demands that a token is for this audience. Without, one for any audience will do.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        let audience = Some(audience.into());
        self.with(|guard| guard.audience = audience)
    }

    /// Says who sends a request, such as axum's `ConnectInfo` in its extensions. Without, nobody knows, and a token that is bound to
    /// networks is refused. Believe a header only where every request comes through a proxy that overwrites it.
    #[must_use]
    pub fn peer(self, peer: impl Fn(&Extensions, &HeaderMap) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        let peer: Option<Arc<PeerOf>> = Some(Arc::new(peer));
        self.with(|guard| guard.peer = peer)
    }

    fn with(self, change: impl FnOnce(&mut Guard)) -> Self {
        let mut guard = Arc::unwrap_or_clone(self.guard);
        change(&mut guard);
        Self { guard: Arc::new(guard) }
    }
}

impl<S> Layer<S> for JetonLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: Arc::clone(&self.guard) }
    }
}

/// A guarded service.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = GuardedFuture<S::Future, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.guard.admit(&request) {
            Ok(claims) => match mark(&mut request, claims) {
                Some(()) => GuardedFuture { state: State::Inner(Box::pin(self.inner.call(request))) },
                None => GuardedFuture { state: State::Answered(Some(Answer::Unknown.response())) },
            },
            Err(response) => GuardedFuture { state: State::Answered(Some(response)) },
        }
    }
}

impl Guard {
    fn admit<B, R: Default>(&self, request: &Request<B>) -> Result<Claims, Response<R>> {
        let token = bearer(request.headers()).map_err(Answer::response)?;
        let peer = self.peer.as_ref().and_then(|peer| peer(request.extensions(), request.headers()));
        let claims = self.verifier.verify(token, peer).map_err(|refusal| {
            if refusal.is_unknown() { Answer::Unknown.response() } else { Answer::InvalidToken.response() }
        })?;
        if self.audience.as_ref().is_some_and(|audience| audience != claims.audience()) {
            return Err(Answer::InvalidToken.response());
        }
        let granted = Scopes::parse(claims.scope()).map_err(|_| Answer::Unknown.response())?;
        if !granted.cover_all(&self.required) {
            return Err(Answer::InsufficientScope(&self.required.joined()).response());
        }
        Ok(claims)
    }
}

/// The token in `Authorization`: one header, one scheme, one token.
fn bearer(headers: &HeaderMap) -> Result<&str, Answer<'static>> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let value = shown.next().ok_or(Answer::NoToken)?;
    if shown.next().is_some() {
        return Err(Answer::Unreadable);
    }
    let text = value.to_str().map_err(|_| Answer::Unreadable)?.trim_matches(' ');
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Answer::NoToken);
    }
    let token = token.trim_start_matches(' ');
    if token.len() > MAX_TOKEN {
        Err(Answer::InvalidToken)
    } else if token.is_empty() || token.bytes().any(|byte| matches!(byte, b' ' | b'\t' | b',')) {
        Err(Answer::Unreadable)
    } else {
        Ok(token)
    }
}

/// Says what the token says in the place of whatever the client said about it. `None`: it cannot be said.
fn mark<B>(request: &mut Request<B>, claims: Claims) -> Option<()> {
    let headers = request.headers_mut();
    let sent: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in sent {
        headers.remove(name);
    }
    for (name, value) in [(SUBJECT, claims.subject()), (CLIENT, claims.client_id()), (SCOPE, claims.scope())] {
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    headers.insert(EXPIRES, HeaderValue::from(claims.expires_at()));
    request.extensions_mut().insert(claims);
    Some(())
}

/// What a guarded service answers with.
pub struct GuardedFuture<F, R> {
    state: State<F, R>,
}

enum State<F, R> {
    Inner(Pin<Box<F>>),
    Answered(Option<Response<R>>),
}

// The inner future is pinned in its box, and nothing else is.
impl<F, R> Unpin for GuardedFuture<F, R> {}

impl<F, R, E> Future for GuardedFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Inner(inner) => inner.as_mut().poll(context),
            // Polled again after its end, as no future may be: there is nothing to say any more.
            State::Answered(response) => response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn shown(values: &[&str]) -> Result<String, Answer<'static>> {
        let headers: HeaderMap =
            values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap())).collect();
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn one_token_is_shown_once_and_in_one_way() {
        for value in ["Bearer a.b", "bearer a.b", "BEARER  a.b "] {
            assert_eq!(shown(&[value]), Ok("a.b".to_owned()), "{value}");
        }
        for values in [&[][..], &["Basic a"], &["Digest"], &[""]] {
            assert_eq!(shown(values), Err(Answer::NoToken), "{values:?}");
        }
        for values in [
            &["Bearer"][..],
            &["Bearer "],
            &["Bearer a b"],
            &["Bearer a,b"],
            &["Bearer a", "Bearer a"],
            &["Bearer \u{e9}"],
        ] {
            assert_eq!(shown(values), Err(Answer::Unreadable), "{values:?}");
        }
        assert_eq!(shown(&[&format!("Bearer {}", "a".repeat(MAX_TOKEN + 1))]), Err(Answer::InvalidToken));
    }

    #[test]
    fn what_a_client_says_about_itself_is_gone_whatever_its_case() {
        let mut request = Request::builder()
            .header("X-JETON-Subject", "root")
            .header("x-jeton-scope", "everything")
            .header("X-Jeton-Anything", "else")
            .header("accept", "*/*")
            .body(())
            .unwrap();
        let claims = Claims::new(b"{}alicebobone twoapi", [2, 5, 3, 7, 3], 9).unwrap();
        assert!(mark(&mut request, claims).is_some());
        let mut names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "x-jeton-client", "x-jeton-expires", "x-jeton-scope", "x-jeton-subject"]);
        assert!(request.headers()[SUBJECT] == "alice" && request.headers()[SCOPE] == "one two");
        assert_eq!(request.extensions().get::<Claims>().unwrap().expires_at(), 9);
    }
}
