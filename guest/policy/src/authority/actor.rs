//! Who acts.

use crate::scope::{ScopeError, Scopes};

/// Who performs an administrative act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Someone on the authority's own machine who may open its data. Holds every scope.
    Machine,
    /// The bearer of an access token that the verifier found alive for this very request.
    Token(ActingToken),
}

/// What an actor's access token says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingToken {
    /// The `client_id`.
    pub client_id: String,
    /// The granted scopes.
    pub scopes: Scopes,
}

impl Actor {
    /// The bearer of an access token with these claims.
    ///
    /// # Errors
    /// [`ScopeError`] when they are no scopes: such a token was never minted.
    pub fn token(client_id: &str, scopes: &[String]) -> Result<Self, ScopeError> {
        Ok(Self::Token(ActingToken { client_id: client_id.to_owned(), scopes: Scopes::new(scopes)? }))
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
}
