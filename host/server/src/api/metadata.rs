//! `GET /.well-known/oauth-authorization-server` (RFC 8414): what a client can find out by itself.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode, Uri};
use jeton_policy::scope;
use serde_json::{Value, json};

use super::problem::Problem;
use super::respond;
use crate::app::App;

/// For an issuer without a path. One with a path may stand behind a gateway that strips it, so it is served here too.
pub(super) async fn of_the_host(State(app): State<Arc<App>>) -> Response {
    answer(&app)
}

/// RFC 8414 section 3.1: the path of an issuer comes behind the well-known one.
pub(super) async fn of_a_path(State(app): State<Arc<App>>, Path(path): Path<String>) -> Response {
    if path_of(&app.issuer).is_some_and(|own| own == path) {
        answer(&app)
    } else {
        Problem::no_such_path().into_response()
    }
}

fn answer(app: &App) -> Response {
    let mut metadata = metadata(&app.issuer);
    let [_, verifier] = app.authority.in_force().standing().members;
    if let Some(members) = metadata.as_object_mut() {
        // A member of our own too: an edge that runs another verifier can find out that it judges otherwise.
        members.insert("jeton_verifier_sha256".to_owned(), verifier.sha256.into());
    }
    let mut response = respond::json(StatusCode::OK, &metadata);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    response
}

fn metadata(issuer: &str) -> Value {
    let base = issuer.trim_end_matches('/');
    json!({
        "issuer": issuer,
        "token_endpoint": format!("{base}/oauth2/token"),
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint": format!("{base}/oauth2/revoke"),
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint": format!("{base}/oauth2/introspect"),
        // Section 2 allows registered names of access token types beside those of client authentication methods.
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "Bearer"],
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        // Section 2 allows members of one's own: where edges follow what is revoked.
        "jeton_live_endpoint": format!("{base}/v1/live"),
        "grant_types_supported": ["refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"],
        // Section 2 requires the member; there is no authorization endpoint.
        "response_types_supported": [],
        "scopes_supported": [scope::ADMIN, scope::READ, scope::INTROSPECT, scope::LIVE],
    })
}

fn path_of(issuer: &str) -> Option<String> {
    let uri: Uri = issuer.parse().ok()?;
    Some(uri.path().trim_matches('/').to_owned()).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn every_endpoint_stands_under_the_issuer() {
        for (issuer, base) in
            [("https://tokens.example", "https://tokens.example"), ("https://example/auth/", "https://example/auth")]
        {
            let metadata = metadata(issuer);
            assert_eq!(metadata["issuer"], issuer);
            for endpoint in
                ["token_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri", "jeton_live_endpoint"]
            {
                let url = metadata[endpoint].as_str().unwrap_or_default();
                assert!(
                    url.strip_prefix(base).is_some_and(|path| path.starts_with('/') && !path.starts_with("//")),
                    "{url}"
                );
            }
        }
    }

    #[test]
    fn the_path_of_an_issuer_is_found() {
        assert_eq!(path_of("https://example"), None);
        assert_eq!(path_of("https://example/"), None);
        assert_eq!(path_of("https://example/auth/main/"), Some("auth/main".to_owned()));
    }
}
