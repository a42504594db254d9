//! Another string for a token, which goes on being the same token.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{Request, StatusCode};
use jeton_runtime::{Class, wit::refresh_tokens::RotateRefusal};
use serde::Serialize;

use super::{
    super::page::{Frame, Page, Visit},
    DAY, Errors, Row, caller,
    edit::{conflict, generation},
    fields, refused, secret, token, unanswered,
};
use crate::{api::refusals::Refusal as _, app::App};

/// Overlaps that can be chosen, in seconds and in words. Anything up to seven days can be had under `/v1`.
const OVERLAPS: [(u64, &str); 4] = [
    (0, "none: the old string, and all that it gave out, is dead at once"),
    (60 * 60, "1 hour"),
    (DAY, "1 day"),
    (7 * DAY, "7 days"),
];

#[derive(Serialize)]
struct Rotate {
    frame: Frame,
    trouble: String,
    errors: Errors,
    row: Row,
    generation: u64,
    overlaps: [(u64, &'static str); 4],
    chosen: u64,
}

impl Page for Rotate {
    const TEMPLATE: &'static str = "console/token_rotate.html";
}

/// Asks how long the old string is taken yet.
pub(super) async fn form(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visit: Visit,
) -> Result<Response, Response> {
    form_page(&app, visit, &id, StatusCode::OK, Errors::new(), None).await
}

/// Gives the token another string, and shows it once.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let (caller, generation) = (caller(&visit)?, generation(&visit, &form)?);
    let typed = form.text("overlap");
    let Some((overlap, _)) = OVERLAPS.iter().find(|(seconds, _)| seconds.to_string() == typed).copied() else {
        let errors = [("overlap", "Choose an overlap.".to_owned())].into();
        return form_page(&app, visit, &id, StatusCode::BAD_REQUEST, errors, None).await;
    };
    let (by, whose) = (caller.by().to_owned(), id.clone());
    let rotated = app
        .authority
        .call(Class::Administration, move |call| call.rotate(&caller.actor, &whose, overlap, Some(generation)));
    match rotated.await {
        Ok(Ok(issued)) => {
            tracing::info!(refresh_token = %id, %by, overlap, "refresh token rotated");
            Ok(secret::shown(&app, visit, "The token has another string", issued))
        }
        Ok(Err(RotateRefusal::GenerationDiffers)) => Err(conflict(visit, &id)),
        Ok(Err(refusal)) => match fields::refused(refusal.row()) {
            Some(errors) => form_page(&app, visit, &id, refusal.row().status(), errors, Some(overlap)).await,
            None => Err(refused(&visit, "The token was not rotated", refusal)),
        },
        Err(error) => Err(unanswered(&visit, error)),
    }
}

async fn form_page(
    app: &Arc<App>,
    visit: Visit,
    id: &str,
    status: StatusCode,
    errors: Errors,
    chosen: Option<u64>,
) -> Result<Response, Response> {
    let token = token(app, &visit, id).await?;
    Ok(visit.page(status, "Rotate token", |frame| Rotate {
        frame,
        trouble: String::new(),
        errors,
        row: Row::of(&token),
        generation: token.generation,
        overlaps: OVERLAPS,
        // A day is time enough to bring the new string to every script.
        chosen: chosen.unwrap_or(DAY),
    }))
}
