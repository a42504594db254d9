//! Where remote commands go, and with what.

use std::{
    io::{IsTerminal as _, Read as _},
    path::PathBuf,
};

use clap::builder::BoolishValueParser;
use zeroize::Zeroizing;

use super::{CliError, output, secrets};
use crate::client::{Administrator, Connection};

/// More than any token has.
const MAX_TOKEN: u64 = 16 * 1024;

/// What the help of every command for administrators ends with.
pub(super) const HELP: &str = "JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine.";

/// What a use means for a refresh token that each use replaces, and how its successor is kept.
pub(super) const SPENT: &str = "is replaced by each use, and this use has spent it. Its successor is the `refresh_token` that `jeton exchange --json` shows: run that with the same token within 30 s, and keep what it shows. Later, the spent one ends the whole token.";

/// Options of every remote command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Where the authority is")]
pub(super) struct Remote {
    /// Its URL
    #[arg(long, env = "JETON_URL", default_value = "http://127.0.0.1:8123", value_name = "URL")]
    url: String,
    /// PEM certificates to trust instead of the public authorities: a private CA's, or a self-signed one
    #[arg(long, env = "JETON_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Send tokens over plain HTTP to another machine
    #[arg(
        long,
        env = "JETON_ALLOW_PLAIN_HTTP",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        value_name = "BOOL",
        value_parser = BoolishValueParser::new()
    )]
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
        let administrator = Administrator::new(connection, &token)?;
        if administrator.has_spent_its_token() {
            output::note(&format!("The refresh token in JETON_TOKEN {SPENT}"));
        }
        Ok(administrator)
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
    let mut bytes = Zeroizing::new(Vec::new());
    stdin
        .lock()
        .take(MAX_TOKEN)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::Failed(format!("cannot read standard input: {error}")))?;
    one_token(&bytes, expected)
}

fn one_token(bytes: &[u8], expected: &str) -> Result<Zeroizing<String>, CliError> {
    let token = bytes.trim_ascii();
    if token.is_empty() {
        return Err(CliError::Usage(expected.to_owned()));
    }
    let text = std::str::from_utf8(token).ok().filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    match text {
        Some(token) => Ok(Zeroizing::new(token.to_owned())),
        None => Err(CliError::Usage(format!("{expected}, and nothing else beside it"))),
    }
}

fn token_in_environment() -> Result<Option<Zeroizing<String>>, CliError> {
    match std::env::var("JETON_TOKEN").map(Zeroizing::new) {
        Ok(token) if token.trim().is_empty() => Ok(None),
        Ok(token) => Ok(Some(Zeroizing::new(token.trim().to_owned()))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(CliError::Usage("JETON_TOKEN is not text".to_owned())),
    }
}

/// Whether it can be a refresh token at all: saves a journey, and names the likely mistake. It is never repeated.
fn check_shape(token: &str) -> Result<(), CliError> {
    if secrets::is_refresh_token(token) {
        return Ok(());
    }
    let hint = if token.matches('.').count() == 2 { " (it looks like an access token)" } else { "" };
    Err(CliError::Usage(format!("that is not a refresh token: one begins with `jtn_rt_` and has 79 characters{hint}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn standard_input_holds_one_token_and_white_space_around_it() {
        assert_eq!(one_token(b" abc.def\r\n\n", "one").unwrap().as_str(), "abc.def");
        for bad in [&b""[..], b" \n", b"a b", b"a\nb", b"a\0", "\u{e4}".as_bytes(), b"\xff"] {
            let refusal = one_token(bad, "a token is expected").unwrap_err();
            assert!(
                matches!(&refusal, CliError::Usage(sentence) if sentence.starts_with("a token is expected")),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn what_is_no_refresh_token_is_refused_without_being_repeated() {
        assert!(check_shape(&format!("jtn_rt_{}", "a".repeat(72))).is_ok());
        for (bad, hint) in [("hunter2", "79 characters"), ("eyJhunter2.hunter2.hunter2", "looks like an access token")]
        {
            let refusal = check_shape(bad).unwrap_err().to_string();
            assert!(refusal.contains(hint) && !refusal.contains("hunter2"), "{refusal}");
        }
    }
}
