//! `jeton bootstrap`: the first administrator's refresh token, on the authority's own machine.

use std::path::{Path, PathBuf};

use jeton_policy::{refresh_token::RefreshToken, scope};
use jeton_runtime::{Class, wit::types::Actor};
use serde_json::json;
use zeroize::Zeroizing;

use super::{CliError, output, stopped_store};
use crate::{
    api,
    config::{DEFAULT_DATA, ServeOptions},
    local_socket,
};

pub(super) const HELP: &str = "\
Example:
  export JETON_TOKEN=$(jeton bootstrap --name admin)

Whoever may open the data directory may do this, beside a running `jeton serve` or without one. No access token dies of it.
The token lives as long as the setting refresh_token_expiration says.";

#[derive(Debug, clap::Args)]
pub(super) struct Bootstrap {
    /// Data directory of the authority; made where there is none [default: ./jeton-data]
    #[arg(long, env = "JETON_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// What the token is for
    #[arg(long)]
    name: String,
    /// What it may do; repeat for more, or separate by spaces [default: jeton:admin]
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ' ')]
    scopes: Vec<String>,
    /// JSON, with the id beside the token
    #[arg(long)]
    json: bool,
    /// The TOML file that `jeton serve` is given: it may say where the data lie
    #[arg(long, env = "JETON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Bootstrap {
    pub(super) fn run(self) -> Result<(), CliError> {
        let file = super::options_of_file(self.config.as_deref())?;
        let options = ServeOptions { data: self.data, ..ServeOptions::default() }.or(file);
        let data = options.data.unwrap_or_else(|| DEFAULT_DATA.into());
        let scopes = if self.scopes.is_empty() { vec![scope::ADMIN.to_owned()] } else { self.scopes };
        let token = match local_socket::bootstrap_via(&data, &self.name, &scopes).map_err(failed)? {
            Some(token) => token,
            None => on_stopped_store(&data, &self.name, &scopes)?,
        };
        output::note(&format!(
            "The refresh token `{}` is shown once. Keep it as you would a password: export JETON_TOKEN=...",
            self.name
        ));
        // Its string cannot be had again.
        let written = if self.json {
            let id = RefreshToken::parse(&token).map(|token| token.id().to_string());
            output::json(&json!({ "token": token.as_str(), "id": id, "name": self.name, "scopes": scopes }))
        } else {
            output::line(&token)
        };
        written.map_err(|error| {
            CliError::Failed(format!("`{}` was made, but its string could not be written: {error}", self.name))
        })
    }
}

/// No server runs: the store is opened here. It needs no root key, and no epoch begins.
fn on_stopped_store(data: &Path, name: &str, scopes: &[String]) -> Result<Zeroizing<String>, CliError> {
    let request = local_socket::bootstrap_request(name, scopes);
    stopped_store::ask(data, None, |authority, _| {
        match authority.call_blocking(Class::Administration, move |call| call.issue(&Actor::Machine, &request)) {
            Ok(Ok(issued)) => Ok(Zeroizing::new(issued.secret.unwrap_or_default())),
            Ok(Err(refusal)) => Err(failed(api::sentence(refusal))),
            Err(error) => Err(failed(error)),
        }
    })
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}
