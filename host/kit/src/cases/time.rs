//! A clock that goes back revives nothing and mints nothing.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::epochs::Boot;
use jeton_runtime::wit::exchange::ExchangeRefusal;
use jeton_runtime::wit::refresh_tokens::{Expiry, IssueRefusal};
use jeton_vectors::generate::{EXPIRY, MINTED, SEQUENCE};

use crate::case::Case;
use crate::cases::live_set::signer;
use crate::edge::Edge;
use crate::failure::{Verdict, must};
use crate::house::{House, refused};
use crate::wish::Wish;

/// A step back that is tolerated, in seconds.
const TOLERATED: u64 = 10;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities(
            "time-back-mints-nothing",
            "while the clock is far behind nothing is minted or issued",
            mints,
        ),
        Case::of_authorities("time-back-stands-still", "a clock that is a little behind makes nothing older", still),
        Case::of_authorities("time-back-revives-nothing", "a clock that goes back revives no refresh token", revives),
        Case::of_authorities("time-back-drops-no-cut", "a clock that goes forth and back drops no cut", cuts),
        Case::of_authorities("time-told", "the policy says how far the clock is behind", told),
        Case::of_authorities("time-forward-expires", "a clock that jumps forward expires what it passes", forward),
        Case::of_verifiers("time-of-a-verifier", "a verifier whose clock goes back revives nothing", verifier),
        Case::of_verifiers("time-goes-on-while-held", "time goes on while a live set is held", held),
    ]
}

/// Lets the authority see a time, and remember it.
fn reach(house: &mut House<'_>, seconds: u64) -> Verdict {
    house.ground.clock.set(seconds);
    house.sweep()
}

fn mints(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let reached = house.now() + 10_000;
    reach(&mut house, reached)?;
    for behind in [TOLERATED + 1, 60, 3_600, 9_000] {
        house.ground.clock.set(reached - behind);
        for restarted in [false, true] {
            if restarted {
                house.office = house.another()?;
            }
            let asked = house.office.exchange(&issued.secret, None)?;
            must(asked.is_err(), format!("an access token was minted while the clock was {behind} s behind"))?;
            must(
                matches!(asked, Err(ExchangeRefusal::ClockBehind)),
                format!("an exchange while the clock was {behind} s behind was not refused as `clock-behind`"),
            )?;
            let asked = house.office.issue(&Wish::new())?;
            must(
                matches!(asked, Err(IssueRefusal::ClockBehind)),
                format!("a refresh token was issued while the clock was {behind} s behind"),
            )?;
        }
    }
    house.ground.clock.set(reached + 1);
    house.exchange(&issued).map(drop)
}

fn still(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let reached = house.now() + 10_000;
    reach(&mut house, reached)?;
    for behind in [1, 5, TOLERATED] {
        house.ground.clock.set(reached - behind);
        let token = house.exchange(&issued)?.access_token;
        house.tell()?;
        let claims = house.edge.claims(&token, reached)?;
        let claims = claims.map_err(|refusal| refused("a living token", refusal))?;
        let back = reached.saturating_sub(claims.issued_at);
        must(back == 0, format!("a token was minted {back} s before a time that had been reached"))?;
        let young = house.issue(&Wish::new())?;
        must(young.token.created_at >= reached, "a refresh token was issued before a time that had been reached")?;
    }
    Ok(())
}

fn revives(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let begun = house.now();
    let issued = house.issue(&Wish::new().expiring(Expiry::After(1_000)))?;
    let child = house.issue(&Wish::new().under(&issued))?;
    let token = house.exchange(&issued)?.access_token;
    reach(&mut house, begun + 1_000)?;
    house.mints_nothing(&issued, "a refresh token that had expired")?;
    for back in [1, 5, TOLERATED, TOLERATED + 1, 900] {
        house.ground.clock.set(begun + 1_000 - back);
        for restarted in [false, true] {
            if restarted {
                house.restart(Boot::Resume)?;
            }
            for (secret, whose) in [(&issued.secret, "a refresh token"), (&child.secret, "a refresh token below one")] {
                let asked = house.office.exchange(secret, None)?;
                must(
                    asked.is_err(),
                    format!("{whose} that had expired was exchanged after the clock went back {back} s"),
                )?;
            }
            let document = house.snapshot()?;
            let mut edge = Edge::new(sandbox)?;
            edge.take(&document)?;
            let now = house.now();
            edge.refuses(&token, now, &format!("a token that had expired, after the clock went back {back} s,"))?;
        }
    }
    Ok(())
}

fn cuts(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let begun = house.now();
    let (issued, token) = house.pair(&Wish::new())?;
    house.delete(&issued)?;
    // What this sweeps, nothing may need once the clock is back.
    reach(&mut house, begun + 5_000)?;
    reach(&mut house, begun + 10)?;
    let document = house.snapshot()?;
    let mut edge = Edge::new(sandbox)?;
    edge.take(&document)?;
    edge.refuses(&token, begun + 10, "a deleted token, after the clock went forth and back,")
}

fn told(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let reached = house.now() + 1_000;
    reach(&mut house, reached)?;
    for behind in [0, 1, 100] {
        house.ground.clock.set(reached - behind);
        let clock = house.office.ask("read-clock", |authority| authority.read_clock())?;
        let clock = clock.map_err(|refusal| refused("a look at the clock", refusal))?;
        must(clock.time == reached, format!("the policy went back to {} from {reached}", clock.time))?;
        must(clock.behind_by == behind, format!("a clock {behind} s behind was told to be {}", clock.behind_by))?;
    }
    Ok(())
}

fn forward(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let begun = house.now();
    let issued = house.issue(&Wish::new().expiring(Expiry::After(86_400)))?;
    let token = house.exchange(&issued)?.access_token;
    house.ground.clock.set(begun + 10 * 365 * 86_400);
    house.refuses(&token, "a token, ten years later,")?;
    house.mints_nothing(&issued, "a refresh token, ten years later,")?;
    let forever = house.issue(&Wish::new().expiring(Expiry::Never))?;
    house.ground.clock.set(begun + 100 * 365 * 86_400);
    house.exchange(&forever).map(drop)
}

fn verifier(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let (mut edge, token) = (Edge::new(sandbox)?, signer.good());
    edge.take(&signer.whole(SEQUENCE, &[]).render())?;
    edge.accepts(&token, MINTED + 1, "a good token")?;
    must(edge.verify("another", EXPIRY)?.is_err(), "a word was accepted as a token")?;
    for now in [EXPIRY - 1, MINTED, 0] {
        edge.refuses(&token, now, "a token, once its verifier had seen a time after its `exp`,")?;
    }
    Ok(())
}

fn held(sandbox: &Sandbox) -> Verdict {
    let signer = signer(0)?;
    let token = signer.good();
    for (held_for, lives) in [(0, true), (899, true), (900, false), (100_000, false)] {
        let mut edge = Edge::new(sandbox)?;
        edge.take(&signer.whole(SEQUENCE, &[]).render())?;
        // The caller's clock stands still in 1970; the live set knows better.
        let verdict = edge.verify_at(&token, 0, held_for, false)?;
        let said = if lives { "refused" } else { "accepted" };
        must(
            verdict.is_ok() == lives,
            format!("{held_for} s after its minting, by a clock that stands, a token was {said}"),
        )?;
    }
    Ok(())
}
