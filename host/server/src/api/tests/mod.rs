//! The routes as a whole: a real authority over a store in memory, asked through the router.

mod access;
mod audit;
mod changes;
mod delegation;
mod document;
mod endings;
mod live;
mod oauth;
mod operations;
mod refresh_tokens;
mod rotation;
mod settings;
mod transfer;
mod uses;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use jeton_runtime::audit::Addresses;
use jeton_runtime::wit::epochs::Boot;
use jeton_runtime::wit::exchange::ExchangeRequest;
use jeton_runtime::wit::refresh_tokens::IssueRequest;
use jeton_runtime::wit::types::Actor;
use jeton_runtime::{Authority, Class, Lent, Live, Policy, PoolSizes, RootKey, Verifier};
use jeton_store::{Fault, FaultyStore, MemoryStore};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::accounts::Accounts;
use crate::app::{App, FailureLimiter, Options, verifier};
use crate::audit::Audit;
use crate::console::Console;
use crate::fence::Fenced;
use crate::listen::{Later, MAX_CONNECTIONS, Peer};
use crate::notices::kept::Kept;
use crate::observe::metrics::Metrics;
use crate::policy_files::PolicyFiles;
use crate::polls::Polls;
use crate::uses::Uses;

const ISSUER: &str = "https://tokens.example";
const FORM: &str = "application/x-www-form-urlencoded";

/// A running authority and its router. The verifier of the test's thread is this one's.
struct Jeton {
    app: Arc<App>,
    router: Router,
    store: Arc<FaultyStore<MemoryStore>>,
}

/// An answer, with its body read.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

/// A refresh token and an access token of it.
struct Tokens {
    id: String,
    refresh: String,
    access: String,
}

impl Jeton {
    fn start() -> Jeton {
        Jeton::start_with(Options::default())
    }

    fn start_with(options: Options) -> Jeton {
        let policy = Policy::embedded().unwrap();
        let store = Arc::new(FaultyStore::new(MemoryStore::new()));
        let fenced = Arc::new(Fenced::new(Arc::clone(&store)));
        let lent = Lent::recorded(fenced, Addresses::Full, Some(RootKey::draw().unwrap()));
        let (live, publisher) = Live::new(&policy, &lent).unwrap();
        store.inner().observe(Box::new(publisher));
        let sizes = PoolSizes { exchange: 1, administration: 2, ..PoolSizes::default() };
        let authority = Authority::start(&policy, lent, sizes).unwrap();
        let issuer = authority.call_blocking(Class::Administration, |call| call.configure(Some(ISSUER), ISSUER));
        authority.call_blocking(Class::Administration, |call| call.begin(Boot::Advance, None)).unwrap().unwrap();
        live.recover().unwrap();
        verifier::install(Verifier::new(&policy, Arc::clone(&live)).unwrap());
        let metrics = Arc::new(Metrics::default());
        let app = Arc::new(App {
            accounts: Accounts::new(authority.clone(), Arc::clone(&store) as _, Addresses::Full),
            console: Console::new(None).unwrap(),
            authority,
            live,
            issuer: issuer.unwrap().unwrap(),
            options,
            polls: Polls::new(MAX_CONNECTIONS, Arc::clone(metrics.polls())),
            metrics,
            failures: FailureLimiter::new(),
            uses: Uses::new(),
            audit: Arc::new(Audit::new(Arc::clone(&store) as _, Addresses::Full)),
            notices: Kept::new(Arc::clone(&store) as _),
            policy_files: PolicyFiles::default(),
        });
        Jeton { router: super::router(Arc::clone(&app)), app, store }
    }

    /// Every operation of the store fails from now on.
    fn break_store(&self) {
        self.store.plan(1, Fault::CrashBefore);
    }

    /// Tokens with these scopes, made as on the machine itself.
    fn tokens(&self, scopes: &[&str]) -> Tokens {
        let request = IssueRequest {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..IssueRequest::named("made by a test")
        };
        let issue = move |call: &mut jeton_runtime::AuthorityCall<'_>| call.issue(&Actor::Machine, &request);
        let issued = self.app.authority.call_blocking(Class::Administration, issue).unwrap().unwrap();
        let secret = issued.secret.unwrap();
        let request = ExchangeRequest { refresh_token: secret.clone(), scope: None, resource: None, peer: None };
        let exchanged = self.app.authority.call_blocking(Class::Exchange, move |call| call.exchange(&request));
        Tokens { id: issued.token.id, refresh: secret, access: exchanged.unwrap().unwrap().access_token }
    }

    /// An access token that may do everything.
    fn admin(&self) -> String {
        self.tokens(&["jeton:admin"]).access
    }

    async fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(Peer::of(IpAddr::V4(Ipv4Addr::LOCALHOST), &HeaderMap::new(), &[]));
        let (parts, bytes) = self.answer(request).await.into_parts();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// The answer as the connection sends it, which waits for one that comes later.
    async fn answer(&self, request: Request<Body>) -> http::Response<bytes::Bytes> {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Later::settle(http::Response::from_parts(parts, body)).await
    }

    async fn post_form(&self, target: &str, form: impl Into<String>) -> Answer {
        let request = Request::post(target).header(CONTENT_TYPE, FORM).body(Body::from(form.into()));
        self.send(request.unwrap()).await
    }

    async fn get(&self, target: &str) -> Answer {
        self.send(Request::get(target).body(Body::empty()).unwrap()).await
    }

    /// A call under `/v1` with an access token; `json` empty: no body.
    async fn call(&self, method: Method, target: &str, access: &str, json: impl Into<String>) -> Answer {
        let request = Request::builder().method(method).uri(target).header(AUTHORIZATION, format!("Bearer {access}"));
        let body = json.into();
        let request = if body.is_empty() { request } else { request.header(CONTENT_TYPE, "application/json") };
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Exchanges at the token endpoint; the answer's access token, or the error.
    async fn exchange(&self, refresh: &str) -> Result<String, String> {
        let answer = self.post_form("/oauth2/token", format!("grant_type=refresh_token&refresh_token={refresh}")).await;
        answer.json()["access_token"].as_str().map(str::to_owned).ok_or_else(|| answer.code("error"))
    }

    async fn is_alive(&self, access: &str) -> bool {
        self.call(Method::GET, "/v1/self", access, "").await.status == StatusCode::OK
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A textual member of the body.
    fn code(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_default().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The names of the body's members, in the order of the alphabet.
    fn members(&self) -> Vec<String> {
        let mut members: Vec<String> = self.json().as_object().unwrap().keys().cloned().collect();
        members.sort();
        members
    }

    /// Status, code and the field that a problem is about.
    fn problem(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        assert_eq!(self.header("cache-control"), "no-store");
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert!(body["type"].as_str().unwrap().starts_with("urn:jeton:problem:"));
        let field = body["errors"][0]["field"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), self.code("code"), field)
    }
}
