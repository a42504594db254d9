//! `jeton token`: refresh tokens, for administrators.

mod create;
mod delete;
mod list;

use http::Method;

use super::{CliError, output, remote::Remote};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a refresh token; it alone goes to standard output, once
    Create(create::Create),
    /// List refresh tokens, newest first
    List(list::List),
    /// Show one, dead or alive
    Show {
        /// Its id
        id: String,
        /// JSON instead of a table
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// End refresh tokens, and with each all access tokens and children that descend from it
    Delete(delete::Delete),
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(),
            Self::List(command) => command.run(),
            Self::Show { id, json, remote } => show(&id, json, &remote),
            Self::Delete(command) => command.run(),
        }
    }
}

fn show(id: &str, json: bool, remote: &Remote) -> Result<(), CliError> {
    check_id(id)?;
    let token = remote.administrator()?.call(Method::GET, &format!("/v1/refresh-tokens/{id}"), None)?;
    output::object(&token, json)?;
    Ok(())
}

/// An id goes into a path as it is, so it must be one.
fn check_id(id: &str) -> Result<(), CliError> {
    if id.starts_with(jeton_policy::refresh_token::PREFIX) {
        return Err(CliError::Usage("that is a refresh token itself; its id is the 22 characters after `jtn_rt_`".to_owned()));
    }
    if id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(CliError::Usage(format!("`{id}` is not an id: one has 22 letters and digits")))
}
