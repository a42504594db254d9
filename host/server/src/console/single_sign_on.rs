//! Signing in by the house's own provider: the way there, and the way back.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{
    HeaderMap, HeaderValue, StatusCode, Uri,
    header::{REFRESH, SET_COOKIE},
};
use jeton_policy::digest::Digest;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::{
    cookie,
    page::{Frame, HOME, Page, Visit},
    sign_in,
};
use crate::{
    accounts::{AccountError, random},
    app::App,
    sso::{Journey, SingleSignOn, SsoError, Vouched},
};

/// How long somebody may be at the provider: long enough for a password that must be looked up.
const LIFE: Duration = Duration::from_secs(10 * 60);
/// Journeys that are known at most, some hundred bytes each. Beyond it whoever set out first begins anew.
const MAX_JOURNEYS: usize = 10_000;
/// Questions to the provider at once. Who asks more waits for nobody: a provider that hangs holds no more threads than these.
const MAX_QUESTIONS: usize = 16;

const AGAIN: &str = "This sign-in took too long, or was begun in another browser. Begin it again.";
const REFUSED: &str =
    "The single sign-on did not vouch for you. Begin again, or ask an administrator: the authority's log says why.";
const UNREACHABLE: &str = "The single sign-on cannot be reached now. Try again in a moment.";
const NAMELESS: &str = "The single sign-on gives you no name that an account can have. Ask an administrator.";
const NAME_TAKEN: &str = "An account of your name is somebody else's, or a local one. Ask an administrator.";
const NO_ROLE: &str = "The single sign-on knows you, but you have no role here. Ask an administrator.";

#[derive(Serialize)]
struct SignedIn {
    frame: Frame,
    name: String,
    home: &'static str,
}

impl Page for SignedIn {
    const TEMPLATE: &'static str = "console/signed_in.html";
}

/// Who is at the provider, by the digest of what comes back with her.
pub(super) struct Journeys {
    begun: Mutex<HashMap<[u8; 32], Begun>>,
    questions: Arc<Semaphore>,
}

struct Begun {
    journey: Journey,
    /// The digest of the cookie of who set out: nobody else comes back from this.
    traveller: [u8; 32],
    at: Instant,
}

impl Default for Journeys {
    fn default() -> Self {
        Self { begun: Mutex::default(), questions: Arc::new(Semaphore::new(MAX_QUESTIONS)) }
    }
}

impl Journeys {
    fn begin(&self, traveller: &str, journey: Journey, now: Instant) {
        let mut begun = self.begun.lock();
        begun.retain(|_, one| now.saturating_duration_since(one.at) < LIFE);
        if begun.len() >= MAX_JOURNEYS {
            let first = begun.iter().min_by_key(|(_, one)| one.at).map(|(key, _)| *key);
            if let Some(first) = first {
                begun.remove(&first);
            }
        }
        let key = Digest::of(journey.state.as_bytes()).0;
        begun.insert(key, Begun { journey, traveller: Digest::of(traveller.as_bytes()).0, at: now });
    }

    /// The journey that this traveller comes back from with this state, once.
    fn end(&self, traveller: &str, state: &str, now: Instant) -> Option<Journey> {
        let mut begun = self.begun.lock();
        let key = Digest::of(state.as_bytes()).0;
        let is_hers = begun.get(&key)?.traveller == Digest::of(traveller.as_bytes()).0;
        // Whoever shows another's state does not end her journey.
        let one = if is_hers { begun.remove(&key)? } else { return None };
        (now.saturating_duration_since(one.at) < LIFE).then_some(one.journey)
    }

    /// Asks the provider where it may be waited for.
    async fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<R, SsoError> + Send + 'static,
    ) -> Result<R, SsoError> {
        let Ok(permit) = Arc::clone(&self.questions).try_acquire_owned() else {
            return Err(SsoError::Unavailable("too many sign-ins wait for it".to_owned()));
        };
        let answer = tokio::task::spawn_blocking(move || {
            let answer = question();
            drop(permit);
            answer
        });
        answer.await.unwrap_or_else(|_| Err(SsoError::Unavailable("asking it failed".to_owned())))
    }
}

/// Sends a browser to the provider.
pub(super) async fn set_out(
    State(app): State<Arc<App>>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let provider = provider(&app, &visit)?;
    let journey = match app.console.journeys.ask(move || provider.set_out()).await {
        Ok(journey) => journey,
        Err(error) => return Err(failed(&app, visit, &error)),
    };
    let known = cookie::JOURNEY.value(&headers, visit.is_encrypted).map(str::to_owned);
    let traveller = known.unwrap_or_else(|| URL_SAFE_NO_PAD.encode(random::<32>()));
    let mut response = visit.go(&journey.url, None);
    if let Some(cookie) = cookie::JOURNEY.given(&traveller, visit.is_encrypted) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    app.console.journeys.begin(&traveller, journey, Instant::now());
    Ok(response)
}

