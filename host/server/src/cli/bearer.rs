//! What a script does with its own token: `jeton exchange` and `jeton verify`.

use http::Method;
use serde_json::Value;

use super::{
    CliError, delegate, output,
    remote::{self, Remote},
};

pub(super) const EXCHANGE_HELP: &str = "\
Examples:
  ACCESS=$(JETON_TOKEN=$(cat nightly.token) jeton exchange)
  jeton exchange --scope reports:read < nightly.token
  printf %s $ACCESS | jeton exchange --from-access-token --scope reports:read
  jeton exchange --resource https://reports.example < nightly.token

Where JETON_TOKEN is set, standard input is not read. At a terminal, without it, the refresh token of `jeton login` is used.";

pub(super) const VERIFY_HELP: &str = "\
Example:
  jeton exchange | jeton verify";

#[derive(Debug, clap::Args)]
pub(super) struct Exchange {
    /// Ask for this scope alone; repeat for more, or separate by spaces [default: all that the refresh token has]
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ' ')]
    scopes: Vec<String>,
    /// Ask for an access token for this resource alone (RFC 8707) [default: the first audience of the refresh token]
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// What is shown is an access token, on standard input; a narrower one is given, which dies with it (RFC 8693)
    #[arg(long)]
    from_access_token: bool,
    /// The whole answer as JSON; where each use replaces the refresh token, with the new one
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Exchange {
    pub(super) fn run(self) -> Result<(), CliError> {
        let scope = (!self.scopes.is_empty()).then(|| self.scopes.join(" "));
        let (scope, resource) = (scope.as_deref(), self.resource.as_deref());
        let answer = if self.from_access_token {
            let connection = self.remote.connection()?;
            let token = remote::token_on_stdin("an access token is expected on standard input")?;
            connection.token(&delegate::narrowing(&token, scope, resource))?
        } else {
            let (connection, token) = self.remote.bearer()?;
            connection.exchange(&token, scope, resource)?
        };
        if self.json {
            return Ok(output::json(&answer)?);
        }
        if answer.get("refresh_token").is_some() {
            output::note(&format!("This refresh token {}", remote::SPENT));
        }
        match answer.get("access_token").and_then(Value::as_str) {
            Some(token) => Ok(output::line(token)?),
            None => Err(CliError::Failed("there is no access token in the answer".to_owned())),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    remote: Remote,
}

impl Verify {
    pub(super) fn run(self) -> Result<(), CliError> {
        let token = remote::token_on_stdin("an access token is expected on standard input")?;
        if token.starts_with(jeton_policy::refresh_token::PREFIX) {
            return Err(CliError::Usage(
                "that is a refresh token; `jeton exchange` makes an access token of it".to_owned(),
            ));
        }
        let claims = self.remote.connection()?.call(&token, Method::GET, "/v1/self", None)?;
        Ok(output::json(&claims)?)
    }
}
