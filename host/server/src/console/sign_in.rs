//! Signing in, by password and second factor, and out.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{Request, StatusCode};
use serde::Serialize;

use super::{
    page::{Frame, HOME, Page, Visit},
    session,
};
use crate::{
    accounts::{AccountError, By, name::AccountName, record::Account},
    app::{App, now},
};

/// What everybody is told whose name, password, code or account is not what it should be: never which of them.
pub(super) const REFUSED: &str = "That name and password are not right, or the account cannot sign in.";

#[derive(Serialize)]
struct SignIn {
    frame: Frame,
    trouble: Option<&'static str>,
    by_provider: bool,
    by_password: bool,
}

impl Page for SignIn {
    const TEMPLATE: &'static str = "console/sign_in.html";
}

#[derive(Serialize)]
struct Second {
    frame: Frame,
    trouble: Option<&'static str>,
}

impl Page for Second {
    const TEMPLATE: &'static str = "console/second.html";
}

/// The page; where there is nobody yet, and nobody can come by single sign-on, the way to the first account.
pub(super) async fn show(State(app): State<Arc<App>>, visit: Visit) -> Response {
    if visit.signed_in().is_some() {
        return Redirect::to(HOME).into_response();
    }
    if app.console.single_sign_on.is_some() {
        return page(&app, visit, StatusCode::OK, None);
    }
    match app.accounts.off_thread(|accounts| accounts.are_there()).await {
        Ok(true) => page(&app, visit, StatusCode::OK, None),
        Ok(false) => Redirect::to("/console/first").into_response(),
        Err(_) => visit.busy(),
    }
}

/// The first step. Known and unknown names cost the same: a password is hashed either way.
pub(super) async fn with_password(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    if app.console.is_by_single_sign_on_alone() {
        return Ok(refused(&app, visit, "No password signs in here: use the single sign-on."));
    }
    let (name, password) = (form.text("name"), form.secret("password"));
    let (name, address) = (name.parse::<AccountName>().ok(), visit.peer.accountable());
    if let Err(wait) = app.console.throttle.attempt(name.as_ref(), address, Instant::now()) {
        app.audit.sign_in_refused(None, "too-many-attempts", visit.peer);
        return Err(visit.wait(wait));
    }
    let account = match name.clone() {
        None => None,
        Some(name) => match app.accounts.off_thread(move |accounts| accounts.get(&name)).await {
            Ok((account, _)) => Some(account),
            Err(AccountError::NotFound) => None,
            Err(_) => return Err(visit.busy()),
        },
    };
    let hash = account.as_ref().and_then(|account| account.password.clone());
    let Ok(is_right) = app.console.hashing.is_of(password, hash).await else { return Err(visit.busy()) };
    let known = account.as_ref().map(|account| account.name.clone());
    let (Some(account), Some(name), true) = (account, name, is_right) else {
        app.audit.sign_in_refused(known, "wrong-password", visit.peer);
        tracing::info!(peer = %address, "a sign-in was refused");
        return Ok(refused(&app, visit, REFUSED));
    };
    if account.second_factor.is_none() {
        return begin(&app, visit, account, name).await;
    }
    let Some(visitor) = visit.visitor() else { return Ok(refused(&app, visit, REFUSED)) };
    app.console.steps.begin(visitor, name, Instant::now());
    Ok(visit.page(StatusCode::OK, "Second factor", |frame| Second { frame, trouble: None }))
}

/// The second step.
pub(super) async fn with_second_factor(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let visitor = visit.visitor().unwrap_or_default().to_owned();
    let Some(name) = app.console.steps.of(&visitor, Instant::now()) else {
        return Ok(refused(&app, visit, "That took too long. Begin with the password again."));
    };
    let address = visit.peer.accountable();
    if let Err(wait) = app.console.throttle.attempt(Some(&name), address, Instant::now()) {
        app.audit.sign_in_refused(Some(name.to_string()), "too-many-attempts", visit.peer);
        return Err(visit.wait(wait));
    }
    let (code, whose) = (form.secret("code"), name.clone());
    let taken = app.accounts.off_thread(move |accounts| {
        accounts.update(&By::Account(whose.to_string()), "session.second-factor", &whose, |account| {
            let factor = account.second_factor.as_mut();
            let is_taken = factor.is_some_and(|factor| factor.take(&code, now()));
            Ok(is_taken.then(|| account.clone()))
        })
    });
    match taken.await {
        Ok(Some(account)) => {
            app.console.steps.end(&visitor);
            begin(&app, visit, account, name).await
        }
        Ok(None) => {
            app.audit.sign_in_refused(Some(name.to_string()), "wrong-second-factor", visit.peer);
            tracing::info!(peer = %address, "a second factor was refused");
            let trouble = Some("That code is not right, or was used before. Wait for the next one.");
            Ok(visit.page(StatusCode::FORBIDDEN, "Second factor", |frame| Second { frame, trouble }))
        }
        Err(AccountError::NotFound) => Ok(refused(&app, visit, REFUSED)),
        Err(_) => Err(visit.busy()),
    }
}

/// Ends the session, and takes the cookie back.
pub(super) async fn out(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    visit.form(request).await?;
    if let Some(signed_in) = visit.signed_in() {
        session::end(&app, signed_in).await;
        tracing::info!(account = signed_in.name, "signed out");
    }
    Ok(visit.leave())
}

/// A session with a secret of its own: whatever cookie came along is replaced.
pub(super) async fn begin(
    app: &Arc<App>,
    visit: Visit,
    account: Account,
    name: AccountName,
) -> Result<Response, Response> {
    match app.accounts.off_thread(move |accounts| accounts.begin_session(&account)).await {
        Ok(secret) => {
            app.console.throttle.succeeded(&name, visit.peer.accountable(), Instant::now());
            Ok(visit.go(HOME, Some(&secret)))
        }
        Err(AccountError::Unavailable) => Err(visit.busy()),
        // It is disabled, or its token has ended.
        Err(_) => {
            app.audit.sign_in_refused(Some(name.to_string()), "account-disabled", visit.peer);
            Ok(refused(app, visit, REFUSED))
        }
    }
}

/// The page for who is not let in.
pub(super) fn refused(app: &App, visit: Visit, sentence: &'static str) -> Response {
    page(app, visit, StatusCode::FORBIDDEN, Some(sentence))
}

fn page(app: &App, visit: Visit, status: StatusCode, trouble: Option<&'static str>) -> Response {
    visit.page(status, "Sign in", |frame| SignIn {
        frame,
        trouble,
        by_provider: app.console.single_sign_on.is_some(),
        by_password: !app.console.is_by_single_sign_on_alone(),
    })
}
