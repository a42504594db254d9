//! Epochs: one order, or one start, and every older access token is dead.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::epochs::{BeginRefusal, Boot};

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, Office};
use crate::lent::Ground;
use crate::wish::Wish;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities("epoch-advance", "an advance of the epoch kills every access token that is out", advance),
        Case::of_authorities("epoch-boot", "a start with `advance` kills every access token that is out", boot),
        Case::of_authorities("epoch-resume", "a start with `resume` kills nothing", resume),
        Case::of_authorities(
            "epoch-root-key",
            "`resume` with another root key than the epoch's is refused, and nothing is minted with it",
            root_key,
        ),
        Case::of_authorities("epoch-of-another-instance", "an epoch that one instance begins holds in all", instances),
        Case::of_authorities("epoch-header", "a token of an older epoch is dead under the current header, too", header),
        Case::of_authorities("epoch-number", "the number of the epoch only grows, whatever the clock does", number),
        Case::of_authorities("epoch-keeps-refresh-tokens", "an epoch that advances ends no refresh token", refresh),
        Case::of_authorities("epoch-forgets-no-end", "a deleted refresh token mints nothing in the next epoch", ends),
        Case::of_authorities("epoch-key-set", "the key set holds the key that the current tokens are signed by", keys),
    ]
}

fn advance(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let child = house.issue(&Wish::new().under(&issued))?;
    let below = house.exchange(&child)?.access_token;
    // Whatever it remembers of them must not outlive the epoch.
    house.accepts(&token, "a living token")?;
    house.accepts(&below, "a living token")?;
    house.advance()?;
    house.refuses(&token, "a token of the epoch before")?;
    house.refuses(&below, "a token of the epoch before")?;
    let newer = house.exchange(&issued)?.access_token;
    house.accepts(&newer, "a token of the new epoch")?;
    house.refuses(&token, "a token of the epoch before")
}

fn boot(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    house.accepts(&token, "a living token")?;
    house.restart(Boot::Advance)?;
    house.refuses(&token, "a token from before a start with `advance`")?;
    let newer = house.exchange(&issued)?.access_token;
    house.accepts(&newer, "a token from after the start")
}

fn resume(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let before = house.office.ask("current", |authority| authority.current_epoch())?;
    let after = house.restart(Boot::Resume)?;
    must(before.is_ok_and(|before| before.number == after.number), "`resume` began another epoch")?;
    house.accepts(&token, "a token from before a start with `resume`")?;
    let newer = house.exchange(&issued)?.access_token;
    house.accepts(&newer, "a token from after a start with `resume`")
}

fn root_key(sandbox: &Sandbox) -> Verdict {
    let house = House::open(sandbox)?;
    let stranger = house.ground.with_root_key(*b"another root key, as long as it.");
    let mut office = Office::new(sandbox, &stranger)?;
    let begun = office.ask("begin", |authority| authority.begin(Boot::Resume, None))?;
    must(
        matches!(begun, Err(BeginRefusal::RootKeyDoesNotFit)),
        "`resume` with another root key than the epoch's was not refused as `root-key-does-not-fit`",
    )
}

fn instances(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let mut other = house.another()?;
    for _ in 0..2 {
        // This instance has minted in the old epoch, and may remember its key.
        let old = other.exchange(&issued.secret, None)?;
        let old = old.map_err(|refusal| crate::house::refused("an exchange by another instance", refusal))?;
        house.advance()?;
        let new = other.exchange(&issued.secret, None)?;
        let new = new.map_err(|refusal| crate::house::refused("an exchange by another instance", refusal))?;
        house.accepts(&new.access_token, "a token that another instance minted after the advance")?;
        house.refuses(&old.access_token, "a token that another instance minted before the advance")?;
    }
    Ok(())
}

fn header(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, old) = house.pair(&Wish::new())?;
    house.advance()?;
    let new = house.exchange(&issued)?.access_token;
    let mixed = new.split_once('.').zip(old.split_once('.')).map(|((header, _), (_, rest))| format!("{header}.{rest}"));
    let mixed = mixed.ok_or_else(|| Failure::new("an access token has no header"))?;
    house.refuses(&mixed, "a token of the epoch before, under the header of the current one,")
}

fn number(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let mut last = house.advance()?.number;
    for now in [house.now(), house.now() + 100, house.now() - 1_000, house.now() + 200] {
        house.ground.clock.set(now);
        let number = house.advance()?.number;
        must(number > last, format!("epoch {number} followed epoch {last}"))?;
        last = number;
    }
    Ok(())
}

fn refresh(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    house.advance()?;
    house.restart(Boot::Advance)?;
    house.exchange(&issued).map(drop)
}

fn ends(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let child = house.issue(&Wish::new().under(&issued))?;
    house.delete(&issued)?;
    for _ in 0..2 {
        house.mints_nothing(&issued, "a refresh token that was deleted in an earlier epoch")?;
        house.mints_nothing(&child, "a refresh token whose parent was deleted in an earlier epoch")?;
        house.restart(Boot::Advance)?;
    }
    Ok(())
}

fn keys(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open_on(sandbox, Ground::new())?;
    let issued = house.issue(&Wish::new())?;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let token = house.exchange(&issued)?.access_token;
        let header = token.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
        let header: serde_json::Value =
            header.and_then(|header| serde_json::from_slice(&header).ok()).unwrap_or_default();
        let kid = header.get("kid").cloned().ok_or_else(|| Failure::new("the header of a token has no `kid`"))?;
        let set = house.office.ask("key-set", |authority| authority.key_set())?;
        let set = set.map_err(|refusal| crate::house::refused("the key set", refusal))?;
        let set: serde_json::Value = serde_json::from_slice(&set).unwrap_or_default();
        let keys = set.get("keys").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        must(keys.iter().any(|key| key.get("kid") == Some(&kid)), "the key set lacks the key of the current epoch")?;
        must(keys.iter().all(|key| key.get("d").is_none()), "the key set tells a private key")?;
        must(!seen.contains(&kid), "two epochs have the same key")?;
        seen.push(kid);
        house.advance()?;
    }
    Ok(())
}
