//! The claims of an access token (RFC 9068 section 2.2).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::seconds::Seconds;

/// The most lineage ids beside the `jti`: a refresh token with eight ancestors, and as many owners, leave room for more.
pub const MAX_LINEAGE: usize = 32;
/// Characters of a lineage id.
pub(crate) const LINEAGE_ID_LENGTH: usize = 22;

/// Why bytes are not the claims of an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the claims of an access token")]
pub struct ClaimsError;

/// What an access token says. The members stand in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims<'a> {
    /// The issuer of this authority.
    #[serde(borrow)]
    pub iss: Cow<'a, str>,
    /// Whom it is for: the issuer, unless said otherwise.
    #[serde(borrow)]
    pub aud: Cow<'a, str>,
    /// The owner, else the refresh token's id.
    #[serde(borrow)]
    pub sub: Cow<'a, str>,
    /// The refresh token's id.
    #[serde(borrow)]
    pub client_id: Cow<'a, str>,
    /// When it was minted.
    pub iat: Seconds,
    /// When it is dead of age: alive while `now < exp`.
    pub exp: Seconds,
    /// Its own id.
    #[serde(borrow)]
    pub jti: Cow<'a, str>,
    /// Its scopes, separated by spaces.
    #[serde(borrow)]
    pub scope: Cow<'a, str>,
    /// The lineage ids that it descends from, nearest first; together with `jti`, its lineage.
    pub lin: Vec<Cow<'a, str>>,
}

impl<'a> Claims<'a> {
    /// Reads claims strictly: no unknown, missing or repeated member, no other form of lineage.
    ///
    /// # Errors
    /// [`ClaimsError`]; nothing says more, since only the holder of the epoch's key could have signed them.
    pub fn parse(json: &'a [u8]) -> Result<Self, ClaimsError> {
        let claims: Self = serde_json::from_slice(json).map_err(|_| ClaimsError)?;
        let sound = claims.lin.len() <= MAX_LINEAGE
            && !claims.lin.is_empty()
            && claims.lin.iter().all(|id| is_lineage_id(id))
            && !claims.jti.is_empty()
            && claims.jti.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if sound { Ok(claims) } else { Err(ClaimsError) }
    }
}

fn is_lineage_id(id: &str) -> bool {
    id.len() == LINEAGE_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
