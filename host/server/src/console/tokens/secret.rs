//! A token's string, shown once, with scripts that use it and do not have it in them.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use jeton_runtime::wit::refresh_tokens::Issued;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    super::page::{Frame, Page, Visit, shown as secret_shown},
    Moment,
};
use crate::app::App;

/// Scripts as people take them along. What stands for this server's address is put in.
const PYTHON: &str = include_str!("../../../assets/scripts/exchange.py");
const POWERSHELL: &str = include_str!("../../../assets/scripts/exchange.ps1");
/// What stands in a script for the address of this server, as a whole string of that language.
const ADDRESS: &str = "'@JETON_URL@'";

#[derive(Serialize)]
struct Shown {
    frame: Frame,
    id: String,
    name: String,
    expires: Option<Moment>,
    superseded: Option<Moment>,
    rotates_on_use: bool,
    scripts: Scripts,
    /// Nothing where a form was sent a second time: the first answer showed it.
    #[serde(serialize_with = "secret_shown")]
    secret: Zeroizing<String>,
}

impl Page for Shown {
    const TEMPLATE: &'static str = "console/token_shown.html";
}

/// What gets an access token and calls an API with it.
#[derive(Serialize)]
pub(super) struct Scripts {
    python: String,
    powershell: String,
}

impl Scripts {
    /// For the authority at this address.
    pub(super) fn of(issuer: &str) -> Self {
        let base = issuer.trim_end_matches('/');
        // Both languages double or escape what would end a string; an issuer has neither backslash nor control character that matters,
        // but whoever chose it may have put a quote into it.
        let python = format!("'{}'", base.replace('\\', "\\\\").replace('\'', "\\'"));
        let powershell = format!("'{}'", base.replace('\'', "''"));
        Self { python: PYTHON.replace(ADDRESS, &python), powershell: POWERSHELL.replace(ADDRESS, &powershell) }
    }
}

/// The page that shows the string of a token that was made, or given another one.
pub(super) fn shown(app: &Arc<App>, visit: Visit, title: &'static str, issued: Issued) -> Response {
    let Issued { secret, token } = issued;
    let scripts = Scripts::of(&app.issuer);
    visit.page(StatusCode::OK, title, |frame| Shown {
        frame,
        id: token.id,
        name: token.name,
        expires: token.expires_at.map(Moment::of),
        superseded: token.superseded_until.map(Moment::of),
        rotates_on_use: token.rotates_on_use,
        scripts,
        secret: Zeroizing::new(secret.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_name_this_server_and_cannot_be_broken_out_of() {
        let scripts = Scripts::of("https://tokens.example:8124/");
        assert!(scripts.python.contains("BASE_URL = 'https://tokens.example:8124'\n"));
        assert!(scripts.powershell.contains("$BaseUrl = 'https://tokens.example:8124'\n"));
        let odd = Scripts::of("https://a.example/'+x\\'");
        assert!(odd.python.contains(r"'https://a.example/\'+x\\\''"));
        assert!(odd.powershell.contains(r"'https://a.example/''+x\'''"));
    }
}
