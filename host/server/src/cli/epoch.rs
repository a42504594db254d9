//! `jeton epoch`.

use http::Method;
use serde_json::json;

use super::{
    CliError, output,
    remote::{self, Options},
};
use crate::algorithm::Algorithm;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Its number, when it began and why, and its algorithm
    #[command(after_help = remote::HELP)]
    Show(Options),
    /// Begin a new one: every access token dies, refresh tokens live on
    #[command(after_help = remote::HELP)]
    Advance {
        /// What its tokens are signed with [default: as before]
        #[arg(long, value_enum, value_name = "ALG")]
        alg: Option<Algorithm>,
        #[command(flatten)]
        options: Options,
    },
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        let (options, method, path, body) = match self {
            Self::Show(options) => (options, Method::GET, "/v1/epoch", None),
            Self::Advance { alg, options } => {
                let body = alg.map(|alg| json!({ "alg": alg.name() }));
                (options, Method::POST, "/v1/epoch/advance", body)
            }
        };
        let epoch = options.remote.administrator()?.call(method, path, body.as_ref())?;
        Ok(output::object(&epoch, options.json)?)
    }
}
