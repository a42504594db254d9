//! The gate: what is decided about a request.

use jeton_policy::{
    network::Address,
    scope::Scopes,
    verifier::{Accepted, Answer},
};

use crate::{
    bearer,
    denial::Denial,
    edge::Edge,
    routes::{Needs, Requested, Routes},
    time::Now,
};

/// The headers that tell what stands behind Envoy who calls.
pub const IDENTITY: [&str; 4] = ["x-jeton-subject", "x-jeton-client", "x-jeton-scope", "x-jeton-expires"];

/// Whether a header says, or may be read as, what only the gate may say. Some servers make no difference between `-` and `_`.
#[must_use]
pub fn is_claim(name: &str) -> bool {
    let claimed =
        name.bytes().take(CLAIMED.len()).map(|byte| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() });
    claimed.eq(CLAIMED.bytes())
}

const CLAIMED: &str = "x-jeton-";

/// What a gate is set up to demand.
#[derive(Debug, Default)]
pub struct Gate {
    /// The allow-list, and who needs which scopes.
    pub routes: Routes,
    /// The one audience that tokens must be for.
    pub audience: Option<String>,
}

/// A request that may pass.
#[derive(Debug)]
pub enum Pass<'v> {
    /// It needs no token, and none was looked at.
    Open,
    /// Its token is alive, and enough.
    Alive(&'v Answer),
}

impl Gate {
    /// Judges a request. `peer`: where it comes from, as far as that is known.
    ///
    /// # Errors
    /// [`Denial`].
    pub fn judge<'e, 'h>(
        &self,
        edge: &'e mut Edge,
        now: &Now,
        requested: Requested<'_>,
        authorization: impl Iterator<Item = &'h [u8]>,
        peer: Option<Address>,
    ) -> Result<Pass<'e>, Denial> {
        let Needs::Scopes(needed) = self.routes.needs(requested) else { return Ok(Pass::Open) };
        let token = bearer::token(authorization)?;
        let Accepted { answer, network } = edge.verify(token, now, peer)?;
        if !network.permits() {
            return Err(Denial::Elsewhere);
        }
        if self.audience.as_ref().is_some_and(|audience| audience.as_bytes() != answer.audience()) {
            return Err(Denial::OtherAudience);
        }
        if !needed.is_empty() && !covers(answer.scope(), &needed) {
            return Err(Denial::InsufficientScope(needed.join(" ")));
        }
        Ok(Pass::Alive(answer))
    }
}

/// Whether a rendered `scope` covers all that are needed.
fn covers(granted: &[u8], needed: &[String]) -> bool {
    let granted = str::from_utf8(granted).ok().and_then(|granted| Scopes::parse(granted).ok());
    granted.is_some_and(|granted| needed.iter().all(|scope| granted.cover(scope)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_known_however_it_is_written() {
        for name in ["x-jeton-subject", "X-Jeton-Anything", "x_jeton_scope", "X-JETON_client", "x-jeton-"] {
            assert!(is_claim(name), "{name}");
        }
        for name in ["x-jeton", "x-jetons", "jeton-subject", "authorization", ""] {
            assert!(!is_claim(name), "{name}");
        }
    }
}
