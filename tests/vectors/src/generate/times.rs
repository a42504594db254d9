//! The second clause of the rule, and the lease.

use super::{EXPIRY, MINTED, SEQUENCE, Signer, accepted, case, load, refused};
use crate::{Case, Verdict};

pub(super) fn add(signer: &Signer, cases: &mut Vec<Case>) {
    let mut at = |name: &str, now: u64, held_for: u64, enforce_lease: bool, verdict: Verdict| {
        cases.push(Case { now, held_for, enforce_lease, ..case(name, signer, signer.good(), verdict) });
    };
    at("a good token is accepted", MINTED + 1, 0, false, accepted());
    at("a token is accepted in the second of its minting", MINTED, 0, false, accepted());
    at("a token is accepted in its last second", EXPIRY - 1, 0, false, accepted());
    at("a token is dead in the second of its expiry", EXPIRY, 0, false, refused("expired"));
    at("a token is dead long after its expiry", EXPIRY + 100_000, 0, false, refused("expired"));
    at("a token is dead at the end of time", u64::MAX, 0, false, refused("expired"));
    at("a clock that is behind the live set is not believed", 0, 0, false, accepted());
    at("time goes on while the live set is held, whatever the clock says", 0, 900, false, refused("expired"));
    at("time goes on while the live set is held, to the second", 0, 899, false, accepted());
    at("a lease that is not over binds nobody", MINTED + 4, 4, true, accepted());
    at("past the lease nothing is accepted", MINTED + 5, 5, true, refused("stale"));
    at("an authority is not bound by the lease", MINTED + 5, 5, false, accepted());
    at("a span beyond all time is past every lease", MINTED, u64::MAX, true, refused("stale"));

    // The live set is older than the token here, so that the caller's clock alone decides about `iat`.
    let mut early = |name: &str, seconds_before: u64, verdict: Verdict| {
        let mut whole = signer.whole(SEQUENCE, &[]);
        whole.as_of = jeton_policy::seconds::Seconds(MINTED - 1_000);
        cases.push(Case {
            loads: vec![load(whole.render(), "loaded")],
            now: MINTED - seconds_before,
            ..case(name, signer, signer.good(), verdict)
        });
    };
    early("a token from ten seconds ahead is accepted: two honest clocks may differ by that", 10, accepted());
    early("a token from eleven seconds ahead is not yet valid", 11, refused("not-yet-valid"));

    cases.push(Case {
        loads: Vec::new(),
        ..case("a verifier that has loaded nothing accepts nothing", signer, signer.good(), refused("stale"))
    });
}
