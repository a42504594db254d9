//! The third clause of the rule, and what a verifier takes for news.

use super::{
    EPOCH, GRANDPARENT_LINEAGE, JTI, OWN_LINEAGE, OWNER_LINEAGE, PARENT_LINEAGE, SEQUENCE, Signer, accepted, case,
    load, refused,
};
use crate::{Case, Load, Verdict};

pub(super) fn add(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let whole = |sequence, cuts: &[&str]| signer.whole(sequence, cuts).render();
    let delta = |base, sequence, cuts: &[&str], dropped: &[&str]| signer.delta(base, sequence, cuts, dropped).render();
    let mut add = |name: &str, loads: Vec<Load>, verdict: Verdict| {
        cases.push(Case { loads, ..case(name, signer, signer.good(), verdict) });
    };

    for (what, id) in [
        ("a token is dead when its own jti is cut", JTI),
        ("a token is dead when its refresh token is cut", OWN_LINEAGE),
        ("a token is dead when its owner is cut", OWNER_LINEAGE),
        ("a token is dead when its parent is cut", PARENT_LINEAGE),
        ("a token is dead when its grandparent is cut", GRANDPARENT_LINEAGE),
    ] {
        add(what, vec![load(whole(SEQUENCE, &[id]), "loaded")], refused("cut"));
        let news =
            vec![load(whole(SEQUENCE, &[]), "loaded"), load(delta(SEQUENCE, SEQUENCE + 1, &[id], &[]), "loaded")];
        add(&format!("{what}, as news"), news, refused("cut"));
    }
    add(
        "a cut of something else leaves a token alive",
        vec![load(whole(SEQUENCE, &["SomethingElse000000000"]), "loaded")],
        accepted(),
    );
    add(
        "a cut that was dropped is gone",
        vec![
            load(whole(SEQUENCE, &[OWN_LINEAGE]), "loaded"),
            load(delta(SEQUENCE, SEQUENCE + 1, &[], &[OWN_LINEAGE]), "loaded"),
        ],
        accepted(),
    );
    let cut = || load(whole(SEQUENCE, &[OWN_LINEAGE]), "loaded");
    add("an older live set is refused", vec![cut(), load(whole(SEQUENCE - 1, &[]), "older")], refused("cut"));
    add(
        "a live set of the same sequence is taken again",
        vec![cut(), load(whole(SEQUENCE, &[OWN_LINEAGE]), "loaded")],
        refused("cut"),
    );
    add(
        "news since another sequence is refused",
        vec![cut(), load(delta(SEQUENCE + 1, SEQUENCE + 2, &[], &[OWN_LINEAGE]), "gap")],
        refused("cut"),
    );
    add(
        "news that was heard already is refused",
        vec![cut(), load(delta(SEQUENCE - 2, SEQUENCE - 1, &[], &[OWN_LINEAGE]), "older")],
        refused("cut"),
    );
    add(
        "news that nothing happened is taken",
        vec![cut(), load(delta(SEQUENCE, SEQUENCE, &[], &[]), "loaded")],
        refused("cut"),
    );
    add(
        "news before anything else is refused",
        vec![load(delta(SEQUENCE, SEQUENCE + 1, &[], &[]), "gap")],
        refused("stale"),
    );

    let next = Signer::of_epoch(EPOCH + 1)?;
    add(
        "a new epoch kills every older token",
        vec![load(whole(SEQUENCE, &[]), "loaded"), load(next.whole(SEQUENCE + 1, &[]).render(), "loaded")],
        refused("wrong-epoch"),
    );
    add(
        "a new epoch may count its sequence anew",
        vec![load(whole(SEQUENCE, &[]), "loaded"), load(next.whole(1, &[]).render(), "loaded")],
        refused("wrong-epoch"),
    );
    let past = Signer::of_epoch(EPOCH - 1)?;
    add(
        "a past epoch does not come back",
        vec![load(whole(SEQUENCE, &[]), "loaded"), load(past.whole(SEQUENCE + 9, &[]).render(), "older")],
        accepted(),
    );
    add(
        "news of another epoch is refused",
        vec![cut(), load(next.delta(SEQUENCE, SEQUENCE + 1, &[], &[OWN_LINEAGE]).render(), "gap")],
        refused("cut"),
    );
    add(
        "news of a past epoch is refused",
        vec![cut(), load(past.delta(SEQUENCE, SEQUENCE + 1, &[], &[OWN_LINEAGE]).render(), "older")],
        refused("cut"),
    );
    let mut other_authority = signer.whole(SEQUENCE + 1, &[]);
    other_authority.issuer = "https://other.example".into();
    add(
        "a live set of another authority is refused",
        vec![cut(), load(other_authority.render(), "another-authority")],
        refused("cut"),
    );
    let mut two_keys = past.whole(SEQUENCE + 1, &[]);
    two_keys.epoch.number = EPOCH;
    add("two keys under one epoch's number are refused", vec![cut(), load(two_keys.render(), "older")], refused("cut"));

    let text = String::from_utf8_lossy(&whole(SEQUENCE + 1, &[])).into_owned();
    let x_end = r#""},"cuts""#;
    for (name, document) in [
        ("an empty live document is refused", String::new()),
        ("a live document that is cut short is refused", text.get(..text.len() - 1).unwrap_or_default().to_owned()),
        ("a live document with more after it is refused", format!("{text}{text}")),
        ("a live document with an unknown member is refused", text.replacen('{', r#"{"version":2,"#, 1)),
        ("a live document with another algorithm is refused", text.replace("EdDSA", "RS256")),
        ("a live document whose kid is not of its key is refused", text.replace(r#""kid":""#, r#""kid":"x"#)),
        ("a live document with a short key is refused", text.replace(x_end, r#"A"},"cuts""#)),
        ("a live document with a malformed cut is refused", text.replace(r#""cuts":[]"#, r#""cuts":["x"]"#)),
        (
            "a whole live document that drops cuts is refused",
            text.replace(r#""dropped":[]"#, r#""dropped":["AAAAAAAAAAAAAAAAAAAAAA"]"#),
        ),
    ] {
        add(name, vec![cut(), load(document, "malformed")], refused("cut"));
    }
    Ok(())
}
