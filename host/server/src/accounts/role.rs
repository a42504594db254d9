//! Roles: what an account may do, told by the scopes of its token and by nothing else.

use std::fmt;

use jeton_policy::scope::{ADMIN, CONSOLE, OWN, READ, TOKENS};

/// What somebody is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Admin,
    /// Everything with tokens; no users, no settings, no epoch.
    Operator,
    /// Sees everything and touches nothing.
    Viewer,
    /// Sees and makes tokens of her own, good for what her account may hand on.
    Member,
}

impl Role {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Operator, Self::Viewer, Self::Member];

    /// The scope that makes it.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Admin => ADMIN,
            Self::Operator => TOKENS,
            Self::Viewer => READ,
            Self::Member => OWN,
        }
    }

    /// As people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Member => "member",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The role that these scopes make: the mightiest of them. `None`: of no account.
    #[must_use]
    pub fn of(scopes: &[String]) -> Option<Self> {
        Self::ALL.into_iter().find(|role| scopes.iter().any(|scope| scope == role.scope()))
    }

    /// The scopes of an account of this role that may hand on `grants`.
    #[must_use]
    pub fn scopes(self, grants: &[String]) -> Vec<String> {
        let own = [self.scope(), CONSOLE].map(str::to_owned);
        own.into_iter().chain(grants.iter().cloned()).collect()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
