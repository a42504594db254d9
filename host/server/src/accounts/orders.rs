//! What the machine orders about accounts: `jeton user`.

use super::{AccountError, Accounts, By, Person, role::Role};
use serde::{Deserialize, Serialize};

/// An order about accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// See [`Accounts::add`].
    Add {
        /// Its name.
        name: String,
        /// Its role.
        role: Role,
        /// What its tokens may be good for.
        grants: Vec<String>,
    },
    /// See [`Accounts::list`].
    List,
    /// See [`Accounts::set_role`].
    Role {
        /// Whose.
        name: String,
        /// The role from now on.
        role: Role,
        /// What its tokens may be good for from now on.
        grants: Vec<String>,
    },
    /// See [`Accounts::enable`].
    Enable {
        /// Whom.
        name: String,
        /// Whether it may sign in.
        enabled: bool,
    },
    /// See [`Accounts::reset`].
    Reset {
        /// Whom.
        name: String,
    },
    /// See [`Accounts::remove`].
    Remove {
        /// Whom.
        name: String,
    },
}

/// What became of an order.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was done, and this code sets the password, once.
    Code(String),
    /// Everybody.
    People(Vec<Person>),
}

impl Accounts {
    /// Does what the machine orders.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn obey(&self, order: &Order) -> Result<Outcome, AccountError> {
        let by = By::Machine;
        match order {
            Order::Add { name, role, grants } => {
                self.add(&by, &name.parse()?, *role, grants).map(|code| Outcome::Code(code.to_string()))
            }
            Order::List => self.list().map(Outcome::People),
            Order::Role { name, role, grants } => {
                self.set_role(&by, &name.parse()?, *role, grants).map(|()| Outcome::Done)
            }
            Order::Enable { name, enabled } => self.enable(&by, &name.parse()?, *enabled).map(|()| Outcome::Done),
            Order::Reset { name } => self.reset(&by, &name.parse()?).map(|code| Outcome::Code(code.to_string())),
            Order::Remove { name } => self.remove(&by, &name.parse()?).map(|()| Outcome::Done),
        }
    }
}
