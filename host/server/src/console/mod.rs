//! The console: pages for people, rendered here, that work without a script.
//!
//! It decides nothing that the policy decides: a session is a refresh token (`session`), what a page may be used for says the table of
//! permissions, and what a form does is what the same call under `/v1` does.
//!
//! | to change | go to |
//! | --- | --- |
//! | what every page is sent with, and looks like | `page`, `templates/console/frame.html`, `assets/` |
//! | what a form must show | `form` |
//! | signing in and out | `sign_in`, `single_sign_on`, `session`, `steps` |
//! | one's own account | `account` |
//! | everybody's | `users` |
//! | what is told at a glance | `overview` |
//! | tokens | `tokens` |
//! | the API document as a page | `api_page` |
//! | the rules, the epoch, the policy | `settings` |
//! | who did what | `audit` |
//! | notices | `notices` |
//! | what the navigation leads to | `page::NAVIGATION` |

#![allow(clippy::result_large_err, reason = "an answer stays an answer, whichever way it comes about")]

mod account;
mod alive;
mod api_page;
mod assets;
mod audit;
mod cookie;
mod first;
pub(crate) mod form;
mod notices;
mod one_time_code;
pub(crate) mod origin;
mod overview;
pub(crate) mod page;
mod qr;
pub(crate) mod session;
mod settings;
mod sign_in;
mod single_sign_on;
mod span;
mod steps;
mod templates;
mod tokens;
mod users;

use std::{io, sync::Arc};

use axum::{
    Router,
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use http::{HeaderMap, header::ACCEPT};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::{
    accounts::{code, hashing::Hashing, throttle::Throttle},
    api::problem::Problem,
    app::App,
    sso::SingleSignOn,
};

/// What the pages of all threads share.
pub struct Console {
    hashing: Hashing,
    throttle: Throttle,
    sessions: session::Sessions,
    steps: steps::Steps,
    single_sign_on: Option<Arc<SingleSignOn>>,
    journeys: single_sign_on::Journeys,
    /// SHA-256 of the code that makes the first administrator. `None`: there is somebody already.
    first: Mutex<Option<[u8; 32]>>,
}

impl Console {
    /// A console that nobody is signed in to, and that people sign in to by `single_sign_on`, too.
    ///
    /// # Errors
    /// When the system gives no thread for passwords.
    pub fn new(single_sign_on: Option<SingleSignOn>) -> io::Result<Self> {
        Ok(Self {
            hashing: Hashing::start()?,
            throttle: Throttle::default(),
            sessions: session::Sessions::default(),
            steps: steps::Steps::default(),
            single_sign_on: single_sign_on.map(Arc::new),
            journeys: single_sign_on::Journeys::default(),
            first: Mutex::new(None),
        })
    }

    /// Whether no password signs in.
    fn is_by_single_sign_on_alone(&self) -> bool {
        self.single_sign_on.as_ref().is_some_and(|provider| provider.is_the_only_way())
    }

    /// Draws the code that makes the first administrator, to be told on the machine. An earlier one is taken no more.
    pub fn open_first_run(&self) -> Zeroizing<String> {
        let code = code::draw();
        *self.first.lock() = Some(code::digest(&code));
        code
    }
}

/// Every page. Each path is also a row of the table of permissions.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(front_door))
        .route("/console", get(overview::show))
        .route("/console/assets/{name}", get(assets::serve))
        .route("/console/api", get(api_page::show))
        .route("/console/first", get(first::show).post(first::make))
        .route("/console/code", get(one_time_code::show).post(one_time_code::set))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::with_password))
        .route("/console/sign-in/second", post(sign_in::with_second_factor))
        .route("/console/sso", get(single_sign_on::set_out))
        .route("/console/sso/back", get(single_sign_on::arrive))
        .route("/console/sign-out", post(sign_in::out))
        .route("/console/account", get(account::show))
        .route("/console/account/password", post(account::change_password))
        .route("/console/account/second-factor", get(account::offer_second_factor).post(account::accept_second_factor))
        .route("/console/account/second-factor/off", post(account::drop_second_factor))
        .route("/console/account/sessions/end", post(account::end_sessions))
        .route("/console/users", get(users::list).post(users::add))
        .route("/console/users/{name}", get(users::show))
        .route("/console/users/{name}/role", post(users::set_role))
        .route("/console/users/{name}/switch", post(users::switch))
        .route("/console/users/{name}/reset", post(users::reset))
        .route("/console/users/{name}/remove", post(users::remove))
        .route("/console/notices", get(notices::list))
        .merge(tokens::routes())
        .route("/console/audit", get(audit::show))
        .route("/console/audit/export", get(audit::file))
        .route("/console/settings", get(settings::show).post(settings::try_change))
        .route("/console/settings/apply", post(settings::apply))
        .route("/console/settings/epoch", post(settings::epoch::advance))
}

/// Leads browsers in; there is nothing here for anybody else.
async fn front_door(headers: HeaderMap) -> Response {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepts.flat_map(|list| list.split(',')).any(|kind| kind.trim().starts_with("text/html")) {
        let mut response = Redirect::to("/console").into_response();
        page::dress(&mut response);
        return response;
    }
    Problem::no_such_path().into_response()
}
