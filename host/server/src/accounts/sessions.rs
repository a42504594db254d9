//! Sessions: refresh tokens under an account's, made by signing in and ended by signing out.

use jeton_policy::{scope::CONSOLE, store::Unavailable};
use jeton_runtime::{
    Class,
    wit::refresh_tokens::{Expiry, IssueRequest, Query, RefreshToken, Span, State},
};
use zeroize::Zeroizing;

use super::{AccountError, Accounts, By, name::AccountName, record::Account, refused_issue};

/// How long a session lives at most: a working day. The policy ends it.
pub const SESSION_SECONDS: u64 = 12 * 60 * 60;
/// Signing in, as the audit log calls it.
const BEGIN: &str = "session.begin";
/// Signing out, by oneself or because of something else that is told of the account.
const END: &str = "session.end";
/// What sessions are called.
const NAME: &str = "console session";
/// Sessions that are looked at together.
const PAGE: u32 = 1000;

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The public id of its token.
    pub id: String,
    /// When it began, in Unix seconds.
    pub began_at: u64,
    /// When it ends at the latest.
    pub ends_at: Option<u64>,
    /// Where it was used last, as far as it is known.
    pub address: Option<String>,
}

impl Accounts {
    /// Begins a session of an account: its secret, to be given to whoever signed in and to nobody else.
    ///
    /// # Errors
    /// [`AccountError`]; a disabled account has [`AccountError::Refused`].
    pub fn begin_session(&self, account: &Account) -> Result<Zeroizing<String>, AccountError> {
        let id = account.token.clone();
        let shown = self.authority.call_blocking(Class::Administration, move |call| call.show(&id))?;
        let Ok(token) = shown else { return Err(AccountError::Refused("the account's token has ended")) };
        let request = IssueRequest {
            owner: Some(account.name.clone()),
            parent: Some(account.token.clone()),
            expiry: Expiry::After(SESSION_SECONDS),
            scopes: token.scopes,
            ..IssueRequest::named(NAME)
        };
        let actor = By::Account(account.name.clone()).actor();
        let whose = account.name.clone();
        let issued = self.authority.call_blocking(Class::Administration, move |call| {
            call.told_as(BEGIN, &[("account", &whose)]).issue(&actor, &request)
        })?;
        let secret = issued.map_err(refused_issue)?.secret.ok_or(Unavailable)?;
        tracing::info!(account = account.name, "signed in");
        Ok(Zeroizing::new(secret))
    }

    /// The sessions of an account that go on, newest first.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn sessions(&self, name: &AccountName) -> Result<Vec<Session>, AccountError> {
        let (account, _) = self.get(name)?;
        let tokens = self.tokens_of_sessions(&account)?;
        let session = |token: RefreshToken| Session {
            id: token.id,
            began_at: token.created_at,
            ends_at: token.expires_at,
            address: token.last_use.and_then(|used| used.address),
        };
        Ok(tokens.into_iter().map(session).collect())
    }

    /// Ends one session of an account.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] where it is none of this account.
    pub fn end_session(&self, by: &By, name: &AccountName, id: &str) -> Result<(), AccountError> {
        let (account, _) = self.get(name)?;
        if !self.tokens_of_sessions(&account)?.iter().any(|token| token.id == id) {
            return Err(AccountError::NotFound);
        }
        self.end(by, END, name, vec![id.to_owned()], "signed out")
    }

    /// Ends every session of an account but the one that is `spared`.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn end_sessions(
        &self,
        by: &By,
        name: &AccountName,
        spared: Option<&str>,
        note: &'static str,
    ) -> Result<(), AccountError> {
        let (account, _) = self.get(name)?;
        let ids = self.tokens_of_sessions(&account)?.into_iter().map(|token| token.id);
        let ids: Vec<String> = ids.filter(|id| Some(id.as_str()) != spared).collect();
        for batch in ids.chunks(PAGE as usize) {
            self.end(by, END, name, batch.to_vec(), note)?;
        }
        Ok(())
    }

    /// Sessions that can be used or could be again: while their account is disabled they are found as well.
    fn tokens_of_sessions(&self, account: &Account) -> Result<Vec<RefreshToken>, AccountError> {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            // Older ones have ended by themselves: an account's index is as long as its owner has been here.
            let created = Span { from: Some(crate::app::now().saturating_sub(SESSION_SECONDS)), until: None };
            let query = Query { parent: Some(account.token.clone()), created, cursor, ..Query::first(PAGE) };
            let listed = self.authority.call_blocking(Class::Administration, move |call| call.list(&query))?;
            let page = listed.map_err(|_| Unavailable)?;
            let goes_on = |token: &RefreshToken| {
                matches!(token.state, State::Active | State::Disabled) && token.scopes.iter().any(|one| one == CONSOLE)
            };
            found.extend(page.items.into_iter().filter(goes_on));
            match page.next {
                None => return Ok(found),
                next => cursor = next,
            }
        }
    }
}
