//! The page that DPA calls "API Refresh Token Management".

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{Request, StatusCode, Uri};
use jeton_runtime::{
    Class,
    wit::{
        refresh_tokens::{Expiry, IssueRequest, Query, RefreshToken, State as TokenState},
        types::Reason,
    },
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    form::Fields,
    page::{Frame, HOME, Page, Visit, distance, shown, written},
};
use crate::{
    api::{self, time},
    app::{App, now},
};

/// Tokens of a page: a screen or two.
const PAGE: u32 = 50;
/// Tokens that are deleted at once: as many as a page can have.
const MAX_SELECTED: usize = 50;
/// What expires so soon stands out.
const SOON: u64 = 14 * 24 * 60 * 60;
/// States that can be asked for.
const STATES: [(&str, TokenState); 4] = [
    ("active", TokenState::Active),
    ("disabled", TokenState::Disabled),
    ("expired", TokenState::Expired),
    ("deleted", TokenState::Deleted),
];

#[derive(Serialize)]
struct List {
    frame: Frame,
    may_change: bool,
    part: String,
    state: String,
    states: [&'static str; 4],
    rows: Vec<Row>,
    next: Option<String>,
}

impl Page for List {
    const TEMPLATE: &'static str = "console/tokens.html";
}

/// A token as a row.
#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    state: &'static str,
    owner: String,
    created: String,
    expires: String,
    expires_in: String,
    is_soon: bool,
    used: String,
    used_ago: String,
    scopes: String,
}

#[derive(Serialize)]
struct New {
    frame: Frame,
    trouble: Option<String>,
    name: String,
    scopes: String,
    days: u64,
    never_allowed: bool,
}

impl Page for New {
    const TEMPLATE: &'static str = "console/token_new.html";
}

#[derive(Serialize)]
struct Shown {
    frame: Frame,
    name: String,
    expires: String,
    #[serde(serialize_with = "shown")]
    secret: Zeroizing<String>,
}

impl Page for Shown {
    const TEMPLATE: &'static str = "console/token_shown.html";
}

#[derive(Serialize)]
struct Confirm {
    frame: Frame,
    rows: Vec<Row>,
}

impl Page for Confirm {
    const TEMPLATE: &'static str = "console/tokens_delete.html";
}

/// The tokens that whoever asks may see, newest first.
pub(super) async fn list(State(app): State<Arc<App>>, visit: Visit, uri: Uri) -> Result<Response, Response> {
    let asked: Vec<(String, String)> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let one = |name: &str| asked.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim().to_owned());
    let (part, state) = (one("q").unwrap_or_default(), one("state").unwrap_or_default());
    let mut query = Query {
        name_contains: Some(part.clone()).filter(|part| !part.is_empty()),
        state: STATES.iter().find(|(name, _)| *name == state).map(|(_, state)| *state),
        cursor: one("cursor").filter(|cursor| !cursor.is_empty()),
        ..Query::first(PAGE)
    };
    let Some(caller) = visit.caller() else { return Err(Redirect::to("/console/sign-in").into_response()) };
    caller.confine(&mut query);
    let may_change = caller.may_change_tokens();
    let page = match app.authority.call(Class::Administration, move |call| call.list(&query)).await {
        Ok(Ok(page)) => page,
        Ok(Err(_)) => {
            return Err(
                visit.trouble(StatusCode::BAD_REQUEST, "No tokens can be listed so. Begin again without a filter.")
            );
        }
        Err(_) => return Err(visit.busy()),
    };
    let next = page.next.map(|cursor| {
        let mut link = form_urlencoded::Serializer::new(String::new());
        link.append_pair("q", &part).append_pair("state", &state).append_pair("cursor", &cursor);
        format!("{HOME}?{}", link.finish())
    });
    Ok(visit.page(StatusCode::OK, "API Refresh Token Management", |frame| List {
        frame,
        may_change,
        part,
        state,
        states: STATES.map(|(name, _)| name),
        rows: page.items.iter().map(row).collect(),
        next,
    }))
}

/// The form for a new token.
pub(super) async fn new(State(app): State<Arc<App>>, visit: Visit) -> Result<Response, Response> {
    form_page(&app, visit, StatusCode::OK, None, String::new(), String::new()).await
}

