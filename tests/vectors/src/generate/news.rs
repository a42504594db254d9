//! What a verifier takes for news: sequences within an epoch, epochs, and whose word it is.

use jeton_policy::access_token::Algorithm;

use super::{JTI, OWN_LINEAGE, SEQUENCE, Signer, Stage, load, refused};
use crate::{Case, Load, Verdict};

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    sequences(&signer, cases);
    epochs(&signer, cases)?;
    authorities(&signer, cases)
}

fn of(signer: &Signer, sequence: u64, cuts: &[&str], gives: &str) -> Load {
    load(signer.whole(sequence, cuts).render(), gives)
}

fn change(signer: &Signer, base: u64, sequence: u64, dropped: &[&str], gives: &str) -> Load {
    load(signer.delta(base, sequence, &[], dropped).render(), gives)
}

/// What is cut stays cut, whatever is said that is no news.
fn sequences(signer: &Signer, cases: &mut Vec<Case>) {
    let cut = || of(signer, SEQUENCE, &[OWN_LINEAGE], "loaded");
    let dropped = &[OWN_LINEAGE][..];
    let news = |base, sequence, gives| change(signer, base, sequence, dropped, gives);
    let mut add = |name: &str, loads: Vec<Load>, verdict: Verdict| {
        cases.push(Case { loads, ..signer.case(name, signer.good(), verdict) });
    };
    let (dead, alive) = (|| refused("cut"), || signer.stage.accepted());
    add("an older live set is refused", vec![cut(), of(signer, SEQUENCE - 1, &[], "older")], dead());
    add("the first live set of all is older than any other", vec![cut(), of(signer, 0, &[], "older")], dead());
    add(
        "a live set of the same sequence is taken again",
        vec![cut(), of(signer, SEQUENCE, &[OWN_LINEAGE], "loaded")],
        dead(),
    );
    add("a live set that skips a sequence is taken", vec![cut(), of(signer, SEQUENCE + 7, &[], "loaded")], alive());
    add("a live set of the last sequence is taken", vec![cut(), of(signer, u64::MAX, &[], "loaded")], alive());
    add(
        "after the last sequence there is no other in its epoch",
        vec![of(signer, u64::MAX, &[OWN_LINEAGE], "loaded"), of(signer, 0, &[], "older")],
        dead(),
    );
    add("a live set of sequence zero is taken", vec![of(signer, 0, &[], "loaded")], alive());
    add("news since another sequence is refused", vec![cut(), news(SEQUENCE + 1, SEQUENCE + 2, "gap")], dead());
    add("news since an earlier sequence is refused", vec![cut(), news(SEQUENCE - 1, SEQUENCE + 1, "gap")], dead());
    add("news since the beginning is refused", vec![cut(), news(0, SEQUENCE + 1, "gap")], dead());
    add("news that was heard already is refused", vec![cut(), news(SEQUENCE - 2, SEQUENCE - 1, "older")], dead());
    add("news that leads back is refused", vec![cut(), news(SEQUENCE, SEQUENCE - 1, "older")], dead());
    add("news that leads here from elsewhere is refused", vec![cut(), news(SEQUENCE - 1, SEQUENCE, "gap")], dead());
    add("news that skips a sequence is taken", vec![cut(), news(SEQUENCE, SEQUENCE + 7, "loaded")], alive());
    add("news that leads to the last sequence is taken", vec![cut(), news(SEQUENCE, u64::MAX, "loaded")], alive());
    add("news within a sequence is taken", vec![cut(), news(SEQUENCE, SEQUENCE, "loaded")], alive());
    add("news that nothing happened is taken", vec![cut(), change(signer, SEQUENCE, SEQUENCE, &[], "loaded")], dead());
    add("news before anything else is refused", vec![news(SEQUENCE, SEQUENCE + 1, "gap")], refused("stale"));
    let replayed = || load(signer.delta(SEQUENCE, SEQUENCE + 1, &[OWN_LINEAGE], &[]).render(), "loaded");
    let mut again = replayed();
    again.gives = "gap".to_owned();
    add(
        "news that is said twice is refused the second time",
        vec![of(signer, SEQUENCE, &[], "loaded"), replayed(), again],
        dead(),
    );
    add(
        "a live set of before the news is older",
        vec![of(signer, SEQUENCE, &[], "loaded"), replayed(), of(signer, SEQUENCE, &[], "older")],
        dead(),
    );
    add(
        "news follows on news",
        vec![
            of(signer, SEQUENCE, &[], "loaded"),
            replayed(),
            change(signer, SEQUENCE + 1, SEQUENCE + 2, &[], "loaded"),
            change(signer, SEQUENCE + 2, SEQUENCE + 3, &[], "loaded"),
        ],
        dead(),
    );
    add(
        "what is refused in between changes nothing of what follows",
        vec![
            of(signer, SEQUENCE, &[], "loaded"),
            news(SEQUENCE + 4, SEQUENCE + 5, "gap"),
            load("{}", "malformed"),
            replayed(),
        ],
        dead(),
    );
    add(
        "after a gap the whole live set is taken",
        vec![
            of(signer, SEQUENCE, &[], "loaded"),
            news(SEQUENCE + 4, SEQUENCE + 5, "gap"),
            of(signer, SEQUENCE + 5, &[JTI], "loaded"),
        ],
        dead(),
    );
}

