//! `/v1/settings`: what administrators may change about the rules, and whom a change would hit.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, StatusCode, Uri};
use jeton_runtime::wit::configuration::{Settings, SettingsChange, SettingsRefusal};
use jeton_runtime::wit::refresh_tokens::RefreshToken;
use jeton_runtime::{CallError, Class};
use serde::Serialize;
use tokio::time::Instant;

use super::json::Members;
use super::permissions::Caller;
use super::problem::Problem;
use super::refresh_tokens::Record;
use super::refusals::Refusal as _;
use super::{answered, precondition, query, respond, time};
use crate::app::{App, now};

/// How long a dry run looks at refresh tokens: some hundred thousand. An administrator waits no longer, and it says how far it came.
const DRY_RUN: Duration = Duration::from_secs(5);
/// How many of the affected ones it shows.
const FIRST: usize = 100;

/// The settings as they are written, under the names by which they are changed.
#[derive(Serialize)]
struct Shown<'a> {
    access_token_expiration: u64,
    access_token_minimum: u64,
    access_token_maximum: u64,
    refresh_token_expiration: u64,
    refresh_token_maximum: Option<u64>,
    never_allowed: bool,
    unique_names: bool,
    scopes: Option<&'a [String]>,
    delegation_levels: u32,
    holder_delegation: bool,
    tombstone_retention: u64,
}

/// What a change would do.
#[derive(Serialize)]
struct DryRun<'a> {
    /// The settings after it.
    settings: Shown<'a>,
    affected: u64,
    first: Vec<Record<'a>>,
    examined: u64,
    /// Whether every refresh token was looked at.
    complete: bool,
    /// When it was begun: what was written later may be in it or not.
    as_of: String,
}

/// How a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct How {
    dry_run: bool,
    at_once: bool,
}

/// `GET`: those in force.
pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let settings = answered(app.authority.call(Class::Administration, |call| call.settings())).await?;
    Ok(answer(&settings))
}

/// `PATCH`: changes those that are given and answers with those in force after it; with `dry_run=true`, whom it would hit.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let how = how(request.uri())?;
    let generation = precondition::generation(request.headers())?;
    let change = read(Members::read(request).await?)?;
    if how.dry_run {
        return dry_run(&app, &change, generation).await;
    }
    let (by, at_once) = (caller.by().to_owned(), how.at_once);
    let settings = answered(
        app.authority
            .call(Class::Administration, move |call| call.set_settings(&caller.actor, &change, generation, at_once)),
    )
    .await?;
    tracing::info!(
        %by,
        at_once,
        generation = settings.generation,
        access = settings.access_token_expiration,
        refresh = settings.refresh_token_expiration,
        "settings changed"
    );
    Ok(answer(&settings))
}

fn answer(settings: &Settings) -> Response {
    respond::with_generation(respond::json(StatusCode::OK, &Shown::of(settings)), settings.generation)
}

fn how(uri: &Uri) -> Result<How, Problem> {
    let form = query::parse(uri, &["dry_run", "apply"])?;
    let dry_run = query::truth(&form, "dry_run")?;
    let at_once = match query::one(&form, "apply")?.as_deref() {
        None | Some("next_exchange") => false,
        Some("at_once") => true,
        Some(_) => {
            let rule = "a change is applied at the `next_exchange` of each refresh token, or `at_once`";
            return Err(Problem::field("apply-unknown", "apply", rule));
        }
    };
    Ok(How { dry_run, at_once })
}

/// What is to change. `null` takes a setting away.
pub(super) fn read(mut members: Members) -> Result<SettingsChange, Problem> {
    let change = SettingsChange {
        access_token_expiration: members.whole_number("access_token_expiration"),
        access_token_minimum: members.whole_number("access_token_minimum"),
        access_token_maximum: members.whole_number("access_token_maximum"),
        refresh_token_expiration: members.whole_number("refresh_token_expiration"),
        refresh_token_maximum: members.or_null("refresh_token_maximum", Members::whole_number),
        never_allowed: members.truth("never_allowed"),
        unique_names: members.truth("unique_names"),
        scopes: members.or_null("scopes", Members::texts),
        // What is too large for the contract is too large for the rule, which says so.
        delegation_levels: members
            .whole_number("delegation_levels")
            .map(|levels| u32::try_from(levels).unwrap_or(u32::MAX)),
        holder_delegation: members.truth("holder_delegation"),
        tombstone_retention: members.whole_number("tombstone_retention"),
    };
    members.finish()?;
    Ok(change)
}

/// Answers with whom a change would hit.
async fn dry_run(app: &App, change: &SettingsChange, generation: Option<u64>) -> Result<Response, Problem> {
    let began = now();
    let tried = match try_out(app, change, generation).await {
        Ok(Ok(tried)) => tried,
        Ok(Err(refusal)) => return Err(refusal.row().problem()),
        Err(error) => return Err(error.row().problem()),
    };
    let body = DryRun {
        settings: Shown::of(&tried.settings),
        affected: tried.affected,
        first: tried.first.iter().map(Record::of).collect(),
        examined: tried.examined,
        complete: tried.is_complete,
        as_of: time::to_rfc3339(began),
    };
    Ok(respond::with_generation(respond::json(StatusCode::OK, &body), tried.generation()))
}

