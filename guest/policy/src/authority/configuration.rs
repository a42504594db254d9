//! What an authority is: its issuer, chosen once.

use super::{ATTEMPTS, Authority, decoded};
use crate::{
    keys,
    record::Stored as _,
    store::{Check, CommitError, Unavailable, Write},
};

/// The most characters of an issuer: it stands twice in every access token.
pub const MAX_ISSUER_LENGTH: usize = 200;
/// Why an authority is not what it was asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigureError {
    /// See RFC 8414 section 2 and [`MAX_ISSUER_LENGTH`].
    #[error("the issuer is not an http or https URL without query and fragment")]
    IssuerMalformed,
    /// An issuer is chosen once.
    #[error("the store belongs to another issuer")]
    AnotherIssuer,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for ConfigureError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Authority {
    /// Fixes the issuer at the first start and compares it at every later one; gives the one in force.
    ///
    /// # Errors
    /// [`ConfigureError`].
    pub fn configure(&self, requested: Option<&str>, fallback: &str) -> Result<String, ConfigureError> {
        for _ in 0..ATTEMPTS {
            let [stored] = self.read([keys::ISSUER.to_vec()])?;
            if let Some((stored, _)) = decoded::<String>(stored.as_ref()).map_err(Unavailable::from)? {
                return match requested {
                    Some(requested) if requested != stored => Err(ConfigureError::AnotherIssuer),
                    _ => Ok(stored),
                };
            }
            let issuer = requested.unwrap_or(fallback);
            if !is_issuer(issuer) {
                return Err(ConfigureError::IssuerMalformed);
            }
            let check = Check { key: keys::ISSUER.to_vec(), version: None };
            let write = Write { key: keys::ISSUER.to_vec(), value: Some(issuer.to_owned().to_stored()) };
            match self.store.commit(vec![check], vec![write]) {
                Ok(_) => return Ok(issuer.to_owned()),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Unavailable) => return Err(ConfigureError::Unavailable),
            }
        }
        Err(ConfigureError::Unavailable)
    }
}

/// RFC 8414 section 2, and visible ASCII so that it can stand anywhere.
fn is_issuer(issuer: &str) -> bool {
    let authority = issuer.strip_prefix("https://").or_else(|| issuer.strip_prefix("http://"));
    issuer.len() <= MAX_ISSUER_LENGTH
        && issuer.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'\\'))
        && authority.is_some_and(|authority| !authority.is_empty() && !authority.starts_with('/'))
}