/// Makes a token, and shows its string once.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let (name, scopes) = (form.text("name"), form.text("scopes"));
    let expiry = match expiry(&form) {
        Ok(expiry) => expiry,
        Err(trouble) => return form_page(&app, visit, StatusCode::BAD_REQUEST, Some(trouble), name, scopes).await,
    };
    let Some(caller) = visit.caller().cloned() else { return Err(Redirect::to("/console/sign-in").into_response()) };
    let mut asked = IssueRequest {
        expiry,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        ..IssueRequest::named(&name)
    };
    caller.confine_issue(&mut asked);
    let by = caller.by().to_owned();
    match app.authority.call(Class::Administration, move |call| call.issue(&caller.actor, &asked)).await {
        Ok(Ok(issued)) => {
            tracing::info!(refresh_token = %issued.token.id, %by, "refresh token created");
            let (expires, name) = (expires(&issued.token), issued.token.name);
            let secret = Zeroizing::new(issued.secret.unwrap_or_default());
            Ok(visit.page(StatusCode::OK, "The token was created", |frame| Shown { frame, name, expires, secret }))
        }
        Ok(Err(refusal)) => {
            let trouble = Some(format!("The token was not created: {}.", api::sentence(refusal)));
            form_page(&app, visit, StatusCode::BAD_REQUEST, trouble, name, scopes).await
        }
        Err(_) => Err(visit.busy()),
    }
}

/// Says what would be deleted, and deletes it once that is confirmed.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let ids = form.all("id");
    if ids.is_empty() || ids.len() > MAX_SELECTED {
        return Err(visit.trouble(StatusCode::BAD_REQUEST, "Select one to fifty tokens first."));
    }
    let Some(caller) = visit.caller().cloned() else { return Err(Redirect::to("/console/sign-in").into_response()) };
    if form.text("confirmed") == "yes" {
        let by = caller.by().to_owned();
        let count = ids.len();
        let deleted = app
            .authority
            .call(Class::Administration, move |call| call.delete(&caller.actor, &ids, Reason::Deleted, None));
        return match deleted.await {
            Ok(Ok(_)) => {
                tracing::info!(count, %by, "refresh tokens deleted");
                Ok(visit.go(&format!("{HOME}?done=deleted"), None))
            }
            Ok(Err(refusal)) => {
                let sentence = format!("Nothing was deleted: {}.", api::delete_sentence(refusal));
                Err(visit.trouble(StatusCode::FORBIDDEN, &sentence))
            }
            Err(_) => Err(visit.busy()),
        };
    }
    let shown = app
        .authority
        .call(Class::Administration, move |call| ids.iter().map(|id| call.show(id)).collect::<Result<Vec<_>, _>>());
    let Ok(shown) = shown.await else { return Err(visit.busy()) };
    let seen = shown.into_iter().flatten().filter(|token| caller.may_see(token.owner.as_deref()));
    let rows: Vec<Row> = seen.map(|token| row(&token)).collect();
    if rows.is_empty() {
        return Err(visit.trouble(StatusCode::NOT_FOUND, "There are no such tokens."));
    }
    Ok(visit.page(StatusCode::OK, "Delete tokens", |frame| Confirm { frame, rows }))
}

/// When the form says that the token shall expire.
fn expiry(form: &Fields) -> Result<Expiry, String> {
    match form.text("expires").as_str() {
        "never" => Ok(Expiry::Never),
        "date" => time::from_rfc3339(&format!("{}T23:59:59Z", form.text("date")))
            .map(Expiry::At)
            .map_err(|_| "Choose a date, such as 2027-01-31.".to_owned()),
        _ => Ok(Expiry::BySetting),
    }
}

async fn form_page(
    app: &Arc<App>,
    visit: Visit,
    status: StatusCode,
    trouble: Option<String>,
    name: String,
    scopes: String,
) -> Result<Response, Response> {
    let settings = app.authority.call(Class::Administration, |call| call.settings()).await;
    let Ok(Ok(settings)) = settings else { return Err(visit.busy()) };
    Ok(visit.page(status, "Create token", |frame| New {
        frame,
        trouble,
        name,
        scopes,
        days: settings.refresh_token_expiration.div_ceil(24 * 60 * 60),
        never_allowed: settings.never_allowed && settings.refresh_token_maximum.is_none(),
    }))
}

fn row(token: &RefreshToken) -> Row {
    let is_soon =
        token.state == TokenState::Active && token.expires_at.is_some_and(|at| at < now().saturating_add(SOON));
    let used = match &token.last_use {
        Some(used) => written(used.at),
        None if token.last_use_certain => "never".to_owned(),
        None => "not known".to_owned(),
    };
    let used_ago = token.last_use.as_ref().map(|used| {
        let from = used.address.as_ref().map(|address| format!(", from {address}")).unwrap_or_default();
        format!("{}{from}", distance(used.at, now()))
    });
    Row {
        id: token.id.clone(),
        name: token.name.clone(),
        state: STATES.iter().find(|(_, state)| *state == token.state).map_or("", |(name, _)| name),
        owner: token.owner.clone().unwrap_or_default(),
        created: written(token.created_at),
        expires: expires(token),
        expires_in: token.expires_at.map(|at| distance(at, now())).unwrap_or_default(),
        is_soon,
        used,
        used_ago: used_ago.unwrap_or_default(),
        scopes: token.scopes.join(" "),
    }
}

fn expires(token: &RefreshToken) -> String {
    token.expires_at.map_or_else(|| "never".to_owned(), written)
}
