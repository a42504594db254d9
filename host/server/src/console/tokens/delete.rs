//! The end of tokens: said first, with all that dies with them, and done once that is confirmed.

use std::sync::Arc;

use axum::{body::Body, extract::State, response::Response};
use http::{Request, StatusCode};
use jeton_runtime::{
    AuthorityCall, Called, Class,
    wit::{
        refresh_tokens::{DeleteRefusal, Deletion, ListRefusal, Query, RefreshToken, Span, State as TokenState},
        types::Reason,
    },
};
use serde::Serialize;

use super::{
    super::page::{Frame, Page, Visit},
    Errors, Row, caller, counted, fields, is_of_console, note_uses,
    query::Asked,
    refused,
    tree::{self, Living},
    unanswered,
};
use crate::{
    api::{permissions::Caller, reason_name, reason_named, refusals::Refusal as _},
    app::{App, now},
};

/// Tokens that are selected at most: as many as a page of the list has.
const MAX_SELECTED: usize = 50;
/// Tokens that one step of a filter finds and ends: a batch, which ends as a whole or not at all.
const STEP: u32 = 1000;
/// Steps of one request, so that it is answered in some seconds. What is left is asked for again.
const MAX_STEPS: usize = 10;
/// Tokens of a filter that are shown before they are deleted.
const SHOWN: usize = 20;
/// Tokens of a filter of which is looked up what lies below them.
const LOOKED_BELOW: usize = 100;
/// Reasons that can be given, in a page's words.
const REASONS: [(Reason, &str); 5] = [
    (Reason::Deleted, "none in particular"),
    (Reason::Compromised, "it may have leaked"),
    (Reason::Superseded, "another one took its place"),
    (Reason::Unused, "nobody uses it any more"),
    (Reason::OwnerLeft, "its owner is gone"),
];

#[derive(Serialize)]
struct Confirm {
    frame: Frame,
    trouble: String,
    errors: Errors,
    rows: Vec<Doomed>,
    /// Tokens that are meant and not shown.
    more: usize,
    total: String,
    living: String,
    ids: Vec<String>,
    filter: String,
    back: String,
    /// The way to it.
    cancel: String,
    reasons: Vec<(&'static str, &'static str)>,
    reason: String,
    note: String,
}

impl Page for Confirm {
    const TEMPLATE: &'static str = "console/tokens_delete.html";
}

/// A token that is about to end.
#[derive(Serialize)]
struct Doomed {
    #[serde(flatten)]
    row: Row,
    below: String,
    living: String,
}

/// What a form asks to delete, and why.
struct Order {
    ids: Vec<String>,
    /// A filter of the list, where not ids are meant but all that it finds.
    filter: String,
    /// The list that the reader came from.
    back: String,
    reason: String,
    note: String,
}

/// What would end.
struct Preview {
    tokens: Vec<(RefreshToken, String, Living)>,
    matched: usize,
    is_all: bool,
    below: Option<String>,
    living: Living,
}

/// What ended.
#[derive(Default)]
struct Done {
    count: usize,
    has_more: bool,
    advanced_epoch: Option<u64>,
}

/// Why no more was done.
enum Refusal {
    List(ListRefusal),
    Delete(DeleteRefusal),
}

/// What was refused, after so many had ended.
type Stopped = (usize, Refusal);

