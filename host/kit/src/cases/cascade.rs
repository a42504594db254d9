//! What ends with a refresh token: everything below it, and nothing beside or above it.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::refresh_tokens::{Expiry, IssueRefusal, State};

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::house::House;
use crate::refusal::name_of;
use crate::wish::{Refresh, Wish};

/// The most levels that a refresh token may lie below another.
const LEVELS: usize = 8;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities("cascade-own", "a token dies when its refresh token is deleted", own),
        Case::of_authorities("cascade-parent", "a token dies when the parent of its refresh token is deleted", parent),
        Case::of_authorities("cascade-grandparent", "a token dies when the grandparent is deleted", grandparent),
        Case::of_authorities("cascade-eight-levels", "the end of any of eight ancestors reaches every token", levels),
        Case::of_authorities("cascade-depth", "a refresh token below eight others has no child", depth),
        Case::of_authorities("cascade-mints-nothing", "nothing is minted below a refresh token that ended", mints),
        Case::of_authorities("cascade-issues-nothing", "nothing is issued below a refresh token that ended", issues),
        Case::of_authorities("cascade-expired-parent", "nothing is minted below one that expired", expired),
        Case::of_authorities("cascade-only-downwards", "parents, siblings and strangers of a dead one live", downwards),
        Case::of_authorities("cascade-shown", "a refresh token below one that ended is not shown as active", shown),
        Case::of_authorities(
            "cascade-owner",
            "tokens of one owner share a link of their lineage, others do not",
            owner,
        ),
        Case::of_authorities("cascade-unknown-parent", "nothing is issued under a parent that does not exist", unknown),
    ]
}

/// A line of descent, the oldest first, and an access token of each.
fn descent(house: &mut House<'_>, length: usize) -> Result<Vec<(Refresh, String)>, Failure> {
    let mut line: Vec<(Refresh, String)> = Vec::new();
    for _ in 0..length {
        let wish = line.last().map_or_else(Wish::new, |(parent, _)| Wish::new().under(parent));
        line.push(house.pair(&wish)?);
    }
    Ok(line)
}

/// Ends the first of a line of `length`, and looks at the last.
fn first_ends(sandbox: &Sandbox, length: usize, whose: &str) -> Verdict {
    let mut house = House::open(sandbox)?;
    let line = descent(&mut house, length)?;
    let (Some((oldest, _)), Some((_, token))) = (line.first(), line.last()) else { return Ok(()) };
    house.accepts(token, "a living token")?;
    house.delete(oldest)?;
    house.refuses(token, whose)
}

fn own(sandbox: &Sandbox) -> Verdict {
    first_ends(sandbox, 1, "a token whose refresh token was deleted")
}

fn parent(sandbox: &Sandbox) -> Verdict {
    first_ends(sandbox, 2, "a token whose parent was deleted")
}

fn grandparent(sandbox: &Sandbox) -> Verdict {
    first_ends(sandbox, 3, "a token whose grandparent was deleted")
}

fn levels(sandbox: &Sandbox) -> Verdict {
    for ended in 0..=LEVELS {
        let mut house = House::open(sandbox)?;
        let line = descent(&mut house, LEVELS + 1)?;
        let Some((victim, _)) = line.get(ended) else { return Ok(()) };
        house.delete(victim)?;
        for (level, (issued, token)) in line.iter().enumerate() {
            if level < ended {
                house.accepts(token, &format!("a token {} levels above the one that was deleted", ended - level))?;
            } else {
                let whose = format!("a token {} levels below the one that was deleted", level - ended);
                house.refuses(token, &whose)?;
                house.mints_nothing(issued, &format!("the refresh token of {whose}"))?;
            }
        }
    }
    Ok(())
}

fn depth(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let line = descent(&mut house, LEVELS + 1)?;
    let Some((last, _)) = line.last() else { return Ok(()) };
    let ninth = house.office.issue(&Wish::new().under(last))?;
    must(matches!(ninth, Err(IssueRefusal::TooDeep)), "a refresh token was issued below nine others")
}

