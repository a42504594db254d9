//! One token: what it is, what it descends from and what lies below it, what happened to it, and why it is dead.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{StatusCode, Uri};
use jeton_runtime::{
    Class,
    wit::{
        explanations::{Explanation, Subject},
        refresh_tokens::{Query, RefreshToken, State as TokenState},
    },
};
use serde::Serialize;

use super::{
    super::page::{Frame, Page, Visit},
    Moment, Row, caller,
    cause::Why,
    is_of_console, note_uses,
    query::Asked,
    secret::Scripts,
    timeline::{self, Timeline},
    token,
    tree::Living,
    unanswered,
};
use crate::app::{App, now};

/// Children that are named; beyond them the list is for.
const CHILDREN: u32 = 20;

#[derive(Serialize)]
struct Detail {
    frame: Frame,
    row: Row,
    record: Record,
    why: Option<Why>,
    chain: Vec<Ancestor>,
    children: Vec<Row>,
    more_children: Option<String>,
    events: Vec<timeline::Shown>,
    /// Where the search for what happened goes on.
    further: Option<String>,
    generation: u64,
    scripts: Scripts,
    may: May,
}

impl Page for Detail {
    const TEMPLATE: &'static str = "console/token.html";
}

/// What a record says beside its row.
#[derive(Serialize)]
struct Record {
    created_by: String,
    scopes: Vec<String>,
    access_ttl: u64,
    not_before: Option<Moment>,
    networks: Vec<String>,
    networks_in_access_tokens: bool,
    audiences: Vec<String>,
    max_exchanges: Option<u64>,
    exchanges_left: Option<u64>,
    exchanges: u64,
    may_delegate: bool,
    rotates_on_use: bool,
    superseded_until: Option<Moment>,
    living: String,
}

/// Something that it descends from, as far as whoever asks may see it.
#[derive(Serialize)]
struct Ancestor {
    id: String,
    name: String,
    state: &'static str,
    /// A page of its own is there for it.
    has_page: bool,
}

/// Which buttons there are.
#[derive(Serialize)]
struct May {
    edit: bool,
    disable: bool,
    enable: bool,
    rotate: bool,
    delete: bool,
    create_below: bool,
}

/// What the policy says of a token.
struct Found {
    explanation: Option<Explanation>,
    children: Vec<RefreshToken>,
    has_more: bool,
    epoch_began: u64,
}

/// One token.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    visit: Visit,
    uri: Uri,
) -> Result<Response, Response> {
    let caller = caller(&visit)?;
    note_uses(&app).await;
    let token = token(&app, &visit, &id).await?;
    let owner = caller.confined_to().map(str::to_owned);
    let found = found(&app, &visit, &token, owner).await?;
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let before = query.into_owned().find(|(name, _)| name == "before").and_then(|(_, number)| number.parse().ok());
    let timeline = match caller.confined_to() {
        Some(_) => Timeline { events: timeline::of_record(&token), next: None },
        None => of_log(&app, &visit, &token, before).await?,
    };
    let sees = |token: &RefreshToken| caller.may_see(token.owner.as_deref());
    let chain = found.explanation.iter().flat_map(|explanation| &explanation.chain).skip(1);
    let chain: Vec<Ancestor> = chain.filter(|token| sees(token)).map(ancestor).collect();
    let why = found.explanation.as_ref().map(|explanation| {
        Why::of(explanation, &id, |link| explanation.chain.iter().any(|token| token.id == link && sees(token)))
    });
    let may = may(&token, caller.may_change_tokens());
    let scripts = Scripts::of(&app.issuer);
    let children = found.children.iter().filter(|token| !is_of_console(token)).map(Row::of).collect();
    let more_children = found.has_more.then(|| Asked::of("").link(&[("parent", &id)]));
    Ok(visit.page(StatusCode::OK, "Token", |frame| Detail {
        frame,
        row: Row::of(&token),
        record: record(&token, found.epoch_began),
        why,
        chain,
        children,
        more_children,
        events: timeline.events.into_iter().map(Into::into).collect(),
        further: timeline.next.map(|next| format!("/console/tokens/{id}?before={next}#timeline")),
        generation: token.generation,
        scripts,
        may,
    }))
}

