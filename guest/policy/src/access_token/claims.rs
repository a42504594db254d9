//! The claims of an access token (RFC 9068 section 2.2).

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{object::object_from_slice, seconds::Seconds};

/// The most lineage ids beside the `jti`: a refresh token with eight ancestors, and as many owners, leave room for more.
pub const MAX_LINEAGE: usize = 32;
/// Characters of a lineage id.
pub(crate) const LINEAGE_ID_LENGTH: usize = 22;
/// Characters of a `jti`.
pub(crate) const JTI_LENGTH: usize = 55;

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
    /// What it descends from, nearest first: lineage ids, and the `jti` of the access token that it was exchanged from (RFC 8693).
    /// Together with its own `jti`, its lineage.
    pub lin: Vec<Cow<'a, str>>,
    /// The networks that it is bound to. A token that is bound to none lacks the member.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "some")]
    pub net: Vec<Cow<'a, str>>,
}

impl<'a> Claims<'a> {
    /// Reads claims strictly: no unknown, missing or repeated member, no other form of lineage.
    ///
    /// # Errors
    /// [`ClaimsError`]; nothing says more, since only the holder of the epoch's key could have signed them.
    pub fn parse(json: &'a [u8]) -> Result<Self, ClaimsError> {
        let claims: Self = object_from_slice(json).map_err(|_| ClaimsError)?;
        let sound = claims.lin.len() <= MAX_LINEAGE
            && !claims.lin.is_empty()
            && claims.lin.iter().all(|id| matches!(id.len(), LINEAGE_ID_LENGTH | JTI_LENGTH) && is_word(id))
            && !claims.jti.is_empty()
            && is_word(&claims.jti);
        if sound { Ok(claims) } else { Err(ClaimsError) }
    }
}

fn is_word(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// An empty list is refused: who wrote it may have meant "nowhere", and reading it means "everywhere".
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cow<'de, str>>, D::Error> {
    let list: Vec<Cow<'de, str>> = Vec::deserialize(deserializer)?;
    if list.is_empty() { Err(D::Error::custom("")) } else { Ok(list) }
}
