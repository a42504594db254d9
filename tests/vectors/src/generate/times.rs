//! The second clause of the rule, the time that it is judged by, and the lease.

use jeton_policy::{access_token::Claims, seconds::Seconds};

use super::{OWN_LINEAGE, SEQUENCE, Signer, Stage, accepted_as, load, refused};
use crate::{Case, Load, Verdict};

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    clocks(&signer, cases);
    skew(&signer, cases);
    lives(&signer, cases);
    orders(&signer, cases);
    times_of_live_sets(&signer, cases);
    news_tells_the_time(&signer, cases)?;
    leases(&signer, cases);
    Ok(())
}

/// A document of this time, without cuts.
fn whole_of(signer: &Signer, sequence: u64, as_of: u64, cuts: &[&str]) -> Load {
    let mut whole = signer.whole(sequence, cuts);
    whole.as_of = Seconds(as_of);
    load(whole.render(), "loaded")
}

fn clocks(signer: &Signer, cases: &mut Vec<Case>) {
    let (minted, expiry) = (signer.stage.minted, signer.stage.expiry());
    let accepted = || signer.stage.accepted();
    let mut at = |name: &str, now: u64, held_for: u64, enforce_lease: bool, verdict: Verdict| {
        cases.push(Case { now, held_for, enforce_lease, ..signer.case(name, signer.good(), verdict) });
    };
    at("a good token is accepted", minted + 1, 0, false, accepted());
    at("a token is accepted in the second of its minting", minted, 0, false, accepted());
    at("a token is accepted in its last second", expiry - 1, 0, false, accepted());
    at("a token is dead in the second of its expiry", expiry, 0, false, refused("expired"));
    at("a token is dead long after its expiry", expiry + 100_000, 0, false, refused("expired"));
    at("a token is dead at the end of time", u64::MAX, 0, false, refused("expired"));
    at("a clock that is behind the live set is not believed", 0, 0, false, accepted());
    at("time goes on while the live set is held, whatever the clock says", 0, 900, false, refused("expired"));
    at("time goes on while the live set is held, to the second", 0, 899, false, accepted());
    at("a clock that went on is believed, however short the live set is held", expiry, 1, false, refused("expired"));
    at("the span that a live set is held is not added to the clock", expiry - 1, 898, false, accepted());
    at("a lease that is not over binds nobody", minted + 4, 4, true, accepted());
    at("past the lease nothing is accepted", minted + 5, 5, true, refused("stale"));
    at("an authority is not bound by the lease", minted + 5, 5, false, accepted());
    at("a span beyond all time is past every lease", minted, u64::MAX, true, refused("stale"));
    at("a span beyond all time is past every expiry", minted, u64::MAX, false, refused("expired"));
    cases.push(Case {
        loads: Vec::new(),
        ..signer.case("a verifier that has loaded nothing accepts nothing", signer.good(), refused("stale"))
    });
}

/// The live set is older than the token here, so that the caller's clock alone decides about `iat`.
fn skew(signer: &Signer, cases: &mut Vec<Case>) {
    let (minted, accepted) = (signer.stage.minted, || signer.stage.accepted());
    let older = || vec![whole_of(signer, SEQUENCE, minted - 1_000, &[])];
    let mut early = |name: &str, now: u64, held_for: u64, verdict: Verdict| {
        cases.push(Case { loads: older(), now, held_for, ..signer.case(name, signer.good(), verdict) });
    };
    early(
        "a token from ten seconds ahead is accepted: two honest clocks may differ by that",
        minted - 10,
        0,
        accepted(),
    );
    early("a token from eleven seconds ahead is not yet valid", minted - 11, 0, refused("not-yet-valid"));
    early("a token from far ahead is not yet valid", minted - 100_000, 0, refused("not-yet-valid"));
    early("no clock at all is a clock that is behind", 0, 0, refused("not-yet-valid"));
    early("holding a live set makes a token valid in time", 0, 990, accepted());
    early("holding a live set makes a token valid not a second too early", 0, 989, refused("not-yet-valid"));
    cases.push(Case {
        loads: older(),
        now: minted - 10,
        ..signer.case(
            "ten seconds of skew lengthen no life",
            signer.signed(|claims| claims.exp = Seconds(minted - 10)),
            refused("expired"),
        )
    });
}

