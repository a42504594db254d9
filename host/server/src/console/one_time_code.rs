//! One-time codes: with one a password is set, after an account was made or reset. Where no password signs in, the code itself does,
//! once: what the machine hands out is the way in while the provider of single sign-on is broken.

use std::{sync::Arc, time::Instant};

use axum::{body::Body, extract::State, response::Response};
use http::{Request, StatusCode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    form::Fields,
    page::{Frame, Page, Visit},
    sign_in,
};
use crate::{
    accounts::{AccountError, By, name::AccountName, password, record::Account},
    app::{App, now},
};

const TITLE: &str = "One-time code";
const SET_A_PASSWORD: &str = "Your account was made, or reset: choose a password with the code that you were given.";
const SIGN_IN: &str =
    "No password signs in here. A code that `jeton user reset` gave on the authority's machine does, once.";
const REFUSED: &str = "That name and code are not right, or the code is older than a day.";

/// A page on which a password is chosen.
#[derive(Serialize)]
pub(super) struct NewPassword {
    pub(super) frame: Frame,
    pub(super) why: &'static str,
    pub(super) trouble: Option<String>,
    pub(super) action: &'static str,
    pub(super) button: &'static str,
    /// Whether a password is chosen, or the code is all that is asked for.
    pub(super) asks_for_password: bool,
}

impl Page for NewPassword {
    const TEMPLATE: &'static str = "console/new_password.html";
}

/// The page.
pub(super) async fn show(State(app): State<Arc<App>>, visit: Visit) -> Response {
    page(&app, visit, StatusCode::OK, None)
}

/// Sets the password of an account whose code is shown, or signs it in.
pub(super) async fn set(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let (name, address) = (form.text("name").parse::<AccountName>().ok(), visit.peer.accountable());
    if let Err(wait) = app.console.throttle.attempt(name.as_ref(), address, Instant::now()) {
        return Err(visit.wait(wait));
    }
    let refused = |visit, trouble: &str| Ok(page(&app, visit, StatusCode::FORBIDDEN, Some(trouble.to_owned())));
    let Some(name) = name else { return refused(visit, REFUSED) };
    let (code, whose) = (form.secret("code"), name.clone());
    let asked = code.clone();
    let is_right = app.accounts.off_thread(move |accounts| {
        let (account, _) = accounts.get(&whose)?;
        Ok(account.code.is_some_and(|kept| kept.is(&asked, now())))
    });
    match is_right.await {
        Ok(true) => {}
        outcome @ (Ok(false) | Err(AccountError::NotFound)) => {
            let known = outcome.is_ok().then(|| name.to_string());
            app.audit.sign_in_refused(known, "wrong-code", visit.peer);
            tracing::info!(peer = %address, "a wrong one-time code was refused");
            return refused(visit, REFUSED);
        }
        Err(_) => return Err(visit.busy()),
    }
    if app.console.is_by_single_sign_on_alone() {
        return match spend(&app, &name, code).await {
            Ok(Some(account)) => sign_in::begin(&app, visit, account, name).await,
            Ok(None) | Err(AccountError::NotFound) => refused(visit, REFUSED),
            Err(_) => Err(visit.busy()),
        };
    }
    let password = match chosen(&form, &name) {
        Ok(password) => password,
        Err(trouble) => return Ok(page(&app, visit, StatusCode::BAD_REQUEST, Some(trouble))),
    };
    let Ok(hash) = app.console.hashing.hash(password).await else { return Err(visit.busy()) };
    let whose = name.clone();
    let set = app.accounts.off_thread(move |accounts| {
        accounts.update(&By::Account(whose.to_string()), "account.password", &whose, |account| {
            // It may have been spent, or replaced, meanwhile.
            let is_right = account.code.as_ref().is_some_and(|kept| kept.is(&code, now()));
            if is_right {
                account.password = Some(hash.clone());
                account.code = None;
            }
            Ok(is_right)
        })
    });
    match set.await {
        Ok(true) => {
            app.console.throttle.succeeded(&name, address, Instant::now());
            tracing::info!(account = %name, "a password was set with a one-time code");
            Ok(visit.go("/console/sign-in?done=password", None))
        }
        Ok(false) | Err(AccountError::NotFound) => refused(visit, REFUSED),
        Err(_) => Err(visit.busy()),
    }
}

/// The password that was typed twice, where it may be one.
pub(super) fn chosen(form: &Fields, name: &AccountName) -> Result<Zeroizing<String>, String> {
    let (password, again) = (form.secret("password"), form.secret("again"));
    password::check(&password, name.as_str()).map_err(|error| format!("That cannot be the password: {error}."))?;
    if password == again { Ok(password) } else { Err("The two passwords are not the same.".to_owned()) }
}

/// Takes a code that is right; gives the account that it was good for.
async fn spend(app: &App, name: &AccountName, code: Zeroizing<String>) -> Result<Option<Account>, AccountError> {
    let whose = name.clone();
    let spent = app.accounts.off_thread(move |accounts| {
        accounts.update(&By::Account(whose.to_string()), "session.code", &whose, |account| {
            let is_right = account.code.as_ref().is_some_and(|kept| kept.is(&code, now()));
            if is_right {
                account.code = None;
            }
            Ok(is_right.then(|| account.clone()))
        })
    });
    spent.await
}

fn page(app: &App, visit: Visit, status: StatusCode, trouble: Option<String>) -> Response {
    let asks_for_password = !app.console.is_by_single_sign_on_alone();
    let (why, button) = if asks_for_password { (SET_A_PASSWORD, "Set the password") } else { (SIGN_IN, "Sign in") };
    visit.page(status, TITLE, |frame| NewPassword {
        frame,
        why,
        trouble,
        action: "/console/code",
        button,
        asks_for_password,
    })
}
