//! Changes of a token, for the very record that its page showed: whoever was overtaken is told so, and nothing of hers is done.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{Request, StatusCode};
use jeton_runtime::{
    Class,
    wit::refresh_tokens::{Change, EditRefusal, Expiry, RefreshToken},
};
use serde::Serialize;

use super::{
    super::{
        form::Fields,
        page::{Frame, HOME, Page, Visit},
    },
    DAY, Errors, Moment, caller,
    fields::{self, Typed},
    refused, sentence, token, unanswered,
};
use crate::{
    api::refusals::Refusal as _,
    app::{App, now},
};

#[derive(Serialize)]
struct Edit {
    frame: Frame,
    id: String,
    trouble: String,
    errors: Errors,
    focus: &'static str,
    typed: Typed,
    generation: u64,
    expires: Option<Moment>,
    days: u64,
    never_allowed: bool,
    access_ttl: u64,
}

impl Page for Edit {
    const TEMPLATE: &'static str = "console/token_edit.html";
}

/// What a change takes away, before it is made.
#[derive(Serialize)]
struct Review {
    frame: Frame,
    id: String,
    name: String,
    typed: Typed,
    generation: u64,
    narrowed: Vec<String>,
}

impl Page for Review {
    const TEMPLATE: &'static str = "console/token_narrow.html";
}

#[derive(Serialize)]
struct Conflict {
    frame: Frame,
    id: String,
}

impl Page for Conflict {
    const TEMPLATE: &'static str = "console/token_conflict.html";
}

/// The settings that a form tells of.
struct Surroundings {
    days: u64,
    expiration: u64,
    never_allowed: bool,
    access_ttl: u64,
}

/// The form with the token as it stands.
pub(super) async fn form(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visit: Visit,
) -> Result<Response, Response> {
    let token = token(&app, &visit, &id).await?;
    let around = surroundings(&app, &visit).await?;
    let (typed, generation) = (as_shown(&token, &around), token.generation);
    Ok(form_page(visit, StatusCode::OK, (String::new(), Errors::new()), typed, generation, &token, around))
}

/// Makes the change; where it takes something away, only once that was said.
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let (caller, typed, generation) = (caller(&visit)?, Typed::of(&form), generation(&visit, &form)?);
    let token = token(&app, &visit, &id).await?;
    // What differs from another state than the one that was shown would undo what somebody else did.
    if token.generation != generation {
        return Err(conflict(visit, &id));
    }
    let around = surroundings(&app, &visit).await?;
    let change = match typed.change(&as_shown(&token, &around)) {
        Ok(change) => change,
        Err(errors) => {
            let trouble = ("Nothing was changed:".to_owned(), errors);
            return Ok(form_page(visit, StatusCode::BAD_REQUEST, trouble, typed, generation, &token, around));
        }
    };
    let narrowed = narrowed(&token, &change, around.expiration);
    if !narrowed.is_empty() && form.text("confirmed") != "yes" {
        let (id, name) = (token.id, token.name);
        return Ok(visit.page(StatusCode::OK, "This narrows the token", |frame| Review {
            frame,
            id,
            name,
            typed,
            generation,
            narrowed,
        }));
    }
    let (by, whose) = (caller.by().to_owned(), id.clone());
    let edited = app
        .authority
        .call(Class::Administration, move |call| call.edit(&caller.actor, &whose, &change, Some(generation)));
    match edited.await {
        Ok(Ok(edited)) if edited.generation == generation => Ok(visit.go(&format!("{HOME}/{id}?done=unchanged"), None)),
        Ok(Ok(edited)) => {
            tracing::info!(refresh_token = %id, %by, generation = edited.generation, "refresh token changed");
            Ok(visit.go(&format!("{HOME}/{id}?done=changed"), None))
        }
        Ok(Err(EditRefusal::GenerationDiffers)) => Err(conflict(visit, &id)),
        Ok(Err(refusal)) => match fields::refused(refusal.row()) {
            Some(errors) => {
                let trouble = ("Nothing was changed:".to_owned(), errors);
                Ok(form_page(visit, StatusCode::BAD_REQUEST, trouble, typed, generation, &token, around))
            }
            None => Err(refused(&visit, "Nothing was changed", refusal)),
        },
        Err(error) => Err(unanswered(&visit, error)),
    }
}