/// Says what would be deleted, and deletes it once that is confirmed.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    visit: Visit,
    request: Request<Body>,
) -> Result<Response, Response> {
    let form = visit.form(request).await?;
    let order = Order {
        ids: form.all("id"),
        filter: form.text("filter"),
        back: form.text("back"),
        reason: Some(form.text("reason")).filter(|reason| !reason.is_empty()).unwrap_or_else(|| "deleted".to_owned()),
        note: form.text("note").trim().to_owned(),
    };
    let is_filter = !order.filter.is_empty();
    if !is_filter && (order.ids.is_empty() || order.ids.len() > MAX_SELECTED) {
        return Err(visit.trouble(StatusCode::BAD_REQUEST, "Select one to fifty tokens first."));
    }
    let caller = caller(&visit)?;
    let query = if is_filter { Some(query(&visit, &caller, &order.filter)?) } else { None };
    if form.text("confirmed") != "yes" {
        return confirm(&app, visit, &caller, order, query, (String::new(), Errors::new())).await;
    }
    let Some(reason) = reason_named(&order.reason) else {
        let errors = [("reason", "Choose a reason.".to_owned())].into();
        return confirm(&app, visit, &caller, order, query, (String::new(), errors)).await;
    };
    let (by, actor, ids) = (caller.by().to_owned(), Arc::clone(&caller), order.ids.clone());
    let (asked, note) = (query.clone(), Some(order.note.clone()).filter(|note| !note.is_empty()));
    let done = app.authority.call(Class::Administration, move |call| match asked {
        Some(query) => end_found(call, &actor, query, reason, note.as_deref()),
        None => end(call, &actor, &ids, reason, note.as_deref()),
    });
    let done = match done.await {
        Ok(Ok(done)) => done,
        Ok(Err((_, Refusal::Delete(refusal)))) if let Some(errors) = fields::refused(refusal.row()) => {
            return confirm(&app, visit, &caller, order, query, ("Nothing was deleted:".to_owned(), errors)).await;
        }
        Ok(Err((count, Refusal::Delete(refusal)))) => return Err(refused(&visit, &stopped(count), refusal)),
        Ok(Err((count, Refusal::List(refusal)))) => return Err(refused(&visit, &stopped(count), refusal)),
        Err(error) => return Err(unanswered(&visit, error)),
    };
    tracing::info!(count = done.count, %by, reason = reason_name(reason), "refresh tokens deleted");
    if let Some(epoch) = done.advanced_epoch {
        tracing::warn!(%by, epoch, "the live set had no room for the cuts: the epoch was advanced, every access token is dead");
    }
    if done.has_more {
        let trouble = format!("{} deleted. More match: this is the rest.", counted(done.count, "token"));
        return confirm(&app, visit, &caller, order, query, (trouble, Errors::new())).await;
    }
    let word = match done {
        Done { count: 0, .. } => "none",
        Done { advanced_epoch: Some(_), .. } => "deleted-epoch",
        Done { .. } => "deleted",
    };
    // What was filtered for is gone; what was selected from stays.
    let back = if is_filter { Asked::of("") } else { Asked::of(&order.back) };
    Ok(visit.go(&back.link(&[("done", word)]), None))
}

fn stopped(count: usize) -> String {
    match count {
        0 => "Nothing was deleted".to_owned(),
        count => format!("{} deleted, and no more", counted(count, "token")),
    }
}

/// The query of a filter: what the list showed, and nothing that was made since.
fn query(visit: &Visit, caller: &Caller, filter: &str) -> Result<Query, Response> {
    let (asked, now) = (Asked::of(filter), now());
    let trouble = |sentence: &str| visit.trouble(StatusCode::BAD_REQUEST, sentence);
    if !asked.narrows() {
        return Err(trouble("Filter the list first: all there is, is not deleted at once."));
    }
    let mut query = asked.query(now, STEP).map_err(|_| trouble("Nothing can be filtered so."))?;
    query.created = Span { from: None, until: Some(asked.at(now).saturating_add(1)) };
    caller.confine(&mut query);
    Ok(query)
}

