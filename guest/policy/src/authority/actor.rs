//! Who acts.

use super::members;
use crate::scope::{OWN, ScopeError, Scopes, TOKENS};

/// Who performs an administrative act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Someone on the authority's own machine who may open its data. Holds every scope.
    Machine,
    /// The bearer of an access token that the verifier found alive for this very request.
    Token(ActingToken),
}

/// An access token that says so was never minted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActorError {
    /// The `client_id` is not 1 to 200 visible ASCII characters: it stands in whatever the actor writes.
    #[error("the `client_id` is not 1 to 200 visible ASCII characters")]
    ClientIdMalformed,
    /// The `sub` is not.
    #[error("the `sub` is not 1 to 200 visible ASCII characters")]
    SubjectMalformed,
    /// The scopes are none.
    #[error(transparent)]
    Scope(#[from] ScopeError),
}

/// What an actor's access token says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingToken {
    /// The `client_id`.
    pub client_id: String,
    /// The `sub`.
    pub subject: String,
    /// The granted scopes.
    pub scopes: Scopes,
}

impl Actor {
    /// The bearer of an access token of a refresh token without owner.
    ///
    /// # Errors
    /// [`ActorError`].
    pub fn token(client_id: &str, scopes: &[String]) -> Result<Self, ActorError> {
        Self::bearer(client_id, client_id, scopes)
    }

    /// The bearer of an access token with these claims.
    ///
    /// # Errors
    /// [`ActorError`].
    pub fn bearer(client_id: &str, subject: &str, scopes: &[String]) -> Result<Self, ActorError> {
        if !members::is_author(client_id) {
            return Err(ActorError::ClientIdMalformed);
        }
        if !members::is_author(subject) {
            return Err(ActorError::SubjectMalformed);
        }
        let (client_id, subject) = (client_id.to_owned(), subject.to_owned());
        Ok(Self::Token(ActingToken { client_id, subject, scopes: Scopes::new(scopes)? }))
    }

    /// How the actor stands in records.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Machine => "machine",
            Self::Token(token) => &token.client_id,
        }
    }

    /// Whether the actor holds every `jeton:` scope of `scopes`: nobody grants, revives or changes what they lack.
    pub(super) fn may_touch(&self, scopes: &Scopes) -> bool {
        match self {
            Self::Machine => true,
            Self::Token(token) => token.scopes.cover_reserved(scopes),
        }
    }

    /// Whose tokens alone the actor may act on. `None`: anyone's, as far as [`Actor::may_touch`] goes.
    pub(super) fn confined_to(&self) -> Option<&str> {
        match self {
            Self::Token(token) if token.scopes.cover(OWN) && !token.scopes.cover(TOKENS) => Some(&token.subject),
            Self::Machine | Self::Token(_) => None,
        }
    }
}
