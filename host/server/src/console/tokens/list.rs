//! The list of tokens.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use jeton_runtime::{
    Class,
    wit::refresh_tokens::{ListRefusal, Query, RefreshToken},
};
use serde::Serialize;

use super::{
    super::page::{Frame, Page, Visit},
    Errors, Row, STATES, caller, is_of_console,
    query::{Asked, SORTS},
    refused, sentence, unanswered,
};
use crate::{
    api::refusals::Refusal as _,
    app::{App, now},
};

/// Tokens of a page: a screen or two.
pub(super) const PAGE: u32 = 50;
/// Children that are counted: whoever has more has many.
const CHILDREN_COUNTED: u32 = 20;

#[derive(Serialize)]
struct List {
    frame: Frame,
    may_change: bool,
    asked: Asked,
    errors: Errors,
    states: [&'static str; 4],
    sorts: [(&'static str, &'static str); 8],
    order: &'static str,
    columns: Vec<Column>,
    narrows: bool,
    uses_more: bool,
    /// The token whose children are listed.
    parent: Option<Row>,
    filter: String,
    /// The list as it is asked for, to come back to.
    back: String,
    rows: Vec<Listed>,
    first: Option<String>,
    next: Option<String>,
}

impl Page for List {
    const TEMPLATE: &'static str = "console/tokens.html";
}

/// A column that the list can be sorted by.
#[derive(Serialize)]
struct Column {
    word: &'static str,
    link: String,
    /// `ascending` or `descending`, where it is the one.
    sorted: &'static str,
}

/// A row, and how many tokens lie right below it.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    row: Row,
    children: String,
    children_link: String,
}

/// What a page of the list holds.
struct Found {
    tokens: Vec<(RefreshToken, usize)>,
    next: Option<String>,
    parent: Option<RefreshToken>,
}

/// The tokens that whoever asks may see.
pub(super) async fn list(State(app): State<Arc<App>>, visit: Visit, uri: Uri) -> Result<Response, Response> {
    let (asked, caller, now) = (Asked::of(uri.query().unwrap_or_default()), caller(&visit)?, now());
    let may_change = caller.may_change_tokens();
    let (found, errors) = match asked.query(now, PAGE) {
        Err(errors) => (None, errors),
        Ok(mut query) => {
            caller.confine(&mut query);
            match found(&app, &visit, query, caller.confined_to().map(str::to_owned)).await? {
                Ok(found) => (Some(found), Errors::new()),
                Err(refusal) => (None, wrong(&asked, refusal)),
            }
        }
    };
    let status = if found.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let Found { tokens, next, parent } = found.unwrap_or(Found { tokens: Vec::new(), next: None, parent: None });
    let parent = parent.filter(|parent| caller.may_see(parent.owner.as_deref()));
    let at = asked.at(now).to_string();
    Ok(visit.page(status, "API Refresh Token Management", |frame| List {
        frame,
        may_change,
        states: STATES.map(|(name, _)| name),
        sorts: SORTS,
        order: asked.order(),
        columns: columns(&asked),
        narrows: asked.narrows(),
        uses_more: asked.uses_more(),
        parent: parent.as_ref().map(Row::of),
        filter: asked.filter(asked.at(now)),
        back: asked.link(&[]).split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default(),
        rows: tokens.iter().map(|(token, children)| listed(token, *children)).collect(),
        first: Some(asked.link(&[])).filter(|_| !asked.get("cursor").is_empty()),
        next: next.map(|cursor| asked.link(&[("cursor", &cursor), ("at", &at)])),
        asked,
        errors,
    }))
}

