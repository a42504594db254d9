//! The third clause of the rule: what is cut.

use super::{
    EPOCH, GRANDPARENT_LINEAGE, JTI, OWN_LINEAGE, OWNER_LINEAGE, PARENT_LINEAGE, SEQUENCE, Stage, digests, load,
    refused,
};
use crate::{Case, Load, Verdict};

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    let whole = |sequence, cuts: &[&str]| load(signer.whole(sequence, cuts).render(), "loaded");
    let delta = |base, sequence, cuts: &[&str], dropped: &[&str]| {
        load(signer.delta(base, sequence, cuts, dropped).render(), "loaded")
    };
    let accepted = || stage.accepted();
    let mut add = |name: &str, loads: Vec<Load>, verdict: Verdict| {
        cases.push(Case { loads, ..signer.case(name, signer.good(), verdict) });
    };

    for (what, id) in [
        ("a token is dead when its own jti is cut", JTI),
        ("a token is dead when its refresh token is cut", OWN_LINEAGE),
        ("a token is dead when its owner is cut", OWNER_LINEAGE),
        ("a token is dead when its parent is cut", PARENT_LINEAGE),
        ("a token is dead when its grandparent is cut", GRANDPARENT_LINEAGE),
    ] {
        add(what, vec![whole(SEQUENCE, &[id])], refused("cut"));
        let news = vec![whole(SEQUENCE, &[]), delta(SEQUENCE, SEQUENCE + 1, &[id], &[])];
        add(&format!("{what}, as news"), news, refused("cut"));
    }
    add("a cut of something else leaves a token alive", vec![whole(SEQUENCE, &["SomethingElse000000000"])], accepted());
    add(
        "a token is dead when all of its lineage is cut",
        vec![whole(SEQUENCE, &[JTI, OWN_LINEAGE, OWNER_LINEAGE, PARENT_LINEAGE])],
        refused("cut"),
    );
    add("a cut that is said twice is a cut", vec![whole(SEQUENCE, &[OWN_LINEAGE, OWN_LINEAGE])], refused("cut"));
    let others: Vec<String> = (0..200).map(|number| format!("Other{number:017}")).collect();
    let mut many: Vec<&str> = others.iter().map(String::as_str).collect();
    add("two hundred cuts of others leave a token alive", vec![whole(SEQUENCE, &many)], accepted());
    many.insert(117, PARENT_LINEAGE);
    add("a cut is found among two hundred others", vec![whole(SEQUENCE, &many)], refused("cut"));
    for (name, id) in [
        ("a cut of the subject's name is none of its tokens", "alice"),
        ("a cut of the client's public id is none of its tokens", super::CLIENT),
        ("a cut of a scope is none of its tokens", "orders:read"),
        ("a cut of the issuer is none of its tokens", super::ISSUER),
        ("a cut of an epoch's number is none of its tokens", &EPOCH.to_string()),
        ("a cut of nothing is nothing", ""),
        ("a cut of an id in lower case is another id's", &OWN_LINEAGE.to_lowercase()),
        ("a cut of the beginning of a jti is none of the token", JTI.get(..33).unwrap_or_default()),
    ] {
        add(name, vec![whole(SEQUENCE, &[id])], accepted());
    }
    // What is near a cut is none: all sixteen bytes are compared, and where they are looked up by the first eight, the others too.
    for (name, place) in [
        ("a cut that differs in its first bit is another", 0),
        ("a cut that differs behind its first eight bytes is another", 8),
        ("a cut that differs in its last bit is another", 15),
    ] {
        let mut near = signer.whole(SEQUENCE, &[]);
        near.cuts = digests(&[OWN_LINEAGE]);
        for cut in &mut near.cuts {
            if let Some(byte) = cut.0.get_mut(place) {
                *byte ^= 1;
            }
        }
        add(name, vec![load(near.render(), "loaded")], accepted());
    }

    add(
        "a cut that was dropped is gone",
        vec![whole(SEQUENCE, &[OWN_LINEAGE]), delta(SEQUENCE, SEQUENCE + 1, &[], &[OWN_LINEAGE])],
        accepted(),
    );
    add(
        "of two cuts that hit a token one is dropped, and the other still hits it",
        vec![whole(SEQUENCE, &[OWN_LINEAGE, JTI]), delta(SEQUENCE, SEQUENCE + 1, &[], &[OWN_LINEAGE])],
        refused("cut"),
    );
    add(
        "a cut that comes and goes in one piece of news is a cut",
        vec![whole(SEQUENCE, &[]), delta(SEQUENCE, SEQUENCE + 1, &[OWN_LINEAGE], &[OWN_LINEAGE])],
        refused("cut"),
    );
    add(
        "a cut that was there and is said to have come and gone is a cut",
        vec![whole(SEQUENCE, &[OWN_LINEAGE]), delta(SEQUENCE, SEQUENCE + 1, &[OWN_LINEAGE], &[OWN_LINEAGE])],
        refused("cut"),
    );
    add(
        "dropping a cut that was never there is nothing",
        vec![whole(SEQUENCE, &[JTI]), delta(SEQUENCE, SEQUENCE + 1, &[], &[OWN_LINEAGE])],
        refused("cut"),
    );
    add(
        "what was dropped may be cut again",
        vec![
            whole(SEQUENCE, &[OWN_LINEAGE]),
            delta(SEQUENCE, SEQUENCE + 1, &[], &[OWN_LINEAGE]),
            delta(SEQUENCE + 1, SEQUENCE + 2, &[OWN_LINEAGE], &[]),
        ],
        refused("cut"),
    );
    add(
        "a newer live set without a cut has dropped it",
        vec![whole(SEQUENCE, &[OWN_LINEAGE]), whole(SEQUENCE + 1, &[])],
        accepted(),
    );
    add(
        "a newer live set brings a cut",
        vec![whole(SEQUENCE, &[]), whole(SEQUENCE + 1, &[GRANDPARENT_LINEAGE])],
        refused("cut"),
    );
    Ok(())
}
