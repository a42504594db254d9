//! The one rule: whether an access token is alive.

use crate::{access_token::SignedToken, live::LiveSet, seconds::Seconds};

/// How far an `iat` may lie in the future: what two honest clocks may differ by. It applies to `iat` alone.
pub const SKEW: Seconds = Seconds(10);

/// Why an access token is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Dead {
    /// It was signed in another epoch than the current one.
    #[error("signed in another epoch")]
    OtherEpoch,
    /// Its `iat` lies more than [`SKEW`] in the future.
    #[error("not yet valid")]
    NotYetValid,
    /// Its time is up.
    #[error("expired")]
    Expired,
    /// Something that it descends from, or it itself, was cut.
    #[error("cut")]
    Cut,
}

/// Decides whether `token` is alive at `now`. Nothing else in Jeton does.
///
/// It is alive if and only if it was signed by the key of the current epoch, `iat <= now + SKEW` and `now < exp`,
/// and no id of its lineage is cut. That the signature itself holds is what [`SignedToken`] means.
///
/// # Errors
/// The first clause that does not hold.
pub fn judge(token: &SignedToken, live: &LiveSet, now: Seconds) -> Result<(), Dead> {
    if token.signed_by() != live.epoch().public_key() {
        return Err(Dead::OtherEpoch);
    }
    if token.issued_at() > now.plus(SKEW) {
        return Err(Dead::NotYetValid);
    }
    if now >= token.expires_at() {
        return Err(Dead::Expired);
    }
    if token.lineage().iter().any(|id| live.is_cut(id)) {
        return Err(Dead::Cut);
    }
    Ok(())
}
