//! Accounts of single sign-on: whom the provider vouches for is an account, and what it says of her there is her role here.

use jeton_policy::store::Freshness;
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use super::{AccountError, Accounts, By, name::AccountName, record::Account, role::Role};
use crate::fence;

/// Where it is noted which account somebody is, out of the policy's reach.
const IDENTITIES: &[u8] = b"identity/";

/// Who somebody is, at the provider: issuer and subject together, and nothing else, are hers alone and for good (OpenID Connect Core
/// section 5.7). Names and addresses are given to the next one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Identity {
    /// The provider.
    #[n(0)]
    pub issuer: String,
    /// What it calls her.
    #[n(1)]
    pub subject: String,
}

impl Identity {
    /// Where it is noted which account this is.
    pub(super) fn key(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.issuer.as_bytes());
        // No URL has it.
        hash.update([0]);
        hash.update(self.subject.as_bytes());
        [&[fence::OWN], IDENTITIES, hash.finalize().as_slice()].concat()
    }
}

impl Accounts {
    /// The account of whom the provider vouches for, with the role that follows from what it says; made where there is none yet.
    ///
    /// # Errors
    /// [`AccountError::NameTaken`] where the account of the name is somebody else's: a name that moved on at the provider, or a local
    /// account. [`AccountError::Unavailable`].
    pub fn vouched(&self, identity: &Identity, name: &AccountName, role: Role) -> Result<Account, AccountError> {
        let Some(account) = self.of(identity)? else {
            return self.make(&By::SingleSignOn, name, role, &[], |account| account.identity = Some(identity.clone()));
        };
        let person = self.person(&account)?;
        if person.enabled && person.role != Some(role) {
            let known: AccountName = account.name.parse()?;
            self.set_role(&By::SingleSignOn, &known, role, &person.grants)?;
        }
        Ok(account)
    }

    /// Ends the sessions of somebody whom the provider vouches for, but gives no role any more.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub fn no_more(&self, identity: &Identity) -> Result<(), AccountError> {
        let Some(account) = self.of(identity)? else { return Ok(()) };
        self.end_sessions(&By::SingleSignOn, &account.name.parse()?, None, "the provider gives no role any more")
    }

    fn of(&self, identity: &Identity) -> Result<Option<Account>, AccountError> {
        let entry = self.store.read(&[identity.key()], Freshness::Latest)?.entries.pop().flatten();
        let Some(entry) = entry else { return Ok(None) };
        let name = String::from_utf8(entry.value).map_err(|_| AccountError::Unavailable)?;
        match self.get(&name.parse()?) {
            // Removed, and perhaps made anew for somebody else: what is noted is worth no more than the account says.
            Ok((account, _)) if account.identity.as_ref() == Some(identity) => Ok(Some(account)),
            Ok(_) | Err(AccountError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuer_and_subject_together_are_somebody() {
        let key =
            |issuer: &str, subject: &str| Identity { issuer: issuer.to_owned(), subject: subject.to_owned() }.key();
        assert_eq!(key("https://a.example", "1"), key("https://a.example", "1"));
        assert_ne!(key("https://a.example", "1"), key("https://b.example", "1"));
        assert_ne!(key("https://a.example/1", "2"), key("https://a.example/", "12"));
    }
}
