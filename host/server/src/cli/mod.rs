//! The command line. Data go to standard output, everything else to standard error.

mod bearer;
mod bootstrap;
mod epoch;
mod expiry;
mod output;
mod policy;
mod remote;
mod root_key;
mod settings;
mod token;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    client::ClientError,
    config::{FileOptions, ServeOptions},
};
use output::OutputError;

/// Why a command failed. Exit 2 for bad usage, 1 for everything else.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// The command cannot be meant so.
    #[error("{0}")]
    Usage(String),
    /// It was refused, or failed.
    #[error("{0}")]
    Failed(String),
    /// Whoever read our output has gone: that is no failure of ours.
    #[error("the reader of the output is gone")]
    ReaderGone,
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Usage(sentence) => Self::Usage(sentence),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<OutputError> for CliError {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::ReaderGone => Self::ReaderGone,
            OutputError::Failed(error) => Self::Failed(format!("cannot write the output: {error}")),
        }
    }
}

/// Jeton, the token authority: long-lived refresh tokens for scripts, short-lived access tokens that die when they should.
#[derive(Debug, Parser)]
#[command(name = "jeton", version, max_term_width = 100, after_help = EXAMPLES)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
A first session, with `jeton serve` running in another terminal:
  export JETON_TOKEN=$(jeton bootstrap --name admin)
  jeton token create --name \"nightly job\" --expires 90d
  jeton token list

Remote commands use JETON_URL (http://127.0.0.1:8123 unless set) and JETON_TOKEN, an administrator's refresh token.
Secrets are read from the environment or standard input, never from arguments.
Exit status: 0 done, 1 refused or failed, 2 bad usage.";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the authority
    Serve {
        /// Options from a TOML file, under the same names
        #[arg(long, env = "JETON_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        options: Box<ServeOptions>,
    },
    /// Make an administrator's refresh token on the authority's own machine
    Bootstrap(bootstrap::Bootstrap),
    /// Create, list, show and delete refresh tokens
    #[command(subcommand)]
    Token(token::Verb),
    /// Exchange the refresh token in JETON_TOKEN, or on standard input, for an access token
    Exchange(bearer::Exchange),
    /// Ask whether the access token on standard input is alive, and what it says
    Verify(bearer::Verify),
    /// Show the epoch, or advance it: every access token dies
    #[command(subcommand)]
    Epoch(epoch::Verb),
    /// Show or change the settings
    #[command(subcommand)]
    Settings(settings::Verb),
    /// Look at policy components, and export those that this binary carries
    #[command(subcommand)]
    Policy(policy::Verb),
    /// Draw a root key: 32 raw bytes on standard output
    RootKey,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command that the process was called with.
#[must_use]
pub fn main() -> ExitCode {
    match run(Command::parse().verb) {
        Ok(()) | Err(CliError::ReaderGone) => ExitCode::SUCCESS,
        Err(CliError::Usage(sentence)) => {
            eprintln!("jeton: {sentence}");
            ExitCode::from(2)
        }
        Err(CliError::Failed(sentence)) => {
            eprintln!("jeton: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Serve { config, options } => serve(config, *options),
        Verb::Bootstrap(command) => command.run(),
        Verb::Token(verb) => verb.run(),
        Verb::Exchange(command) => command.run(),
        Verb::Verify(command) => command.run(),
        Verb::Epoch(verb) => verb.run(),
        Verb::Settings(verb) => verb.run(),
        Verb::Policy(verb) => verb.run(),
        Verb::RootKey => root_key::run(),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Command::command(), "jeton", &mut script);
            Ok(output::bytes(&script)?)
        }
    }
}

fn serve(file: Option<PathBuf>, options: ServeOptions) -> Result<(), CliError> {
    let file = match file {
        Some(path) => FileOptions::read(&path).map_err(|error| CliError::Usage(error.to_string()))?,
        None => FileOptions::default(),
    };
    let config = options.or(file).resolve().map_err(|error| CliError::Usage(error.to_string()))?;
    crate::serve::run(&config).map_err(|error| {
        let sentence = error.to_string();
        if error.is_usage() { CliError::Usage(sentence) } else { CliError::Failed(sentence) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Command::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_secret() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                assert!(!["token", "secret", "password", "refresh_token"].contains(&name), "{} {name}", command.get_name());
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Command::command());
    }
}
