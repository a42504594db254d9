//! `jeton server`: what a server tells anybody about itself.

use http::StatusCode;

use super::{CliError, output, remote::Options};

const HELP: &str = "No token is needed.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Whether the process lives
    #[command(after_help = HELP)]
    Health(Options),
    /// Whether it can do its work: store, policy, live set and clock; exit 1 where it cannot
    #[command(after_help = HELP)]
    Ready(Options),
    /// Where its endpoints are (RFC 8414)
    #[command(after_help = HELP)]
    Metadata(Options),
    /// The public key of the epoch in force (RFC 7517)
    #[command(after_help = HELP)]
    Keys(Options),
    /// The live set: all that verifying needs
    #[command(after_help = HELP)]
    Live(Options),
    /// The document of its API (OpenAPI 3.1)
    #[command(after_help = HELP)]
    Document(Options),
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        let (options, path) = match self {
            Self::Health(options) => (options, "/healthz"),
            Self::Ready(options) => (options, "/readyz"),
            Self::Metadata(options) => (options, "/.well-known/oauth-authorization-server"),
            Self::Keys(options) => (options, "/.well-known/jwks.json"),
            Self::Live(options) => (options, "/v1/live"),
            Self::Document(options) => (options, "/openapi.json"),
        };
        let (status, body) = options.remote.connection()?.look(path)?;
        // What it says stands there whether it is well or not.
        output::object(&body, options.json)?;
        match status {
            StatusCode::OK => Ok(()),
            status => Err(CliError::Failed(format!("it answers with {status}"))),
        }
    }
}
