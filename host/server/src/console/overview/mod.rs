//! The overview: what will expire, what is exchanged, what is alive, what nobody uses.
//!
//! Nothing here looks at every token there is: what is counted elsewhere is read, and what must be looked for is looked for so far and
//! no further, and then told as "at least".
//!
//! | to change | go to |
//! | --- | --- |
//! | what is counted | `counts` |
//! | how it is drawn | `picture`, `templates/console/overview.html` |

mod counts;
mod picture;

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::StatusCode;
use jeton_runtime::Class;
use serde::Serialize;

use super::{
    alive::Alive,
    page::{Frame, HOME, Page, Visit, distance, written},
    settings::epoch,
};
use crate::{
    app::{App, now},
    observe::recent::Exchanges,
};
use counts::{Amount, Counts};

#[derive(Serialize)]
struct Overview {
    frame: Frame,
    may_change: bool,
    alive: Alive,
    epoch_ago: String,
    epoch_began: String,
    soon: Amount,
    idle: Amount,
    unused: Amount,
    expiries: picture::Expiries,
    exchanges: picture::Hours,
    hour: Exchanges,
    day: Exchanges,
    /// Since when it is counted, where that is less than a day.
    counted_since: Option<String>,
}

impl Page for Overview {
    const TEMPLATE: &'static str = "console/overview.html";
}

/// The page; whoever sees her own tokens alone is led to them.
pub(super) async fn show(State(app): State<Arc<App>>, visit: Visit) -> Result<Response, Response> {
    let Some(caller) = visit.caller().filter(|caller| caller.confined_to().is_none()) else {
        return Ok(Redirect::to(HOME).into_response());
    };
    let may_change = caller.may_change_tokens();
    let at = now();
    let epoch = epoch::current(&app, &visit).await?;
    let pages = app.authority.call(Class::Reading, move |call| {
        counts::queries(at).iter().map(|query| call.list(query)).collect::<Result<Vec<_>, _>>()
    });
    let pages: Result<Vec<_>, _> = pages.await.map_err(|_| visit.busy())?.into_iter().collect();
    let Ok(pages) = pages else { return Err(visit.busy()) };
    let counts = Counts::of(at, &pages);
    let recent = app.metrics.recent();
    let hours = recent.hours(at);
    let sum = |hours: &[Exchanges]| {
        hours.iter().fold(Exchanges::default(), |all, one| Exchanges {
            granted: all.granted.saturating_add(one.granted),
            refused: all.refused.saturating_add(one.refused),
        })
    };
    let is_young = recent.since().saturating_add(counts::DAY) > at;
    Ok(visit.page(StatusCode::OK, "Overview", |frame| Overview {
        frame,
        may_change,
        alive: Alive::of(&app, &epoch),
        epoch_ago: distance(epoch.began_at, at),
        epoch_began: written(epoch.began_at),
        soon: counts.soon,
        idle: counts.idle,
        unused: counts.unused,
        expiries: picture::Expiries::of(&counts.weeks),
        exchanges: picture::Hours::of(&hours, at),
        hour: hours.last().copied().unwrap_or_default(),
        day: sum(&hours),
        counted_since: is_young.then(|| written(recent.since())),
    }))
}
