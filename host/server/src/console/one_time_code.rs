//! Setting a password with a one-time code: after an account was made, or reset.

use std::{sync::Arc, time::Instant};

use axum::{body::Body, extract::State, response::Response};
use http::{Request, StatusCode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    form::Fields,
    page::{Frame, Page, Visit},
};
use crate::{
    accounts::{AccountError, name::AccountName, password},
    app::{App, now},
};

const TITLE: &str = "Set a password";
const REFUSED: &str = "That name and code are not right, or the code is older than a day.";

/// A page on which a password is chosen.
#[derive(Serialize)]
pub(super) struct NewPassword {
    pub(super) frame: Frame,
    pub(super) why: &'static str,
    pub(super) trouble: Option<String>,
    pub(super) action: &'static str,
    pub(super) button: &'static str,
}

impl Page for NewPassword {
    const TEMPLATE: &'static str = "console/new_password.html";
}

/// The page.
pub(super) async fn show(visit: Visit) -> Response {
    page(visit, StatusCode::OK, None)
}

/// Sets the password of an account whose code is shown.
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
    let refused = |visit, trouble: &str| Ok(page(visit, StatusCode::FORBIDDEN, Some(trouble.to_owned())));
    let Some(name) = name else { return refused(visit, REFUSED) };
    let (code, whose) = (form.secret("code"), name.clone());
    let asked = code.clone();
    let is_right = app.accounts.off_thread(move |accounts| {
        let (account, _) = accounts.get(&whose)?;
        Ok(account.code.is_some_and(|kept| kept.is(&asked, now())))
    });
    match is_right.await {
        Ok(true) => {}
        Ok(false) | Err(AccountError::NotFound) => {
            tracing::info!(peer = %address, "a wrong one-time code was refused");
            return refused(visit, REFUSED);
        }
        Err(_) => return Err(visit.busy()),
    }
    let password = match chosen(&form, &name) {
        Ok(password) => password,
        Err(trouble) => return Ok(page(visit, StatusCode::BAD_REQUEST, Some(trouble))),
    };
    let Ok(hash) = app.console.hashing.hash(password).await else { return Err(visit.busy()) };
    let whose = name.clone();
    let set = app.accounts.off_thread(move |accounts| {
        accounts.update(&whose, |account| {
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

fn page(visit: Visit, status: StatusCode, trouble: Option<String>) -> Response {
    visit.page(status, TITLE, |frame| NewPassword {
        frame,
        why: "Your account was made, or reset: choose a password with the code that you were given.",
        trouble,
        action: "/console/code",
        button: "Set the password",
    })
}