/// Disables a token, or enables it.
pub(super) async fn switch(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let (caller, generation) = (caller(&visit)?, generation(&visit, &form)?);
    let enabled = match form.text("to").as_str() {
        "enabled" => true,
        "disabled" => false,
        _ => return Err(visit.trouble(StatusCode::BAD_REQUEST, "What was sent is no form of this console.")),
    };
    let note = Some(form.text("note").trim().to_owned()).filter(|note| !note.is_empty());
    let change = Change { enabled: Some(enabled), note, ..Change::default() };
    let (by, whose) = (caller.by().to_owned(), id.clone());
    let edited = app
        .authority
        .call(Class::Administration, move |call| call.edit(&caller.actor, &whose, &change, Some(generation)));
    match edited.await {
        Ok(Ok(edited)) => {
            tracing::info!(refresh_token = %id, %by, enabled, generation = edited.generation, "refresh token switched");
            let word = if enabled { "token-enabled" } else { "token-disabled" };
            Ok(visit.go(&format!("{HOME}/{id}?done={word}"), None))
        }
        Ok(Err(EditRefusal::GenerationDiffers)) => Err(conflict(visit, &id)),
        Ok(Err(refusal)) => Err(refused(&visit, "Nothing was changed", refusal)),
        Err(error) => Err(unanswered(&visit, error)),
    }
}

/// The generation of the record that a form was made for.
pub(super) fn generation(visit: &Visit, form: &Fields) -> Result<u64, Response> {
    let malformed = || visit.trouble(StatusCode::BAD_REQUEST, "What was sent is no form of this console.");
    form.text("generation").parse().map_err(|_| malformed())
}

/// The page for whoever was overtaken.
pub(super) fn conflict(visit: Visit, id: &str) -> Response {
    let id = id.to_owned();
    visit.page(StatusCode::CONFLICT, "Somebody was faster", |frame| Conflict { frame, id })
}

async fn surroundings(app: &Arc<App>, visit: &Visit) -> Result<Surroundings, Response> {
    match app.authority.call(Class::Administration, |call| call.settings()).await {
        Ok(Ok(settings)) => Ok(Surroundings {
            days: settings.refresh_token_expiration.div_ceil(DAY),
            expiration: settings.refresh_token_expiration,
            never_allowed: settings.never_allowed && settings.refresh_token_maximum.is_none(),
            access_ttl: settings.access_token_expiration,
        }),
        Ok(Err(refusal)) => Err(refused(visit, "Nothing can be changed", refusal)),
        Err(error) => Err(unanswered(visit, error)),
    }
}

/// A record does not tell whether a lifetime that is the setting's is its own; where it is, the form says nothing.
fn as_shown(token: &RefreshToken, around: &Surroundings) -> Typed {
    Typed::of_token(token, Some(token.access_ttl).filter(|ttl| *ttl != around.access_ttl))
}

fn form_page(
    visit: Visit,
    status: StatusCode,
    (trouble, errors): (String, Errors),
    typed: Typed,
    generation: u64,
    token: &RefreshToken,
    around: Surroundings,
) -> Response {
    let (id, expires) = (token.id.clone(), token.expires_at.map(Moment::of));
    visit.page(status, "Edit token", |frame| Edit {
        frame,
        id,
        trouble,
        focus: fields::focus(&errors),
        errors,
        typed,
        generation,
        expires,
        days: around.days,
        never_allowed: around.never_allowed,
        access_ttl: around.access_ttl,
    })
}

