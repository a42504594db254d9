//! Everybody's accounts, for administrators.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{Request, StatusCode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    form::Fields,
    page::{Frame, Page, Visit, shown, written},
};
use crate::{
    accounts::{AccountError, Person, name::AccountName, role::Role},
    app::App,
};

#[derive(Serialize)]
struct List {
    frame: Frame,
    trouble: Option<String>,
    people: Vec<Shown>,
    role: &'static str,
    grants: String,
}

impl Page for List {
    const TEMPLATE: &'static str = "console/users.html";
}

#[derive(Serialize)]
struct One {
    frame: Frame,
    trouble: Option<String>,
    role: &'static str,
    grants: String,
    made: String,
    person: Shown,
}

impl Page for One {
    const TEMPLATE: &'static str = "console/user.html";
}

#[derive(Serialize)]
struct CodeShown {
    frame: Frame,
    name: String,
    #[serde(serialize_with = "shown")]
    code: Zeroizing<String>,
}

impl Page for CodeShown {
    const TEMPLATE: &'static str = "console/code_shown.html";
}

/// An account, in the words of the page.
#[derive(Serialize)]
struct Shown {
    name: String,
    role_name: &'static str,
    state: &'static str,
    enabled: bool,
    has_second_factor: bool,
    grants: Vec<String>,
}

impl From<Person> for Shown {
    fn from(person: Person) -> Self {
        Self {
            role_name: person.role.map_or("none", Role::name),
            state: person.state(),
            name: person.name,
            enabled: person.enabled,
            has_second_factor: person.has_second_factor,
            grants: person.grants,
        }
    }
}

/// Everybody.
pub(super) async fn list(State(app): State<Arc<App>>, visit: Visit) -> Result<Response, Response> {
    everybody(&app, visit, StatusCode::OK, None).await
}

/// Makes an account, and shows its one-time code once.
pub(super) async fn add(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let by = visit.by()?;
    let (role, grants) = rights(&visit, &form)?;
    let name = match form.text("name").parse::<AccountName>() {
        Ok(name) => name,
        Err(error) => return everybody(&app, visit, StatusCode::BAD_REQUEST, Some(error.to_string())).await,
    };
    let whose = name.clone();
    match app.accounts.off_thread(move |accounts| accounts.add(&by, &whose, role, &grants)).await {
        Ok(code) => Ok(code_shown(visit, &name, code)),
        Err(AccountError::Unavailable) => Err(visit.busy()),
        Err(error) => everybody(&app, visit, StatusCode::BAD_REQUEST, Some(error.to_string())).await,
    }
}

/// One account.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    visit: Visit,
) -> Result<Response, Response> {
    let name = named(&visit, &name)?;
    one(&app, visit, name, StatusCode::OK, None).await
}

/// Gives an account another role.
pub(super) async fn set_role(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let (name, by, (role, grants)) = (named(&visit, &name)?, visit.by()?, rights(&visit, &form)?);
    let whose = name.clone();
    let done = app.accounts.off_thread(move |accounts| accounts.set_role(&by, &whose, role, &grants)).await;
    told(&app, visit, name, done, "role").await
}

/// Disables an account, or enables it.
pub(super) async fn switch(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let (name, by) = (named(&visit, &name)?, visit.by()?);
    let enabled = match form.text("to").as_str() {
        "enabled" => true,
        "disabled" => false,
        _ => return Err(visit.trouble(StatusCode::BAD_REQUEST, "What was sent is no form of this console.")),
    };
    let whose = name.clone();
    let done = app.accounts.off_thread(move |accounts| accounts.enable(&by, &whose, enabled)).await;
    told(&app, visit, name, done, if enabled { "enabled" } else { "disabled" }).await
}

/// Takes password and second factor from an account, and shows its one-time code once.
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    visit.form(request).await?;
    let (name, by) = (named(&visit, &name)?, visit.by()?);
    let whose = name.clone();
    match app.accounts.off_thread(move |accounts| accounts.reset(&by, &whose)).await {
        Ok(code) => Ok(code_shown(visit, &name, code)),
        Err(error) => told(&app, visit, name, Err(error), "").await,
    }
}

/// Ends an account.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let (name, by) = (named(&visit, &name)?, visit.by()?);
    if form.text("confirm").trim() != name.as_str() {
        let trouble = Some("Type the name of the account to confirm that it is removed.".to_owned());
        return one(&app, visit, name, StatusCode::BAD_REQUEST, trouble).await;
    }
    let whose = name.clone();
    match app.accounts.off_thread(move |accounts| accounts.remove(&by, &whose)).await {
        Ok(()) => Ok(visit.go("/console/users?done=removed", None)),
        Err(error) => told(&app, visit, name, Err(error), "").await,
    }
}

fn named(visit: &Visit, name: &str) -> Result<AccountName, Response> {
    name.parse().map_err(|_| visit.trouble(StatusCode::NOT_FOUND, "There is no account of this name."))
}

fn rights(visit: &Visit, form: &Fields) -> Result<(Role, Vec<String>), Response> {
    let role = Role::named(&form.text("role"));
    let role = role.ok_or_else(|| visit.trouble(StatusCode::BAD_REQUEST, "Choose a role."))?;
    Ok((role, form.text("grants").split_whitespace().map(str::to_owned).collect()))
}

async fn told(
    app: &Arc<App>,
    visit: Visit,
    name: AccountName,
    done: Result<(), AccountError>,
    word: &str,
) -> Result<Response, Response> {
    match done {
        Ok(()) => Ok(visit.go(&format!("/console/users/{name}?done={word}"), None)),
        Err(AccountError::Unavailable) => Err(visit.busy()),
        Err(AccountError::NotFound) => Err(visit.trouble(StatusCode::NOT_FOUND, "There is no account of this name.")),
        Err(error) => one(app, visit, name, StatusCode::BAD_REQUEST, Some(error.to_string())).await,
    }
}

async fn everybody(
    app: &Arc<App>,
    visit: Visit,
    status: StatusCode,
    trouble: Option<String>,
) -> Result<Response, Response> {
    let Ok(people) = app.accounts.off_thread(|accounts| accounts.list()).await else { return Err(visit.busy()) };
    let people = people.into_iter().map(Shown::from).collect();
    Ok(visit.page(status, "Users", |frame| List { frame, trouble, people, role: "", grants: String::new() }))
}

async fn one(
    app: &Arc<App>,
    visit: Visit,
    name: AccountName,
    status: StatusCode,
    trouble: Option<String>,
) -> Result<Response, Response> {
    let found = app.accounts.off_thread(move |accounts| {
        let (account, _) = accounts.get(&name)?;
        accounts.person(&account)
    });
    match found.await {
        Ok(person) => Ok(visit.page(status, "User", |frame| One {
            frame,
            trouble,
            role: person.role.map_or("", Role::name),
            grants: person.grants.join(" "),
            made: written(person.created_at),
            person: person.into(),
        })),
        Err(AccountError::NotFound) => Err(visit.trouble(StatusCode::NOT_FOUND, "There is no account of this name.")),
        Err(_) => Err(visit.busy()),
    }
}

fn code_shown(visit: Visit, name: &AccountName, code: Zeroizing<String>) -> Response {
    let name = name.to_string();
    visit.page(StatusCode::OK, "One-time code", |frame| CodeShown { frame, name, code })
}
