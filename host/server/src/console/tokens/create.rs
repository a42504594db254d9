//! A new token.

use std::sync::Arc;

use axum::{body::Body, extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, StatusCode, Uri};
use jeton_runtime::{
    Class,
    wit::{refresh_tokens::IssueRefusal, types::Seconds},
};
use serde::Serialize;

use super::{
    super::page::{Frame, Page, Visit},
    DAY, Errors, caller,
    fields::{self, Typed},
    refused, secret, sentence, unanswered,
};
use crate::{accounts::random, api::refusals::Refusal as _, app::App};

#[derive(Serialize)]
struct New {
    frame: Frame,
    trouble: String,
    errors: Errors,
    focus: &'static str,
    typed: Typed,
    uses_more: bool,
    /// Whether it may be for somebody else.
    may_set_owner: bool,
    days: u64,
    never_allowed: bool,
    access_ttl: Seconds,
}

impl Page for New {
    const TEMPLATE: &'static str = "console/token_new.html";
}

/// The form for a new token, under the one that the address names.
pub(super) async fn new(State(app): State<Arc<App>>, visit: Visit, uri: Uri) -> Result<Response, Response> {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let parent = query.into_owned().find(|(name, _)| name == "parent").map(|(_, id)| id);
    let typed = Typed { parent: parent.unwrap_or_default(), ..Typed::default() };
    form_page(&app, visit, StatusCode::OK, String::new(), Errors::new(), typed).await
}

/// Makes a token, and shows its string once.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let typed = Typed::of(&visit.form(request).await?);
    let caller = caller(&visit)?;
    let mut asked = match typed.request() {
        Ok(asked) => asked,
        Err(errors) => {
            return form_page(&app, visit, StatusCode::BAD_REQUEST, String::new(), errors, typed).await;
        }
    };
    caller.confine_issue(&mut asked);
    let by = caller.by().to_owned();
    match app.authority.call(Class::Administration, move |call| call.issue(&caller.actor, &asked)).await {
        Ok(Ok(issued)) => {
            if issued.secret.is_some() {
                tracing::info!(refresh_token = %issued.token.id, %by, "refresh token created");
            }
            Ok(secret::shown(&app, visit, "The token was created", issued))
        }
        Ok(Err(IssueRefusal::IdempotencyKeyReused)) => {
            let trouble = "A token was made with this form before. Press Create to make another one.".to_owned();
            let typed = Typed { key: String::new(), ..typed };
            form_page(&app, visit, StatusCode::CONFLICT, trouble, Errors::new(), typed).await
        }
        Ok(Err(refusal @ (IssueRefusal::ClockBehind | IssueRefusal::Unavailable))) => {
            Err(refused(&visit, "The token was not created", refusal))
        }
        Ok(Err(refusal)) => {
            let row = refusal.row();
            let (trouble, errors) = match fields::refused(row) {
                Some(errors) => ("The token was not created:".to_owned(), errors),
                None => (sentence(row.sentence()), Errors::new()),
            };
            form_page(&app, visit, StatusCode::BAD_REQUEST, trouble, errors, typed).await
        }
        Err(error) => Err(unanswered(&visit, error)),
    }
}

async fn form_page(
    app: &Arc<App>,
    visit: Visit,
    status: StatusCode,
    trouble: String,
    errors: Errors,
    mut typed: Typed,
) -> Result<Response, Response> {
    let may_set_owner = caller(&visit)?.confined_to().is_none();
    let settings = match app.authority.call(Class::Administration, |call| call.settings()).await {
        Ok(Ok(settings)) => settings,
        Ok(Err(refusal)) => return Err(refused(&visit, "No token can be made", refusal)),
        Err(error) => return Err(unanswered(&visit, error)),
    };
    if typed.key.is_empty() {
        typed.key = URL_SAFE_NO_PAD.encode(random::<16>());
    }
    if typed.expires.is_empty() {
        typed.expires = "default".to_owned();
    }
    Ok(visit.page(status, "Create token", |frame| New {
        frame,
        trouble,
        focus: fields::focus(&errors),
        uses_more: typed.uses_more(&errors),
        errors,
        typed,
        may_set_owner,
        days: settings.refresh_token_expiration.div_ceil(DAY),
        never_allowed: settings.never_allowed && settings.refresh_token_maximum.is_none(),
        access_ttl: settings.access_token_expiration,
    }))
}
