//! `jeton token`: refresh tokens, for administrators.

mod create;
mod delete;
mod list;
mod many;
mod revoke_access;

use http::Method;
use jeton_policy::refresh_token;

use super::{
    CliError, output,
    remote::{self, Options},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a refresh token; it alone goes to standard output, once
    #[command(after_help = create::HELP)]
    Create(create::Create),
    /// List refresh tokens, newest first; by name where --name is given
    #[command(after_help = remote::HELP)]
    List(list::List),
    /// Show one, dead or alive
    #[command(after_help = remote::HELP)]
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        options: Options,
    },
    /// End refresh tokens, and with each all access tokens and children that descend from it
    #[command(after_help = delete::HELP)]
    Delete(delete::Delete),
    /// End one access token, by its `jti`
    #[command(after_help = remote::HELP)]
    RevokeAccess(revoke_access::RevokeAccess),
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(),
            Self::List(command) => command.run(),
            Self::Show { id, options } => show(&id, &options),
            Self::Delete(command) => command.run(),
            Self::RevokeAccess(command) => command.run(),
        }
    }
}

fn show(id: &str, options: &Options) -> Result<(), CliError> {
    check_id(id)?;
    let token = options.remote.administrator()?.call(Method::GET, &format!("/v1/refresh-tokens/{id}"), None)?;
    Ok(output::object(&token, options.json)?)
}

/// Characters of an id.
const ID_LENGTH: usize = 22;

/// An id goes into a path as it is, so it must be one. What is longer than one may be a secret, and is not repeated.
fn check_id(id: &str) -> Result<(), CliError> {
    if id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(CliError::Usage(if id.starts_with(refresh_token::PREFIX) {
        "that is a refresh token itself; its id is the 22 characters after `jtn_rt_`".to_owned()
    } else if id.len() > ID_LENGTH {
        "that is not an id: one has 22 letters and digits".to_owned()
    } else {
        format!("`{id}` is not an id: one has 22 letters and digits")
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn an_id_is_22_letters_and_digits_and_what_may_be_a_secret_is_not_repeated() {
        assert!(check_id("7lpW51ZSEDuhUKTqgdJrVL").is_ok());
        assert!(check_id("abc/../x").unwrap_err().to_string().contains("`abc/../x`"));
        let secret = format!("jtn_rt_{}", "s".repeat(72));
        for bad in [secret.as_str(), &secret[7..], "eyJsssssssssssssss.sssss.sssss"] {
            let refusal = check_id(bad).unwrap_err().to_string();
            assert!(!refusal.contains("sssss") && refusal.contains("22"), "{refusal}");
        }
    }
}
