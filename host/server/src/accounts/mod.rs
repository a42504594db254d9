//! Accounts: people who sign in.
//!
//! An account is two things. How its owner signs in is the host's own ([`record`]), out of the policy's reach ([`crate::fence`]). What it
//! may do is a refresh token of the policy: disabling it ends every session of the account, and all tokens below it, by the one rule.
//!
//! Everything in [`Accounts`] waits for the store: on an I/O thread it is called through [`Accounts::off_thread`].

pub mod code;
pub mod hashing;
pub mod identity;
pub mod name;
pub mod orders;
pub mod password;
pub mod record;
pub mod role;
pub mod second_factor;
mod sessions;
pub mod throttle;

use std::sync::Arc;

use jeton_policy::{
    scope::{ADMIN, CONSOLE, RESERVED_PREFIX},
    store::{Check, CommitError, Direction, Freshness, MAX_SCAN, Unavailable, Write},
};
use jeton_runtime::{
    Authority, CallError, Class,
    audit::{Addresses, Origin},
    wit::{
        refresh_tokens::{Change, DeleteRefusal, EditRefusal, Expiry, IssueRefusal, IssueRequest, RefreshToken, State},
        types::{ActingToken, Actor, Reason},
    },
};
use jeton_store::audit::{AuditLog, Entry};
use zeroize::Zeroizing;

use crate::{api, app::now};
use name::{AccountName, NameError};
use record::Account;
use role::Role;
use second_factor::SecondFactor;
pub use sessions::{SESSION_SECONDS, Session};

/// Attempts at a write that somebody else's may get in the way of.
const ATTEMPTS: u32 = 16;
/// What records call the provider of single sign-on that made or changed an account.
pub(crate) const SINGLE_SIGN_ON: &str = "single-sign-on";
/// Scopes that an account may hand on at most: beside its own two there is room for so many in a token.
const MAX_GRANTS: usize = 62;

/// An account is made; what else is told of one is called where it is done.
const CREATE: &str = "account.create";
/// An account is removed.
const REMOVE: &str = "account.remove";

/// `N` bytes that nobody can guess, from the operating system.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled = filled.saturating_add(count),
            Err(rustix::io::Errno::INTR) => {}
            // A kernel without getrandom runs none of this; nothing may go on without entropy.
            Err(_) => std::process::abort(),
        }
    }
    bytes
}

/// The accounts of an authority. Cloning is cheap and shares them.
#[derive(Clone)]
pub struct Accounts {
    authority: Authority,
    store: Arc<dyn AuditLog>,
    addresses: Addresses,
}

/// Who acts upon accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Whoever may open the data directory.
    Machine,
    /// Somebody who signed in, and whose right to it was looked at.
    Account(String),
    /// The provider of single sign-on, by what it says of whom it vouches for.
    SingleSignOn,
}

/// An account as others see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Person {
    /// Its name.
    pub name: String,
    /// `None`: its token is gone.
    pub role: Option<Role>,
    /// What its tokens may be good for, beside its role.
    pub grants: Vec<String>,
    /// Whether it can sign in at all.
    pub enabled: bool,
    /// Whether a password is set.
    pub has_password: bool,
    /// Whether the provider of single sign-on vouches for it.
    #[serde(default)]
    pub is_vouched_for: bool,
    /// Whether signing in takes a second factor.
    pub has_second_factor: bool,
    /// When it was made, in Unix seconds.
    pub created_at: u64,
    /// The public id of its token.
    pub token: String,
}

impl Person {
    /// In a word, whether the account can be signed in to.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (self.enabled, self.has_password || self.is_vouched_for) {
            (false, _) => "disabled",
            (true, false) => "waits for a password",
            (true, true) => "active",
        }
    }
}

