//! What pages bring along: built in, under names that change with what they name, so that browsers may keep them for good.

use std::sync::LazyLock;

use axum::{
    body::Body,
    extract::{Path, rejection::PathRejection},
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use sha2::{Digest as _, Sha256};

use crate::api::problem::Problem;

/// Something that pages bring along.
pub(super) struct Asset {
    /// Where it is had.
    pub(super) path: String,
    name: String,
    kind: &'static str,
    content: &'static [u8],
}

/// How every page looks.
pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css", include_bytes!("../../assets/style.css")));
/// What makes a page handier where scripts run. Every page works without.
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("script", "js", "text/javascript", include_bytes!("../../assets/script.js")));
/// What stands beside the title in a browser's tab.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")));

impl Asset {
    fn new(name: &str, ending: &str, kind: &'static str, content: &'static [u8]) -> Self {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(content));
        let name = format!("{name}-{}.{ending}", digest.get(..16).unwrap_or_default());
        Self { path: format!("/console/assets/{name}"), name, kind, content }
    }
}

/// Serves the asset of this very name. There are no others, and no folder that a name could lead to.
pub(super) async fn serve(name: Result<Path<String>, PathRejection>) -> Response {
    let known = [&*STYLE, &*SCRIPT, &*ICON];
    let asked = name.map(|Path(name)| name).unwrap_or_default();
    let Some(asset) = known.into_iter().find(|asset| asset.name == asked) else {
        return Problem::no_such_path().into_response();
    };
    let mut response = Response::new(Body::from(asset.content));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