fn lives(signer: &Signer, cases: &mut Vec<Case>) {
    let minted = signer.stage.minted;
    let mut lives = |name: &str, iat: u64, exp: u64, now: u64, why: Option<&str>| {
        let claims = Claims { iat: Seconds(iat), exp: Seconds(exp), ..signer.stage.claims() };
        let verdict = why.map_or_else(|| accepted_as(&claims, "not-bound"), refused);
        cases.push(Case { now, ..signer.case(name, signer.signer.sign(&claims), verdict) });
    };
    lives("a token that lives for a second is alive in it", minted, minted + 1, minted, None);
    lives("a token that lives for a second is dead in the next", minted, minted + 1, minted + 1, Some("expired"));
    lives("a token that expires when it is minted is never alive", minted, minted, minted, Some("expired"));
    lives("a token that expires before it is minted is dead", minted, minted - 1, minted, Some("expired"));
    lives("a token that lives for a day is alive in its last second", minted, minted + 86_400, minted + 86_399, None);
    lives("a token that lives for a day is dead after it", minted, minted + 86_400, minted + 86_400, Some("expired"));
    lives("a token from the beginning of time that is dead at its end is alive", 0, u64::MAX, minted, None);
    lives("it is alive in the second before the end of time", 0, u64::MAX, u64::MAX - 1, None);
    lives("it is dead at the end of time", 0, u64::MAX, u64::MAX, Some("expired"));
    lives("a token from the end of time is not yet valid", u64::MAX, u64::MAX, minted, Some("not-yet-valid"));
    lives("a token that expires at the beginning of time is dead", 0, 0, minted, Some("expired"));
}

/// Where several clauses do not hold, the first one is told.
fn orders(signer: &Signer, cases: &mut Vec<Case>) {
    let (minted, expiry) = (signer.stage.minted, signer.stage.expiry());
    let mut told = |name: &str, cuts: &[&str], iat: u64, exp: u64, token: Option<&str>, why: &str| {
        let good = signer.signed(|claims| (claims.iat, claims.exp) = (Seconds(iat), Seconds(exp)));
        let token = token.map_or(good, str::to_owned);
        let loads = vec![whole_of(signer, SEQUENCE, minted, cuts)];
        cases.push(Case { loads, ..signer.case(name, token, refused(why)) });
    };
    let (ahead, past) = (minted + 100, minted - 1);
    told("what is not yet valid and expired is not yet valid", &[], ahead, past, None, "not-yet-valid");
    told("what is not yet valid and cut is not yet valid", &[OWN_LINEAGE], ahead, expiry, None, "not-yet-valid");
    told("what is expired and cut is expired", &[OWN_LINEAGE], past, past, None, "expired");
    told("what is cut and broken is broken", &[OWN_LINEAGE], minted, expiry, Some("a.b"), "malformed");
    let flawed = signer.signed(|claims| claims.exp = Seconds(past));
    let flawed = format!("{}AAAA", flawed.get(..flawed.len() - 4).unwrap_or_default());
    told("what is expired and forged is forged", &[], minted, expiry, Some(&flawed), "bad-signature");
}

fn times_of_live_sets(signer: &Signer, cases: &mut Vec<Case>) {
    let (minted, expiry) = (signer.stage.minted, signer.stage.expiry());
    let mut as_of = |name: &str, as_of: u64, now: u64, held_for: u64, why: Option<&str>| {
        let verdict = why.map_or_else(|| signer.stage.accepted(), refused);
        let loads = vec![whole_of(signer, SEQUENCE, as_of, &[])];
        cases.push(Case { loads, now, held_for, ..signer.case(name, signer.good(), verdict) });
    };
    as_of("a live set from a token's last second lets it live", expiry - 1, minted + 1, 0, None);
    as_of("a live set from the second of a token's expiry ends it", expiry, minted + 1, 0, Some("expired"));
    as_of("a live set from long after a token's expiry ends it", expiry + 100_000, minted + 1, 0, Some("expired"));
    as_of("a live set from the end of time ends every token", u64::MAX, minted + 1, 0, Some("expired"));
    as_of("time does not begin anew behind its end", u64::MAX, minted + 1, 1_000, Some("expired"));
    as_of("a live set from the beginning of time leaves a token alive", 0, minted + 1, 0, None);
    as_of("a live set from the beginning of time holds no clock back", 0, expiry, 0, Some("expired"));
    as_of("a live set held since the beginning of time tells the time", 0, 0, expiry, Some("expired"));
}

