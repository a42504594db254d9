//! What requests are read as, by themselves: bytes in, what is asked for or the refusal out.
//!
//! The handlers read with the same functions. Here they can be called without a server, by tools that want to know whether a
//! request would be understood, and by whoever tries to make them fail.

use http::Uri;
use jeton_runtime::wit::configuration::SettingsChange;
use jeton_runtime::wit::exchange::TokenExchangeRequest;
use jeton_runtime::wit::refresh_tokens::{Change, IssueRequest, Query};
use jeton_runtime::wit::transfer::ExportedToken;

use super::form::Form;
use super::json::Members;
use super::oauth_error::OAuthError;
use super::problem::Problem;
use super::{refresh_tokens, settings, time, transfer};

pub use super::time::TimeError;

/// The body of `POST /v1/refresh-tokens`.
///
/// # Errors
/// The problem that is answered.
pub fn new_refresh_token(body: &[u8]) -> Result<IssueRequest, Problem> {
    refresh_tokens::create::read(Members::parse(body)?).map(|(request, _)| request)
}

/// The body of `PATCH /v1/refresh-tokens/{id}`.
///
/// # Errors
/// The problem that is answered.
pub fn change(body: &[u8]) -> Result<Change, Problem> {
    refresh_tokens::edit::read(Members::parse(body)?).map(|(change, _)| change)
}

/// The query string of `GET /v1/refresh-tokens`.
///
/// # Errors
/// The problem that is answered.
pub fn list_query(uri: &Uri) -> Result<Query, Problem> {
    refresh_tokens::list::read(uri)
}

/// Whether the body of `POST /v1/refresh-tokens/delete` is understood.
///
/// # Errors
/// The problem that is answered.
pub fn deletions(body: &[u8]) -> Result<(), Problem> {
    refresh_tokens::delete_many::check(Members::parse(body)?)
}

/// The body of `PATCH /v1/settings`.
///
/// # Errors
/// The problem that is answered.
pub fn settings_change(body: &[u8]) -> Result<SettingsChange, Problem> {
    settings::read(Members::parse(body)?)
}

/// An item of `POST /v1/import`, which is a line of `jeton token export`. `None`: a member is missing, unknown, or not of its type.
#[must_use]
pub fn import_line(line: &[u8]) -> Option<ExportedToken> {
    transfer::read_line(line)
}

/// An item of `GET /v1/export`.
#[must_use]
pub fn export_line(token: ExportedToken) -> String {
    transfer::written_line(token)
}

/// The form of a token exchange (RFC 8693 section 2.1).
///
/// # Errors
/// The error that is answered.
pub fn token_exchange(form: &Form<'_>) -> Result<TokenExchangeRequest, OAuthError> {
    super::token_exchange::read(form)
}

/// A moment as requests write it: RFC 3339, as Unix seconds.
///
/// # Errors
/// [`TimeError`].
pub fn moment(text: &str) -> Result<u64, TimeError> {
    time::from_rfc3339(text)
}

/// A moment as answers write it.
#[must_use]
pub fn written_moment(seconds: u64) -> String {
    time::to_rfc3339(seconds)
}
