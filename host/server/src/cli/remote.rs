//! Where remote commands go, and with what.

use std::{
    io::{IsTerminal as _, Read as _},
    path::PathBuf,
};

use zeroize::Zeroizing;

use super::CliError;
use crate::client::{Administrator, Connection};

/// More than any token has.
const MAX_TOKEN: u64 = 16 * 1024;

/// Options of every remote command.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Remote {
    /// The authority
    #[arg(long, env = "JETON_URL", default_value = "http://127.0.0.1:8123", value_name = "URL")]
    url: String,
    /// PEM certificate to trust instead of the public authorities: a private CA's, or a self-signed one
    #[arg(long, env = "JETON_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Send tokens over plain HTTP to another machine
    #[arg(long)]
    allow_plain_http: bool,
}

/// Options of a remote command that shows one object.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Options {
    /// JSON instead of a table
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

impl Remote {
    /// Connects, without credentials.
    pub(super) fn connection(&self) -> Result<Connection, CliError> {
        Ok(Connection::new(&self.url, self.ca_file.as_deref(), self.allow_plain_http)?)
    }

    /// Connects with the administrator's refresh token in `JETON_TOKEN`.
    pub(super) fn administrator(&self) -> Result<Administrator, CliError> {
        let connection = self.connection()?;
        let token = token_in_environment()?.ok_or_else(|| {
            CliError::Usage(
                "JETON_TOKEN is not set: it holds an administrator's refresh token, which `jeton bootstrap` makes on the authority's machine"
                    .to_owned(),
            )
        })?;
        check_shape(&token)?;
        Ok(Administrator::new(connection, &token)?)
    }
}

/// The refresh token in `JETON_TOKEN`, else on standard input.
pub(super) fn refresh_token() -> Result<Zeroizing<String>, CliError> {
    let token = match token_in_environment()? {
        Some(token) => token,
        None => token_on_stdin("a refresh token is expected in JETON_TOKEN or on standard input")?,
    };
    check_shape(&token)?;
    Ok(token)
}

/// A token on standard input.
pub(super) fn token_on_stdin(expected: &str) -> Result<Zeroizing<String>, CliError> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(CliError::Usage(expected.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    stdin
        .lock()
        .take(MAX_TOKEN)
        .read_to_string(&mut text)
        .map_err(|error| CliError::Failed(format!("cannot read standard input: {error}")))?;
    let token = Zeroizing::new(text.trim().to_owned());
    if token.is_empty() { Err(CliError::Usage(expected.to_owned())) } else { Ok(token) }
}

fn token_in_environment() -> Result<Option<Zeroizing<String>>, CliError> {
    match std::env::var("JETON_TOKEN") {
        Ok(token) if token.trim().is_empty() => Ok(None),
        Ok(token) => Ok(Some(Zeroizing::new(token.trim().to_owned()))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(CliError::Usage("JETON_TOKEN is not text".to_owned())),
    }
}

/// Whether it can be a refresh token at all: saves a journey, and names the likely mistake. It is never repeated.
fn check_shape(token: &str) -> Result<(), CliError> {
    let rest = token.strip_prefix(jeton_policy::refresh_token::PREFIX);
    let is_one = token.len() == jeton_policy::refresh_token::LENGTH
        && rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if is_one {
        return Ok(());
    }
    let hint = if token.matches('.').count() == 2 { " (it looks like an access token)" } else { "" };
    Err(CliError::Usage(format!("that is not a refresh token: one begins with `jtn_rt_` and has 79 characters{hint}")))
}
