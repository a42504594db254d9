//! `jeton clock`: the machine's clock, and what to do when it stood wrong.

use std::path::{Path, PathBuf};

use jeton_runtime::{Class, RootKey, wit::upkeep::UpkeepRefusal};

use serde_json::json;

use super::{CliError, output, stopped_store};
use crate::{
    api::time::to_rfc3339,
    config::{DEFAULT_DATA, ServeOptions},
    local_socket::{self, ClockAccepted},
    root_key_file,
};

const HELP: &str = "\
When the machine's clock went back by more than 10 seconds, nothing is minted until it has caught up: most often the clock is wrong
now, and setting it right is all that is needed. If it was wrong before, this command says so.

Nothing is revived: the epoch advances, so every access token dies, and refresh tokens that had expired by the wrong clock are
ended with the reason `clock-accepted`, unless --keep spares them.

It works beside a running `jeton serve`, or without one.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Go by the machine's clock although a later time was reached; every access token dies
    #[command(after_help = HELP)]
    Accept(Accept),
}

#[derive(Debug, clap::Args)]
pub(super) struct Accept {
    /// Spare the refresh tokens that had expired by the wrong clock
    #[arg(long)]
    keep: bool,
    /// JSON instead of a sentence
    #[arg(long)]
    json: bool,
    /// Data directory of the authority [default: ./jeton-data]
    #[arg(long, env = "JETON_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The root key that `jeton serve --boot resume` is given; a running server has its own
    #[arg(long, env = "JETON_ROOT_KEY_FILE", value_name = "FILE")]
    root_key_file: Option<PathBuf>,
    /// The TOML file that `jeton serve` is given: it may say where data and root key lie
    #[arg(long, env = "JETON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Accept(command) => command.run(),
        }
    }
}

impl Accept {
    fn run(self) -> Result<(), CliError> {
        let file = super::options_of_file(self.config.as_deref())?;
        let given = ServeOptions { data: self.data, root_key_file: self.root_key_file, ..ServeOptions::default() };
        let options = given.or(file);
        let data = options.data.unwrap_or_else(|| DEFAULT_DATA.into());
        if !data.exists() {
            return Err(CliError::Usage(format!("there is no data directory `{}`", data.display())));
        }
        let accepted = match local_socket::accept_clock_via(&data, self.keep).map_err(failed)? {
            Some(accepted) => accepted,
            None => on_stopped_store(&data, options.root_key_file.as_deref(), self.keep)?,
        };
        if self.json {
            return Ok(output::json(&json!({ "time": to_rfc3339(accepted.time), "ended": accepted.ended }))?);
        }
        output::note(&format!(
            "The clock is accepted: it is {}. By the wrong one, {} had expired, and ended now.",
            to_rfc3339(accepted.time),
            output::refresh_tokens(accepted.ended)
        ));
        Ok(())
    }
}

fn on_stopped_store(data: &Path, root_key_file: Option<&Path>, keep: bool) -> Result<ClockAccepted, CliError> {
    let root_key = match root_key_file {
        Some(path) => root_key_file::read(path).map_err(failed)?,
        None => {
            output::note("No root key is given: `jeton serve --boot resume` will not go on with the new epoch.");
            RootKey::draw().map_err(failed)?
        }
    };
    stopped_store::ask(data, Some(root_key), |authority, _| {
        let mut ended = 0_u64;
        loop {
            let step = authority.call_blocking(Class::Administration, move |call| call.accept_clock(keep));
            match step.map_err(failed)? {
                Ok(accepted) => {
                    ended = ended.saturating_add(u64::from(accepted.ended));
                    if !accepted.more {
                        return Ok(ClockAccepted { time: accepted.time, ended });
                    }
                }
                Err(UpkeepRefusal::Unavailable) => return Err(failed("the store is unavailable")),
            }
        }
    })
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}