fn epochs(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let stage = signer.stage;
    let [past, next, later] = [-1, 1, 1_000].map(|after| stage.signer(after, Algorithm::EdDsa));
    let (past, next, later) = (past?, next?, later?);
    let alive = || of(signer, SEQUENCE, &[], "loaded");
    let cut = || of(signer, SEQUENCE, &[OWN_LINEAGE], "loaded");
    let mut add = |name: &str, loads: Vec<Load>, of: &Signer, verdict: Verdict| {
        cases.push(Case { loads, ..signer.case(name, of.good(), verdict) });
    };
    let (wrong, accepted) = (|| refused("wrong-epoch"), || stage.accepted());
    add("a new epoch kills every older token", vec![alive(), of(&next, SEQUENCE + 1, &[], "loaded")], signer, wrong());
    add("a new epoch may count its sequence anew", vec![alive(), of(&next, 1, &[], "loaded")], signer, wrong());
    add("a token of a new epoch lives in it", vec![alive(), of(&next, 1, &[], "loaded")], &next, accepted());
    add("a new epoch forgets the cuts of the one before", vec![cut(), of(&next, 1, &[], "loaded")], &next, accepted());
    add(
        "a new epoch brings cuts of its own",
        vec![alive(), of(&next, 1, &[OWN_LINEAGE], "loaded")],
        &next,
        refused("cut"),
    );
    add("epochs may be skipped", vec![alive(), of(&later, 1, &[], "loaded")], &later, accepted());
    add("a token of an epoch that was skipped is dead", vec![alive(), of(&later, 1, &[], "loaded")], &next, wrong());
    add("a token of an epoch before its live set was heard is dead", vec![alive()], &next, wrong());
    add("a past epoch does not come back", vec![alive(), of(&past, SEQUENCE + 9, &[], "older")], signer, accepted());
    add("nor do its tokens", vec![alive(), of(&past, SEQUENCE + 9, &[], "older")], &past, wrong());
    add(
        "an epoch does not come back after the next",
        vec![alive(), of(&next, 1, &[], "loaded"), of(signer, SEQUENCE + 1, &[], "older")],
        signer,
        wrong(),
    );
    add(
        "news of another epoch is refused",
        vec![cut(), change(&next, SEQUENCE, SEQUENCE + 1, &[OWN_LINEAGE], "gap")],
        signer,
        refused("cut"),
    );
    add(
        "news of a past epoch is refused",
        vec![cut(), change(&past, SEQUENCE, SEQUENCE + 1, &[OWN_LINEAGE], "older")],
        signer,
        refused("cut"),
    );
    add(
        "news of the epoch before is refused after an advance",
        vec![
            alive(),
            of(&next, SEQUENCE, &[OWN_LINEAGE], "loaded"),
            change(signer, SEQUENCE, SEQUENCE + 1, &[OWN_LINEAGE], "older"),
        ],
        &next,
        refused("cut"),
    );
    add(
        "news follows on the live set of a new epoch",
        vec![alive(), of(&next, 1, &[OWN_LINEAGE], "loaded"), change(&next, 1, 2, &[OWN_LINEAGE], "loaded")],
        &next,
        accepted(),
    );
    Ok(())
}

fn authorities(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let cut = || of(signer, SEQUENCE, &[OWN_LINEAGE], "loaded");
    let past = signer.stage.signer(-1, Algorithm::EdDsa)?;
    let next = signer.stage.signer(1, Algorithm::EdDsa)?;
    let issued_by = |signer: &Signer, issuer: &'static str, gives: &str| {
        let mut whole = signer.whole(SEQUENCE + 1, &[]);
        whole.issuer = issuer.into();
        load(whole.render(), gives)
    };
    let mut two_keys = past.whole(SEQUENCE + 1, &[]);
    two_keys.epoch.number = signer.number;
    let two_keys = load(two_keys.render(), "older");
    let mut one_key = signer.whole(1, &[]);
    one_key.epoch.number += 1;
    let one_key = load(one_key.render(), "loaded");
    let mut add = |name: &str, more: Load, verdict: Verdict| {
        cases.push(Case { loads: vec![cut(), more], ..signer.case(name, signer.good(), verdict) });
    };
    let other = "another-authority";
    add(
        "a live set of another authority is refused",
        issued_by(signer, "https://other.example", other),
        refused("cut"),
    );
    add(
        "a later epoch of another authority is refused",
        issued_by(&next, "https://other.example", other),
        refused("cut"),
    );
    add("an issuer with a slash more is another", issued_by(signer, "https://tokens.example/", other), refused("cut"));
    add("an issuer in upper case is another", issued_by(signer, "https://TOKENS.example", other), refused("cut"));
    add("an issuer without TLS is another", issued_by(signer, "http://tokens.example", other), refused("cut"));
    add("an issuer without a name is another", issued_by(signer, "", other), refused("cut"));
    add("two keys under one epoch's number are refused", two_keys, refused("cut"));
    add("one key under two epochs' numbers is the later one's", one_key, signer.stage.accepted());
    Ok(())
}
