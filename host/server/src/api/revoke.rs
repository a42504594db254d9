//! `POST /oauth2/revoke` (RFC 7009): whoever holds a token may end it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Request, StatusCode};
use jeton_runtime::Class;
use jeton_runtime::wit::exchange::Revocation;
use zeroize::Zeroizing;

use super::oauth_error::OAuthError;
use super::{body, oauth_request, refusals};
use crate::app::App;

/// Ends the refresh or access token that the form's `token` holds. 200 for unknown and dead ones too (RFC 7009 section 2.2),
/// and only when nothing accepts it any more. `token_type_hint` is not needed: a token says what it is.
pub(super) async fn revoke(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    let body = body::read(body).await?;
    let form = oauth_request::in_body(&parts.headers, &parts.uri, &body, &["token"])?;
    let token = Zeroizing::new(oauth_request::token(&form, "token")?.into_owned());
    match app.authority.call(Class::Exchange, move |call| call.revoke(&token)).await {
        Ok(Ok(revocation)) => {
            log(&revocation);
            Ok((StatusCode::OK, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response())
        }
        Ok(Err(refusal)) => Err(refusals::revoke(refusal)),
        Err(_) => Err(OAuthError::unavailable()),
    }
}

fn log(revocation: &Revocation) {
    match revocation {
        Revocation::RefreshToken(id) => tracing::info!(refresh_token = %id, "revoked by its holder"),
        Revocation::AccessToken(jti) => tracing::info!(%jti, "revoked by its holder"),
        Revocation::Nothing => {}
    }
}
