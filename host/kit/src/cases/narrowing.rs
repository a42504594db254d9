//! Scopes and expiries only narrow, from ancestors to children, and from refresh to access tokens.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::exchange::ExchangeRefusal;
use jeton_runtime::wit::refresh_tokens::{Expiry, IssueRefusal};
use jeton_runtime::wit::types::{ActingToken, Actor};
use jeton_runtime::wit::verification::Claims;

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::house::House;
use crate::refusal::name_of;
use crate::wish::Wish;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities("scope-wider-at-exchange", "no exchange grants what the refresh token lacks", wider),
        Case::of_authorities("scope-subset-at-exchange", "an exchange grants the scopes asked for, no more", subset),
        Case::of_authorities("scope-beyond-parent", "no child has a scope that its parent lacks", beyond_parent),
        Case::of_authorities(
            "scope-beyond-actor",
            "nobody grants, or ends, a `jeton:` scope that they lack",
            beyond_actor,
        ),
        Case::of_authorities("scope-malformed", "what is no scope of RFC 6749 is refused", malformed),
        Case::of_authorities("expiry-beyond-parent", "no child expires later than its parent", beyond_expiry),
        Case::of_authorities("expiry-at-exchange", "no access token outlives its refresh token", at_exchange),
        Case::of_authorities(
            "expiry-of-a-refresh-token",
            "in the second of its expiry a refresh token is dead",
            refresh,
        ),
        Case::of_authorities("expiry-in-the-past", "nothing is issued that has expired already", past),
        Case::of_authorities("ttl-within-bounds", "an access token lives for a second to a day, no less, no more", ttl),
        Case::of_authorities("claims-tell-the-truth", "claims say who was granted what, as the answer does", truth),
    ]
}

fn claims(house: &mut House<'_>, token: &str) -> Result<Claims, Failure> {
    house.tell()?;
    let now = house.now();
    let claims = house.edge.claims(token, now)?;
    claims
        .map_err(|refusal| Failure::new(format!("a token that was just minted was refused as `{}`", name_of(refusal))))
}

fn wider(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new().good_for(&["orders", "stock", "jeton:read"]))?;
    let child = house.issue(&Wish::new().under(&parent).good_for(&["orders"]))?;
    let bare = house.issue(&Wish::new())?;
    for (issued, scope) in [
        (&parent, "orders stock other"),
        (&parent, "other"),
        (&parent, "Orders"),
        (&parent, "order"),
        (&parent, "orders:read"),
        (&parent, "jeton:admin"),
        (&parent, "jeton:introspect"),
        (&child, "stock"),
        (&child, "orders stock"),
        (&child, "jeton:read"),
        (&bare, "orders"),
        (&bare, "jeton:admin"),
    ] {
        let asked = house.office.exchange(&issued.secret, Some(scope))?;
        if let Ok(exchanged) = asked {
            let granted = exchanged.scope;
            return Err(Failure::new(format!("an exchange for `{scope}`, more than it may have, granted `{granted}`")));
        }
        must(
            matches!(asked, Err(ExchangeRefusal::InvalidScope)),
            format!("`{scope}` was not refused as `invalid-scope`"),
        )?;
    }
    Ok(())
}

fn subset(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new().good_for(&["orders", "stock", "prices"]))?;
    for (asked, granted) in
        [(None, "orders stock prices"), (Some("orders"), "orders"), (Some("orders prices"), "orders prices")]
    {
        let exchanged = house.office.exchange(&issued.secret, asked)?;
        let exchanged = exchanged.map_err(|refusal| crate::house::refused("an exchange for fewer scopes", refusal))?;
        must(exchanged.scope == granted, format!("an exchange for `{granted}` granted `{}`", exchanged.scope))?;
        let claimed = claims(&mut house, &exchanged.access_token)?.scopes.join(" ");
        must(claimed == granted, format!("a token that was granted `{granted}` claims `{claimed}`"))?;
    }
    Ok(())
}

fn beyond_parent(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new().good_for(&["orders", "stock"]))?;
    let child = house.issue(&Wish::new().under(&parent).good_for(&["orders"]))?;
    for (above, scopes) in [
        (&parent, &["orders", "prices"][..]),
        (&parent, &["Orders"]),
        (&parent, &["jeton:read"]),
        (&child, &["stock"]),
        (&child, &["orders", "stock"]),
    ] {
        let issued = house.office.issue(&Wish::new().under(above).good_for(scopes))?;
        let refused = matches!(issued, Err(IssueRefusal::ScopeBeyondParent));
        must(refused, format!("a child with `{}`, more than its parent has, was issued", scopes.join(" ")))?;
    }
    Ok(())
}

fn beyond_actor(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let admin = house.issue(&Wish::new().good_for(&["jeton:admin"]))?;
    for held in [&[][..], &["orders"], &["jeton:read"], &["jeton:introspect", "jeton:live"]] {
        let actor = Actor::Token(ActingToken {
            client_id: "0000000000000000000001".to_owned(),
            subject: "mallory".to_owned(),
            scopes: held.iter().map(|scope| (*scope).to_owned()).collect(),
        });
        let who = if held.is_empty() { "no scope".to_owned() } else { format!("`{}`", held.join(" ")) };
        let issued = house.office.issue_as(&actor, &Wish::new().good_for(&["jeton:admin"]))?;
        must(issued.is_err(), format!("somebody with {who} issued a token with `jeton:admin`"))?;
        let deleted = house.office.delete_as(&actor, std::slice::from_ref(&admin.token.id))?;
        must(deleted.is_err(), format!("somebody with {who} deleted a token with `jeton:admin`"))?;
    }
    house.exchange(&admin).map(drop)
}