/// A page, with the number of children of each token, and the parent that is asked about.
async fn found(
    app: &Arc<App>,
    visit: &Visit,
    query: Query,
    owner: Option<String>,
) -> Result<Result<Found, ListRefusal>, Response> {
    let parent = query.parent.clone();
    let answer = app.authority.call(Class::Reading, move |call| {
        let page = match call.list(&query)? {
            Ok(page) => page,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let parent = match parent.map(|id| call.show(&id)).transpose()? {
            Some(Ok(parent)) => Some(parent),
            Some(Err(_)) | None => None,
        };
        let mut tokens = Vec::with_capacity(page.items.len());
        for token in page.items.into_iter().filter(|token| !is_of_console(token)) {
            let children = Query {
                parent: Some(token.id.clone()),
                owner: owner.clone(),
                ..Query::first(CHILDREN_COUNTED.saturating_add(1))
            };
            let count = call.list(&children)?.map(|children| children.items.len());
            tokens.push((token, count.unwrap_or_default()));
        }
        Ok(Ok(Found { tokens, next: page.next, parent }))
    });
    match answer.await {
        Ok(Err(refusal @ ListRefusal::Unavailable)) => Err(refused(visit, "Nothing is listed", refusal)),
        Ok(answer) => Ok(answer),
        Err(error) => Err(unanswered(visit, error)),
    }
}

/// What the policy refuses to list, about the field that asked for it.
fn wrong(asked: &Asked, refusal: ListRefusal) -> Errors {
    let length = |name| asked.get(name).chars().count();
    let field = match refusal {
        ListRefusal::NameTooLong if length("name") > length("q") => "name",
        ListRefusal::NameTooLong => "q",
        ListRefusal::OwnerMalformed => "owner",
        ListRefusal::ParentMalformed => "parent",
        // Whoever kept the address of a page in the middle begins anew.
        ListRefusal::CursorInvalid => {
            return [("list", "There is no such page: begin at the first.".to_owned())].into();
        }
        ListRefusal::LimitOutOfRange | ListRefusal::Unavailable => "list",
    };
    [(field, sentence(refusal.row().sentence()))].into()
}

/// Each way round by turns, beginning with the one that people ask for first.
fn columns(asked: &Asked) -> Vec<Column> {
    let sort = asked.sort();
    let column = |word, name: &'static str, turned: &'static str| {
        let sorted = match sort.strip_prefix('-') {
            Some(_) if sort == name || sort == turned => "descending",
            None if sort == name || sort == turned => "ascending",
            _ => "",
        };
        Column { word, link: asked.link(&[("sort", if sort == name { turned } else { name })]), sorted }
    };
    vec![
        column("Name", "name", "-name"),
        column("Created", "-created", "created"),
        column("Expires", "expires", "-expires"),
        column("Last used", "last_used", "-last_used"),
    ]
}

fn listed(token: &RefreshToken, children: usize) -> Listed {
    let counted = usize::try_from(CHILDREN_COUNTED).unwrap_or(usize::MAX);
    Listed {
        row: Row::of(token),
        children: match children {
            0 => String::new(),
            count if count > counted => format!("{counted}+"),
            count => count.to_string(),
        },
        children_link: Asked::of("").link(&[("parent", &token.id)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_turns_the_order_round_and_says_which_it_is() {
        let of = |query: &str| {
            let columns = columns(&Asked::of(query)).into_iter();
            columns.map(|column| (column.sorted, column.link)).collect::<Vec<_>>()
        };
        let created = |query: &str| of(query).into_iter().nth(1).unwrap_or_default();
        assert_eq!(created("q=a"), ("descending", "/console/tokens?q=a&sort=created".to_owned()));
        assert_eq!(created("sort=created"), ("ascending", "/console/tokens?sort=-created".to_owned()));
        assert_eq!(created("sort=name"), ("", "/console/tokens?sort=-created".to_owned()));
    }

    #[test]
    fn what_is_refused_is_told_beside_the_field_that_asked_for_it() {
        let long = Asked::of(&format!("q=a&name={}", "n".repeat(201)));
        assert!(wrong(&long, ListRefusal::NameTooLong).contains_key("name"));
        assert!(wrong(&Asked::of("owner=%00"), ListRefusal::OwnerMalformed).contains_key("owner"));
    }
}
