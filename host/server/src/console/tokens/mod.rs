//! The page that DPA calls "API Refresh Token Management", and all that it leads to.
//!
//! | to change | go to |
//! | --- | --- |
//! | what is listed, and how it is asked for | `list`, `query` |
//! | what can be said of a token in a form | `fields`, used by `create` and `edit` |
//! | the string that is shown once, and the scripts beside it | `secret` |
//! | one token: its tree, its timeline, why it is dead | `detail`, `tree`, `timeline`, `cause` |
//! | another secret | `rotate` |
//! | what dies with a token, and its end | `delete`, `tree` |

mod cause;
mod create;
mod delete;
mod detail;
mod edit;
mod fields;
mod list;
mod query;
mod rotate;
mod secret;
mod timeline;
mod tree;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    response::{Redirect, Response},
    routing::{get, post},
};
use http::StatusCode;
use jeton_policy::scope::CONSOLE;
use jeton_runtime::{
    CallError, Class,
    wit::refresh_tokens::{RefreshToken, State},
};
use serde::Serialize;

use super::page::{Visit, distance, written};
use crate::{
    api::{permissions::Caller, refusals::Refusal, time::to_rfc3339},
    app::{App, now},
};

/// What expires so soon stands out.
const SOON: u64 = 14 * DAY;
const DAY: u64 = 24 * 60 * 60;
/// Scopes that a row shows; the rest is counted.
const SCOPES_SHOWN: usize = 4;
/// States by name, as lists are filtered by them.
const STATES: [(&str, State); 4] = [
    ("active", State::Active),
    ("disabled", State::Disabled),
    ("expired", State::Expired),
    ("deleted", State::Deleted),
];

/// Every page about tokens. Each path is also a row of the table of permissions.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/console/tokens", get(list::list))
        .route("/console/tokens/new", get(create::new).post(create::create))
        .route("/console/tokens/delete", post(delete::delete))
        .route("/console/tokens/{id}", get(detail::show))
        .route("/console/tokens/{id}/edit", get(edit::form).post(edit::edit))
        .route("/console/tokens/{id}/rotate", get(rotate::form).post(rotate::rotate))
        .route("/console/tokens/{id}/switch", post(edit::switch))
}

/// What is wrong with a form: a sentence for the name of each field.
type Errors = BTreeMap<&'static str, String>;

/// A moment as a page shows it: for machines, for people, and how far it lies from now.
#[derive(Debug, Clone, Serialize)]
struct Moment {
    at: String,
    written: String,
    distance: String,
}

impl Moment {
    fn of(seconds: u64) -> Self {
        Self { at: to_rfc3339(seconds), written: written(seconds), distance: distance(seconds, now()) }
    }
}

/// A token as a row of a table.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    state: &'static str,
    owner: String,
    created: Moment,
    expires: Option<Moment>,
    is_soon: bool,
    used: Option<Moment>,
    used_from: String,
    /// Whether no crash can have lost a use: without it, one that was never seen used may have been.
    is_certain: bool,
    scopes: Vec<String>,
    more_scopes: usize,
}

impl Row {
    fn of(token: &RefreshToken) -> Self {
        let soon = now().saturating_add(SOON);
        let used = token.last_use.as_ref();
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            state: state_name(token.state),
            owner: token.owner.clone().unwrap_or_default(),
            created: Moment::of(token.created_at),
            expires: token.expires_at.map(Moment::of),
            is_soon: token.state == State::Active && token.expires_at.is_some_and(|at| at < soon),
            used: used.map(|used| Moment::of(used.at)),
            used_from: used.and_then(|used| used.address.clone()).unwrap_or_default(),
            is_certain: token.last_use_certain,
            scopes: token.scopes.iter().take(SCOPES_SHOWN).cloned().collect(),
            more_scopes: token.scopes.len().saturating_sub(SCOPES_SHOWN),
        }
    }
}

fn state_name(state: State) -> &'static str {
    STATES.iter().find(|(_, known)| *known == state).map_or("", |(name, _)| name)
}

/// Whether people sign in with it: such a token is managed with its account.
fn is_of_console(token: &RefreshToken) -> bool {
    token.scopes.iter().any(|scope| scope == CONSOLE)
}

/// Whoever asks. The table of permissions lets nobody come here who is not signed in.
fn caller(visit: &Visit) -> Result<Arc<Caller>, Response> {
    use axum::response::IntoResponse as _;
    visit.caller().cloned().ok_or_else(|| Redirect::to("/console/sign-in").into_response())
}

/// The token of this id, as far as whoever asks may see it.
async fn token(app: &Arc<App>, visit: &Visit, id: &str) -> Result<RefreshToken, Response> {
    let (caller, id) = (caller(visit)?, id.to_owned());
    match app.authority.call(Class::Administration, move |call| call.show(&id)).await {
        Ok(Ok(token)) if caller.may_see(token.owner.as_deref()) => Ok(token),
        Ok(Ok(_)) => Err(visit.trouble(StatusCode::NOT_FOUND, "There is no refresh token of this id.")),
        Ok(Err(refusal)) => Err(refused(visit, "The token is not shown", refusal)),
        Err(error) => Err(unanswered(visit, error)),
    }
}

/// Sees that a page tells of what was exchanged a moment ago, too.
async fn note_uses(app: &App) {
    if let Err(error) = app.uses.note(&app.authority).await {
        tracing::debug!(%error, "a page tells of the uses that were noted before");
    }
}

/// The page that says why the policy refused an act.
fn refused(visit: &Visit, what: &str, refusal: impl Refusal) -> Response {
    let row = refusal.row();
    visit.trouble(row.status(), &format!("{what}: {}.", row.sentence()))
}

/// The page for a call that was not answered.
fn unanswered(visit: &Visit, _: CallError) -> Response {
    visit.busy()
}

/// A rule as a sentence of a page.
fn sentence(rule: &str) -> String {
    let mut letters = rule.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// `1 token`, `2 tokens`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_becomes_a_sentence() {
        assert_eq!(sentence("a name has at least 1 character"), "A name has at least 1 character.");
        assert_eq!(sentence(""), ".");
        assert_eq!((counted(1, "token"), counted(0, "token")), ("1 token".to_owned(), "0 tokens".to_owned()));
    }

    #[test]
    fn every_state_has_a_name() {
        for (name, state) in STATES {
            assert_eq!(state_name(state), name);
        }
    }
}