fn mints(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let line = descent(&mut house, 3)?;
    let (Some((oldest, _)), below) = (line.first(), line.iter().skip(1)) else { return Ok(()) };
    house.delete(oldest)?;
    house.mints_nothing(oldest, "a refresh token that was deleted")?;
    for (level, (issued, _)) in below.enumerate() {
        let whose = if level == 0 { "parent" } else { "grandparent" };
        house.mints_nothing(issued, &format!("a refresh token whose {whose} was deleted"))?;
    }
    Ok(())
}

fn issues(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let line = descent(&mut house, 3)?;
    let Some((oldest, _)) = line.first() else { return Ok(()) };
    house.delete(oldest)?;
    for (issued, _) in &line {
        if let Ok(child) = house.office.issue(&Wish::new().under(issued))? {
            let minted = house.office.exchange(&child.secret, None)?;
            let harm = if minted.is_ok() { ", and mints tokens" } else { "" };
            return Err(Failure::new(format!("a refresh token was issued below one that had ended{harm}")));
        }
    }
    Ok(())
}

fn expired(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new().expiring(Expiry::After(100)))?;
    let child = house.issue(&Wish::new().under(&parent))?;
    let grandchild = house.issue(&Wish::new().under(&child))?;
    let token = house.exchange(&grandchild)?.access_token;
    house.wait(99);
    house.accepts(&token, "a token in the last second of its grandparent")?;
    house.wait(1);
    house.refuses(&token, "a token whose grandparent had expired")?;
    house.mints_nothing(&parent, "a refresh token that had expired")?;
    house.mints_nothing(&child, "a refresh token whose parent had expired")?;
    house.mints_nothing(&grandchild, "a refresh token whose grandparent had expired")?;
    let issued = house.office.issue(&Wish::new().under(&child))?;
    must(issued.is_err(), "a refresh token was issued below one that had expired")
}

fn downwards(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (stranger, of_stranger) = house.pair(&Wish::new())?;
    let (parent, of_parent) = house.pair(&Wish::new())?;
    let (sibling, of_sibling) = house.pair(&Wish::new().under(&parent))?;
    let (nephew, of_nephew) = house.pair(&Wish::new().under(&sibling))?;
    let victim = house.issue(&Wish::new().under(&parent))?;
    house.exchange(&victim)?;
    house.delete(&victim)?;
    for (issued, token, whose) in [
        (&stranger, &of_stranger, "a stranger of the deleted one"),
        (&parent, &of_parent, "the parent of the deleted one"),
        (&sibling, &of_sibling, "a sibling of the deleted one"),
        (&nephew, &of_nephew, "a nephew of the deleted one"),
    ] {
        house.accepts(token, &format!("a token of {whose}"))?;
        house.exchange(issued)?;
    }
    Ok(())
}

fn shown(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let line = descent(&mut house, 3)?;
    let Some((oldest, _)) = line.first() else { return Ok(()) };
    house.delete(oldest)?;
    for (issued, _) in &line {
        let state = house.show(&issued.token.id)?.state;
        must(!matches!(state, State::Active), "a refresh token below one that had ended was shown as active")?;
    }
    Ok(())
}

fn owner(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let wishes = [Wish::new().of("alice"), Wish::new().of("alice"), Wish::new().of("bob"), Wish::new()];
    let mut lineages = Vec::new();
    for wish in &wishes {
        let (_, token) = house.pair(wish)?;
        house.tell()?;
        let now = house.now();
        let claims = house.edge.claims(&token, now)?;
        let claims = claims.map_err(|refusal| Failure::new(format!("a living token is `{}`", name_of(refusal))))?;
        lineages.push(claims.lineage);
    }
    let [first, second, other, nobody] = lineages.as_slice() else { return Ok(()) };
    let share = |one: &Vec<String>, other: &Vec<String>| one.iter().any(|link| other.contains(link));
    must(share(first, second), "two tokens of one owner have nothing in common that could be cut")?;
    must(!share(first, other) && !share(first, nobody), "tokens of different owners share a link of their lineage")
}

fn unknown(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let mut ghost = house.issue(&Wish::new())?;
    for id in ["0000000000000000000001", "", "x", "zzzzzzzzzzzzzzzzzzzzzz", "jtn_rt_"] {
        ghost.token.id = id.to_owned();
        let issued = house.office.issue(&Wish::new().under(&ghost))?;
        must(issued.is_err(), format!("a refresh token was issued under the parent `{id}`, which does not exist"))?;
    }
    Ok(())
}
