//! The command line. Data go to standard output, everything else to standard error.

mod audit;
mod backup;
mod bearer;
mod bootstrap;
mod check;
mod clock;
mod delegate;
mod epoch;
mod expiry;
mod explain;
mod holder;
mod login;
mod man;
mod notices;
mod output;
mod policy;
mod progress;
mod remote;
mod restore;
mod root_key;
mod secrets;
mod server;
mod session;
mod settings;
mod stopped_store;
mod token;
mod user;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{
    CommandFactory as _, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

use crate::{
    client::ClientError,
    config::{self, FileOptions, ServeOptions},
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

Remote commands use JETON_URL (http://127.0.0.1:8123 unless set) and JETON_TOKEN, an administrator's refresh token; where they are not
set, those of `jeton login`.
Secrets are read from the environment or standard input, never from arguments.
Exit status: 0 done, 1 refused or failed, 2 bad usage.";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the authority
    #[command(after_help = config::HELP)]
    Serve {
        /// Options from a TOML file, under the same names
        #[arg(long, env = "JETON_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        options: Box<ServeOptions>,
    },
    /// Make an administrator's refresh token on the authority's own machine; it alone goes to standard output
    #[command(after_help = bootstrap::HELP)]
    Bootstrap(bootstrap::Bootstrap),
    /// Keep an administrator's refresh token for the commands that come after
    #[command(after_help = login::LOGIN_HELP)]
    Login(login::Login),
    /// Forget the refresh token that `jeton login` keeps
    #[command(after_help = login::LOGOUT_HELP)]
    Logout(login::Logout),
    /// Create, list, show, change, rotate and delete refresh tokens
    #[command(subcommand)]
    Token(token::Verb),
    /// Exchange the refresh token in JETON_TOKEN, or on standard input, for an access token, which alone goes to standard output
    #[command(after_help = bearer::EXCHANGE_HELP)]
    Exchange(bearer::Exchange),
    /// Issue a refresh token under the one in JETON_TOKEN, or on standard input; it alone goes to standard output
    #[command(after_help = delegate::HELP)]
    Delegate(delegate::Delegate),
    /// Ask whether the access token on standard input is alive: its claims, or the refusal and exit 1
    #[command(after_help = bearer::VERIFY_HELP)]
    Verify(bearer::Verify),
    /// Ask as an API does what the access token on standard input is; exit 1 where it is not alive
    #[command(after_help = holder::INTROSPECT_HELP)]
    Introspect(holder::Introspect),
    /// End the refresh or access token on standard input, as its holder
    #[command(after_help = holder::REVOKE_HELP)]
    Revoke(holder::Revoke),
    /// Ask a server about itself: whether it is well, its endpoints, keys, live set and API document
    #[command(subcommand)]
    Server(server::Verb),
    /// Say why a token is dead or alive
    #[command(after_help = explain::HELP)]
    Explain(explain::Explain),
    /// Go by the machine's clock after it stood wrong
    #[command(subcommand)]
    Clock(clock::Verb),
    /// Show the epoch, or advance it: every access token dies
    #[command(subcommand)]
    Epoch(epoch::Verb),
    /// Show or change the settings
    #[command(subcommand)]
    Settings(settings::Verb),
    /// Show, export and verify the audit log: who did what
    #[command(subcommand)]
    Audit(audit::Verb),
    /// What somebody should know before it hurts: tokens about to expire, never used, reused; the clock; backups
    #[command(subcommand)]
    Notices(notices::Verb),
    /// Copy the store into a file, beside a running server or without one
    #[command(after_help = backup::HELP)]
    Backup(backup::Backup),
    /// Make a store out of a backup
    #[command(after_help = restore::HELP)]
    Restore(restore::Restore),
    /// Say whether the store, or a backup, is whole
    #[command(after_help = check::HELP)]
    Check(check::Check),
    /// Look at policy components, export those that this binary carries, and load your own
    #[command(subcommand)]
    Policy(policy::Verb),
    /// Make, list, disable, reset and remove accounts of people, on the authority's own machine
    #[command(subcommand)]
    User(user::Verb),
    /// Draw a root key: 32 raw bytes on standard output
    #[command(after_help = root_key::HELP)]
    RootKey,
    /// Write a manual page for each command
    #[command(after_help = man::HELP)]
    Man {
        /// The folder to write them to
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command that the process was called with.
#[must_use]
pub fn main() -> ExitCode {
    // Before anything that would repeat them.
    if secrets::among(std::env::args_os().skip(1)) {
        return ended(Err(CliError::Usage(secrets::REFUSAL.to_owned())));
    }
    match Command::try_parse() {
        Ok(command) => ended(run(command.verb)),
        Err(error) => {
            // Nobody listens: nothing to do about it.
            let _ = error.print();
            if let Some(variable) = variable_at_fault(&error) {
                output::note(&format!("The value comes from the environment variable {variable}."));
            }
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

fn ended(outcome: Result<(), CliError>) -> ExitCode {
    let (sentence, code) = match outcome {
        Ok(()) | Err(CliError::ReaderGone) => return ExitCode::SUCCESS,
        Err(CliError::Usage(sentence)) => (sentence, ExitCode::from(2)),
        Err(CliError::Failed(sentence)) => (sentence, ExitCode::FAILURE),
    };
    output::note(&format!("jeton: {sentence}"));
    code
}

/// The environment variable behind a value that is refused, where no flag gave it.
fn variable_at_fault(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = argument.split([' ', '=', '[']).next().filter(|flag| flag.starts_with("--"))?;
    let variable = format!("JETON_{}", flag.trim_start_matches('-').to_uppercase().replace('-', "_"));
    let given = std::env::args().any(|argument| argument.split('=').next() == Some(flag));
    (!given && std::env::var_os(&variable).is_some()).then_some(variable)
}

fn run(verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Serve { config, options } => serve(config.as_deref(), *options),
        Verb::Bootstrap(command) => command.run(),
        Verb::Login(command) => command.run(),
        Verb::Logout(command) => command.run(),
        Verb::Token(verb) => verb.run(),
        Verb::Exchange(command) => command.run(),
        Verb::Delegate(command) => command.run(),
        Verb::Verify(command) => command.run(),
        Verb::Introspect(command) => command.run(),
        Verb::Revoke(command) => command.run(),
        Verb::Server(verb) => verb.run(),
        Verb::Explain(command) => command.run(),
        Verb::Clock(verb) => verb.run(),
        Verb::Epoch(verb) => verb.run(),
        Verb::Settings(verb) => verb.run(),
        Verb::Audit(verb) => verb.run(),
        Verb::Notices(verb) => verb.run(),
        Verb::Backup(command) => command.run(),
        Verb::Restore(command) => command.run(),
        Verb::Check(command) => command.run(),
        Verb::Policy(verb) => verb.run(),
        Verb::User(verb) => verb.run(),
        Verb::RootKey => root_key::run(),
        Verb::Man { folder } => man::run(&folder),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Command::command(), "jeton", &mut script);
            Ok(output::bytes(&script)?)
        }
    }
}

fn serve(file: Option<&Path>, options: ServeOptions) -> Result<(), CliError> {
    let config = options.or(options_of_file(file)?).resolve().map_err(|error| CliError::Usage(error.to_string()))?;
    crate::serve::run(&config).map_err(|error| {
        let sentence = error.to_string();
        if error.is_usage() { CliError::Usage(sentence) } else { CliError::Failed(sentence) }
    })
}

fn options_of_file(file: Option<&Path>) -> Result<FileOptions, CliError> {
    match file {
        Some(path) => FileOptions::read(path).map_err(|error| CliError::Usage(error.to_string())),
        None => Ok(FileOptions::default()),
    }
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod tests;
