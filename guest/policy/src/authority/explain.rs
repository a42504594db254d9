//! Explain: why a token is dead or alive. It changes nothing, and is for administrators alone.
//!
//! Whether it is alive, the rules say that decide it everywhere: [`crate::life::judge`] of an access token, the standing of a
//! refresh token. What is added here is which link is to blame, since when, and whose act it was: of all that ended it, the first.

mod access_token;
mod lives;
mod refresh_token;

use super::{Authority, show::Token, standing::Standing};
use crate::{
    record::{Ending, Epoch, Reason},
    refresh_token::{PREFIX, RefreshToken},
    seconds::Seconds,
    store::Unavailable,
    token_id::TokenId,
};

/// What is asked about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A refresh token, by its public id.
    TokenId(&'a str),
    /// An access token, by its `jti`.
    Jti(&'a str),
    /// A refresh or an access token itself.
    Token(&'a str),
}

/// What makes a token dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It was minted in an epoch that is over.
    Epoch,
    /// Its `iat` lies in the future.
    NotYetValid,
    /// Its time, or that of something that it descends from, is up.
    Expired,
    /// It, or something that it descends from, was revoked, disabled or changed.
    Cut,
    /// It is a refresh token that is disabled, or under one that is.
    Disabled,
    /// It is a refresh token that ended, or is under one that did.
    Ended,
    /// It is a refresh token that is not taken before a later moment.
    NotBefore,
    /// It is a refresh token without exchanges left.
    UsedUp,
    /// It was never one of this authority's, or nothing is known of it any more.
    Unknown,
    /// It is of the right form and of a known refresh token, but its secret is none that is taken.
    WrongSecret,
}

/// Why a token is dead or alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What makes it dead. `None`: it is alive.
    pub cause: Option<Cause>,
    /// Since when, by whom and why, where somebody's act or the policy ended it.
    pub ending: Option<Ending>,
    /// Since when it is dead, as far as that is known.
    pub since: Option<Seconds>,
    /// The link that is to blame: the id of a refresh token, an owner, a `jti`, or the number of an epoch.
    pub link: Option<String>,
    /// The epoch in force, where `cause` is [`Cause::Epoch`]: since when, by whom and why.
    pub epoch: Option<Epoch>,
    /// The refresh token that it is, or came from.
    pub client_id: Option<TokenId>,
    /// The `jti` of an access token.
    pub jti: Option<String>,
    /// When it was made.
    pub issued_at: Option<Seconds>,
    /// When it expires, or expired. Of an access token that is known by its `jti` alone: at the latest.
    pub expires_at: Option<Seconds>,
    /// The refresh token as it stands, and what it descends from, nearest first.
    pub chain: Vec<Token>,
}

/// Why nothing is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// Neither an id nor a token.
    #[error("neither an id, nor a `jti`, nor a token")]
    Malformed,
    /// Nothing is known of this id.
    #[error("nothing is known of this id")]
    NotFound,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for ExplainError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// One of the things that ended a token.
struct Death {
    /// `None`: it is not known.
    at: Option<Seconds>,
    cause: Cause,
    ending: Option<Ending>,
    link: Option<String>,
}

impl Authority {
    /// Why a token is dead or alive.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub fn explain(&self, subject: Subject<'_>) -> Result<Explanation, ExplainError> {
        match subject {
            Subject::TokenId(text) => {
                let id = TokenId::parse(text).ok_or(ExplainError::Malformed)?;
                self.explain_refresh_token(id, None)?.ok_or(ExplainError::NotFound)
            }
            Subject::Jti(text) => self.explain_jti(text)?.ok_or(ExplainError::NotFound),
            Subject::Token(text) if text.starts_with(PREFIX) => {
                let presented = RefreshToken::parse(text).ok_or(ExplainError::Malformed)?;
                let explained = self.explain_refresh_token(presented.id(), Some(&presented))?;
                Ok(explained.unwrap_or_else(Explanation::unknown))
            }
            Subject::Token(text) => self.explain_access_token(text),
        }
    }

    /// The token and what it descends from, as they stand.
    fn explained_chain(&self, standing: &Standing, id: TokenId) -> Result<Vec<Token>, Unavailable> {
        let ids: Vec<TokenId> = standing.chain(id).map(|(id, _)| id).collect();
        Ok(self.tokens(&ids)?.into_iter().flatten().collect())
    }
}

impl Explanation {
    /// Of something alive of which nothing else is said yet.
    fn of(client: TokenId, chain: Vec<Token>) -> Self {
        Self { client_id: Some(client), chain, ..Self::nothing() }
    }

    /// Of something that nothing is known of.
    fn unknown() -> Self {
        Self { cause: Some(Cause::Unknown), ..Self::nothing() }
    }

    fn nothing() -> Self {
        Self {
            cause: None,
            ending: None,
            since: None,
            link: None,
            epoch: None,
            client_id: None,
            jti: None,
            issued_at: None,
            expires_at: None,
            chain: Vec::new(),
        }
    }

    /// Whether it is alive.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.cause.is_none()
    }

    fn dead_by(self, death: Death) -> Self {
        let Death { at, cause, ending, link } = death;
        Self { cause: Some(cause), since: at, ending, link, ..self }
    }
}

impl Death {
    fn by(cause: Cause) -> Self {
        Self { at: None, cause, ending: None, link: None }
    }

    fn at(cause: Cause, at: Seconds, link: String) -> Self {
        Self { at: Some(at), cause, ending: None, link: Some(link) }
    }

    fn by_act(cause: Cause, ending: &Ending, link: String) -> Self {
        Self { at: Some(ending.at), cause, ending: Some(ending.clone()), link: Some(link) }
    }

    /// The first of all. What ended with something else says so of itself at the same moment: that something else comes first.
    fn first(deaths: Vec<Self>) -> Option<Self> {
        let inherited = |death: &Self| death.ending.as_ref().is_some_and(|ending| ending.reason == Reason::ParentEnded);
        deaths.into_iter().min_by_key(|death| (death.at.unwrap_or(Seconds(u64::MAX)), inherited(death)))
    }
}