/// Why nothing was done with an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// See [`AccountName`].
    #[error(transparent)]
    Name(#[from] NameError),
    /// Another account has the name.
    #[error("there is an account of this name")]
    NameTaken,
    /// There is none of this name.
    #[error("there is no account of this name")]
    NotFound,
    /// It would leave nobody who can administer.
    #[error("it is the last administrator who can sign in: make another one first")]
    LastAdministrator,
    /// Scopes to hand on are outside `jeton:`, RFC 6749 scope tokens, and at most `MAX_GRANTS`.
    #[error("what an account may hand on are at most {MAX_GRANTS} scopes outside `jeton:`")]
    Grants,
    /// The policy refused, in its words.
    #[error("{0}")]
    Refused(&'static str),
    /// The store or the policy cannot be had.
    #[error("the store is unavailable; ask again")]
    Unavailable,
}

impl From<Unavailable> for AccountError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<CallError> for AccountError {
    fn from(_: CallError) -> Self {
        Self::Unavailable
    }
}

impl By {
    /// As the audit log names who acts.
    fn name(&self) -> &str {
        match self {
            Self::Machine => "machine",
            Self::Account(name) => name,
            Self::SingleSignOn => SINGLE_SIGN_ON,
        }
    }

    /// As the policy knows who acts: it is their name that records keep.
    fn actor(&self) -> Actor {
        let named = |name: &str| {
            Actor::Token(ActingToken {
                client_id: name.to_owned(),
                subject: name.to_owned(),
                scopes: vec![ADMIN.to_owned(), CONSOLE.to_owned()],
            })
        };
        match self {
            Self::Machine => Actor::Machine,
            Self::Account(name) => named(name),
            Self::SingleSignOn => named(SINGLE_SIGN_ON),
        }
    }
}

impl Accounts {
    /// Those in `store`, whose tokens are `authority`'s. What is done with them is told in its log, in the commit that does it, with so
    /// much of addresses.
    #[must_use]
    pub fn new(authority: Authority, store: Arc<dyn AuditLog>, addresses: Addresses) -> Self {
        Self { authority, store, addresses }
    }

    /// Runs `f` where it may wait.
    ///
    /// # Errors
    /// What `f` gives; [`AccountError::Unavailable`] where it panicked.
    pub async fn off_thread<R: Send + 'static>(
        &self,
        f: impl FnOnce(&Self) -> Result<R, AccountError> + Send + 'static,
    ) -> Result<R, AccountError> {
        let (accounts, origin) = (self.clone(), Origin::current().unwrap_or_default());
        tokio::task::spawn_blocking(move || origin.during_blocking(|| f(&accounts)))
            .await
            .unwrap_or(Err(AccountError::Unavailable))
    }

    /// Whether there is any account.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub fn are_there(&self) -> Result<bool, AccountError> {
        Ok(!self.store.scan(&record::prefix(), None, Direction::Ascending, 1)?.items.is_empty())
    }

    /// An account, and the version of it.
    ///
    /// # Errors
    /// [`AccountError::NotFound`], [`AccountError::Unavailable`].
    pub fn get(&self, name: &AccountName) -> Result<(Account, u64), AccountError> {
        let entry = self.store.read(&[record::key(name)], Freshness::Latest)?.entries.pop().flatten();
        let entry = entry.ok_or(AccountError::NotFound)?;
        Ok((Account::read(&entry.value).ok_or(AccountError::Unavailable)?, entry.version))
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub fn list(&self) -> Result<Vec<Person>, AccountError> {
        let (mut people, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let found = self.store.scan(&record::prefix(), after.as_deref(), Direction::Ascending, MAX_SCAN)?.items;
            after = found.last().map(|item| item.key.clone());
            for item in &found {
                let account = Account::read(&item.value).ok_or(AccountError::Unavailable)?;
                people.push(self.person(&account)?);
            }
            if u32::try_from(found.len()).is_ok_and(|count| count < MAX_SCAN) {
                return Ok(people);
            }
        }
    }

    /// An account as others see it.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`].
    pub fn person(&self, account: &Account) -> Result<Person, AccountError> {
        let id = account.token.clone();
        let shown = self.authority.call_blocking(Class::Administration, move |call| call.show(&id))?;
        let token = shown.ok();
        let scopes = token.as_ref().map(|token| token.scopes.clone()).unwrap_or_default();
        Ok(Person {
            name: account.name.clone(),
            role: Role::of(&scopes),
            enabled: token.is_some_and(|token: RefreshToken| token.state == State::Active),
            grants: scopes.into_iter().filter(|scope| !scope.starts_with(RESERVED_PREFIX)).collect(),
            has_password: account.password.is_some(),
            is_vouched_for: account.identity.is_some(),
            has_second_factor: account.second_factor.is_some(),
            created_at: account.created_at,
            token: account.token.clone(),
        })
    }

    /// Makes an account that a password is set for with the code that is given.
    ///
    /// # Errors
    /// [`AccountError`]; there is no such account then.
    pub fn add(
        &self,
        by: &By,
        name: &AccountName,
        role: Role,
        grants: &[String],
    ) -> Result<Zeroizing<String>, AccountError> {
        let code = code::draw();
        let kept = code::Kept::new(&code, now());
        self.make(by, name, role, grants, |account| account.code = Some(kept))?;
        Ok(code)
    }

    /// Makes an account with what `fill` gives it to sign in with.
    ///
    /// # Errors
    /// [`AccountError`]; there is no such account then.
    pub fn make(
        &self,
        by: &By,
        name: &AccountName,
        role: Role,
        grants: &[String],
        fill: impl FnOnce(&mut Account),
    ) -> Result<Account, AccountError> {
        check_grants(grants)?;
        match self.get(name) {
            Err(AccountError::NotFound) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(AccountError::NameTaken),
        }
        let request = IssueRequest {
            owner: Some(name.to_string()),
            expiry: Expiry::Never,
            scopes: role.scopes(grants),
            ..IssueRequest::named(&format!("account {name}"))
        };
        let (actor, whose) = (by.actor(), name.to_string());
        // Its secret is dropped: nobody ever holds it, and every session is a child of its own.
        let issued = self.authority.call_blocking(Class::Administration, move |call| {
            call.told_as(CREATE, &[("account", &whose), ("role", role.name())]).issue(&actor, &request)
        })?;
        let token = issued.map_err(refused_issue)?.token.id;
        let mut account = Account {
            name: name.to_string(),
            token: token.clone(),
            created_at: now(),
            password: None,
            code: None,
            second_factor: None,
            identity: None,
        };
        fill(&mut account);
        let absent = Check { key: record::key(name), version: None };
        let mut writes = vec![Write { key: record::key(name), value: Some(account.to_stored()) }];
        if let Some(identity) = &account.identity {
            writes.push(Write { key: identity.key(), value: Some(name.as_str().into()) });
        }
        let told = self.told(by, CREATE, name).with("part", 2);
        if let Err(error) = self.store.commit_recorded(vec![absent], writes, vec![told]) {
            // A token without account is good for nothing, and is not left behind.
            let _ = self.end(by, REMOVE, name, vec![token], "its account was not made");
            return Err(match error {
                CommitError::Conflict => AccountError::NameTaken,
                CommitError::Unavailable => AccountError::Unavailable,
            });
        }
        tracing::info!(account = %name, %role, "account made");
        Ok(account)
    }

    /// Changes how an account is signed in to, whatever else changes it meanwhile. `by` does it, and `act` is what it is called.
    ///
    /// # Errors
    /// [`AccountError`], and what `change` gives; nothing is changed then.
    pub fn update<R>(
        &self,
        by: &By,
        act: &'static str,
        name: &AccountName,
        mut change: impl FnMut(&mut Account) -> Result<R, AccountError>,
    ) -> Result<R, AccountError> {
        for _ in 0..ATTEMPTS {
            let (before, version) = self.get(name)?;
            let mut account = before.clone();
            let given = change(&mut account)?;
            if account == before {
                return Ok(given);
            }
            let check = Check { key: record::key(name), version: Some(version) };
            let write = Write { key: record::key(name), value: Some(account.to_stored()) };
            let codes = |account: &Account| account.second_factor.as_ref().map(SecondFactor::recovery_codes_left);
            // A recovery code was spent, which is worth a look.
            let left = codes(&account).filter(|left| codes(&before).is_some_and(|before| before > *left));
            let told = self.told(by, act, name).with_some("recovery_codes_left", left);
            match self.store.commit_recorded(vec![check], vec![write], vec![told]) {
                Ok(_) => return Ok(given),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(AccountError::Unavailable),
            }
        }
        Err(AccountError::Unavailable)
    }

    /// Lets an account sign in again, or ends its sessions, and all that its tokens gave out, at once.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn enable(&self, by: &By, name: &AccountName, enabled: bool) -> Result<(), AccountError> {
        if !enabled {
            self.spare_last_administrator(by, name)?;
        }
        let change = Change { enabled: Some(enabled), ..Change::default() };
        let act = if enabled { "account.enable" } else { "account.disable" };
        self.edit(by, act, name, change, None)?;
        if !enabled {
            self.end_sessions(by, name, None, "the account was disabled")?;
        }
        tracing::info!(account = %name, enabled, "account switched");
        Ok(())
    }

    /// Gives an account another role, and other scopes to hand on. Its sessions end: what is wider is had by signing in anew.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn set_role(&self, by: &By, name: &AccountName, role: Role, grants: &[String]) -> Result<(), AccountError> {
        check_grants(grants)?;
        if role != Role::Admin {
            self.spare_last_administrator(by, name)?;
        }
        let change = Change { scopes: Some(role.scopes(grants)), ..Change::default() };
        self.edit(by, "account.role", name, change, Some(role))?;
        self.end_sessions(by, name, None, "the role was changed")?;
        tracing::info!(account = %name, %role, "role changed");
        Ok(())
    }

    /// Takes password and second factor from an account, ends its sessions, and gives the code that a new password is set with.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn reset(&self, by: &By, name: &AccountName) -> Result<Zeroizing<String>, AccountError> {
        let code = code::draw();
        let kept = code::Kept::new(&code, now());
        self.update(by, "account.reset", name, |account| {
            account.password = None;
            account.second_factor = None;
            account.code = Some(kept.clone());
            Ok(())
        })?;
        self.end_sessions(by, name, None, "the account was reset")?;
        tracing::info!(account = %name, "account reset");
        Ok(code)
    }

    /// Ends an account and every token below it, for good.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn remove(&self, by: &By, name: &AccountName) -> Result<(), AccountError> {
        self.spare_last_administrator(by, name)?;
        let (account, version) = self.get(name)?;
        // First what it may do: an interruption leaves an account that can do nothing, and is removed by the same again.
        self.end(by, REMOVE, name, vec![account.token], "the account was removed")?;
        let check = Check { key: record::key(name), version: Some(version) };
        let gone = [Some(record::key(name)), account.identity.map(|identity| identity.key())];
        let writes = gone.into_iter().flatten().map(|key| Write { key, value: None }).collect();
        let told = self.told(by, REMOVE, name).with("part", 2);
        match self.store.commit_recorded(vec![check], writes, vec![told]) {
            Ok(_) => {
                tracing::info!(account = %name, "account removed");
                Ok(())
            }
            Err(_) => Err(AccountError::Unavailable),
        }
    }

    /// The machine may always: whoever opens the data directory makes the next administrator as well.
    fn spare_last_administrator(&self, by: &By, name: &AccountName) -> Result<(), AccountError> {
        if *by == By::Machine {
            return Ok(());
        }
        let people = self.list()?;
        let can_administer =
            |person: &&Person| person.role == Some(Role::Admin) && person.enabled && person.has_password;
        let mut administrators = people.iter().filter(can_administer);
        match (administrators.next(), administrators.next()) {
            (Some(one), None) if one.name == name.as_str() => Err(AccountError::LastAdministrator),
            _ => Ok(()),
        }
    }

    /// What is told of `act` upon an account.
    fn told(&self, by: &By, act: &'static str, name: &AccountName) -> Entry {
        let entry = Entry::new(now(), by.name(), act, "done").with("account", name.as_str());
        match Origin::current() {
            Some(origin) => origin.tell(entry, self.addresses),
            None => entry,
        }
    }

    fn edit(
        &self,
        by: &By,
        act: &'static str,
        name: &AccountName,
        change: Change,
        role: Option<Role>,
    ) -> Result<(), AccountError> {
        let (account, _) = self.get(name)?;
        let actor = by.actor();
        let edited = self.authority.call_blocking(Class::Administration, move |call| {
            let mut members = vec![("account", account.name.as_str())];
            members.extend(role.map(|role| ("role", role.name())));
            call.told_as(act, &members).edit(&actor, &account.token, &change, None)
        })?;
        match edited {
            Ok(_) => Ok(()),
            Err(EditRefusal::NotFound | EditRefusal::Ended) => {
                Err(AccountError::Refused("the account's token has ended: remove the account and make it anew"))
            }
            Err(EditRefusal::Invalid(refusal)) => Err(refused_issue(refusal)),
            Err(_) => Err(AccountError::Unavailable),
        }
    }

    /// Ends refresh tokens of people.
    fn end(
        &self,
        by: &By,
        act: &'static str,
        name: &AccountName,
        ids: Vec<String>,
        note: &'static str,
    ) -> Result<(), AccountError> {
        let (actor, whose) = (by.actor(), name.to_string());
        let deleted = self.authority.call_blocking(Class::Administration, move |call| {
            call.told_as(act, &[("account", &whose)]).delete(&actor, &ids, Reason::Deleted, Some(note))
        })?;
        match deleted {
            Ok(_) => Ok(()),
            Err(DeleteRefusal::ScopeBeyondActor) => Err(AccountError::Refused("the actor may not end this")),
            Err(_) => Err(AccountError::Unavailable),
        }
    }
}

fn check_grants(grants: &[String]) -> Result<(), AccountError> {
    let is_plain = |scope: &String| !scope.starts_with(RESERVED_PREFIX);
    if grants.len() <= MAX_GRANTS && grants.iter().all(is_plain) { Ok(()) } else { Err(AccountError::Grants) }
}

fn refused_issue(refusal: IssueRefusal) -> AccountError {
    match refusal {
        IssueRefusal::Unavailable => AccountError::Unavailable,
        refusal => AccountError::Refused(api::sentence(refusal)),
    }
}
