//! Transfer: refresh tokens out of one store and into another. Hashes travel, secrets never.

mod export;
mod import;

pub use export::{ExportError, ExportedPage};
pub use import::{ImportError, Imported, MAX_IMPORTED};

use super::{AskedBindings, LastUse};
use crate::{
    record::{Conduct, Ending},
    seconds::Seconds,
};

/// All that is kept of a refresh token, but for what only its own authority can use: its lives, and a secret that is taken for the
/// rest of an overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedToken {
    /// Its public id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// The id of what it was issued under.
    pub parent: Option<String>,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Seconds,
    /// By whom.
    pub created_by: String,
    /// When it expires by its own date. `None`: never.
    pub expires_at: Option<Seconds>,
    /// How long its access tokens live. `None`: the setting.
    pub access_ttl: Option<Seconds>,
    /// What ties it down.
    pub bindings: AskedBindings,
    /// How it behaves.
    pub conduct: Conduct,
    /// SHA-256 of the secret in force. A tombstone has none.
    pub secret_sha256: Option<Vec<u8>>,
    /// How many exchanges are left, where they are counted.
    pub exchanges_left: Option<u64>,
    /// Its last use, as far as it was noted.
    pub last_use: Option<LastUse>,
    /// When, by whom and why it was disabled.
    pub disabled: Option<Ending>,
    /// When, by whom and why it ended.
    pub ending: Option<Ending>,
}
