//! The API document: OpenAPI 3.1, made here out of the table of permissions, the table of refusals and the bounds that handlers go by.
//!
//! | to change | go to |
//! | --- | --- |
//! | what an operation takes and gives | the file of its tag: [`oauth`], [`verifying`], [`tokens`], [`administration`], [`service`] |
//! | what several speak of | [`components`] |
//! | which refusals there are | [`catalogue`] |
//! | how an operation is written down | [`operation`], [`schema`] |
//! | how it is read by people | [`outline`] |

mod administration;
mod catalogue;
mod components;
mod oauth;
mod operation;
pub(crate) mod outline;
mod schema;
mod service;
mod tokens;
mod verifying;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, Paths, Server, Tag};

use self::operation::Op;
use super::respond;

/// Security scheme: an access token.
const BEARER: &str = "bearer";
/// Security scheme: a refresh token as the password of HTTP Basic.
const BASIC: &str = "basic";
/// Security scheme: the session of somebody who is signed in to the console.
const SESSION: &str = "session";

/// Tags, in the order of the page.
const OAUTH: &str = "Scripts";
const VERIFYING: &str = "APIs and gateways";
const TOKENS: &str = "Refresh tokens";
const ADMINISTRATION: &str = "Administration";
const SERVICE: &str = "Service";

/// The tags, and what stands under each.
const TAGS: [(&str, &str); 5] = [
    (OAUTH, "What scripts and their libraries call: forms in, JSON out, integers for times."),
    (VERIFYING, "What whoever guards something asks."),
    (TOKENS, "What administrators do with refresh tokens."),
    (ADMINISTRATION, "Everything else that administrators do."),
    (SERVICE, "Whether the server is well, and what it can do."),
];

const ABOUT: &str = "Jeton is a token authority: long-lived refresh tokens for scripts, short-lived access tokens that die when they \
    should.\n\nTimes under `/v1` are RFC 3339 in UTC; those of OAuth endpoints are integers: seconds, or Unix time. Every answer has an \
    `X-Request-Id`: the caller's, where it sent a plain word, else one of the server's. `HEAD` goes by `GET`. A parameter of a query without a value counts as not sent. Whatever can hold a token is \
    `Cache-Control: no-store`. Under a session, a request that changes something also shows that a page of the console made it.";

/// A minute: it changes with the server's version alone.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

static RENDERED: LazyLock<Bytes> = LazyLock::new(|| {
    // Maps of texts always render; an empty body is the honest rest.
    Bytes::from(document().to_json().unwrap_or_default())
});

/// `GET /openapi.json`.
pub(super) async fn serve() -> Response {
    respond::json_bytes(StatusCode::OK, RENDERED.clone(), CACHE)
}

/// Every route that is documented: those of the table of permissions, and those that are answered before it is asked.
#[cfg(test)]
pub(crate) fn routes() -> impl Iterator<Item = (String, http::Method)> {
    super::permissions::documentable().chain(verifying::hot())
}

/// Every operation.
fn operations() -> Vec<Op> {
    let of_tags = [
        oauth::operations(),
        verifying::operations(),
        tokens::operations(),
        administration::operations(),
        service::operations(),
    ];
    of_tags.into_iter().flatten().collect()
}

/// The document.
fn document() -> OpenApi {
    let mut paths = Paths::new();
    for op in operations() {
        let path = op.path;
        let (method, operation) = op.build();
        paths.add_path_operation(path, vec![method], operation);
    }
    let info = InfoBuilder::new()
        .title("Jeton")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(License::builder().name("Apache-2.0").identifier(Some("Apache-2.0")).build()));
    let tags = TAGS.map(|(name, says)| -> Tag { TagBuilder::new().name(name).description(Some(says)).build() });
    let components = components::add(ComponentsBuilder::new())
        .security_scheme(BEARER, bearer())
        .security_scheme(BASIC, basic())
        .security_scheme(SESSION, session());
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .paths(paths)
        .components(Some(components.build()))
        .tags(Some(tags))
        .build()
}

fn bearer() -> SecurityScheme {
    let says = "An access token of this authority, from `POST /oauth2/token`";
    SecurityScheme::Http(
        Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(says)).build(),
    )
}

fn basic() -> SecurityScheme {
    let says = "The password is a refresh token; the user name says nothing";
    SecurityScheme::Http(Http::builder().scheme(HttpAuthScheme::Basic).description(Some(says)).build())
}

fn session() -> SecurityScheme {
    let says = "The console's cookie; over TLS its name is `__Host-jeton`. What changes something also needs `X-Jeton-Form-Token`, and a page of this origin";
    SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("jeton", says)))
}
