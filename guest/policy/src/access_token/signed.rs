//! A token that an epoch's key has signed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    claims::Claims, epoch_key::EpochKey, public_key::KeyId, unverified::UnverifiedToken, verify::MAX_SIGNATURE,
};
use crate::{digest::CutDigest, network::Networks, seconds::Seconds};

/// Why an unverified token is not a signed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature is not by the epoch's key.
    #[error("not signed by this epoch's key")]
    NotSigned,
    /// It is, but what was signed is not what this authority writes.
    #[error("signed, but not an access token")]
    Malformed,
}

/// What the one rule needs of a token whose signature holds, and the networks that it is bound to beside the rule. That the
/// signature holds is a fact that no time changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedToken {
    signed_by: KeyId,
    issued_at: Seconds,
    expires_at: Seconds,
    lineage: Vec<CutDigest>,
    networks: Networks,
}

impl SignedToken {
    /// Verifies the signature, then reads what was signed into `payload`, which the claims borrow from.
    ///
    /// # Errors
    /// [`SignatureError`]. Base64url with padding or trailing bits is refused like a wrong signature.
    pub fn verify<'p>(
        token: UnverifiedToken<'_>,
        epoch: &EpochKey,
        payload: &'p mut Vec<u8>,
    ) -> Result<(Self, Claims<'p>), SignatureError> {
        let mut signature = [0; MAX_SIGNATURE];
        let length = URL_SAFE_NO_PAD.decode_slice(token.signature, &mut signature);
        let signature = length.ok().and_then(|length| signature.get(..length)).ok_or(SignatureError::NotSigned)?;
        if !epoch.has_signed(token.signing_input.as_bytes(), signature) {
            return Err(SignatureError::NotSigned);
        }
        let claims = token.read_payload(payload)?;
        let mut lineage = Vec::with_capacity(claims.lin.len().saturating_add(1));
        lineage.push(CutDigest::of(&claims.jti));
        lineage.extend(claims.lin.iter().map(|id| CutDigest::of(id)));
        let networks = Networks::new(&claims.net).map_err(|_| SignatureError::Malformed)?;
        let (issued_at, expires_at) = (claims.iat, claims.exp);
        let signed = Self { signed_by: epoch.id(), issued_at, expires_at, lineage, networks };
        Ok((signed, claims))
    }

    /// A token as it must have been, of which nothing but its `jti` is known. No signature was verified: it serves to explain
    /// to an administrator what the one rule says of such a token, and nothing else may be decided by it.
    #[cfg(feature = "authority")]
    pub(crate) fn reconstructed(
        signed_by: KeyId,
        issued_at: Seconds,
        expires_at: Seconds,
        jti: &str,
        lineage: &[String],
    ) -> Self {
        let lineage = core::iter::once(jti).chain(lineage.iter().map(String::as_str)).map(CutDigest::of).collect();
        Self { signed_by, issued_at, expires_at, lineage, networks: Networks::default() }
    }

    /// The key that it was verified with.
    #[must_use]
    pub fn signed_by(&self) -> KeyId {
        self.signed_by
    }

    /// The `iat`.
    #[must_use]
    pub fn issued_at(&self) -> Seconds {
        self.issued_at
    }

    /// The `exp`.
    #[must_use]
    pub fn expires_at(&self) -> Seconds {
        self.expires_at
    }

    /// The digests of all that it descends from, its own `jti` first.
    #[must_use]
    pub fn lineage(&self) -> &[CutDigest] {
        &self.lineage
    }

    /// The networks that it is bound to.
    #[must_use]
    pub fn networks(&self) -> &Networks {
        &self.networks
    }
}
