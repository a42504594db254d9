//! The page of the settings: what is in force, whom a change would hit, who changed what; the epoch; the policy.
//!
//! | to change | go to |
//! | --- | --- |
//! | which settings there are, and their words | `words` |
//! | how the form is read | `typed` |
//! | the order that ends every access token | `epoch` |
//! | what is said of the policy, and of earlier changes | `told` |

pub(super) mod epoch;
mod told;
mod typed;
mod words;

use std::sync::Arc;

use axum::{body::Body, extract::State, response::Response};
use http::{Request, StatusCode};
use jeton_runtime::{
    Class,
    wit::{
        configuration::{Settings, SettingsChange, SettingsRefusal},
        refresh_tokens::RefreshToken,
    },
};
use serde::Serialize;

use super::{
    alive::Alive,
    page::{Frame, Page, Visit, written},
    span,
};
use crate::{
    api::{refusals::Refusal as _, settings::try_out},
    app::App,
    audit::query::Query,
};

/// The page's path.
const PATH: &str = "/console/settings";
/// Changes that are shown.
const SHOWN_CHANGES: u32 = 10;

#[derive(Serialize)]
struct Overall {
    frame: Frame,
    trouble: Option<String>,
    may_change: bool,
    rows: Vec<typed::Row>,
    units: [&'static str; 4],
    changes: Vec<told::Change>,
    epoch: epoch::Shown,
    alive: Alive,
    policy: told::Policy,
}

impl Page for Overall {
    const TEMPLATE: &'static str = "console/settings.html";
}

/// What a change would do.
#[derive(Serialize)]
struct TriedOut {
    frame: Frame,
    differences: Vec<typed::Difference>,
    affected: u64,
    examined: u64,
    is_complete: bool,
    first: Vec<Hit>,
    more: u64,
    carried: Vec<typed::Carried>,
    generation: u64,
    alive: Alive,
}

impl Page for TriedOut {
    const TEMPLATE: &'static str = "console/settings_try.html";
}

/// A refresh token that a change would hit.
#[derive(Serialize)]
struct Hit {
    id: String,
    name: String,
    owner: String,
    expires: String,
    access_ttl: String,
    scopes: String,
}

/// The page.
pub(super) async fn show(State(app): State<Arc<App>>, visit: Visit) -> Result<Response, Response> {
    page(&app, visit, StatusCode::OK, None, None).await
}

/// Says what a change would do. Nothing is changed yet.
pub(super) async fn try_change(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let typed = typed::Typed::read(&form);
    let settings = in_force(&app, &visit).await?;
    let change = match typed.change(&settings) {
        Ok(change) => change,
        Err(trouble) => return page(&app, visit, StatusCode::BAD_REQUEST, Some(trouble), Some(typed)).await,
    };
    let tried = match try_out(&app, &change, None).await {
        Ok(Ok(tried)) => tried,
        Ok(Err(refusal)) => return refused(&app, visit, refusal, typed).await,
        Err(_) => return Err(visit.busy()),
    };
    let differences = typed::differences(&settings, &tried.settings);
    if differences.is_empty() {
        let trouble = "These are the settings in force: there is nothing to change.".to_owned();
        return page(&app, visit, StatusCode::OK, Some(trouble), Some(typed)).await;
    }
    let epoch = epoch::current(&app, &visit).await?;
    let first: Vec<Hit> = tried.first.iter().map(hit).collect();
    let shown = u64::try_from(first.len()).unwrap_or(u64::MAX);
    Ok(visit.page(StatusCode::OK, "What this change would do", |frame| TriedOut {
        frame,
        differences,
        affected: tried.affected,
        examined: tried.examined,
        is_complete: tried.is_complete,
        more: tried.affected.saturating_sub(shown),
        first,
        carried: typed.carried(),
        generation: tried.generation(),
        alive: Alive::of(&app, &epoch),
    }))
}

/// Changes the settings, as they were tried out.
pub(super) async fn apply(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let typed = typed::Typed::read(&form);
    let settings = in_force(&app, &visit).await?;
    let at_once = form.text("apply") == "at_once";
    let (Ok(change), Ok(generation)) = (typed.change(&settings), form.text("generation").parse::<u64>()) else {
        return Err(visit.trouble(StatusCode::BAD_REQUEST, "What was sent is no form of this console."));
    };
    match set(&app, &visit, change, generation, at_once).await? {
        Ok(()) if at_once => Ok(visit.go(&format!("{PATH}?done=settings-at-once"), None)),
        Ok(()) => Ok(visit.go(&format!("{PATH}?done=settings"), None)),
        Err(SettingsRefusal::GenerationDiffers) => {
            let trouble = "Somebody changed the settings meanwhile, and nothing was done. Look at yours again, then try them out again.";
            page(&app, visit, StatusCode::CONFLICT, Some(trouble.to_owned()), Some(typed)).await
        }
        Err(refusal) => refused(&app, visit, refusal, typed).await,
    }
}

async fn set(
    app: &App,
    visit: &Visit,
    change: SettingsChange,
    generation: u64,
    at_once: bool,
) -> Result<Result<(), SettingsRefusal>, Response> {
    let Some(caller) = visit.caller().cloned() else { return Err(visit.busy()) };
    let by = caller.by().to_owned();
    let call = app
        .authority
        .call(Class::Administration, move |call| call.set_settings(&caller.actor, &change, Some(generation), at_once));
    match call.await {
        Ok(Ok(settings)) => {
            tracing::info!(%by, at_once, generation = settings.generation, "settings changed");
            Ok(Ok(()))
        }
        Ok(Err(SettingsRefusal::Unavailable)) | Err(_) => Err(visit.busy()),
        Ok(Err(refusal)) => Ok(Err(refusal)),
    }
}

async fn in_force(app: &App, visit: &Visit) -> Result<Settings, Response> {
    match app.authority.call(Class::Administration, |call| call.settings()).await {
        Ok(Ok(settings)) => Ok(settings),
        _ => Err(visit.busy()),
    }
}

async fn refused(
    app: &Arc<App>,
    visit: Visit,
    refusal: SettingsRefusal,
    typed: typed::Typed,
) -> Result<Response, Response> {
    if refusal == SettingsRefusal::Unavailable {
        return Err(visit.busy());
    }
    let trouble = format!("That cannot be set: {}.", refusal.row().sentence());
    page(app, visit, StatusCode::BAD_REQUEST, Some(trouble), Some(typed)).await
}

/// The page, with what somebody typed in the form where it is not to be lost.
async fn page(
    app: &Arc<App>,
    visit: Visit,
    status: StatusCode,
    trouble: Option<String>,
    typed: Option<typed::Typed>,
) -> Result<Response, Response> {
    let settings = in_force(app, &visit).await?;
    let epoch = epoch::current(app, &visit).await?;
    let log = Arc::clone(app.audit.log());
    let query =
        Query { act: Some("settings".to_owned()), newest_first: true, limit: SHOWN_CHANGES, ..Query::default() };
    let found = tokio::task::spawn_blocking(move || query.ask(log.as_ref())).await;
    let Ok(Ok(found)) = found else { return Err(visit.busy()) };
    let typed = typed.unwrap_or_else(|| typed::Typed::of(&settings));
    let alive = Alive::of(app, &epoch);
    let may_change = visit.caller().is_some_and(|caller| caller.may_administer());
    Ok(visit.page(status, "Settings", |frame| Overall {
        frame,
        may_change,
        trouble,
        rows: typed.rows(&settings),
        units: span::NAMES,
        changes: found.lines.iter().filter_map(|line| told::Change::of(&line.text)).collect(),
        epoch: epoch::Shown::of(&epoch),
        alive,
        policy: told::Policy::of(app.authority.in_force()),
    }))
}

fn hit(token: &RefreshToken) -> Hit {
    Hit {
        id: token.id.clone(),
        name: token.name.clone(),
        owner: token.owner.clone().unwrap_or_default(),
        expires: token.expires_at.map_or_else(|| "never".to_owned(), written),
        access_ttl: span::told(token.access_ttl),
        scopes: token.scopes.join(" "),
    }
}
