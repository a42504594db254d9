//! The page of notices.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{StatusCode, Uri};
use serde::Serialize;

use super::page::{Frame, HOME, Page, Visit, distance, written};
use crate::{
    app::{App, now},
    notices::{
        kept::{Found, Query},
        notice::{Kind, Notice},
    },
};

/// Where it stands.
const HERE: &str = "/console/notices";
/// Notices of a page: a screen or two.
const PAGE: u32 = 50;

#[derive(Serialize)]
struct List {
    frame: Frame,
    kind: String,
    kinds: [&'static str; Kind::ALL.len()],
    rows: Vec<Row>,
    next: Option<String>,
}

impl Page for List {
    const TEMPLATE: &'static str = "console/notices.html";
}

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    at: String,
    ago: String,
    token: Option<Link>,
    sentence: String,
}

/// Where a token is found.
#[derive(Serialize)]
struct Link {
    name: String,
    target: String,
}

/// The list, newest first: of everything, or of what is about one's own tokens.
pub(super) async fn list(State(app): State<Arc<App>>, visit: Visit, uri: Uri) -> Result<Response, Response> {
    let asked = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let one = |name: &str| asked.clone().find(|(known, _)| known == name).map(|(_, value)| value.trim().to_owned());
    let Some(caller) = visit.caller() else { return Err(Redirect::to("/console/sign-in").into_response()) };
    let kind = one("kind").and_then(|word| word.parse::<Kind>().ok());
    let query = Query {
        kind,
        owner: caller.confined_to().map(str::to_owned),
        before: one("cursor").and_then(|cursor| cursor.parse().ok()),
        limit: PAGE,
    };
    let found = tokio::task::spawn_blocking(move || app.notices.ask(&query)).await;
    let Some(Found { notices, next }) = found.ok().and_then(Result::ok) else { return Err(visit.busy()) };
    let kind = kind.map(Kind::word).unwrap_or_default().to_owned();
    let next = next.map(|cursor| link(HERE, &[("kind", &kind), ("cursor", &cursor.to_string())]));
    Ok(visit.page(StatusCode::OK, "Notices", |frame| List {
        frame,
        kind,
        kinds: Kind::ALL.map(Kind::word),
        rows: notices.into_iter().map(row).collect(),
        next,
    }))
}

fn row(notice: Notice) -> Row {
    Row {
        kind: notice.kind.word(),
        at: written(notice.at),
        ago: distance(notice.at, now()),
        token: notice.token.map(|token| Link { target: format!("{HOME}/{}", token.id), name: token.name }),
        sentence: notice.sentence,
    }
}

fn link(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("{path}?{}", query.finish())
}