async fn found(app: &Arc<App>, visit: &Visit, token: &RefreshToken, owner: Option<String>) -> Result<Found, Response> {
    let id = token.id.clone();
    let found = app.authority.call(Class::Reading, move |call| {
        let explanation = call.explain(&Subject::TokenId(id.clone()))?.ok();
        let query = Query { parent: Some(id), owner, ..Query::first(CHILDREN) };
        let (children, has_more) = match call.list(&query)? {
            Ok(page) => (page.items, page.next.is_some()),
            Err(_) => (Vec::new(), false),
        };
        let epoch_began = call.current_epoch()?.map_or(0, |epoch| epoch.began_at);
        Ok(Found { explanation, children, has_more, epoch_began })
    });
    found.await.map_err(|error| unanswered(visit, error))
}

/// What the audit log tells, and the record of what was before it.
async fn of_log(
    app: &Arc<App>,
    visit: &Visit,
    token: &RefreshToken,
    before: Option<u64>,
) -> Result<Timeline, Response> {
    let (audit, whose) = (Arc::clone(&app.audit), token.clone());
    let told = tokio::task::spawn_blocking(move || timeline::told(audit.log().as_ref(), &whose, before)).await;
    let Ok(Ok(timeline)) = told else { return Err(visit.busy()) };
    Ok(timeline.with_beginning(token))
}

fn record(token: &RefreshToken, epoch_began: u64) -> Record {
    let bindings = &token.bindings;
    Record {
        created_by: token.created_by.clone(),
        scopes: token.scopes.clone(),
        access_ttl: token.access_ttl,
        not_before: bindings.not_before.map(Moment::of),
        networks: bindings.networks.clone(),
        networks_in_access_tokens: bindings.networks_in_access_tokens,
        audiences: bindings.audiences.clone(),
        max_exchanges: bindings.max_exchanges,
        exchanges_left: token.exchanges_left,
        exchanges: token.last_use.as_ref().map_or(0, |used| used.count),
        may_delegate: token.may_delegate,
        rotates_on_use: token.rotates_on_use,
        superseded_until: token.superseded_until.filter(|until| *until > now()).map(Moment::of),
        living: Living::of([token], epoch_began, now()).told(),
    }
}

fn ancestor(token: &RefreshToken) -> Ancestor {
    let row = Row::of(token);
    Ancestor { id: row.id, name: row.name, state: row.state, has_page: !is_of_console(token) }
}

/// Buttons for what can be meant. Whether it may be done the policy says.
fn may(token: &RefreshToken, may_change: bool) -> May {
    let may_change = may_change && !is_of_console(token);
    let is = |states: &[TokenState]| may_change && states.contains(&token.state);
    May {
        edit: is(&[TokenState::Active, TokenState::Disabled, TokenState::Expired]),
        disable: is(&[TokenState::Active]),
        enable: is(&[TokenState::Disabled]),
        rotate: is(&[TokenState::Active, TokenState::Disabled]),
        delete: is(&[TokenState::Active, TokenState::Disabled, TokenState::Expired]),
        create_below: is(&[TokenState::Active]),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tree::tests::token, *};

    #[test]
    fn there_are_buttons_for_what_can_be_meant_and_none_for_who_only_sees() {
        let may_of = |state, may_change| {
            let may = may(&RefreshToken { state, ..token() }, may_change);
            [may.edit, may.disable, may.enable, may.rotate, may.delete]
        };
        assert_eq!(may_of(TokenState::Active, true), [true, true, false, true, true]);
        assert_eq!(may_of(TokenState::Disabled, true), [true, false, true, true, true]);
        assert_eq!(may_of(TokenState::Expired, true), [true, false, false, false, true]);
        assert_eq!(may_of(TokenState::Deleted, true), [false; 5]);
        assert_eq!(may_of(TokenState::Active, false), [false; 5]);
        let session = RefreshToken { scopes: vec!["jeton:console".to_owned()], ..token() };
        assert!(!may(&session, true).delete);
    }
}
