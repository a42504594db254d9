//! A clock that went back is accepted because an administrator says so: minting goes on, and nothing is revived.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::exchange::ExchangeRefusal;
use jeton_runtime::wit::refresh_tokens::Expiry;

use crate::case::Case;
use crate::edge::Edge;
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, refused};
use crate::wish::Wish;

/// How far ahead the wrong clock stands, in seconds.
const AHEAD: u64 = 100_000;
/// More steps than a handful of tokens take.
const MOST_STEPS: usize = 100;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities(
            "accept-clock-mints-again",
            "once the clock is accepted, and not before, minting goes on in its time",
            mints,
        ),
        Case::of_authorities(
            "accept-clock-revives-nothing",
            "an accepted clock revives nothing that was over",
            revives,
        ),
        Case::of_authorities(
            "accept-clock-keeps",
            "with `keep` refresh tokens are spared, and access tokens are not",
            keeps,
        ),
        Case::of_authorities("accept-clock-in-order", "to accept a clock that is not behind does nothing", in_order),
    ]
}

/// The clock goes wrong, the authority notices, and the clock is set right.
fn go_wrong(house: &mut House<'_>) -> Verdict {
    let right = house.now() + 60;
    house.ground.clock.set(house.now() + AHEAD);
    house.sweep()?;
    house.ground.clock.set(right);
    // A verifier that saw the wrong time is of no use to the cases: whoever judges them begins anew.
    house.edge = Edge::new(house.sandbox)?;
    Ok(())
}

/// Accepts the clock; gives how many refresh tokens ended.
fn accept(house: &mut House<'_>, keep: bool) -> Result<u64, Failure> {
    let mut ended = 0;
    for _ in 0..MOST_STEPS {
        let accepted = house.office.ask("accept-clock", |authority| authority.accept_clock(keep))?;
        let accepted = accepted.map_err(|refusal| refused("accepting the clock", refusal))?;
        ended += u64::from(accepted.ended);
        if !accepted.more {
            must(accepted.time == house.now(), "after it was accepted, another time than the clock's is gone by")?;
            return Ok(ended);
        }
    }
    Err(Failure::new(format!("after {MOST_STEPS} steps the clock was not accepted")))
}

fn mints(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let before = house.office.ask("current", |authority| authority.current_epoch())?;
    let before = before.map_err(|refusal| refused("a look at the epoch", refusal))?;
    go_wrong(&mut house)?;
    let behind = matches!(house.office.exchange(&issued.secret, None)?, Err(ExchangeRefusal::ClockBehind));
    must(behind, "an exchange before the clock was accepted was not refused as `clock-behind`")?;
    accept(&mut house, false)?;
    let after = house.office.ask("current", |authority| authority.current_epoch())?;
    let after = after.map_err(|refusal| refused("a look at the epoch", refusal))?;
    must(after.number > before.number, "no epoch began with the accepted clock")?;
    for restarted in [false, true] {
        if restarted {
            house.office = house.another()?;
        }
        let token = house.exchange(&issued)?.access_token;
        house.accepts(&token, "a token from after the clock was accepted")?;
        let now = house.now();
        let claims = house.edge.claims(&token, now)?.map_err(|refusal| refused("a living token", refusal))?;
        must(claims.issued_at == now, "a token from after the clock was accepted was minted at another time")?;
        house.issue(&Wish::new())?;
    }
    let clock = house.office.ask("read-clock", |authority| authority.read_clock())?;
    let clock = clock.map_err(|refusal| refused("a look at the clock", refusal))?;
    must(clock.behind_by == 0, format!("a clock that was accepted is told to be {} s behind", clock.behind_by))
}

fn revives(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (short, long) = (house.issue(&Wish::new().expiring(Expiry::After(3_600)))?, house.issue(&Wish::new())?);
    let below = house.issue(&Wish::new().under(&short))?;
    let (deleted, of_deleted) = house.pair(&Wish::new())?;
    house.delete(&deleted)?;
    let token = house.exchange(&long)?.access_token;
    let rotated = house.office.rotate(&long.token.id, 3_600)?.map_err(|refusal| refused("a rotation", refusal))?;
    house.exchange(&long)?;
    go_wrong(&mut house)?;
    accept(&mut house, false)?;
    for swept in [false, true] {
        if swept {
            house.sweep()?;
        }
        for (issued, whose) in [
            (&short, "a refresh token that had expired by the wrong clock"),
            (&below, "a refresh token below one that had expired by the wrong clock"),
            (&long, "a secret whose overlap was over by the wrong clock"),
            (&deleted, "a refresh token that was deleted before the clock went wrong"),
        ] {
            house.mints_nothing(issued, whose)?;
        }
        house.refuses(&token, "an access token that had expired by the wrong clock")?;
        house.refuses(&of_deleted, "an access token that was dead before the clock went wrong")?;
        house.exchange(&rotated)?;
    }
    Ok(())
}

fn keeps(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (short, token) = house.pair(&Wish::new().expiring(Expiry::After(3_600)))?;
    let (deleted, _) = house.pair(&Wish::new())?;
    house.delete(&deleted)?;
    go_wrong(&mut house)?;
    let ended = accept(&mut house, true)?;
    must(ended == 0, format!("{ended} refresh tokens ended although they were to be kept"))?;
    house.refuses(&token, "an access token from before the clock was accepted")?;
    house.mints_nothing(&deleted, "a refresh token that was deleted before the clock went wrong")?;
    let token = house.exchange(&short)?.access_token;
    house.accepts(&token, "a token of a refresh token that was kept")
}

fn in_order(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new().expiring(Expiry::After(3_600)))?;
    for forward in [0, 5_000] {
        house.wait(forward);
        let before = house.ground.shelf().committed().len();
        let ended = accept(&mut house, false)?;
        let written = house.ground.shelf().committed().len() - before;
        must(ended == 0 && written == 0, "to accept a clock that is not behind changed something")?;
        if forward == 0 {
            house.accepts(&token, "a token, after a clock that was in order was accepted,")?;
            house.exchange(&issued)?;
        } else {
            house.mints_nothing(&issued, "a refresh token that had expired before its clock was accepted")?;
        }
    }
    Ok(())
}
