//! Where remote commands go, and with what.

use std::{
    io::{IsTerminal as _, Read as _},
    path::PathBuf,
};

use clap::builder::BoolishValueParser;
use zeroize::Zeroizing;

use super::{CliError, output, secrets, session::Session};
use crate::client::{Administrator, Connection};

/// More than any token has.
const MAX_TOKEN: u64 = 16 * 1024;

/// What the help of every command for administrators ends with.
pub(super) const HELP: &str = "JETON_TOKEN holds the refresh token of an administrator, which `jeton bootstrap` makes on the authority's machine. Where it is not set, that of `jeton login` is used.";

/// What a use means for a refresh token that each use replaces, and how its successor is kept.
pub(super) const SPENT: &str = "is replaced by each use, and this use has spent it. Its successor is the `refresh_token` that `jeton exchange --json` shows: run that with the same token within 30 s, and keep what it shows. Later, the spent one ends the whole token.";

/// Options of every remote command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Where the authority is")]
pub(super) struct Remote {
    /// Its URL [default: that of `jeton login`, else http://127.0.0.1:8123]
    #[arg(long, env = "JETON_URL", value_name = "URL")]
    url: Option<String>,
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

/// Where the authority is that runs on this machine and was told nothing else.
const DEFAULT_URL: &str = "http://127.0.0.1:8123";

impl Remote {
    /// Connects, without credentials.
    pub(super) fn connection(&self) -> Result<Connection, CliError> {
        match &self.url {
            Some(url) => self.connection_to(url, None),
            None => self.connection_of(Session::kept()?.as_ref()),
        }
    }

    /// Connects to where no session leads.
    pub(super) fn connection_alone(&self) -> Result<Connection, CliError> {
        self.connection_to(self.url_alone(), None)
    }

    /// Its URL, where no session counts.
    pub(super) fn url_alone(&self) -> &str {
        self.url.as_deref().unwrap_or(DEFAULT_URL)
    }

    /// What is to be kept of it, with a refresh token.
    pub(super) fn session(&self, refresh_token: &str) -> Session {
        Session::new(self.url_alone(), self.ca_file.as_deref(), self.allow_plain_http, refresh_token)
    }

    /// Connects with the administrator's refresh token: that in `JETON_TOKEN`, else that of `jeton login`.
    pub(super) fn administrator(&self) -> Result<Administrator, CliError> {
        let Some(token) = token_in_environment()? else {
            let session = self.session_for_this()?.ok_or_else(|| {
                CliError::Usage(
                    "JETON_TOKEN is not set, and nobody has logged in: it holds an administrator's refresh token, which `jeton bootstrap` makes on the authority's machine; `jeton login` keeps one"
                        .to_owned(),
                )
            })?;
            return Ok(Administrator::new(self.connection_of(Some(&session))?, session.refresh_token())?);
        };
        check_shape(&token)?;
        let administrator = Administrator::new(self.connection()?, &token)?;
        if administrator.has_spent_its_token() {
            output::note(&format!("The refresh token in JETON_TOKEN {SPENT}"));
        }
        Ok(administrator)
    }

    /// A connection, and the refresh token in `JETON_TOKEN`, else on standard input, else that of `jeton login`.
    pub(super) fn bearer(&self) -> Result<(Connection, Zeroizing<String>), CliError> {
        let token = match token_in_environment()? {
            Some(token) => token,
            None if std::io::stdin().is_terminal()
                && let Some(session) = self.session_for_this()? =>
            {
                return Ok((self.connection_of(Some(&session))?, Zeroizing::new(session.refresh_token().to_owned())));
            }
            None => token_on_stdin("a refresh token is expected in JETON_TOKEN or on standard input")?,
        };
        check_shape(&token)?;
        Ok((self.connection()?, token))
    }

    /// The session, which is for one authority: its token is sent to no other.
    fn session_for_this(&self) -> Result<Option<Session>, CliError> {
        let session = Session::kept()?;
        match (&session, &self.url) {
            (Some(session), Some(url)) if session.url.trim_end_matches('/') != url.trim_end_matches('/') => {
                Err(CliError::Usage(format!(
                    "you are logged in at {}, and this is for {url}: give its refresh token in JETON_TOKEN, or log in there",
                    session.url
                )))
            }
            _ => Ok(session),
        }
    }

    /// Connects to where the session leads, unless it is said otherwise.
    fn connection_of(&self, session: Option<&Session>) -> Result<Connection, CliError> {
        self.connection_to(session.map_or(DEFAULT_URL, |session| &session.url), session)
    }

    fn connection_to(&self, url: &str, session: Option<&Session>) -> Result<Connection, CliError> {
        let kept = session.and_then(|session| session.ca_file.as_deref());
        let allow_plain_http = self.allow_plain_http || session.is_some_and(|session| session.allow_plain_http);
        Ok(Connection::new(url, self.ca_file.as_deref().or(kept), allow_plain_http)?)
    }
}

/// Connects to where a session leads.
pub(super) fn connection_of_session(session: &Session) -> Result<Connection, CliError> {
    Ok(Connection::new(&session.url, session.ca_file.as_deref(), session.allow_plain_http)?)
}

/// A token on standard input, which is no terminal.
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
pub(super) fn check_shape(token: &str) -> Result<(), CliError> {
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
