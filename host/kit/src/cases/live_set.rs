//! What a verifier takes for news: never what is older than what it holds, or of somebody else.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::live::LiveRefusal;
use jeton_runtime::wit::verification::Refusal;
use jeton_vectors::generate::{EPOCH, GRANDPARENT_LINEAGE, JTI, MINTED, OWN_LINEAGE, PARENT_LINEAGE, SEQUENCE, Signer};

use crate::case::Case;
use crate::edge::Edge;
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, Office};
use crate::lent::Ground;
use crate::refusal::name_of;
use crate::wish::Wish;

/// A moment in the life of the good token.
const THEN: u64 = MINTED + 1;
/// How long an edge may go by a live set.
const LEASE: u64 = 5;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_verifiers("live-replay", "an older live set is refused, and what it did not know stays cut", replay),
        Case::of_verifiers("live-replay-of-an-epoch", "the live set of a past epoch is refused", past_epoch),
        Case::of_verifiers("live-other-key", "another key under the same epoch is refused", other_key),
        Case::of_verifiers("live-other-authority", "the live set of another authority is refused", other_authority),
        Case::of_verifiers("live-gap", "what changed since a live set that is not held is refused", gap),
        Case::of_verifiers("live-malformed", "what is no live set is refused, and changes nothing", malformed),
        Case::of_verifiers("live-news-reach-remembered", "a token that is remembered dies with the news", remembered),
        Case::of_verifiers("live-epoch-reaches-remembered", "a remembered token dies with its epoch", new_epoch),
        Case::of_verifiers("live-lease", "past the lease nothing is accepted until a live set comes", lease),
        Case::of_verifiers("live-nothing-held", "who holds no live set accepts nothing", nothing),
        Case::of_authorities("live-before-the-first-epoch", "before the first epoch there is no live set", before),
        Case::of_authorities("live-sequence", "each live set of an authority is newer than those before", sequence),
    ]
}

/// The signer of the epoch that comes so many after the one of the good token.
pub(super) fn signer(after: u64) -> Result<Signer, Failure> {
    Signer::of_epoch(EPOCH + after).map_err(|error| Failure::new(format!("the kit has no signer: {error:#}")))
}

/// Holds if a document is refused for this reason.
fn turned_away(edge: &mut Edge, document: &[u8], why: &str, what: &str) -> Verdict {
    match edge.load(document)? {
        Ok(_) => Err(Failure::new(format!("{what} was loaded"))),
        Err(refusal) if name_of(refusal) == why => Ok(()),
        Err(refusal) => Err(Failure::new(format!("{what} was refused as `{}` and not `{why}`", name_of(refusal)))),
    }
}

fn replay(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let (mut edge, token) = (Edge::new(sandbox)?, signer.good());
    let first = signer.whole(SEQUENCE, &[]).render();
    edge.take(&first)?;
    edge.accepts(&token, THEN, "a good token")?;
    edge.take(&signer.whole(SEQUENCE + 5, &[OWN_LINEAGE]).render())?;
    for (document, what) in [
        (first, "an older live set, without the cut,"),
        (signer.whole(SEQUENCE + 4, &[]).render(), "a live set one older, without the cut,"),
        (signer.delta(SEQUENCE, SEQUENCE + 4, &[], &[OWN_LINEAGE]).render(), "an older change that drops the cut"),
    ] {
        turned_away(&mut edge, &document, "older", what)?;
        edge.refuses(&token, THEN, &format!("a cut token, after {what} was shown,"))?;
    }
    Ok(())
}

fn past_epoch(sandbox: &Sandbox) -> Verdict {
    let (before, after) = (signer(0)?, signer(1)?);
    let (mut edge, token) = (Edge::new(sandbox)?, before.good());
    edge.take(&before.whole(SEQUENCE, &[]).render())?;
    edge.accepts(&token, THEN, "a good token")?;
    edge.take(&after.whole(1, &[]).render())?;
    for sequence in [SEQUENCE, SEQUENCE + 100] {
        turned_away(&mut edge, &before.whole(sequence, &[]).render(), "older", "the live set of a past epoch")?;
        edge.refuses(&token, THEN, "a token of a past epoch, after that one's live set was shown again,")?;
    }
    edge.accepts(&after.good(), THEN, "a token of the current epoch")
}

fn other_key(sandbox: &Sandbox) -> Verdict {
    let (ours, theirs) = (signer(0)?, signer(1)?);
    let mut edge = Edge::new(sandbox)?;
    edge.take(&ours.whole(SEQUENCE, &[]).render())?;
    // Their key, and the number of our epoch.
    let document = theirs.whole(SEQUENCE + 1, &[]).render();
    let document = String::from_utf8_lossy(&document).replace(&(EPOCH + 1).to_string(), &EPOCH.to_string());
    must(edge.load(document.as_bytes())?.is_err(), "another key under the number of the current epoch was loaded")?;
    edge.accepts(&ours.good(), THEN, "a good token")?;
    edge.refuses(&theirs.good(), THEN, "a token of a key that is not the epoch's")
}

fn other_authority(sandbox: &Sandbox) -> Verdict {
    let (ours, next) = (signer(0)?, signer(1)?);
    let mut edge = Edge::new(sandbox)?;
    edge.take(&ours.whole(SEQUENCE, &[]).render())?;
    let mut document = next.whole(SEQUENCE + 1, &[]);
    document.issuer = "https://elsewhere.example".into();
    turned_away(&mut edge, &document.render(), "another-authority", "the live set of another authority")?;
    edge.accepts(&ours.good(), THEN, "a good token")?;
    edge.refuses(&next.good(), THEN, "a token of another authority")
}

