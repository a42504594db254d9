//! One's own account: password, second factor, sessions.

use std::{sync::Arc, time::Instant};

use axum::{body::Body, extract::State, response::Response};
use http::{Request, StatusCode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    form::Fields,
    one_time_code::chosen,
    page::{Frame, Page, Visit, shown, written},
    qr, sign_in,
};
use crate::{
    accounts::{
        AccountError, By, Person, Session, name::AccountName, record::Account, role::Role, second_factor::Offered,
    },
    app::{App, now},
};

const WRONG: &str = "The present password is not right.";

#[derive(Serialize)]
struct OwnAccount {
    frame: Frame,
    trouble: Option<String>,
    person: Person,
    role: &'static str,
    recovery_codes: usize,
    sessions: Vec<Row>,
}

impl Page for OwnAccount {
    const TEMPLATE: &'static str = "console/account.html";
}

#[derive(Serialize)]
struct Row {
    id: String,
    began: String,
    ends: String,
    address: String,
    is_this: bool,
}

#[derive(Serialize)]
struct SecondFactorOffer {
    frame: Frame,
    trouble: Option<&'static str>,
    #[serde(serialize_with = "shown")]
    secret: Zeroizing<String>,
    #[serde(serialize_with = "shown")]
    link: Zeroizing<String>,
    code: Option<qr::Code>,
}

impl Page for SecondFactorOffer {
    const TEMPLATE: &'static str = "console/second_factor.html";
}

#[derive(Serialize)]
struct RecoveryCodes {
    frame: Frame,
    #[serde(serialize_with = "shown")]
    codes: Zeroizing<Vec<String>>,
}

impl Page for RecoveryCodes {
    const TEMPLATE: &'static str = "console/recovery_codes.html";
}

/// The page.
pub(super) async fn show(State(app): State<Arc<App>>, visit: Visit) -> Result<Response, Response> {
    page(&app, visit, StatusCode::OK, None).await
}

/// Changes the password: every session ends, and this one begins anew.
pub(super) async fn change_password(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let (name, form, _) = confirmed(&app, &visit, request).await?;
    let password = match chosen(&form, &name) {
        Ok(password) => password,
        Err(trouble) => return page(&app, visit, StatusCode::BAD_REQUEST, Some(trouble)).await,
    };
    let Ok(hash) = app.console.hashing.hash(password).await else { return Err(visit.busy()) };
    let whose = name.clone();
    let changed = app.accounts.off_thread(move |accounts| {
        let by = By::Account(whose.to_string());
        let account = accounts.update(&by, "account.password", &whose, |account| {
            account.password = Some(hash.clone());
            Ok(account.clone())
        })?;
        accounts.end_sessions(&by, &whose, None, "the password was changed")?;
        Ok(account)
    });
    match changed.await {
        Ok(account) => {
            tracing::info!(account = %name, "password changed");
            sign_in::begin(&app, visit, account, name).await
        }
        Err(_) => Err(visit.busy()),
    }
}

/// Offers a secret for a device.
pub(super) async fn offer_second_factor(visit: Visit) -> Result<Response, Response> {
    let name = visit.account()?;
    Ok(offer(visit, &name, &Offered::draw(), StatusCode::OK, None))
}

/// Switches the second factor on, where the device shows the right code.
pub(super) async fn accept_second_factor(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let (name, form, _) = confirmed(&app, &visit, request).await?;
    let Some(offered) = Offered::of_base32(&form.secret("secret")) else {
        return Err(visit.trouble(StatusCode::BAD_REQUEST, "What was sent is no form of this console."));
    };
    let Some((factor, codes)) = offered.accepted(&form.secret("code"), now()) else {
        let trouble = Some("That code is not right. Is the clock of the device?");
        return Ok(offer(visit, &name, &offered, StatusCode::BAD_REQUEST, trouble));
    };
    let whose = name.clone();
    let set = app.accounts.off_thread(move |accounts| {
        accounts.update(&By::Account(whose.to_string()), "account.second-factor-on", &whose, |account| {
            account.second_factor = Some(factor.clone());
            Ok(())
        })
    });
    if set.await.is_err() {
        return Err(visit.busy());
    }
    tracing::info!(account = %name, "second factor switched on");
    let codes = Zeroizing::new(codes.iter().map(|code| code.to_string()).collect());
    Ok(visit.page(StatusCode::OK, "Recovery codes", |frame| RecoveryCodes { frame, codes }))
}

