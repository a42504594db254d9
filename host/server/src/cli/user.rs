//! `jeton user`: accounts of people, on the authority's own machine. No password passes through it: people set their own.

use std::path::{Path, PathBuf};

use jeton_runtime::audit::Addresses;
use serde_json::json;

use super::{CliError, output, stopped_store};
use crate::{
    accounts::{
        Accounts, Person,
        orders::{Order, Outcome},
        role::Role,
    },
    api::time::to_rfc3339,
    config::{DEFAULT_DATA, ServeOptions},
    local_socket,
};

const HELP: &str = "\
Examples:
  jeton user add alice --role admin
  jeton user add bob --role member --may-grant orders:read
  jeton user reset alice

`add` and `reset` print a one-time code, which alone goes to standard output and is good for 24 hours: with it the password is set in
the console, at /console/code. `reset` also takes the second factor away and signs the account out everywhere.

Roles: admin (everything), operator (everything with tokens; no users, settings or epoch), viewer (sees, touches nothing),
member (sees and makes tokens of her own, good for the scopes of --may-grant at most).

Whoever may open the data directory may do this, beside a running `jeton serve` or without one.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make an account; the one-time code that its password is set with goes to standard output
    #[command(after_help = HELP)]
    Add {
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        rights: Rights,
    },
    /// List accounts
    #[command(after_help = HELP)]
    List {
        /// One JSON object a line, for machines
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Give an account another role; it is signed out everywhere
    #[command(after_help = HELP)]
    Role {
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        rights: Rights,
    },
    /// Keep an account from signing in; its sessions, and what its tokens gave out, die at once
    #[command(after_help = HELP)]
    Disable(Whom),
    /// Let an account sign in again
    #[command(after_help = HELP)]
    Enable(Whom),
    /// Take password and second factor from an account; the one-time code for a new password goes to standard output
    #[command(after_help = HELP)]
    Reset(Whom),
    /// End an account and every token below it, for good
    #[command(after_help = HELP)]
    Remove(Whom),
}

/// Where the accounts are.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Data directory of the authority [default: ./jeton-data]
    #[arg(long, env = "JETON_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The TOML file that `jeton serve` is given: it may say where the data lie
    #[arg(long, env = "JETON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Whom it is about.
#[derive(Debug, clap::Args)]
pub(super) struct Whom {
    /// Name of the account
    name: String,
    /// JSON instead of a sentence
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What an account may do.
#[derive(Debug, clap::Args)]
pub(super) struct Rights {
    /// What the account may do
    #[arg(long, value_enum)]
    role: Role,
    /// A scope that tokens of a member may have; repeat for more, or separate by spaces
    #[arg(long = "may-grant", value_name = "SCOPE", value_delimiter = ' ')]
    grants: Vec<String>,
}

impl Verb {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Add { whom, rights: Rights { role, grants } } => whom.order(|name| Order::Add { name, role, grants }),
            Self::List { json, place } => place.list(json),
            Self::Role { whom, rights: Rights { role, grants } } => {
                whom.order(|name| Order::Role { name, role, grants })
            }
            Self::Disable(whom) => whom.order(|name| Order::Enable { name, enabled: false }),
            Self::Enable(whom) => whom.order(|name| Order::Enable { name, enabled: true }),
            Self::Reset(whom) => whom.order(|name| Order::Reset { name }),
            Self::Remove(whom) => whom.order(|name| Order::Remove { name }),
        }
    }
}

impl Whom {
    fn order(self, order: impl FnOnce(String) -> Order) -> Result<(), CliError> {
        let outcome = self.place.outcome(&order(self.name.clone()))?;
        let code = match &outcome {
            Outcome::Code(code) => Some(code.as_str()),
            Outcome::Done | Outcome::People(_) => None,
        };
        if code.is_some() {
            output::note("This one-time code sets the password at /console/code, once and within 24 hours:");
        }
        let written = match (self.json, code) {
            (true, _) => output::json(&json!({ "name": self.name, "code": code })),
            (false, Some(code)) => output::line(code),
            (false, None) => {
                output::note("Done.");
                Ok(())
            }
        };
        // A code cannot be had again.
        written.map_err(|error| match code {
            Some(_) => {
                CliError::Failed(format!("the code could not be written ({error}): `jeton user reset` gives another"))
            }
            None => error.into(),
        })
    }
}

impl Place {
    fn list(self, as_json: bool) -> Result<(), CliError> {
        let Outcome::People(people) = self.outcome(&Order::List)? else { return Ok(()) };
        if as_json {
            for person in &people {
                output::json(&json(person))?;
            }
            return Ok(());
        }
        let mut rows = output::Rows::new(&["NAME", "ROLE", "STATE", "SECOND FACTOR", "MADE", "MAY GRANT"]);
        rows.page(people.iter().map(row).collect())?;
        Ok(rows.finish()?)
    }

    fn outcome(self, order: &Order) -> Result<Outcome, CliError> {
        let file = super::options_of_file(self.config.as_deref())?;
        let options = ServeOptions { data: self.data, ..ServeOptions::default() }.or(file);
        let data = options.data.unwrap_or_else(|| DEFAULT_DATA.into());
        match local_socket::order_via(&data, order).map_err(failed)? {
            Some(outcome) => Ok(outcome),
            None => on_stopped_store(&data, order),
        }
    }
}

/// No server runs: the store is opened here. It needs no root key, and no epoch begins.
fn on_stopped_store(data: &Path, order: &Order) -> Result<Outcome, CliError> {
    stopped_store::ask(data, None, |authority, store| {
        Accounts::new(authority.clone(), store, Addresses::default()).obey(order).map_err(failed)
    })
}

fn json(person: &Person) -> serde_json::Value {
    json!({
        "name": person.name,
        "role": person.role,
        "state": person.state(),
        "second_factor": person.has_second_factor,
        "created_at": to_rfc3339(person.created_at),
        "may_grant": person.grants,
        "token": person.token,
    })
}

fn row(person: &Person) -> Vec<String> {
    vec![
        person.name.clone(),
        person.role.map_or("-", Role::name).to_owned(),
        person.state().to_owned(),
        if person.has_second_factor { "yes" } else { "no" }.to_owned(),
        to_rfc3339(person.created_at),
        if person.grants.is_empty() { "-".to_owned() } else { person.grants.join(" ") },
    ]
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}
