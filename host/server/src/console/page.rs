//! Pages: the frame that all share, and what each is sent with.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse as _, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{
    HeaderName, HeaderValue, Request, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE,
        X_CONTENT_TYPE_OPTIONS,
    },
    request::Parts,
};
use serde::{Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

use super::{
    assets, cookie,
    form::{Fields, FormError},
    session::{self, SignedIn},
    templates,
};
use crate::{
    accounts::{By, name::AccountName, random, role::Role},
    api::{permissions::Caller, time::to_rfc3339},
    listen::{Encrypted, Peer},
};

/// Where who signed in comes to.
pub(super) const HOME: &str = "/console/tokens";

/// What tells at a glance how things stand. Every page's path begins with it.
pub(super) const OVERVIEW: &str = "/console";

/// What the navigation leads to: a path, a word, and who is led there. Whoever builds a page adds a line.
pub(super) const NAVIGATION: &[(&str, &str, &[Role])] = &[
    ("/console/tokens", "Tokens", &Role::ALL),
    (OVERVIEW, "Overview", &[Role::Admin, Role::Operator, Role::Viewer]),
    ("/console/audit", "Audit log", &[Role::Admin, Role::Operator, Role::Viewer]),
    ("/console/settings", "Settings", &[Role::Admin, Role::Operator, Role::Viewer]),
    ("/console/notices", "Notices", &Role::ALL),
    ("/console/users", "Users", &[Role::Admin]),
    ("/console/account", "My account", &Role::ALL),
    ("/console/api", "API", &Role::ALL),
];

/// Only what a page brings along itself, no script or style in its text, no frame around it, and no form that leads elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

/// What a page says beside its own matter, by the word in `?done=`: nothing that a link says is ever shown.
const NOTICES: &[(&str, &str)] = &[
    ("password", "The password is set."),
    ("signed-out", "You are signed out."),
    ("sessions", "The sessions were ended."),
    ("second-factor-off", "The second factor is switched off."),
    ("role", "The role was changed. The account was signed out everywhere."),
    ("disabled", "The account was disabled. Its sessions, and what its tokens gave out, are dead."),
    ("enabled", "The account can sign in again."),
    ("removed", "The account was removed, and every token below it ended."),
    ("deleted", "The tokens were deleted. The access tokens that they gave out are dead."),
    (
        "deleted-epoch",
        "The tokens were deleted. There was no room for so many cuts, so a new epoch began: every access token is dead.",
    ),
    ("none", "Nothing was deleted: there are no such tokens any more."),
    ("changed", "The token was changed."),
    ("unchanged", "The token is what it was: nothing was changed."),
    ("token-disabled", "The token was disabled. The access tokens that it gave out are dead."),
    ("token-enabled", "The token was enabled. What died when it was disabled stays dead."),
    ("settings", "The settings were changed. They hold from each token's next exchange on."),
    ("settings-at-once", "The settings were changed, and every access token that was out is dead."),
    ("epoch", "A new epoch has begun. Every access token that was out is dead."),
];

/// Who asks for a page, and over what.
pub(crate) struct Visit {
    pub(super) peer: Peer,
    pub(super) is_encrypted: bool,
    /// The cookie of somebody who has not signed in.
    visitor: Option<String>,
    caller: Option<Arc<Caller>>,
    path: String,
    notice: Option<&'static str>,
}

/// A page: what its template is filled with.
pub(super) trait Page: Serialize {
    /// The template.
    const TEMPLATE: &'static str;
}

/// The frame around a page.
#[derive(Serialize)]
pub(super) struct Frame {
    /// Of the page and of the browser's tab.
    pub(super) title: &'static str,
    /// Who is signed in.
    pub(super) name: Option<String>,
    /// What every form on the page shows.
    pub(super) form_token: String,
    links: Vec<Link>,
    notice: Option<&'static str>,
    style: &'static str,
    script: &'static str,
    icon: &'static str,
}

#[derive(Serialize)]
struct Link {
    path: &'static str,
    word: &'static str,
    is_here: bool,
}

/// A page that says what went wrong.
#[derive(Serialize)]
struct Trouble<'a> {
    frame: Frame,
    sentence: &'a str,
}

