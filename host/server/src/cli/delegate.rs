//! `jeton delegate`: a refresh token under the bearer's own (RFC 8693).

use serde_json::Value;

use super::{CliError, output, remote::Remote};

pub(super) const HELP: &str = "\
Examples:
  JETON_TOKEN=$(cat lead.token) jeton delegate --name reporter --scope reports > reporter.token
  jeton delegate --expires-in 2592000 < lead.token

The new refresh token descends from yours: it can do no more than yours, and dies with it. Yours must be one that may delegate
(`jeton token create --may-delegate`). Where JETON_TOKEN is set, standard input is not read.";

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[derive(Debug, clap::Args)]
pub(super) struct Delegate {
    /// Its name [default: that of yours]
    #[arg(long)]
    name: Option<String>,
    /// Give it this scope alone; repeat for more, or separate by spaces [default: all of yours but the `jeton:` ones]
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ' ')]
    scopes: Vec<String>,
    /// Seconds until it expires [default: as the settings say, and no later than yours]
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u64>,
    /// Whom its access tokens shall be for (RFC 8707)
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// The whole answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Delegate {
    pub(super) fn run(self) -> Result<(), CliError> {
        let (connection, token) = self.remote.bearer()?;
        let scope = (!self.scopes.is_empty()).then(|| self.scopes.join(" "));
        let seconds = self.expires_in.map(|seconds| seconds.to_string());
        let form = [
            ("grant_type", Some(GRANT)),
            ("subject_token", Some(token.as_str())),
            ("subject_token_type", Some(REFRESH_TOKEN)),
            ("requested_token_type", Some(REFRESH_TOKEN)),
            ("name", self.name.as_deref()),
            ("scope", scope.as_deref()),
            ("expires_in", seconds.as_deref()),
            ("resource", self.resource.as_deref()),
        ];
        let answer = connection.token(&form)?;
        if self.json {
            return Ok(output::json(&answer)?);
        }
        if let Some(successor) = answer.get("refresh_token").and_then(Value::as_str) {
            output::note(
                "Each use replaces your own refresh token: the second line is the one that takes its place. Keep it.",
            );
            output::line(answer.get("access_token").and_then(Value::as_str).unwrap_or_default())?;
            return Ok(output::line(successor)?);
        }
        match answer.get("access_token").and_then(Value::as_str) {
            Some(token) => Ok(output::line(token)?),
            None => Err(CliError::Failed("there is no token in the answer".to_owned())),
        }
    }
}

/// The form that asks for a narrower access token than the one presented.
pub(super) fn narrowing<'a>(
    access_token: &'a str,
    scope: Option<&'a str>,
    resource: Option<&'a str>,
) -> [(&'static str, Option<&'a str>); 5] {
    [
        ("grant_type", Some(GRANT)),
        ("subject_token", Some(access_token)),
        ("subject_token_type", Some(ACCESS_TOKEN)),
        ("scope", scope),
        ("resource", resource),
    ]
}