/// Lets in whom the provider sends back and vouches for.
pub(super) async fn arrive(
    State(app): State<Arc<App>>,
    visit: Visit,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Response> {
    let provider = provider(&app, &visit)?;
    let brought = Brought::read(uri.query().unwrap_or_default());
    let traveller = cookie::JOURNEY.value(&headers, visit.is_encrypted).unwrap_or_default();
    let Some(journey) = app.console.journeys.end(traveller, &brought.state, Instant::now()) else {
        return Err(sign_in::refused(&app, visit, AGAIN));
    };
    let vouched = match (brought.code, brought.issuer) {
        (_, Some(issuer)) if issuer != provider.issuer() => {
            Err(SsoError::Refused("it says that it is another provider (RFC 9207)".to_owned()))
        }
        (Some(code), _) => app.console.journeys.ask(move || provider.arrive(journey, code)).await,
        (None, _) => Err(SsoError::Refused("it sent no code".to_owned())),
    };
    let Vouched { identity, name, role } = match vouched {
        Ok(vouched) => vouched,
        Err(error) => return Err(failed(&app, visit, &error)),
    };
    let Some(role) = role else {
        app.audit.sign_in_refused(Some(name.to_string()), "no-role", visit.peer);
        tracing::info!(account = %name, "single sign-on gives no role");
        return Err(match app.accounts.off_thread(move |accounts| accounts.no_more(&identity)).await {
            Ok(()) => sign_in::refused(&app, visit, NO_ROLE),
            Err(_) => visit.busy(),
        });
    };
    let known = name.to_string();
    let begun = app.accounts.off_thread(move |accounts| {
        let account = accounts.vouched(&identity, &name, role)?;
        let secret = accounts.begin_session(&account)?;
        Ok((account.name, secret))
    });
    match begun.await {
        Ok((name, secret)) => Ok(admitted(visit, name, &secret)),
        Err(AccountError::Unavailable) => Err(visit.busy()),
        Err(AccountError::NameTaken) => {
            app.audit.sign_in_refused(Some(known), "name-taken", visit.peer);
            Err(sign_in::refused(&app, visit, NAME_TAKEN))
        }
        // It is disabled, or its token has ended.
        Err(_) => {
            app.audit.sign_in_refused(Some(known), "account-disabled", visit.peer);
            Err(sign_in::refused(&app, visit, sign_in::REFUSED))
        }
    }
}

/// What comes back with somebody (RFC 6749 section 4.1.2, RFC 9207). What comes twice counts as not sent.
struct Brought {
    state: String,
    code: Option<String>,
    issuer: Option<String>,
}

impl Brought {
    fn read(query: &str) -> Self {
        let one = |name: &str| {
            let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
            let first = values.next().map(|(_, value)| value.into_owned());
            first.filter(|_| values.next().is_none())
        };
        Self { state: one("state").unwrap_or_default(), code: one("code"), issuer: one("iss") }
    }
}

/// The page that leads on by itself: it is one of ours that asks for the next, and only then the session's strict cookie comes along.
fn admitted(visit: Visit, name: String, secret: &str) -> Response {
    let encrypted = visit.is_encrypted;
    let mut cookies = Response::default();
    visit.admit(&mut cookies, secret);
    if let Some(cookie) = cookie::JOURNEY.taken(encrypted) {
        cookies.headers_mut().append(SET_COOKIE, cookie);
    }
    let mut response = visit.page(StatusCode::OK, "Signed in", |frame| SignedIn { frame, name, home: HOME });
    let headers = response.headers_mut();
    headers.remove(SET_COOKIE);
    for cookie in cookies.headers().get_all(SET_COOKIE) {
        headers.append(SET_COOKIE, cookie.clone());
    }
    if let Ok(on) = HeaderValue::try_from(format!("0; url={HOME}")) {
        headers.insert(REFRESH, on);
    }
    response
}

fn provider(app: &App, visit: &Visit) -> Result<Arc<SingleSignOn>, Response> {
    let provider = app.console.single_sign_on.clone();
    provider.ok_or_else(|| visit.trouble(StatusCode::NOT_FOUND, "There is no single sign-on here."))
}

fn failed(app: &App, visit: Visit, error: &SsoError) -> Response {
    tracing::warn!(%error, peer = %visit.peer.accountable(), "a single sign-on came to nothing");
    match error {
        SsoError::Unavailable(_) | SsoError::Usage(_) => visit.trouble(StatusCode::SERVICE_UNAVAILABLE, UNREACHABLE),
        SsoError::Refused(_) => {
            app.audit.sign_in_refused(None, "not-vouched-for", visit.peer);
            sign_in::refused(app, visit, REFUSED)
        }
        SsoError::Nameless(_) => {
            app.audit.sign_in_refused(None, "no-name", visit.peer);
            sign_in::refused(app, visit, NAMELESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_twice_did_not_come() {
        let brought = Brought::read("code=a&state=b&iss=https%3A%2F%2Flogin.example");
        assert_eq!(brought.code.as_deref(), Some("a"));
        assert_eq!((brought.state.as_str(), brought.issuer.as_deref()), ("b", Some("https://login.example")));
        let twice = Brought::read("code=a&code=a&state=b&state=c");
        assert_eq!((twice.code, twice.state, twice.issuer), (None, String::new(), None));
    }
}