async fn confirm(
    app: &Arc<App>,
    visit: Visit,
    caller: &Arc<Caller>,
    order: Order,
    query: Option<Query>,
    (trouble, errors): (String, Errors),
) -> Result<Response, Response> {
    note_uses(app).await;
    let (ids, viewer) = (order.ids.clone(), Arc::clone(caller));
    let preview = app.authority.call(Class::Reading, move |call| match query {
        Some(query) => preview_found(call, query),
        None => preview(call, &viewer, &ids).map(Ok),
    });
    let preview = match preview.await {
        Ok(Ok(preview)) => preview,
        Ok(Err(refusal)) => return Err(refused(&visit, "Nothing was deleted", refusal)),
        Err(error) => return Err(unanswered(&visit, error)),
    };
    if preview.matched == 0 {
        return Err(visit.trouble(StatusCode::NOT_FOUND, "There are no such tokens, or they have ended already."));
    }
    let ids = if order.filter.is_empty() {
        preview.tokens.iter().map(|(token, ..)| token.id.clone()).collect()
    } else {
        Vec::new()
    };
    let or_more = if preview.is_all { "" } else { " or more" };
    let below = match preview.below.as_deref() {
        None => ", and everything below them".to_owned(),
        Some("0") => String::new(),
        Some(below) => format!(", and {below} below"),
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    Ok(visit.page(status, "Delete tokens", |frame| Confirm {
        frame,
        trouble,
        errors,
        more: preview.matched.saturating_sub(preview.tokens.len()),
        total: format!("{}{or_more}{below}", counted(preview.matched, "token")),
        living: preview.living.told(),
        rows: preview
            .tokens
            .iter()
            .map(|(token, below, living)| Doomed { row: Row::of(token), below: below.clone(), living: living.told() })
            .collect(),
        ids,
        filter: order.filter,
        cancel: Asked::of(&order.back).link(&[]),
        back: order.back,
        reasons: REASONS.iter().map(|(reason, words)| (reason_name(*reason), *words)).collect(),
        reason: order.reason,
        note: order.note,
    }))
}

/// What of these would end, as far as whoever asks may see it.
fn preview(call: &mut AuthorityCall<'_>, viewer: &Caller, ids: &[String]) -> Called<Preview> {
    let mut found = Vec::new();
    for id in ids {
        if let Ok(token) = call.show(id)?
            && viewer.may_see(token.owner.as_deref())
            && token.state != TokenState::Deleted
            && found.iter().all(|known: &RefreshToken| known.id != token.id)
        {
            found.push(token);
        }
    }
    let matched = found.len();
    seen(call, found, matched, true)
}

/// What of a filter would end.
fn preview_found(call: &mut AuthorityCall<'_>, mut query: Query) -> Called<Result<Preview, ListRefusal>> {
    let mut found: Vec<RefreshToken> = Vec::new();
    let mut is_all = false;
    for _ in 0..MAX_STEPS {
        let page = match call.list(&query)? {
            Ok(page) => page,
            Err(refusal) => return Ok(Err(refusal)),
        };
        found.extend(page.items.into_iter().filter(is_to_end));
        query.cursor = page.next;
        is_all = query.cursor.is_none();
        if is_all {
            break;
        }
    }
    let matched = found.len();
    seen(call, found, matched, is_all).map(Ok)
}

fn seen(call: &mut AuthorityCall<'_>, found: Vec<RefreshToken>, matched: usize, is_all: bool) -> Called<Preview> {
    let epoch = call.current_epoch()?.map_or(0, |epoch| epoch.began_at);
    let now = now();
    let mut living = Living::of(&found, epoch, now);
    let mut below = None;
    if matched <= LOOKED_BELOW {
        let ids: Vec<String> = found.iter().map(|token| token.id.clone()).collect();
        let under = tree::below(call, &ids)?;
        living = Living::of(found.iter().chain(&under.tokens), epoch, now);
        below = Some(under.counted());
    }
    let mut tokens = Vec::new();
    for token in found.into_iter().take(if matched <= MAX_SELECTED { MAX_SELECTED } else { SHOWN }) {
        let under = tree::below(call, std::slice::from_ref(&token.id))?;
        let given = Living::of(std::iter::once(&token).chain(&under.tokens), epoch, now);
        tokens.push((token, under.counted(), given));
    }
    Ok(Preview { tokens, matched, is_all, below, living })
}

fn end(
    call: &mut AuthorityCall<'_>,
    caller: &Caller,
    ids: &[String],
    reason: Reason,
    note: Option<&str>,
) -> Called<Result<Done, Stopped>> {
    Ok(match call.delete(&caller.actor, ids, reason, note)? {
        Ok(deleted) => {
            let ended = deleted.results.iter().filter(|result| matches!(result, Deletion::Deleted));
            Ok(Done { count: ended.count(), has_more: false, advanced_epoch: deleted.advanced_epoch })
        }
        Err(refusal) => Err((0, Refusal::Delete(refusal))),
    })
}

/// Ends what a filter finds, a batch at a time.
fn end_found(
    call: &mut AuthorityCall<'_>,
    caller: &Caller,
    mut query: Query,
    reason: Reason,
    note: Option<&str>,
) -> Called<Result<Done, Stopped>> {
    let mut done = Done::default();
    for _ in 0..MAX_STEPS {
        let page = match call.list(&query)? {
            Ok(page) => page,
            Err(refusal) => return Ok(Err((done.count, Refusal::List(refusal)))),
        };
        let ids: Vec<String> = page.items.into_iter().filter(is_to_end).map(|token| token.id).collect();
        match end(call, caller, &ids, reason, note)? {
            Ok(step) => {
                done.count = done.count.saturating_add(step.count);
                done.advanced_epoch = step.advanced_epoch.or(done.advanced_epoch);
            }
            Err((_, refusal)) => return Ok(Err((done.count, refusal))),
        }
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(Ok(done));
        }
    }
    Ok(Ok(Done { has_more: true, ..done }))
}

/// Whether a token that a filter finds is meant: it has not ended, and nobody signs in with it.
fn is_to_end(token: &RefreshToken) -> bool {
    token.state != TokenState::Deleted && !is_of_console(token)
}
