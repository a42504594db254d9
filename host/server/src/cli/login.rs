//! `jeton login` and `jeton logout`: one refresh token for all commands of a terminal, kept in a file.

use std::io::IsTerminal as _;

use ::console::Term;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    CliError, output,
    remote::{self, Remote},
    session::{self, Session, SessionError},
};

pub(super) const LOGIN_HELP: &str = "\
Examples:
  jeton login --url https://tokens.example
  jeton bootstrap --name admin | jeton login

It asks for the refresh token of an administrator, without showing what is typed; from a pipe it reads it. The token is tried, and kept
with the URL in jeton/session.json in your folder of configuration (XDG_CONFIG_HOME, else ~/.config), which nobody but you can read (0600).
Other commands use it where JETON_TOKEN is not set. People's names and passwords are for the console.";

pub(super) const LOGOUT_HELP: &str = "\
Examples:
  jeton logout
  jeton logout --revoke

The file is removed, and the refresh token lives on, for whoever else has it: with --revoke it ends as well, and with it everything that
descends from it.";

#[derive(Debug, clap::Args)]
pub(super) struct Login {
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, clap::Args)]
pub(super) struct Logout {
    /// End the refresh token as well, and everything that descends from it
    #[arg(long)]
    revoke: bool,
}

impl From<SessionError> for CliError {
    fn from(error: SessionError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl Login {
    pub(super) fn run(self) -> Result<(), CliError> {
        let place = session::place()?;
        // Before anything is asked, so that a bad URL is told of first.
        let connection = self.remote.connection_alone()?;
        let token = if std::io::stdin().is_terminal() {
            typed(self.remote.url_alone())?
        } else {
            remote::token_on_stdin("a refresh token is expected on standard input")?
        };
        remote::check_shape(&token)?;
        let answer = connection.exchange(&token, None, None)?;
        if let Some(successor) = answer.get("refresh_token").and_then(Value::as_str) {
            // It cannot be had again.
            output::line(successor)?;
            return Err(CliError::Failed(
                "this refresh token is replaced by each use, so it cannot be kept for commands. Its successor is on standard output: keep that instead"
                    .to_owned(),
            ));
        }
        self.remote.session(&token).keep(&place)?;
        let scope = answer.get("scope").and_then(Value::as_str).unwrap_or_default();
        let scope = if scope.is_empty() { "it has no scopes".to_owned() } else { format!("it is good for {scope}") };
        output::note(&format!("Logged in at {}; {scope}. Kept in `{}`.", self.remote.url_alone(), place.display()));
        Ok(())
    }
}

impl Logout {
    pub(super) fn run(self) -> Result<(), CliError> {
        let place = session::place()?;
        if self.revoke
            && let Some(session) = Session::kept()?
        {
            remote::connection_of_session(&session)?.revoke(session.refresh_token())?;
            output::note("Its refresh token has ended.");
        }
        let was_there = session::forget(&place)?;
        output::note(if was_there { "Logged out." } else { "Nobody was logged in." });
        Ok(())
    }
}

/// What is typed at the terminal, and not shown there.
fn typed(url: &str) -> Result<Zeroizing<String>, CliError> {
    let failed = |error| CliError::Failed(format!("cannot read from the terminal: {error}"));
    let terminal = Term::stderr();
    terminal.write_str(&format!("Refresh token for {url}: ")).map_err(failed)?;
    let typed = Zeroizing::new(terminal.read_secure_line().map_err(failed)?);
    Ok(Zeroizing::new(typed.trim().to_owned()))
}