/// What a change would do.
pub(crate) struct Tried {
    /// The settings after it.
    pub(crate) settings: Settings,
    /// How many living refresh tokens would live shorter or be granted less.
    pub(crate) affected: u64,
    /// The first of them.
    pub(crate) first: Vec<RefreshToken>,
    /// How many were looked at.
    pub(crate) examined: u64,
    /// Whether that is all of them.
    pub(crate) is_complete: bool,
}

impl Tried {
    /// The generation that the settings have now: the change would raise it by one.
    pub(crate) fn generation(&self) -> u64 {
        self.settings.generation.saturating_sub(1)
    }
}

/// Looks at every refresh token, a step at a time, for as long as an administrator waits. `generation`: the one that the settings must have.
///
/// # Errors
/// The inner one is the policy's own refusal.
pub(crate) async fn try_out(
    app: &App,
    change: &SettingsChange,
    generation: Option<u64>,
) -> Result<Result<Tried, SettingsRefusal>, CallError> {
    let end = Instant::now() + DRY_RUN;
    let mut seen = Seen::default();
    let settings = loop {
        let (change, cursor) = (change.clone(), seen.next.clone());
        let step = app.authority.call(Class::Reading, move |call| call.preview_settings(&change, cursor.as_deref()));
        let previewed = match step.await? {
            Ok(previewed) => previewed,
            // The settings were changed meanwhile: what was seen is of no use, and it begins anew from those.
            Err(SettingsRefusal::CursorInvalid) if seen.next.is_some() && Instant::now() < end => {
                seen = Seen::default();
                continue;
            }
            Err(refusal) => return Ok(Err(refusal)),
        };
        // The change would raise it by one.
        let current = previewed.settings.generation.saturating_sub(1);
        if generation.is_some_and(|generation| generation != current) {
            return Ok(Err(SettingsRefusal::GenerationDiffers));
        }
        seen.add(previewed.affected, previewed.examined, previewed.first, previewed.next);
        if seen.next.is_none() || Instant::now() >= end {
            break previewed.settings;
        }
    };
    Ok(Ok(Tried {
        settings,
        affected: seen.affected,
        is_complete: seen.next.is_none(),
        examined: seen.examined,
        first: seen.first,
    }))
}

/// What a dry run has seen so far.
#[derive(Default)]
struct Seen {
    affected: u64,
    examined: u64,
    first: Vec<RefreshToken>,
    next: Option<String>,
}

impl Seen {
    fn add(&mut self, affected: u32, examined: u32, first: Vec<RefreshToken>, next: Option<String>) {
        self.affected = self.affected.saturating_add(affected.into());
        self.examined = self.examined.saturating_add(examined.into());
        self.first.extend(first.into_iter().take(FIRST.saturating_sub(self.first.len())));
        self.next = next;
    }
}

impl<'a> Shown<'a> {
    fn of(settings: &'a Settings) -> Self {
        Self {
            access_token_expiration: settings.access_token_expiration,
            access_token_minimum: settings.access_token_minimum,
            access_token_maximum: settings.access_token_maximum,
            refresh_token_expiration: settings.refresh_token_expiration,
            refresh_token_maximum: settings.refresh_token_maximum,
            never_allowed: settings.never_allowed,
            unique_names: settings.unique_names,
            scopes: settings.scopes.as_deref(),
            delegation_levels: settings.delegation_levels,
            holder_delegation: settings.holder_delegation,
            tombstone_retention: settings.tombstone_retention,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn asked(query: &str) -> Result<How, &'static str> {
        how(&format!("/v1/settings?{query}").parse().unwrap()).map_err(|problem| problem.code())
    }

    #[test]
    fn a_change_is_made_at_the_next_exchange_unless_said_otherwise() {
        assert_eq!(asked(""), Ok(How { dry_run: false, at_once: false }));
        assert_eq!(asked("apply=next_exchange&dry_run=false"), Ok(How { dry_run: false, at_once: false }));
        assert_eq!(asked("dry_run=true&apply=at_once"), Ok(How { dry_run: true, at_once: true }));
        for (query, code) in [
            ("apply=now", "apply-unknown"),
            ("dry_run=yes", "neither-true-nor-false"),
            ("dryrun=true", "unknown-parameter"),
        ] {
            assert_eq!(asked(query), Err(code), "{query}");
        }
    }

    #[test]
    fn what_is_null_is_taken_away_and_what_is_not_there_stays() {
        let read = |json: &str| read(Members::parse(json.as_bytes()).unwrap()).unwrap();
        let nothing = read("{}");
        assert_eq!((nothing.refresh_token_maximum, nothing.scopes, nothing.never_allowed), (None, None, None));
        let away = read(r#"{"refresh_token_maximum":null,"scopes":null,"never_allowed":false}"#);
        assert_eq!(
            (away.refresh_token_maximum, away.scopes, away.never_allowed),
            (Some(None), Some(None), Some(false))
        );
        let set = read(r#"{"refresh_token_maximum":5,"scopes":["a"],"delegation_levels":4294967296}"#);
        assert_eq!((set.refresh_token_maximum, set.delegation_levels), (Some(Some(5)), Some(u32::MAX)));
        assert_eq!(set.scopes, Some(Some(vec!["a".to_owned()])));
    }
}
