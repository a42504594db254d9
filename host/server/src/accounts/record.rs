//! An account as it lies in the store: how its owner signs in. What it may do, and whether it may do anything, its token says.

use minicbor::{Decode, Encode};

use super::{code, identity::Identity, name::AccountName, password::PasswordHash, second_factor::SecondFactor};
use crate::fence;

/// Where accounts lie, out of the policy's reach.
const ACCOUNTS: &[u8] = b"account/";

/// How the owner of an account signs in. Has no `Debug`: it holds what passwords are checked by.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Account {
    /// Its name, and the owner of what it makes.
    #[n(0)]
    pub name: String,
    /// The public id of its refresh token, whose secret nobody was ever shown.
    #[n(1)]
    pub token: String,
    /// When it was made, in Unix seconds.
    #[n(2)]
    pub created_at: u64,
    /// `None`: none was set yet, or it was reset.
    #[n(3)]
    pub password: Option<PasswordHash>,
    /// The code that a password is set with.
    #[n(4)]
    pub code: Option<code::Kept>,
    /// `None`: the password alone signs in.
    #[n(5)]
    pub second_factor: Option<SecondFactor>,
    /// Whom the provider of single sign-on vouches for. `None`: a local account.
    #[n(6)]
    pub identity: Option<Identity>,
}

impl Account {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        minicbor::decode(bytes).ok()
    }

    pub(super) fn to_stored(&self) -> Vec<u8> {
        // Writing into memory cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }
}

/// What every key of an account begins with.
pub(super) fn prefix() -> Vec<u8> {
    [&[fence::OWN], ACCOUNTS].concat()
}

/// Where an account lies.
pub(super) fn key(name: &AccountName) -> Vec<u8> {
    [prefix().as_slice(), name.as_str().as_bytes()].concat()
}
