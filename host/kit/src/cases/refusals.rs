//! Refusals tell whoever holds a dead token nothing about it.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::exchange::{ExchangeRefusal, Revocation};
use jeton_runtime::wit::refresh_tokens::Expiry;
use jeton_runtime::wit::verification::IntrospectRefusal;

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::house::House;
use crate::refusal::name_of;
use crate::secret::Secret;
use crate::wish::Wish;

/// RFC 7662 section 2.2, and not a member more.
const INACTIVE: &str = r#"{"active":false}"#;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities(
            "refusal-of-a-grant",
            "unknown, wrong, deleted, expired, given back or below one that is: all are `invalid-grant`",
            grants,
        ),
        Case::of_authorities(
            "refusal-before-scope",
            "who has no living refresh token is not told whether a scope would have been granted",
            before_scope,
        ),
        Case::of_authorities(
            "refusal-of-an-introspection",
            "of anything that is not a living access token, introspection says `{\"active\":false}` and no more",
            introspection,
        ),
        Case::of_authorities("refusal-of-a-caller", "only who may introspect is told of others' tokens", caller),
        Case::of_authorities("refusal-of-a-revocation", "a revocation of what is not there ends nothing", revocation),
    ]
}

/// Refresh tokens that mint nothing, each with what it is.
fn dead(house: &mut House<'_>) -> Result<Vec<(String, &'static str)>, Failure> {
    let expired = house.issue(&Wish::new().expiring(Expiry::After(10)))?;
    let below_expired = house.issue(&Wish::new().under(&expired))?;
    let deleted = house.issue(&Wish::new().good_for(&["orders"]))?;
    let below = house.issue(&Wish::new().under(&deleted))?;
    let given_back = house.issue(&Wish::new())?;
    let living = house.issue(&Wish::new().good_for(&["orders"]))?;
    house.delete(&deleted)?;
    house.revoke(&given_back.secret)?;
    house.wait(10);
    let other_house = House::open_on(house.sandbox, crate::lent::Ground::new().seeded(77))?.issue(&Wish::new())?;
    Ok(vec![
        (expired.secret.clone(), "an expired refresh token"),
        (below_expired.secret.clone(), "a refresh token below an expired one"),
        (deleted.secret.clone(), "a deleted refresh token"),
        (below.secret.clone(), "a refresh token below a deleted one"),
        (given_back.secret.clone(), "a refresh token that was given back"),
        (Secret::of(&living.secret)?.turned(9), "a living refresh token with a wrong secret"),
        (Secret::of(&deleted.secret)?.turned(9), "a deleted refresh token with a wrong secret"),
        (other_house.secret.clone(), "a refresh token of another authority"),
        ("jtn_rt_".to_owned(), "half a refresh token"),
        (String::new(), "nothing"),
    ])
}

fn grants(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    for (secret, whose) in dead(&mut house)? {
        match house.office.exchange(&secret, None)? {
            Err(ExchangeRefusal::InvalidGrant) => {}
            Ok(_) => return Err(Failure::new(format!("{whose} was exchanged for an access token"))),
            Err(other) => {
                return Err(Failure::new(format!("{whose} was refused as `{}`: that tells it apart", name_of(other))));
            }
        }
    }
    Ok(())
}

fn before_scope(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    for (secret, whose) in dead(&mut house)? {
        for scope in ["orders", "more", "ä", "  "] {
            let asked = house.office.exchange(&secret, Some(scope))?;
            let same = matches!(asked, Err(ExchangeRefusal::InvalidGrant));
            must(same, format!("{whose} was told something else than `invalid-grant` when the scope was {scope:?}"))?;
        }
    }
    Ok(())
}

fn introspection(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (_, early) = house.pair(&Wish::new())?;
    house.advance()?;
    let (_, caller) = house.pair(&Wish::new().good_for(&["jeton:introspect"]))?;
    let (living, of_living) = house.pair(&Wish::new())?;
    let (deleted, cut) = house.pair(&Wish::new())?;
    let (_, below) = house.pair(&Wish::new().under(&deleted))?;
    let (_, expired) = house.pair(&Wish::new().ttl(1))?;
    let (_, revoked) = house.pair(&Wish::new())?;
    house.delete(&deleted)?;
    house.revoke(&revoked)?;
    house.wait(1);
    house.tell()?;
    let now = house.now();
    for (token, whose) in [
        (&*early, "a token of the epoch before"),
        (&cut, "a token whose refresh token was deleted"),
        (&below, "a token whose parent was deleted"),
        (&expired, "an expired token"),
        (&revoked, "a revoked token"),
        (&living.secret, "a living refresh token"),
        (&deleted.secret, "a deleted refresh token"),
        (of_living.trim_end_matches(char::is_alphanumeric), "a token without its signature"),
        (&format!("{of_living}A"), "a token with a character too many"),
        (&living.token.id, "the id of a refresh token"),
        ("junk", "junk"),
        ("", "nothing"),
    ] {
        // Asked twice: what it remembers must not talk either.
        for _ in 0..2 {
            let answer = house.edge.introspect(&caller, token, now)?;
            let answer = answer.map_err(|refusal| crate::house::refused("an introspection", refusal))?;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            must(answer == INACTIVE, format!("of {whose}, introspection said `{answer}`"))?;
        }
    }
    let answer = house.edge.introspect(&caller, &of_living, now)?;
    let answer = answer.map_err(|refusal| crate::house::refused("an introspection", refusal))?;
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
    must(answer.get("active") == Some(&true.into()), "a living token is not active")
}

fn caller(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (_, target) = house.pair(&Wish::new())?;
    let callers = [
        (&["jeton:introspect"][..], true),
        (&["jeton:admin"], true),
        (&["jeton:read"], false),
        (&["introspect"], false),
        (&[], false),
    ];
    for (scopes, may) in callers {
        let (issued, token) = house.pair(&Wish::new().good_for(scopes))?;
        house.tell()?;
        let now = house.now();
        let asked = house.edge.introspect(&token, &target, now)?;
        let who = if scopes.is_empty() { "no scope".to_owned() } else { format!("`{}`", scopes.join(" ")) };
        if may {
            must(asked.is_ok(), format!("a caller with {who} may not introspect"))?;
        } else {
            let refused = matches!(asked, Err(IntrospectRefusal::InsufficientScope));
            must(refused, format!("a caller with {who} was told of another's token"))?;
            must(house.edge.introspect(&token, &token, now)?.is_ok(), "a token may not ask about itself")?;
        }
        house.delete(&issued)?;
        house.tell()?;
        let asked = house.edge.introspect(&token, &target, now)?;
        must(matches!(asked, Err(IntrospectRefusal::InvalidToken)), "a caller with a dead token was answered")?;
    }
    Ok(())
}

fn revocation(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (_, token) = house.pair(&Wish::new().ttl(5))?;
    let dead = dead(&mut house)?;
    for (secret, whose) in dead {
        let revoked = house.revoke(&secret)?;
        // The holder of an expired refresh token, or of one below a dead one, may well end it.
        let harmless = matches!(revoked, Revocation::Nothing | Revocation::RefreshToken(_));
        must(harmless, format!("the revocation of {whose} ended an access token"))?;
    }
    let revoked = house.revoke(&token)?;
    must(matches!(revoked, Revocation::Nothing), "the revocation of an expired access token ended something")
}