impl Page for Trouble<'_> {
    const TEMPLATE: &'static str = "console/trouble.html";
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Visit {
    /// Who sent a request with these parts.
    pub(crate) fn of(parts: &Parts) -> Self {
        let is_encrypted = is_encrypted(&parts.extensions);
        let unknown = || Peer::of(std::net::Ipv4Addr::UNSPECIFIED.into(), &parts.headers, &[]);
        let query = parts.uri.query().unwrap_or_default();
        let done = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "done").map(|(_, word)| word);
        Self {
            peer: parts.extensions.get::<Peer>().copied().unwrap_or_else(unknown),
            is_encrypted,
            visitor: cookie::VISITOR.value(&parts.headers, is_encrypted).map(str::to_owned),
            caller: parts.extensions.get::<Arc<Caller>>().cloned(),
            path: parts.uri.path().to_owned(),
            notice: done.and_then(|word| NOTICES.iter().find(|(known, _)| *known == word)).map(|(_, notice)| *notice),
        }
    }

    /// Who is signed in.
    pub(super) fn signed_in(&self) -> Option<&SignedIn> {
        self.caller.as_ref().and_then(|caller| caller.signed_in.as_deref())
    }

    /// The caller, as every route knows one.
    pub(super) fn caller(&self) -> Option<&Arc<Caller>> {
        self.caller.as_ref()
    }

    /// Whose account it is that asks.
    ///
    /// # Errors
    /// The way to the sign-in, where nobody is signed in.
    pub(super) fn account(&self) -> Result<AccountName, Response> {
        let name = self.signed_in().and_then(|signed_in| signed_in.name.parse().ok());
        name.ok_or_else(|| Redirect::to("/console/sign-in").into_response())
    }

    /// Who acts upon accounts here.
    ///
    /// # Errors
    /// As [`Visit::account`].
    pub(super) fn by(&self) -> Result<By, Response> {
        Ok(By::Account(self.account()?.to_string()))
    }

    /// What whoever is signed in is here.
    pub(super) fn role(&self) -> Option<Role> {
        self.caller.as_ref().and_then(|caller| Role::of(&caller.claims.scopes))
    }

    /// The form that a page of ours sent.
    ///
    /// # Errors
    /// The page that says what is wrong with it.
    pub(super) async fn form(&self, request: Request<Body>) -> Result<Fields, Response> {
        let expected = match (self.signed_in(), &self.visitor) {
            (Some(signed_in), _) => Some(signed_in.form_token.clone()),
            (None, Some(visitor)) => Some(session::form_token(visitor)),
            (None, None) => None,
        };
        let read = Fields::read(request, expected.as_deref()).await;
        read.map_err(|error| {
            let status = if error == FormError::OutOfDate { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
            self.trouble(status, &error.to_string())
        })
    }

    /// The cookie of a visitor who has one.
    pub(super) fn visitor(&self) -> Option<&str> {
        self.visitor.as_deref()
    }

    /// Sees that a visitor has a cookie to make forms for; gives the header that sets one.
    fn receive(&mut self) -> Option<HeaderValue> {
        if self.signed_in().is_some() || self.visitor.is_some() {
            return None;
        }
        let drawn = URL_SAFE_NO_PAD.encode(random::<32>());
        let header = cookie::VISITOR.given(&drawn, self.is_encrypted);
        self.visitor = Some(drawn);
        header
    }

    /// Whether the page is the one of this path, or one of those below it.
    fn is_below(&self, path: &str) -> bool {
        self.path == path || (path != OVERVIEW && self.path.starts_with(path))
    }

    /// The frame of a page for whoever asks.
    fn frame(&self, title: &'static str) -> Frame {
        let role = self.role();
        let links = NAVIGATION.iter().filter(|(.., roles)| role.is_some_and(|role| roles.contains(&role)));
        let token = self.signed_in().map(|signed_in| signed_in.form_token.clone());
        Frame {
            title,
            name: self.signed_in().map(|signed_in| signed_in.name.clone()),
            form_token: token.or(self.visitor.as_deref().map(session::form_token)).unwrap_or_default(),
            links: links.map(|(path, word, _)| Link { path, word, is_here: self.is_below(path) }).collect(),
            notice: self.notice,
            style: &assets::STYLE.path,
            script: &assets::SCRIPT.path,
            icon: &assets::ICON.path,
        }
    }

    /// A page, made within its frame.
    pub(super) fn page<T: Page>(
        mut self,
        status: StatusCode,
        title: &'static str,
        page: impl FnOnce(Frame) -> T,
    ) -> Response {
        let cookie = self.receive();
        let mut response = rendered(status, &page(self.frame(title)));
        if let Some(cookie) = cookie {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }

    /// The page that says what went wrong.
    pub(crate) fn trouble(&self, status: StatusCode, sentence: &str) -> Response {
        let frame = Frame { notice: None, ..self.frame("That did not work") };
        rendered(status, &Trouble { frame, sentence })
    }

    /// The page for who has to wait.
    pub(super) fn wait(&self, wait: Duration) -> Response {
        let seconds = wait.as_secs().saturating_add(1);
        let sentence = format!("There were too many attempts. Try again in {seconds} seconds.");
        let mut response = self.trouble(StatusCode::TOO_MANY_REQUESTS, &sentence);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        response
    }

    /// The page for who comes while too much is going on.
    pub(super) fn busy(&self) -> Response {
        let mut response =
            self.trouble(StatusCode::SERVICE_UNAVAILABLE, "Too much is going on just now. Try again in a moment.");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        response
    }

    /// Sends a browser on to a page, with the session's cookie where one began.
    pub(super) fn go(&self, to: &str, session: Option<&str>) -> Response {
        let mut response = Redirect::to(to).into_response();
        dress(&mut response);
        if let Some(secret) = session {
            self.admit(&mut response, secret);
        }
        response
    }

    /// Gives a browser the session of whom it is now, and takes back what a visitor began.
    pub(super) fn admit(&self, response: &mut Response, secret: &str) {
        let cookies = [cookie::SESSION.given(secret, self.is_encrypted), cookie::VISITOR.taken(self.is_encrypted)];
        for cookie in cookies.into_iter().flatten() {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }

    /// Sends a browser on to the sign-in, without its session.
    pub(super) fn leave(&self) -> Response {
        let mut response = self.go("/console/sign-in?done=signed-out", None);
        if let Some(cookie) = cookie::SESSION.taken(self.is_encrypted) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

/// Whether what comes and goes is encrypted: on this connection, or, as a trusted proxy says, before it.
pub(crate) fn is_encrypted(extensions: &http::Extensions) -> bool {
    extensions.get::<Encrypted>().is_some_and(|Encrypted(is_encrypted)| *is_encrypted)
}

/// The secret of the session in the cookie of a request.
pub(crate) fn session_cookie(parts: &http::HeaderMap, extensions: &http::Extensions) -> Option<String> {
    cookie::SESSION.value(parts, is_encrypted(extensions)).map(str::to_owned)
}

fn rendered<T: Page>(status: StatusCode, page: &T) -> Response {
    let text = match templates::render(page) {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, template = T::TEMPLATE, "a page could not be rendered");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    dress(&mut response);
    response
}

/// What every answer of the console is sent with, redirections too: a browser that kept one would go round in circles. What may be kept
/// says so before.
pub(crate) fn dress(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), SAME_ORIGIN);
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), SAME_ORIGIN);
}

