//! HTTP: everything but introspection and forward-auth, which [`crate::hot`] answers before this router is asked.
//!
//! Handlers run on the I/O thread that read the request, so the verifier of that thread is theirs; what needs the store goes to
//! the authority's pools.
//!
//! | to change | go to |
//! | --- | --- |
//! | who may do what | `permissions` |
//! | how a refusal of the policy is answered | `refusals` |
//! | what a request may look like | [`oauth_request`] over [`form`], `json`, `query`, [`bearer`], [`limits`] |
//! | what a request is read as, without a server | [`reading`] |
//! | what the API document says | `document` |
//! | what an error looks like | [`problem`] (RFC 9457), [`oauth_error`] (RFC 6749) |

mod access_tokens;
mod audit;
pub mod bearer;
pub mod body;
mod current_token;
pub(crate) mod document;
mod epoch;
mod explain;
pub mod form;
mod health;
mod json;
pub mod limits;
mod live;
mod media_type;
mod metadata;
mod notices;
pub mod oauth_error;
pub mod oauth_request;
pub(crate) mod permissions;
mod policy;
mod precondition;
pub mod problem;
mod query;
pub mod reading;
mod refresh_tokens;
pub(crate) mod refusals;
mod respond;
mod revoke;
pub(crate) mod settings;
pub(crate) mod time;
mod token;
mod token_exchange;
mod transfer;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use jeton_runtime::CallError;
use jeton_runtime::wit::refresh_tokens::IssueRefusal;

use crate::{app::App, console};
pub(crate) use permissions::RequestId;
use problem::Problem;
pub(crate) use refresh_tokens::{reason_name, reason_named};
use refusals::Refusal;

/// Every route that is not hot. Wrong paths are 404, wrong methods 405, both as problems.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/oauth2/token", post(token::oauth))
        .route("/iwc/api/security/oauth/token", post(token::dpa))
        .route("/oauth2/revoke", post(revoke::revoke))
        .route("/.well-known/oauth-authorization-server", get(metadata::of_the_host))
        .route("/.well-known/oauth-authorization-server/{*issuer_path}", get(metadata::of_a_path))
        .route("/.well-known/jwks.json", get(live::key_set))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/openapi.json", get(document::serve))
        .route("/v1/live", get(live::document).options(live::preflight))
        .route("/v1/self", get(current_token::show))
        .route("/v1/refresh-tokens", get(refresh_tokens::list).post(refresh_tokens::create))
        .route("/v1/refresh-tokens/delete", post(refresh_tokens::delete_batch))
        .route(
            "/v1/refresh-tokens/{id}",
            get(refresh_tokens::show).patch(refresh_tokens::edit).delete(refresh_tokens::delete),
        )
        .route("/v1/refresh-tokens/{id}/rotate", post(refresh_tokens::rotate))
        .route("/v1/access-tokens/{jti}", axum::routing::delete(access_tokens::delete))
        .route("/v1/explain", get(explain::by_id).post(explain::by_token))
        .route("/v1/settings", get(settings::show).patch(settings::change))
        .route("/v1/export", get(transfer::export))
        .route("/v1/import", post(transfer::import))
        .route("/v1/policy", get(policy::show).post(policy::load))
        .route("/v1/audit", get(audit::list))
        .route("/v1/notices", get(notices::list))
        .route("/v1/epoch", get(epoch::show))
        .route("/v1/epoch/advance", post(epoch::advance))
        .merge(console::routes())
        .route_layer(from_fn_with_state(Arc::clone(&app), permissions::guard))
        .fallback(async || Problem::no_such_path())
        .with_state(app)
}

/// The rule that a refused issue broke, for the machine's own commands.
pub fn sentence(refusal: IssueRefusal) -> &'static str {
    refusal.row().sentence()
}

/// What an administrative call gives; its refusals become problems by the table.
async fn answered<T, R: Refusal>(call: impl Future<Output = Result<Result<T, R>, CallError>>) -> Result<T, Problem> {
    match call.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(refusal)) => Err(refusal.row().problem()),
        Err(error) => Err(error.row().problem()),
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]
mod tests;