/// Switches the second factor off.
pub(super) async fn drop_second_factor(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let (name, ..) = confirmed(&app, &visit, request).await?;
    let whose = name.clone();
    let dropped = app.accounts.off_thread(move |accounts| {
        accounts.update(&By::Account(whose.to_string()), "account.second-factor-off", &whose, |account| {
            account.second_factor = None;
            Ok(())
        })
    });
    if dropped.await.is_err() {
        return Err(visit.busy());
    }
    tracing::info!(account = %name, "second factor switched off");
    Ok(visit.go("/console/account?done=second-factor-off", None))
}

/// Ends one session, or all of them.
pub(super) async fn end_sessions(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let (name, id) = (visit.account()?, form.text("id"));
    let everywhere = id == "all";
    let ended = app.accounts.off_thread(move |accounts| {
        let by = By::Account(name.to_string());
        if everywhere {
            accounts.end_sessions(&by, &name, None, "signed out everywhere")
        } else {
            accounts.end_session(&by, &name, &id)
        }
    });
    match ended.await {
        Ok(()) if everywhere => Ok(visit.leave()),
        // One that is over already is what was asked for.
        Ok(()) | Err(AccountError::NotFound) => Ok(visit.go("/console/account?done=sessions", None)),
        Err(_) => Err(visit.busy()),
    }
}

/// The form of somebody who shows the present password with it: what an unwatched browser must not be enough for.
async fn confirmed(
    app: &Arc<App>,
    visit: &Visit,
    request: Request<Body>,
) -> Result<(AccountName, Fields, Account), Response> {
    let form = visit.form(request).await?;
    let (name, address) = (visit.account()?, visit.peer.accountable());
    if let Err(wait) = app.console.throttle.attempt(Some(&name), address, Instant::now()) {
        return Err(visit.wait(wait));
    }
    let whose = name.clone();
    let Ok((account, _)) = app.accounts.off_thread(move |accounts| accounts.get(&whose)).await else {
        return Err(visit.busy());
    };
    match app.console.hashing.is_of(form.secret("present"), account.password.clone()).await {
        Ok(true) => {
            app.console.throttle.succeeded(&name, address, Instant::now());
            Ok((name, form, account))
        }
        Ok(false) => {
            app.audit.sign_in_refused(Some(name.to_string()), "wrong-password", visit.peer);
            Err(visit.trouble(StatusCode::FORBIDDEN, WRONG))
        }
        Err(_) => Err(visit.busy()),
    }
}

async fn page(app: &Arc<App>, visit: Visit, status: StatusCode, trouble: Option<String>) -> Result<Response, Response> {
    let name = visit.account()?;
    let found = app.accounts.off_thread(move |accounts| {
        let (account, _) = accounts.get(&name)?;
        Ok((accounts.person(&account)?, accounts.sessions(&name)?, account))
    });
    let Ok((person, sessions, account)) = found.await else { return Err(visit.busy()) };
    let this = visit.signed_in().map(|signed_in| signed_in.session.clone()).unwrap_or_default();
    let row = |session: Session| Row {
        is_this: session.id == this,
        began: written(session.began_at),
        ends: session.ends_at.map(written).unwrap_or_default(),
        address: session.address.unwrap_or_else(|| "not known yet".to_owned()),
        id: session.id,
    };
    Ok(visit.page(status, "My account", |frame| OwnAccount {
        frame,
        trouble,
        role: person.role.map_or("none", Role::name),
        recovery_codes: account.second_factor.as_ref().map_or(0, |factor| factor.recovery_codes_left()),
        person,
        sessions: sessions.into_iter().map(row).collect(),
    }))
}

fn offer(
    visit: Visit,
    name: &AccountName,
    offered: &Offered,
    status: StatusCode,
    trouble: Option<&'static str>,
) -> Response {
    let (secret, link) = (offered.to_base32(), offered.to_uri(name.as_str()));
    let code = qr::Code::of(&link);
    visit.page(status, "Set up a second factor", |frame| SecondFactorOffer { frame, trouble, secret, link, code })
}
