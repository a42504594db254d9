//! Rotation: another secret for the same refresh token, on order or at each use.

use jeton_runtime::sandbox::Sandbox;

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, refused};
use crate::wish::{Refresh, Wish};

/// How long a secret that its use has replaced may be presented again.
const GRACE: u64 = 30;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities("rotate-at-once", "without overlap the old secret and what it gave out are dead", at_once),
        Case::of_authorities(
            "rotate-with-overlap",
            "the old secret mints within the overlap, and nothing longer",
            overlap,
        ),
        Case::of_authorities("rotate-the-dead", "what has ended is not rotated into life", dead),
        Case::of_authorities("rotate-on-use", "each use gives a successor, and only that one goes on", on_use),
        Case::of_authorities("rotate-on-use-reuse", "a spent secret ends its refresh token and all below", reuse),
        Case::of_authorities("rotate-on-use-grace", "a lost answer is repaired within the grace, and not after", grace),
    ]
}

fn at_once(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let (child, below) = house.pair(&Wish::new().under(&issued))?;
    let rotated = house.office.rotate(&issued.token.id, 0)?.map_err(|refusal| refused("a rotation", refusal))?;
    must(rotated.secret != issued.secret, "a rotation gave the same secret again")?;
    must(rotated.token.id == issued.token.id, "a rotation changed the id")?;
    house.mints_nothing(&issued, "a secret that was replaced at once")?;
    house.refuses(&token, "a token from before its secret was replaced at once")?;
    house.refuses(&below, "a token from before its parent's secret was replaced at once")?;
    for of in [&rotated, &child] {
        let token = house.exchange(of)?.access_token;
        house.accepts(&token, "a token from after a rotation")?;
    }
    Ok(())
}

fn overlap(sandbox: &Sandbox) -> Verdict {
    const OVERLAP: u64 = 600;
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let rotated = house.office.rotate(&issued.token.id, OVERLAP)?.map_err(|refusal| refused("a rotation", refusal))?;
    house.accepts(&token, "a token from before a rotation with overlap")?;
    house.wait(100);
    let promised = house.exchange(&issued)?.expires_in;
    must(promised <= OVERLAP - 100, format!("an old secret minted a token of {promised} s, beyond the overlap"))?;
    let newer = house.exchange(&rotated)?;
    must(newer.expires_in > OVERLAP, "the new secret mints less than the old one did")?;
    house.wait(OVERLAP - 101);
    house.exchange(&issued)?;
    house.wait(1);
    house.mints_nothing(&issued, "an old secret at the end of the overlap")?;
    house.exchange(&rotated).map(drop)
}

fn dead(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new())?;
    let child = house.issue(&Wish::new().under(&parent))?;
    house.delete(&parent)?;
    for issued in [&parent, &child] {
        for overlap in [0, 60] {
            let rotated = house.office.rotate(&issued.token.id, overlap)?;
            must(rotated.is_err(), "a refresh token that had ended was given another secret")?;
        }
        house.mints_nothing(issued, "a refresh token that somebody tried to rotate after its end")?;
    }
    Ok(())
}

/// Exchanges a refresh token that rotates; gives the access token, and the same refresh token with its next secret.
fn used(house: &mut House<'_>, of: &Refresh) -> Result<(String, Refresh), Failure> {
    let exchanged = house.exchange(of)?;
    let secret = exchanged.refresh_token.ok_or_else(|| Failure::new("a use that rotates gave no successor"))?;
    must(secret != of.secret, "a use that rotates gave the same secret again")?;
    Ok((exchanged.access_token, Refresh { secret, token: of.token.clone() }))
}

fn on_use(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let mut current = house.issue(&Wish::new().rotating())?;
    for _ in 0..5 {
        let (token, next) = used(&mut house, &current)?;
        house.accepts(&token, "a token of a refresh token that rotates")?;
        current = next;
        house.wait(1);
    }
    let plain = house.issue(&Wish::new())?;
    let exchanged = house.exchange(&plain)?;
    must(exchanged.refresh_token.is_none(), "a refresh token that does not rotate was given a successor")
}

fn reuse(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let first = house.issue(&Wish::new().rotating())?;
    let (child, below) = house.pair(&Wish::new().under(&first))?;
    let (token, second) = used(&mut house, &first)?;
    let (_, third) = used(&mut house, &second)?;
    house.mints_nothing(&first, "a secret that was spent two uses ago")?;
    house.mints_nothing(&third, "the secret in force, after a spent one was presented,")?;
    house.mints_nothing(&child, "a refresh token whose parent's spent secret was presented")?;
    house.refuses(&token, "a token of a refresh token whose spent secret was presented")?;
    house.refuses(&below, "a token whose parent's spent secret was presented")
}

fn grace(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let first = house.issue(&Wish::new().rotating())?;
    let (_, lost) = used(&mut house, &first)?;
    house.wait(GRACE - 1);
    let (token, second) = used(&mut house, &first)?;
    must(second.secret != lost.secret, "a repeated use was given the same successor: its plaintext was kept")?;
    house.accepts(&token, "a token of a repeated use within the grace")?;
    let (_, third) = used(&mut house, &second)?;
    house.exchange(&third)?;

    let mut house = House::open(sandbox)?;
    let first = house.issue(&Wish::new().rotating())?;
    let (token, lost) = used(&mut house, &first)?;
    house.wait(GRACE);
    house.mints_nothing(&first, "a secret that was spent, past the grace,")?;
    house.mints_nothing(&lost, "its successor")?;
    house.refuses(&token, "a token of a refresh token whose spent secret was presented past the grace")
}