fn news_tells_the_time(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let (minted, expiry) = (signer.stage.minted, signer.stage.expiry());
    let news_of = |as_of: u64, sequence: u64| {
        let mut delta = signer.delta(SEQUENCE, sequence, &[], &[]);
        delta.as_of = Seconds(as_of);
        load(delta.render(), "loaded")
    };
    let whole = |sequence: u64, as_of: u64| whole_of(signer, sequence, as_of, &[]);
    let mut after = |name: &str, loads: Vec<Load>, verdict: Verdict| {
        cases.push(Case { loads, ..signer.case(name, signer.good(), verdict) });
    };
    let expired = || refused("expired");
    after("news tells the time", vec![whole(SEQUENCE, minted), news_of(expiry, SEQUENCE + 1)], expired());
    after(
        "news that nothing happened tells the time",
        vec![whole(SEQUENCE, minted), news_of(expiry, SEQUENCE)],
        expired(),
    );
    after("news does not set the time back", vec![whole(SEQUENCE, expiry), news_of(minted, SEQUENCE + 1)], expired());
    after(
        "a newer live set does not set the time back",
        vec![whole(SEQUENCE, expiry), whole(SEQUENCE + 1, minted)],
        expired(),
    );
    after(
        "the same live set of an earlier time does not set the time back",
        vec![whole(SEQUENCE, expiry), whole(SEQUENCE, minted)],
        expired(),
    );
    let mut refused_news = signer.delta(SEQUENCE + 7, SEQUENCE + 8, &[], &[]);
    refused_news.as_of = Seconds(expiry);
    after(
        "news that is refused does not tell the time",
        vec![whole(SEQUENCE, minted), load(refused_news.render(), "gap")],
        signer.stage.accepted(),
    );
    let next = signer.stage.signer(1, jeton_policy::access_token::Algorithm::EdDsa)?;
    cases.push(Case {
        loads: vec![whole(SEQUENCE, expiry), whole_of(&next, SEQUENCE, minted, &[])],
        ..next.case("a new epoch has a time of its own", next.good(), signer.stage.accepted())
    });
    Ok(())
}

fn leases(signer: &Signer, cases: &mut Vec<Case>) {
    let (minted, expiry) = (signer.stage.minted, signer.stage.expiry());
    let of_lease = |sequence: u64, lease: u64| {
        let mut whole = signer.whole(sequence, &[]);
        whole.lease = Seconds(lease);
        load(whole.render(), "loaded")
    };
    let mut held = |name: &str, loads: Vec<Load>, held_for: u64, enforce_lease: bool, why: Option<&str>| {
        let verdict = why.map_or_else(|| signer.stage.accepted(), refused);
        cases.push(Case { loads, held_for, enforce_lease, ..signer.case(name, signer.good(), verdict) });
    };
    held("a lease of a second lasts for its first second", vec![of_lease(SEQUENCE, 1)], 0, true, None);
    held("a lease of a second is over after it", vec![of_lease(SEQUENCE, 1)], 1, true, Some("stale"));
    held("a lease of a minute lasts for its last second", vec![of_lease(SEQUENCE, 60)], 59, true, None);
    held("a lease of a minute is over after it", vec![of_lease(SEQUENCE, 60)], 60, true, Some("stale"));
    held("a lease of no time is over at once", vec![of_lease(SEQUENCE, 0)], 0, true, Some("stale"));
    held("a lease of no time does not bind an authority", vec![of_lease(SEQUENCE, 0)], 0, false, None);
    held("a lease without an end lengthens no life", vec![of_lease(SEQUENCE, u64::MAX)], 900, true, Some("expired"));
    held(
        "news leaves the lease as it is",
        vec![of_lease(SEQUENCE, 60), load(signer.delta(SEQUENCE, SEQUENCE + 1, &[], &[]).render(), "loaded")],
        59,
        true,
        None,
    );
    held(
        "a newer live set may have a shorter lease",
        vec![of_lease(SEQUENCE, 60), of_lease(SEQUENCE + 1, 5)],
        5,
        true,
        Some("stale"),
    );
    held(
        "a newer live set may have a longer lease",
        vec![of_lease(SEQUENCE, 5), of_lease(SEQUENCE + 1, 60)],
        59,
        true,
        None,
    );
    let mut judged = |name: &str, cuts: &[&str], token: String, held_for: u64, why: &str| {
        let loads = vec![load(signer.whole(SEQUENCE, cuts).render(), "loaded")];
        let case = signer.case(name, token, refused(why));
        cases.push(Case { loads, held_for, enforce_lease: true, now: minted + held_for, ..case });
    };
    let dead = || signer.signed(|claims| claims.exp = Seconds(minted));
    judged("past the lease an expired token is stale, and not expired", &[], dead(), 5, "stale");
    judged("past the lease a cut token is stale, and not cut", &[OWN_LINEAGE], signer.good(), 5, "stale");
    judged("past the lease what is no token is stale, too", &[], "token".to_owned(), 5, "stale");
    judged("within the lease an expired token is expired", &[], dead(), 4, "expired");
    judged("within the lease a cut token is cut", &[OWN_LINEAGE], signer.good(), 4, "cut");
    judged("within the lease what is no token is none", &[], "token".to_owned(), 4, "malformed");
    let mut whole = signer.whole(SEQUENCE, &[]);
    (whole.as_of, whole.lease) = (Seconds(expiry), Seconds(60));
    cases.push(Case {
        loads: vec![load(whole.render(), "loaded")],
        enforce_lease: true,
        ..signer.case("within the lease a live set ends what it is too late for", signer.good(), refused("expired"))
    });
}
