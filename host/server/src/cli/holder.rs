//! What one does with a token at hand: `jeton revoke` and `jeton introspect`.

use serde_json::json;

use super::{
    CliError, output,
    remote::{self, Options},
};

pub(super) const REVOKE_HELP: &str = "\
Example:
  jeton revoke < nightly.token

Whoever holds a token may end it (RFC 7009): nothing else is asked for. With a refresh token ends everything that descends from it. A token that
is unknown or dead already is no error.";

pub(super) const INTROSPECT_HELP: &str = "\
Example:
  jeton exchange | JETON_TOKEN=$(cat api.token) jeton introspect

It asks as an API does (RFC 7662), with an access token of JETON_TOKEN, or of `jeton login`: that needs the scope jeton:introspect or
jeton:admin. Exit status: 0 it is alive, 1 it is not.";

#[derive(Debug, clap::Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, clap::Args)]
pub(super) struct Introspect {
    #[command(flatten)]
    options: Options,
}

impl Revoke {
    pub(super) fn run(self) -> Result<(), CliError> {
        let connection = self.options.remote.connection()?;
        connection.revoke(&remote::token_on_stdin("a refresh or access token is expected on standard input")?)?;
        if self.options.json {
            return Ok(output::json(&json!({ "result": "revoked" }))?);
        }
        output::note("Nothing accepts it any more.");
        Ok(())
    }
}

impl Introspect {
    pub(super) fn run(self) -> Result<(), CliError> {
        let token = remote::token_on_stdin("an access token is expected on standard input")?;
        let answer = self.options.remote.administrator()?.introspect(&token)?;
        output::object(&answer, self.options.json)?;
        if answer.get("active") == Some(&json!(true)) {
            Ok(())
        } else {
            Err(CliError::Failed("it is not alive".to_owned()))
        }
    }
}
