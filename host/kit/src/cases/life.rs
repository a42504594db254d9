//! How long an access token lives.

use jeton_runtime::sandbox::Sandbox;

use crate::case::Case;
use crate::edge::Edge;
use crate::failure::{Failure, Verdict, must};
use crate::house::House;
use crate::wish::Wish;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities(
            "life-half-open",
            "an access token lives until the second before its `exp`, and is dead in it",
            half_open,
        ),
        Case::of_authorities("life-of-a-second", "an access token of a second's life is dead a second later", a_second),
        Case::of_authorities("life-as-long-as-set", "an access token lives as long as the setting says", as_set),
        Case::of_authorities(
            "life-as-long-as-promised",
            "an access token lives for the `expires_in` that its bearer was told, also within a second",
            as_promised,
        ),
        Case::of_verifiers(
            "life-not-revived",
            "nothing brings an expired access token back: no leeway, no earlier clock, no other live set",
            not_revived,
        ),
    ]
}

/// The `exp` of an access token that is accepted.
fn expiry(house: &mut House<'_>, token: &str) -> Result<u64, Failure> {
    house.tell()?;
    let now = house.now();
    let verified = house.edge.verify(token, now)?;
    Ok(verified.map_err(|_| Failure::new("a token that was just minted was refused"))?.expires_at)
}

fn half_open(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (_, token) = house.pair(&Wish::new())?;
    let expiry = expiry(&mut house, &token)?;
    must(expiry > house.now(), "a token was minted with an `exp` that is over")?;
    house.ground.clock.set(expiry - 1);
    house.accepts(&token, "a token in the second before its `exp`")?;
    for after in [0, 1, 5, 10, 11, 59, 60, 61, 300, 86_400] {
        house.ground.clock.set(expiry + after);
        house.refuses(&token, &format!("a token {after} s after its `exp`"))?;
    }
    Ok(())
}

fn a_second(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (_, token) = house.pair(&Wish::new().ttl(1))?;
    house.accepts(&token, "a token in the second of its minting")?;
    house.wait(1);
    house.refuses(&token, "a token of a second's life, a second later,")
}

fn as_set(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    for seconds in [60, 3_600, 10] {
        house.office.set_ttl(seconds)?.map_err(|refusal| crate::house::refused("a setting", refusal))?;
        let token = house.exchange(&issued)?.access_token;
        let lives = expiry(&mut house, &token)?.saturating_sub(house.now());
        must(lives == seconds, format!("with `access-token-expiration` at {seconds} s a token lives for {lives} s"))?;
    }
    Ok(())
}

fn as_promised(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let now = house.now();
    let issued = house.issue(&Wish::new().ttl(60))?;
    for nanoseconds in [0, 1, 500_000_000, 999_999_999] {
        house.ground.clock.set_finely(now, nanoseconds);
        let exchanged = house.exchange(&issued)?;
        must(exchanged.expires_in > 0, "`expires_in` was 0 for a token of a minute's life")?;
        let expiry = expiry(&mut house, &exchanged.access_token)?;
        // Counted from a moment within a second, the last second that was promised must still be one of life.
        let kept = now + exchanged.expires_in + u64::from(nanoseconds > 0) <= expiry;
        must(kept, format!("`expires_in` promised {} s, more than it lives", exchanged.expires_in))?;
    }
    Ok(())
}

fn not_revived(sandbox: &Sandbox) -> Verdict {
    use jeton_vectors::generate::{EXPIRY, MINTED, SEQUENCE};
    let signer = crate::cases::live_set::signer(0)?;
    let token = signer.good();
    let mut edge = Edge::new(sandbox)?;
    edge.take(&signer.whole(SEQUENCE, &[]).render())?;
    edge.accepts(&token, EXPIRY - 1, "a token in the second before its `exp`")?;
    for after in [0, 1, 9, 10, 60] {
        edge.refuses(&token, EXPIRY + after, &format!("a token {after} s after its `exp`"))?;
    }
    edge.refuses(&token, EXPIRY - 1, "a token that had been seen to expire, once the clock was set back,")?;
    edge.take(&signer.whole(SEQUENCE + 1, &[]).render())?;
    edge.refuses(&token, MINTED, "a token that had been seen to expire, after the next live set was loaded,")
}
