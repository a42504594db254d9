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
    if token.signed_by() != live.epoch().key().id() {
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

#[cfg(all(test, feature = "authority"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use std::borrow::Cow;

    use super::*;
    use crate::{
        access_token::{Algorithm, Claims, EpochSigner, UnverifiedToken},
        digest::CutDigest,
    };

    const LINEAGE: [&str; 2] = ["OwnLineage000000000000", "ParentLineage000000000"];

    fn signer(number: u64) -> EpochSigner {
        EpochSigner::begin(&[1; 32], Algorithm::EdDsa, number, [2; 16]).unwrap().0
    }

    fn live(of: &EpochSigner, cuts: &[&str]) -> LiveSet {
        LiveSet::of_store(1, of.key().clone(), Seconds(0), cuts.iter().map(|id| CutDigest::of(id)))
    }

    /// Minted at 1000, dead at 1900.
    fn token(signer: &EpochSigner) -> SignedToken {
        let text = signer.sign(&Claims {
            iss: Cow::Borrowed("https://tokens.example"),
            aud: Cow::Borrowed("https://tokens.example"),
            sub: Cow::Borrowed("alice"),
            client_id: Cow::Borrowed("client"),
            iat: Seconds(1_000),
            exp: Seconds(1_900),
            jti: Cow::Borrowed("jti"),
            scope: Cow::Borrowed(""),
            lin: LINEAGE.map(Cow::Borrowed).to_vec(),
            net: Vec::new(),
        });
        let unverified = UnverifiedToken::parse(&text, signer.key()).unwrap();
        SignedToken::verify(unverified, signer.key(), &mut Vec::new()).unwrap().0
    }

    #[test]
    fn a_token_is_alive_where_every_clause_holds_and_nowhere_else() {
        let (epoch, other_epoch) = (signer(1), signer(2));
        let (token, set) = (token(&epoch), live(&epoch, &["SomethingElse000000000"]));
        assert_eq!(judge(&token, &set, Seconds(1_500)), Ok(()));
        assert_eq!(judge(&token, &live(&other_epoch, &[]), Seconds(1_500)), Err(Dead::OtherEpoch));
        for (now, verdict) in
            [(989, Err(Dead::NotYetValid)), (990, Ok(())), (1_899, Ok(())), (1_900, Err(Dead::Expired))]
        {
            assert_eq!(judge(&token, &set, Seconds(now)), verdict, "at {now}");
        }
        for id in ["jti", LINEAGE[0], LINEAGE[1]] {
            assert_eq!(judge(&token, &live(&epoch, &[id]), Seconds(1_500)), Err(Dead::Cut), "{id}");
        }
    }
}
