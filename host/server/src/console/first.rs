//! The first administrator: made by whoever reads the code that the machine shows, and by nobody else.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{Request, StatusCode};

use super::{
    one_time_code::{NewPassword, chosen},
    page::Visit,
    sign_in,
};
use crate::{
    accounts::{AccountError, By, code, name::AccountName, role::Role},
    app::App,
};

const TITLE: &str = "The first administrator";
const WHY: &str =
    "There is no account here yet. The one-time code stands in the log of `jeton serve`, on the authority's machine.";

/// The page, while there is nobody.
pub(super) async fn show(State(app): State<Arc<App>>, visit: Visit) -> Response {
    match app.accounts.off_thread(|accounts| accounts.are_there()).await {
        Ok(false) => page(visit, StatusCode::OK, None),
        Ok(true) => Redirect::to("/console/sign-in").into_response(),
        Err(_) => visit.busy(),
    }
}

/// Makes the first account, and signs it in.
pub(super) async fn make(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let address = visit.peer.accountable();
    if let Err(wait) = app.console.throttle.attempt(None, address, Instant::now()) {
        return Err(visit.wait(wait));
    }
    let digest = code::digest(&form.text("code"));
    let is_right = app.console.first.lock().is_some_and(|kept| constant_time_eq::constant_time_eq_32(&kept, &digest));
    if !is_right {
        app.audit.sign_in_refused(None, "wrong-code", visit.peer);
        tracing::warn!(peer = %address, "a wrong code for the first account was refused");
        return Ok(page(
            visit,
            StatusCode::FORBIDDEN,
            Some("That code is not right. It stands in the log of `jeton serve`.".to_owned()),
        ));
    }
    let Ok(name) = form.text("name").parse::<AccountName>() else {
        return Ok(page(visit, StatusCode::BAD_REQUEST, Some(crate::accounts::name::NameError.to_string())));
    };
    let password = match chosen(&form, &name) {
        Ok(password) => password,
        Err(trouble) => return Ok(page(visit, StatusCode::BAD_REQUEST, Some(trouble))),
    };
    let Ok(hash) = app.console.hashing.hash(password).await else { return Err(visit.busy()) };
    // Whoever comes first is the first: the code is taken once.
    if app.console.first.lock().take_if(|kept| *kept == digest).is_none() {
        return Ok(Redirect::to("/console/sign-in").into_response());
    }
    let whose = name.clone();
    let made = app.accounts.off_thread(move |accounts| {
        if accounts.are_there()? {
            return Ok(None);
        }
        accounts.make(&By::Machine, &whose, Role::Admin, &[], |account| account.password = Some(hash)).map(Some)
    });
    match made.await {
        Ok(Some(account)) => sign_in::begin(&app, visit, account, name).await,
        Ok(None) => Ok(Redirect::to("/console/sign-in").into_response()),
        Err(error) => {
            // Nobody was made, so the code is good still.
            *app.console.first.lock() = Some(digest);
            match error {
                AccountError::Unavailable => Err(visit.busy()),
                error => Ok(page(visit, StatusCode::BAD_REQUEST, Some(error.to_string()))),
            }
        }
    }
}

fn page(visit: Visit, status: StatusCode, trouble: Option<String>) -> Response {
    visit.page(status, TITLE, |frame| NewPassword {
        frame,
        why: WHY,
        trouble,
        action: "/console/first",
        button: "Make the account",
        asks_for_password: true,
    })
}
