//! `jeton epoch`.

use http::Method;

use super::{
    CliError, output,
    remote::{self, Options},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Its number, when it began and why
    #[command(after_help = remote::HELP)]
    Show(Options),
    /// Begin a new one: every access token dies, refresh tokens live on
    #[command(after_help = remote::HELP)]
    Advance(Options),
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        let (options, method, path) = match self {
            Self::Show(options) => (options, Method::GET, "/v1/epoch"),
            Self::Advance(options) => (options, Method::POST, "/v1/epoch/advance"),
        };
        let epoch = options.remote.administrator()?.call(method, path, None)?;
        Ok(output::object(&epoch, options.json)?)
    }
}