/// A moment as people read it, in UTC: `2026-11-29 15:54`.
pub(crate) fn written(seconds: u64) -> String {
    let written = to_rfc3339(seconds).replace('T', " ");
    written.get(..16).unwrap_or_default().to_owned()
}

/// How far a moment lies from `now`, in its largest unit: `in 89 days`, `3 hours ago`.
pub(crate) fn distance(at: u64, now: u64) -> String {
    let far = at.abs_diff(now);
    let (count, unit) = match far {
        0..60 => return "now".to_owned(),
        60..3_600 => (far / 60, "minute"),
        3_600..86_400 => (far / 3_600, "hour"),
        _ => (far / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if at > now { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") }
}

/// Lets a secret into the page that shows it once.
pub(super) fn shown<T: Serialize + Zeroize, S: Serializer>(secret: &Zeroizing<T>, to: S) -> Result<S::Ok, S::Error> {
    (**secret).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        assert_eq!(written(1_800_000_000), "2027-01-15 08:00");
        let now = 1_800_000_000;
        for (at, told) in [
            (now, "now"),
            (now + 59, "now"),
            (now + 60, "in 1 minute"),
            (now - 7_200, "2 hours ago"),
            (now + 86_400, "in 1 day"),
            (now + 90 * 86_400 - 1, "in 89 days"),
        ] {
            assert_eq!(distance(at, now), told);
        }
    }

    #[test]
    fn the_policy_of_pages_allows_nothing_that_is_written_into_them() {
        let policy = POLICY;
        let policy = policy.to_str().unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe") && !policy.contains('*'));
    }
}