/// What a change takes away, said before it is made. Whether anything dies of it the policy decides: it may keep more alive, where
/// one network covers another.
fn narrowed(token: &RefreshToken, change: &Change, expiration: u64) -> Vec<String> {
    let mut narrowed = Vec::new();
    let until = match change.expiry {
        None | Some(Expiry::Never) => None,
        Some(Expiry::At(at)) => Some(at),
        Some(Expiry::After(seconds)) => Some(now().saturating_add(seconds)),
        Some(Expiry::BySetting) => Some(now().saturating_add(expiration)),
    };
    if until.is_some_and(|until| token.expires_at.is_none_or(|at| until < at)) {
        narrowed.push("it expires sooner".to_owned());
    }
    let gone = |before: &[String], after: &Option<Vec<String>>, is_bound: bool| -> Vec<String> {
        let Some(after) = after.as_ref().filter(|after| !is_bound || !after.is_empty()) else { return Vec::new() };
        before.iter().filter(|one| !after.contains(one)).cloned().collect()
    };
    let begins = |before: &[String], after: &Option<Vec<String>>| {
        before.is_empty() && after.as_ref().is_some_and(|after| !after.is_empty())
    };
    let bindings = &token.bindings;
    let scopes = gone(&token.scopes, &change.scopes, false);
    if !scopes.is_empty() {
        narrowed.push(format!("it loses {}", scopes.join(" ")));
    }
    for (what, before, after) in
        [("networks", &bindings.networks, &change.networks), ("audiences", &bindings.audiences, &change.audiences)]
    {
        let lost = gone(before, after, true);
        if begins(before, after) {
            narrowed.push(format!("it is bound to {what}"));
        } else if !lost.is_empty() {
            narrowed.push(format!("it loses the {what} {}", lost.join(" ")));
        }
    }
    if change.networks_in_access_tokens == Some(true) {
        narrowed.push("its access tokens are bound to its networks".to_owned());
    }
    narrowed.into_iter().map(|one| sentence(&one)).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::tree::tests::token, *};

    fn told(token: &RefreshToken, change: Change) -> Vec<String> {
        narrowed(token, &change, 90 * DAY)
    }

    #[test]
    fn what_takes_something_away_is_said_before_it_is_done() {
        let list = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let mut token = RefreshToken { scopes: list(&["a", "b"]).unwrap_or_default(), ..token() };
        let change = Change { scopes: list(&["b"]), networks: list(&["10.0.0.0/8"]), ..Change::default() };
        assert_eq!(told(&token, change), ["It loses a.", "It is bound to networks."]);
        assert_eq!(
            told(&token, Change { expiry: Some(Expiry::BySetting), ..Change::default() }),
            ["It expires sooner."]
        );
        token.bindings.audiences = list(&["urn:a", "urn:b"]).unwrap_or_default();
        token.expires_at = Some(now().saturating_add(DAY));
        let change = Change {
            audiences: list(&["urn:b"]),
            networks_in_access_tokens: Some(true),
            expiry: Some(Expiry::After(60)),
            ..Change::default()
        };
        assert_eq!(
            told(&token, change),
            ["It expires sooner.", "It loses the audiences urn:a.", "Its access tokens are bound to its networks."]
        );
    }

    #[test]
    fn what_widens_or_only_goes_by_the_next_exchange_takes_nothing_away() {
        let list = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let mut token = token();
        token.bindings.audiences = list(&["urn:a"]).unwrap_or_default();
        token.expires_at = Some(now().saturating_add(DAY));
        let change = Change {
            name: Some("n".to_owned()),
            scopes: list(&["reports", "more"]),
            audiences: Some(Vec::new()),
            expiry: Some(Expiry::Never),
            access_ttl: Some(Some(60)),
            max_exchanges: Some(Some(1)),
            ..Change::default()
        };
        assert!(told(&token, change).is_empty());
    }
}
