//! Secrets: only the whole one is taken, and it is kept nowhere.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::exchange::{ExchangeRefusal, Revocation};

use crate::case::Case;
use crate::failure::{Verdict, must};
use crate::house::House;
use crate::lent::{Ground, ROOT_KEY, pseudo_random};
use crate::secret::Secret;
use crate::wish::Wish;

/// Wrong secrets that are tried: enough to find out who compares a byte alone.
const WRONG: u64 = 2_000;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities("secret-wrong-by-a-bit", "a secret with one wrong bit, anywhere, mints nothing", bits),
        Case::of_authorities("secret-wrong", "a wrong secret mints nothing, however many are tried", many),
        Case::of_authorities("secret-of-another", "a secret opens its own refresh token alone", another),
        Case::of_authorities("secret-misspelt", "what is not a refresh token to the letter mints nothing", misspelt),
        Case::of_authorities("secret-to-revoke", "a wrong secret revokes nothing", revoke),
        Case::of_authorities("secret-not-kept", "the store holds neither secrets nor the root key", kept),
        Case::of_authorities("secret-not-guessed", "no two refresh tokens have an id or a secret in common", guessed),
        Case::of_authorities("secret-of-an-access-token", "an access token is no refresh token", access_token),
    ]
}

fn refuses(house: &mut House<'_>, secret: &str, whose: &str) -> Verdict {
    let asked = house.office.exchange(secret, None)?;
    must(asked.is_err(), format!("{whose} was exchanged for an access token"))?;
    must(matches!(asked, Err(ExchangeRefusal::InvalidGrant)), format!("{whose} was not refused as `invalid-grant`"))
}

fn bits(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let secret = Secret::of(&issued.secret)?;
    must(secret.with(secret.bytes) == issued.secret, "a refresh token is not of the published form")?;
    // From the end, where comparisons by a beginning show first.
    for bit in (0..256).rev() {
        refuses(&mut house, &secret.turned(bit), &format!("a secret that is wrong in byte {} of 32", bit / 8 + 1))?;
    }
    house.exchange(&issued).map(drop)
}

fn many(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let secret = Secret::of(&issued.secret)?;
    for number in 0..WRONG {
        refuses(&mut house, &secret.with(pseudo_random(2, number)), "a secret that has nothing of the right one")?;
    }
    for (wrong, whose) in [([0; 32], "a secret of zeros"), ([0xff; 32], "a secret of ones")] {
        refuses(&mut house, &secret.with(wrong), whose)?;
    }
    house.exchange(&issued).map(drop)
}

fn another(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued: Vec<_> = (0..4).map(|_| house.issue(&Wish::new())).collect::<Result<_, _>>()?;
    let secrets: Vec<_> = issued.iter().map(|one| Secret::of(&one.secret)).collect::<Result<_, _>>()?;
    for (place, of) in secrets.iter().enumerate() {
        for other in secrets.iter().skip(place + 1) {
            refuses(&mut house, &of.with(other.bytes), "a refresh token with the secret of another one")?;
        }
    }
    Ok(())
}

fn misspelt(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let text = issued.secret.clone();
    let (body, last) = text.split_at(text.len() - 1);
    let other = if last == "0" { "1" } else { "0" };
    for (wrong, how) in [
        (format!("{body}{other}"), "a wrong checksum"),
        (body.to_owned(), "its last character missing"),
        (format!("{text}0"), "a character too many"),
        (format!("{text} "), "a space behind it"),
        (format!(" {text}"), "a space before it"),
        (format!("{text}\n"), "a line end behind it"),
        (format!("{text}\0"), "a NUL behind it"),
        (text.to_ascii_uppercase(), "its letters raised"),
        (text.to_ascii_lowercase(), "its letters lowered"),
        (text.replacen("jtn_rt_", "jtn_at_", 1), "another prefix"),
        (text.replacen("jtn_rt_", "", 1), "no prefix"),
    ] {
        if wrong != text {
            refuses(&mut house, &wrong, &format!("a refresh token with {how}"))?;
        }
    }
    house.exchange(&issued).map(drop)
}

fn revoke(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let secret = Secret::of(&issued.secret)?;
    for bit in [0, 7, 128, 255] {
        let revoked = house.revoke(&secret.turned(bit))?;
        must(matches!(revoked, Revocation::Nothing), "a wrong secret revoked a refresh token")?;
    }
    for forged in [format!("{token}A"), token.replacen('.', "..", 1), issued.token.id.clone(), String::new()] {
        let revoked = house.revoke(&forged)?;
        must(matches!(revoked, Revocation::Nothing), "what is no token revoked one")?;
    }
    house.accepts(&token, "a token after somebody tried to revoke it with a wrong secret")?;
    house.exchange(&issued).map(drop)
}

fn kept(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let secret = Secret::of(&issued.secret)?;
    house.revoke(&token)?;
    house.advance()?;
    house.exchange(&issued)?;
    let (first, second) = secret.bytes.split_at(16);
    let signature = token.rsplit('.').next().unwrap_or_default();
    for (_, writes) in house.ground.shelf().committed() {
        for write in writes {
            for place in [Some(write.key), write.value].iter().flatten() {
                let holds = |needle: &[u8]| place.windows(needle.len().max(1)).any(|window| window == needle);
                must(!holds(issued.secret.as_bytes()), "the store holds a refresh token as its bearer has it")?;
                must(!holds(first) && !holds(second), "the store holds the secret of a refresh token")?;
                must(!holds(&ROOT_KEY), "the store holds the root key")?;
                must(!holds(signature.as_bytes()), "the store holds an access token")?;
            }
        }
    }
    Ok(())
}

fn guessed(sandbox: &Sandbox) -> Verdict {
    let mut seen: Vec<[u8; 32]> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for seed in 0..3 {
        let mut house = House::open_on(sandbox, Ground::new().seeded(seed))?;
        for _ in 0..20 {
            let issued = house.issue(&Wish::new())?;
            let secret = Secret::of(&issued.secret)?.bytes;
            must(!seen.contains(&secret), "two refresh tokens have the same secret")?;
            must(!ids.contains(&issued.token.id), "two refresh tokens have the same id")?;
            let halves = secret.split_at(16);
            must(halves.0 != halves.1, "a secret repeats itself")?;
            seen.push(secret);
            ids.push(issued.token.id.clone());
            house.office = house.another()?;
        }
    }
    Ok(())
}

fn access_token(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    refuses(&mut house, &token, "an access token")?;
    house.tell()?;
    let now = house.now();
    house.edge.refuses(&issued.secret, now, "a refresh token, shown as an access token,")
}
