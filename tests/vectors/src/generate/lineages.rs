//! The cascade: whoever descends from what is cut is dead, at every depth, and nobody else.

use std::borrow::Cow;

use jeton_policy::access_token::MAX_LINEAGE;

use super::{JTI, SEQUENCE, Signer, Stage, load, refused};
use crate::Case;

/// The most ancestors of a refresh token.
const DEEPEST: usize = 8;

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    depths(&signer, cases);
    families(&signer, cases);
    exchanged(&signer, cases);
    longest(&signer, cases);
    Ok(())
}

/// The lineage of a refresh token with so many ancestors, nearest first: its own id and its owner's, then those of each ancestor.
fn lineage(ancestors: usize) -> Vec<String> {
    (0..=ancestors).flat_map(|level| [ancestor(level), owner(level)]).collect()
}

fn ancestor(level: usize) -> String {
    format!("Ancestor{level:014}")
}

fn owner(level: usize) -> String {
    format!("OwnerOfAncestor{level:07}")
}

/// A token of this lineage, with these ids cut.
fn of(signer: &Signer, name: &str, lineage: &[String], cuts: &[&str], is_cut: bool) -> Case {
    let ids: Vec<Cow<'static, str>> = lineage.iter().cloned().map(Cow::Owned).collect();
    let token = signer.signed(|claims| claims.lin = ids);
    let verdict = if is_cut { refused("cut") } else { signer.stage.accepted() };
    Case { loads: vec![load(signer.whole(SEQUENCE, cuts).render(), "loaded")], ..signer.case(name, token, verdict) }
}

fn depths(signer: &Signer, cases: &mut Vec<Case>) {
    for depth in 1..=DEEPEST {
        let lineage = lineage(depth);
        let plural = if depth == 1 { "" } else { "s" };
        cases.push(of(
            signer,
            &format!("under {depth} ancestor{plural} a token dies with the farthest"),
            &lineage,
            &[&ancestor(depth)],
            true,
        ));
    }
    let deep = lineage(DEEPEST);
    for level in 0..=DEEPEST {
        if level > 0 && level < DEEPEST {
            let name = format!("under eight ancestors a token dies with number {level}");
            cases.push(of(signer, &name, &deep, &[&ancestor(level)], true));
        }
        let name = format!("under eight ancestors a token dies with the owner of number {level}");
        cases.push(of(signer, &name, &deep, &[&owner(level)], true));
    }
    cases.push(of(signer, "under eight ancestors a token is alive", &deep, &[], false));
    cases.push(of(signer, "under eight ancestors a token dies by its own jti", &deep, &[JTI], true));
    cases.push(of(
        signer,
        "a ninth ancestor is none of a token with eight",
        &deep,
        &[&ancestor(DEEPEST + 1), &owner(DEEPEST + 1)],
        false,
    ));
}

fn families(signer: &Signer, cases: &mut Vec<Case>) {
    // A parent's token has a part of its child's lineage.
    let (parent, child) = (lineage(1).split_off(2), lineage(1));
    let child_alone = ancestor(0);
    cases.push(of(signer, "a cut child leaves its parent's token alive", &parent, &[&child_alone], false));
    cases.push(of(signer, "a cut parent ends its child's token", &child, &[&ancestor(1)], true));
    cases.push(of(signer, "a cut parent ends its own token", &parent, &[&ancestor(1)], true));
    let sibling = ["Sibling000000000000000".to_owned(), ancestor(1)];
    cases.push(of(signer, "a cut child leaves its sibling's token alive", &sibling, &[&child_alone], false));
    cases.push(of(signer, "the end of a child's owner leaves the parent's token alive", &parent, &[&owner(0)], false));
    let renewed = ["AfterRotation000000000".to_owned(), ancestor(1)];
    cases.push(of(
        signer,
        "a life that was begun anew does not die with the one before",
        &renewed,
        &[&child_alone],
        false,
    ));
    let alone = [ancestor(0)];
    cases.push(of(signer, "a token without owner and ancestors is alive", &alone, &[], false));
    cases.push(of(
        signer,
        "a token without owner and ancestors dies with its refresh token",
        &alone,
        &[&child_alone],
        true,
    ));
    let twice = [ancestor(0), ancestor(0)];
    cases.push(of(signer, "an id that stands in a lineage twice is alive once", &twice, &[], false));
    cases.push(of(signer, "an id that stands in a lineage twice is cut once", &twice, &[&child_alone], true));
}

/// RFC 8693: an access token that was had for another one has that one's `jti` in its lineage.
fn exchanged(signer: &Signer, cases: &mut Vec<Case>) {
    let [subject, before] = [1, 2].map(|number| format!("{number:055}"));
    let once = [subject.clone(), ancestor(0), ancestor(1)];
    let twice = [subject.clone(), before.clone(), ancestor(0)];
    cases.push(of(signer, "a token that was had for another is alive", &once, &[], false));
    cases.push(of(signer, "a token that was had for another dies with it", &once, &[&subject], true));
    cases.push(of(
        signer,
        "a token that was had for another dies with that one's refresh token",
        &once,
        &[&ancestor(0)],
        true,
    ));
    cases.push(of(signer, "a token that was had in two steps dies with the first", &twice, &[&before], true));
    cases.push(of(signer, "a token that was had for another dies without it", &once, &[JTI], true));
    let other = ["a".repeat(55), ancestor(0)];
    cases.push(of(signer, "a token that was had for another lives on when a third is cut", &once, &[&other[0]], false));
    cases.push(of(signer, "a token that was had for one of its siblings is none of them", &other, &[&subject], false));
}

fn longest(signer: &Signer, cases: &mut Vec<Case>) {
    let longest: Vec<String> = (0..MAX_LINEAGE).map(ancestor).collect();
    for (name, level) in [
        ("the first id of the longest lineage is looked at", 0),
        ("the middle of the longest lineage is looked at", MAX_LINEAGE / 2),
        ("the last id of the longest lineage is looked at", MAX_LINEAGE - 1),
    ] {
        cases.push(of(signer, name, &longest, &[&ancestor(level)], true));
    }
    cases.push(of(signer, "behind the longest lineage is nothing", &longest, &[&ancestor(MAX_LINEAGE)], false));
}
