//! A reference model of Jeton's rules: as slow and as plain as can be.
//!
//! It keeps every refresh token and every access token that there ever was. It knows no lineage, no cut, no index and no store:
//! an act that ends something walks over all access tokens and marks those that descend from it, and whether a token is alive,
//! and if not why, is asked by walking up its parents. Written from the contract and the decisions, not from the policy, and
//! sharing no code with it: where the two differ, one of them is wrong.
//!
//! Every operation either takes effect and gives what it granted, or gives **all** rules that it breaks: a policy is free to
//! name any of them.
#![allow(clippy::indexing_slicing, reason = "a number of a token is only ever one that the model gave out")]

mod change;
mod clock;
mod end;
mod exchange;
pub mod history;
mod issue;
mod life;
mod network;
mod settings;
mod transfer;
mod uses;
mod words;

use std::collections::BTreeMap;

pub use change::Edit;
pub use end::{Deletion, Given};
pub use exchange::{Granted, Presented, TokenAsk};
pub use issue::Issued;
pub use life::{State, Verdict};
pub use network::Network;
pub use settings::{Change, Setting, Settings};
pub use transfer::{Above, Arrival, Arrived, Members};
pub use uses::Used;
pub use words::{Actor, Ask, Audiences, Bindings, Ending, Expiry, Reason, Refusal};

/// The number of a refresh token: the first one is 0.
pub type TokenNumber = usize;
/// The number of an access token: the first one is 0.
pub type AccessNumber = usize;
/// The number of a secret of one refresh token: the first one is 0.
pub type SecretNumber = u32;

/// Everything that there ever was.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Every refresh token.
    pub tokens: Vec<Token>,
    /// Every access token.
    pub access: Vec<Access>,
    /// The rules that administrators may change.
    pub settings: Settings,
    /// How many epochs there were before this one.
    pub epoch: u64,
    /// What the host's clock shows, and whether a part of a second was rounded away.
    pub clock: (u64, bool),
    /// The highest time that is remembered to have been reached.
    pub mark: u64,
    /// The largest access TTL that was ever in force.
    longest_ttl: u64,
    gathering: uses::Gathering,
    /// How many acts there were.
    acts: u64,
    /// Requests that may be repeated: who made it under which key, what it was, what it made, and when.
    remembered: BTreeMap<(String, String), (Ask, TokenNumber, u64)>,
}

/// A refresh token, dead or alive.
#[derive(Debug, Clone)]
pub struct Token {
    /// What it was asked to be. Edits change it.
    pub name: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// What it was issued under.
    pub parent: Option<TokenNumber>,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: u64,
    /// By whom.
    pub created_by: String,
    /// Its own expiry. `None`: never.
    pub expires_at: Option<u64>,
    /// How long its access tokens live. `None`: the setting.
    pub access_ttl: Option<u64>,
    /// What ties it down.
    pub bindings: Bindings,
    /// Its holder may issue under it.
    pub may_delegate: bool,
    /// Each exchange replaces its secret.
    pub rotates_on_use: bool,
    /// Raised by every administrative write.
    pub generation: u64,
    /// When, by whom and why it was disabled.
    pub disabled: Option<Ending>,
    /// What ended it: itself, or its owner. The first one counts.
    pub endings: Vec<Ending>,
    /// Exchanges counted.
    pub exchanges: u64,
    /// Its last use, as far as it was told.
    pub used: Option<Used>,
    /// What is told as its end, once that is written down: it stands, whatever ends later.
    pub tombstone: Option<Ending>,
    /// Its tombstone was removed: nothing is known of it any more.
    pub removed: bool,
    /// Its owner ended after it was made: what ends the owner once more is none of its business.
    owner_left: bool,
    secrets: Secrets,
    /// When single access tokens of it were cut, as long as that matters.
    single_cuts: Vec<u64>,
}

/// The secrets of a refresh token.
#[derive(Debug, Clone, Default, Hash)]
struct Secrets {
    current: SecretNumber,
    /// How many there were.
    count: SecretNumber,
    /// The one before the last rotation on order, and the moment until which it is taken.
    superseded: Option<(SecretNumber, u64)>,
    /// The one whose use gave out the current one, and when.
    before: Option<(SecretNumber, u64)>,
    /// Those of this chain that were spent earlier, and when that was noted.
    spent: Vec<(SecretNumber, u64)>,
}

/// An access token, dead or alive.
#[derive(Debug, Clone)]
pub struct Access {
    /// What it was exchanged from in the end.
    pub token: TokenNumber,
    /// The access token that it was exchanged from.
    pub parent: Option<AccessNumber>,
    /// The epoch that it is of.
    pub epoch: u64,
    /// When it was minted.
    pub issued_at: u64,
    /// It is dead from this moment on.
    pub expires_at: u64,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// Whom it is for. `None`: the issuer.
    pub audience: Option<String>,
    /// The owner at the time. `None`: the refresh token's id.
    pub subject: Option<String>,
    /// The networks of every link of its chain that has some, where it carries them.
    pub networks: Vec<Vec<Network>>,
    /// What ended it.
    pub deaths: Vec<Ending>,
}