fn malformed(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new().good_for(&["orders", "stock"]))?;
    for scope in ["orders  stock", " orders", "orders ", "ord\"ers", "orders\n", "örders", "orders\u{0}", "jeton:root"]
    {
        let asked = house.office.exchange(&issued.secret, Some(scope))?;
        must(asked.is_err(), format!("an exchange for {scope:?} was granted"))?;
    }
    for scope in ["", "a b", "a\"b", "a\\b", "ä", "a\n", "jeton:root", "jeton:"] {
        let asked = house.office.issue(&Wish::new().good_for(&[scope]))?;
        must(asked.is_err(), format!("a refresh token with the scope {scope:?} was issued"))?;
    }
    Ok(())
}

fn beyond_expiry(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let now = house.now();
    let parent = house.issue(&Wish::new().expiring(Expiry::After(1_000)))?;
    for (expiry, when) in [
        (Expiry::After(1_001), "a second later than its parent"),
        (Expiry::At(now + 1_001), "a second later than its parent"),
        (Expiry::At(u64::MAX), "at the end of time, later than its parent"),
        (Expiry::Never, "never, and its parent does"),
    ] {
        let issued = house.office.issue(&Wish::new().under(&parent).expiring(expiry))?;
        must(issued.is_err(), format!("a child was issued that expires {when}"))?;
    }
    let child = house.issue(&Wish::new().under(&parent))?;
    let capped = child.token.expires_at.is_some_and(|expiry| expiry <= now + 1_000);
    must(capped, "a child that no expiry was said for expires later than its parent")?;
    let equal = house.issue(&Wish::new().under(&parent).expiring(Expiry::At(now + 1_000)))?;
    must(equal.token.expires_at == Some(now + 1_000), "a child does not expire when it was said to")
}

fn at_exchange(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let end = house.now() + 100;
    let grandparent = house.issue(&Wish::new().expiring(Expiry::At(end)))?;
    let parent = house.issue(&Wish::new().under(&grandparent))?;
    let child = house.issue(&Wish::new().under(&parent))?;
    for (issued, whose) in [(&grandparent, "refresh token"), (&parent, "parent"), (&child, "grandparent")] {
        let exchanged = house.exchange(issued)?;
        let expires_at = claims(&mut house, &exchanged.access_token)?.expires_at;
        must(
            expires_at <= end,
            format!("an access token outlives its {whose} by {} s", expires_at.saturating_sub(end)),
        )?;
        must(
            exchanged.expires_in <= 100,
            format!("`expires_in` promises {} s, beyond its {whose}", exchanged.expires_in),
        )?;
        must(exchanged.refresh_expires_in == Some(100), "`refresh_expires_in` is not the time that is left")?;
    }
    Ok(())
}

fn refresh(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new().expiring(Expiry::After(1_000)))?;
    house.wait(999);
    let token = house.exchange(&issued)?.access_token;
    house.accepts(&token, "a token in the last second of its refresh token")?;
    for _ in 0..3 {
        house.wait(1);
        house.mints_nothing(&issued, "a refresh token that had expired")?;
        house.refuses(&token, "a token of a refresh token that had expired")?;
    }
    Ok(())
}

fn past(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let now = house.now();
    for expiry in [Expiry::At(now), Expiry::At(now - 1), Expiry::At(0), Expiry::After(0)] {
        let issued = house.office.issue(&Wish::new().expiring(expiry))?;
        must(issued.is_err(), format!("a refresh token was issued with the expiry {expiry:?}, which is over"))?;
    }
    Ok(())
}

fn ttl(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    for seconds in [0, 86_401, u64::MAX] {
        let issued = house.office.issue(&Wish::new().ttl(seconds))?;
        must(issued.is_err(), format!("a refresh token was issued whose access tokens live for {seconds} s"))?;
        let set = house.office.set_ttl(seconds)?;
        must(set.is_err(), format!("`access-token-expiration` was set to {seconds} s"))?;
    }
    for seconds in [1, 86_400] {
        let (_, token) = house.pair(&Wish::new().ttl(seconds))?;
        let claims = claims(&mut house, &token)?;
        let lives = claims.expires_at.saturating_sub(claims.issued_at);
        must(lives == seconds, format!("a token that was to live for {seconds} s lives for {lives} s"))?;
    }
    Ok(())
}

fn truth(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    for owner in [Some("alice"), None] {
        let wish = owner.map_or_else(Wish::new, |owner| Wish::new().of(owner)).good_for(&["orders"]);
        let issued = house.issue(&wish)?;
        let exchanged = house.exchange(&issued)?;
        let claims = claims(&mut house, &exchanged.access_token)?;
        let subject = owner.unwrap_or(&issued.token.id);
        for (name, said, is) in [
            ("iss", &*claims.issuer, crate::house::ISSUER),
            ("client_id", &claims.client_id, &issued.token.id),
            ("client_id", &exchanged.client_id, &issued.token.id),
            ("jti", &claims.jti, &exchanged.jti),
            ("sub", &claims.subject, subject),
            ("scope", &exchanged.scope, "orders"),
        ] {
            must(said == is, format!("`{name}` is `{said}` and not `{is}`"))?;
        }
        must(claims.issued_at == house.now(), "`iat` is not the second of the minting")?;
        must(!claims.lineage.is_empty(), "an access token has no lineage that could be cut")?;
    }
    Ok(())
}
