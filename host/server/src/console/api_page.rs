//! The API document as a page: without a script, and without anything from elsewhere.

use std::sync::LazyLock;

use axum::response::Response;
use http::StatusCode;
use minijinja::Value;
use serde::Serialize;

use super::page::{Frame, Page, Visit};
use super::templates;
use crate::api::document::outline::{Outline, outline};

/// What is in the frame: the same for everybody, and so made once.
#[derive(Serialize)]
struct Document {
    outline: Outline,
}

impl Page for Document {
    const TEMPLATE: &'static str = "console/api_document.html";
}

#[derive(Serialize)]
struct ApiPage {
    frame: Frame,
    /// What the template of the document made, escaped there.
    document: Value,
}

impl Page for ApiPage {
    const TEMPLATE: &'static str = "console/api.html";
}

static DOCUMENT: LazyLock<Result<String, minijinja::Error>> =
    LazyLock::new(|| templates::render(&Document { outline: outline() }));

/// `GET /console/api`: whoever asks, since it is no secret.
pub(super) async fn show(visit: Visit) -> Response {
    match &*DOCUMENT {
        Ok(document) => {
            let document = Value::from_safe_string(document.clone());
            visit.page(StatusCode::OK, "API", |frame| ApiPage { frame, document })
        }
        Err(error) => {
            tracing::error!(%error, "the API document could not be rendered");
            visit.trouble(StatusCode::INTERNAL_SERVER_ERROR, "The document cannot be shown. It is at /openapi.json.")
        }
    }
}