fn gap(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let (mut edge, token) = (Edge::new(sandbox)?, signer.good());
    let delta = signer.delta(SEQUENCE + 1, SEQUENCE + 2, &[], &[OWN_LINEAGE]).render();
    turned_away(&mut edge, &delta, "gap", "a change, before anything else,")?;
    edge.take(&signer.whole(SEQUENCE, &[OWN_LINEAGE]).render())?;
    turned_away(&mut edge, &delta, "gap", "a change since a live set that is not held")?;
    edge.refuses(&token, THEN, "a cut token, after a change that was refused,")?;
    edge.take(&signer.delta(SEQUENCE, SEQUENCE + 1, &[], &[]).render())?;
    edge.take(&delta)?;
    edge.accepts(&token, THEN, "a token whose cut was dropped")
}

fn malformed(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let (mut edge, token) = (Edge::new(sandbox)?, signer.good());
    edge.take(&signer.whole(SEQUENCE, &[OWN_LINEAGE]).render())?;
    let good = String::from_utf8_lossy(&signer.whole(SEQUENCE + 1, &[]).render()).into_owned();
    for (document, what) in [
        (String::new(), "nothing"),
        ("{}".to_owned(), "an empty object"),
        ("[]".to_owned(), "a list"),
        (good.trim_end_matches('}').to_owned(), "half a live set"),
        (format!("{good}{good}"), "two live sets in one"),
        (good.replace("EdDSA", "none"), "a live set with the algorithm `none`"),
        (good.replace("EdDSA", "HS256"), "a live set with the algorithm `HS256`"),
        (good.replacen('{', "{\"extra\":1,", 1), "a live set with an unknown member"),
        (good.replace("\"sequence\":", "\"sequence\":-"), "a live set with a negative sequence"),
        (good.replace("\"cuts\":[]", "\"cuts\":[\"AA\"]"), "a live set with half a cut"),
        (good.replace("\"cuts\":[]", "\"cuts\":[1]"), "a live set with a number for a cut"),
    ] {
        turned_away(&mut edge, document.as_bytes(), "malformed", what)?;
        edge.refuses(&token, THEN, &format!("a cut token, after {what} was shown as a live set,"))?;
    }
    must(edge.load(&[0xff, 0xfe, 0])?.is_err(), "bytes that are no text were loaded as a live set")
}

fn remembered(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    for id in [JTI, OWN_LINEAGE, PARENT_LINEAGE, GRANDPARENT_LINEAGE] {
        for as_change in [false, true] {
            let (mut edge, token) = (Edge::new(sandbox)?, signer.good());
            edge.take(&signer.whole(SEQUENCE, &[]).render())?;
            edge.accepts(&token, THEN, "a good token")?;
            let change = signer.delta(SEQUENCE, SEQUENCE + 1, &[id], &[]).render();
            let news = if as_change { change } else { signer.whole(SEQUENCE + 1, &[id]).render() };
            edge.take(&news)?;
            edge.refuses(&token, THEN, "a token that had been accepted before the news of its cut came")?;
        }
    }
    Ok(())
}

fn new_epoch(sandbox: &Sandbox) -> Verdict {
    let (before, after) = (signer(0)?, signer(1)?);
    let (mut edge, old, new) = (Edge::new(sandbox)?, before.good(), after.good());
    edge.take(&before.whole(SEQUENCE, &[]).render())?;
    for _ in 0..3 {
        edge.accepts(&old, THEN, "a good token")?;
    }
    edge.take(&after.whole(SEQUENCE + 1, &[]).render())?;
    edge.refuses(&old, THEN, "a token that had been accepted in the epoch before")?;
    edge.accepts(&new, THEN, "a token of the new epoch")?;
    edge.refuses(&old, THEN, "a token that had been accepted in the epoch before")
}

fn lease(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let (mut edge, token) = (Edge::new(sandbox)?, signer.good());
    for sequence in [SEQUENCE, SEQUENCE + 1] {
        edge.take(&signer.whole(sequence, &[]).render())?;
        must(edge.verify_at(&token, THEN, LEASE - 1, true)?.is_ok(), "a good token was refused within the lease")?;
        for held_for in [LEASE, LEASE + 1, 86_400, u64::MAX] {
            let verdict = edge.verify_at(&token, THEN, held_for, true)?;
            let stale = matches!(verdict, Err(Refusal::Stale));
            must(stale, format!("a verdict was given from a live set that was {held_for} s old, past its lease"))?;
        }
    }
    Ok(())
}

fn nothing(sandbox: &Sandbox) -> Verdict {
    let (mut edge, token) = (Edge::new(sandbox)?, signer(0)?.good());
    for enforce_lease in [false, true] {
        let verdict = edge.verify_at(&token, THEN, 0, enforce_lease)?;
        must(matches!(verdict, Err(Refusal::Stale)), "a verdict was given without a live set")?;
    }
    edge.refuses(&token, THEN, "a token, before a live set was loaded,")
}

fn before(sandbox: &Sandbox) -> Verdict {
    let mut office = Office::new(sandbox, &Ground::new())?;
    let snapshot = office.ask("snapshot", |authority| authority.snapshot())?;
    must(matches!(snapshot, Err(LiveRefusal::NotBegun)), "there was a live set before the first epoch")?;
    must(office.advance()?.is_err(), "an epoch was advanced before the first one began")
}

fn sequence(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let mut last = None;
    for _ in 0..5 {
        let document = house.snapshot()?;
        let held = Edge::new(sandbox)?.take(&document)?;
        must(
            last.is_none_or(|last| held.sequence > last),
            "a later live set has no higher sequence than an earlier one",
        )?;
        last = Some(held.sequence);
        let (issued, _) = house.pair(&Wish::new())?;
        house.delete(&issued)?;
    }
    Ok(())
}
