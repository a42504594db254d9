//! Token exchange (RFC 8693): what is had from a token descends from it, and is never wider.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::configuration::SettingsChange;
use jeton_runtime::wit::exchange::{TokenExchangeRefusal, TokenExchangeRequest, TokenExchanged, TokenType};
use jeton_runtime::wit::refresh_tokens::Expiry;
use jeton_runtime::wit::types::Actor;

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, refused, unchanged};
use crate::refusal::name_of;
use crate::wish::{Refresh, Wish};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities(
            "delegation-narrows",
            "what is had from a token has no scope that the token lacks",
            narrows,
        ),
        Case::of_authorities(
            "delegation-needs-leave",
            "a refresh token comes only from one that may delegate, and from no access token",
            needs_leave,
        ),
        Case::of_authorities("delegation-levels", "eight levels are all, whatever they consist of", levels),
        Case::of_authorities(
            "delegation-lineage",
            "an access token out of another carries its lineage and its `jti`",
            lineage,
        ),
        Case::of_authorities("delegation-ends-with-subject", "what is had from a token ends no later than it", ends),
        Case::of_authorities("delegation-dies-with-subject", "what is had from a token dies with it", dies),
        Case::of_authorities("delegation-of-the-dead", "what is dead, or is none, gives nothing", of_the_dead),
        Case::of_authorities("delegation-is-a-use", "to issue under a refresh token is a use of it", is_a_use),
    ]
}

/// From what to what.
#[derive(Clone, Copy)]
struct Way(TokenType, TokenType);

const MINT: Way = Way(TokenType::RefreshToken, TokenType::AccessToken);
const NARROW: Way = Way(TokenType::AccessToken, TokenType::AccessToken);
const DELEGATE: Way = Way(TokenType::RefreshToken, TokenType::RefreshToken);
const RISE: Way = Way(TokenType::AccessToken, TokenType::RefreshToken);

type Asked = Result<TokenExchanged, TokenExchangeRefusal>;

fn ask(house: &mut House<'_>, way: Way, subject: &str, scope: Option<&str>) -> Result<Asked, Failure> {
    ask_for(house, way, subject, scope, None)
}

fn ask_for(
    house: &mut House<'_>,
    Way(from, to): Way,
    subject: &str,
    scope: Option<&str>,
    expires_in: Option<u64>,
) -> Result<Asked, Failure> {
    let request = TokenExchangeRequest {
        subject_token: subject.to_owned(),
        subject_token_type: from,
        requested_token_type: to,
        scope: scope.map(str::to_owned),
        resource: None,
        name: None,
        expires_in,
        peer: None,
    };
    house.office.ask("exchange-token", |authority| authority.exchange_token(&request))
}

/// What there is no reason to refuse.
fn given(house: &mut House<'_>, way: Way, subject: &str, scope: Option<&str>) -> Result<TokenExchanged, Failure> {
    ask(house, way, subject, scope)?.map_err(|refusal| refused("a token exchange", refusal))
}

/// Holds if it is refused as this.
fn refuses(
    house: &mut House<'_>,
    (way, subject, scope): (Way, &str, Option<&str>),
    expected: TokenExchangeRefusal,
    what: &str,
) -> Verdict {
    match ask(house, way, subject, scope)? {
        Ok(_) => Err(Failure::new(what)),
        Err(refusal) if refusal == expected => Ok(()),
        Err(refusal) => {
            let (name, expected) = (name_of(refusal), name_of(expected));
            Err(Failure::new(format!("a token exchange was refused as `{name}` and not as `{expected}`")))
        }
    }
}

/// The refresh token that a token exchange gave.
fn refresh(house: &mut House<'_>, exchanged: &TokenExchanged) -> Result<Refresh, Failure> {
    let token = house.show(&exchanged.client_id)?;
    Ok(Refresh { secret: exchanged.token.clone(), token })
}

fn narrows(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new().good_for(&["orders", "stock"]).delegating())?;
    let all = house.exchange(&issued)?.access_token;
    for (way, subject) in [(MINT, issued.secret.as_str()), (NARROW, all.as_str()), (DELEGATE, issued.secret.as_str())] {
        let narrow = given(&mut house, way, subject, Some("stock"))?;
        must(narrow.scope == "stock", format!("a token exchange for `stock` granted `{}`", narrow.scope))?;
        for wider in ["stock payments", "Stock", "jeton:admin"] {
            let asked = (way, subject, Some(wider));
            let what = format!("a token exchange for `{wider}` gave what its subject lacks");
            refuses(&mut house, asked, TokenExchangeRefusal::InvalidScope, &what)?;
        }
        // What was narrowed is not widened by another step.
        let again = if matches!(narrow.token_type, TokenType::AccessToken) { NARROW } else { MINT };
        let asked = (again, narrow.token.as_str(), Some("orders stock"));
        refuses(&mut house, asked, TokenExchangeRefusal::InvalidScope, "a second token exchange widened the first")?;
        let kept = given(&mut house, again, &narrow.token, None)?;
        must(kept.scope == "stock", format!("a second token exchange granted `{}`", kept.scope))?;
        house.accepts(&kept.token, "a token of a second token exchange")?;
    }
    Ok(())
}

fn needs_leave(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (plain, token) = house.pair(&Wish::new())?;
    let refusal = TokenExchangeRefusal::DelegationRefused;
    let what = "a refresh token was issued under one that may not delegate";
    refuses(&mut house, (DELEGATE, &plain.secret, None), refusal, what)?;
    let (lead, of_lead) = house.pair(&Wish::new().delegating())?;
    for token in [&token, &of_lead] {
        refuses(&mut house, (RISE, token, None), refusal, "a refresh token was had from an access token")?;
    }
    let child = given(&mut house, DELEGATE, &lead.secret, None)?;
    let shown = house.show(&child.client_id)?;
    must(shown.parent.as_ref() == Some(&lead.token.id), "what a holder issued lies under another token than theirs")?;
    let what = "what a holder issued may delegate, although no administrator said so";
    refuses(&mut house, (DELEGATE, &child.token, None), refusal, what)?;
    let change = SettingsChange { holder_delegation: Some(false), ..unchanged() };
    let set = house.office.ask("set", |authority| authority.set_settings(&Actor::Machine, &change, None, false))?;
    set.map_err(|refusal| refused("a change of settings", refusal))?;
    let what = "a holder issued a refresh token although the settings allow no holder to";
    refuses(&mut house, (DELEGATE, &lead.secret, None), refusal, what)
}

fn levels(sandbox: &Sandbox) -> Verdict {
    const LEVELS: usize = 8;
    for of_refresh_tokens in [0, 3, LEVELS] {
        let mut house = House::open(sandbox)?;
        let mut lowest = house.issue(&Wish::new().delegating())?;
        for _ in 0..of_refresh_tokens {
            lowest = house.issue(&Wish::new().under(&lowest).delegating())?;
        }
        let mut token = house.exchange(&lowest)?.access_token;
        for _ in of_refresh_tokens..LEVELS {
            token = given(&mut house, NARROW, &token, None)?.token;
            house.accepts(&token, "a token within the eight levels")?;
        }
        let refusal = TokenExchangeRefusal::DelegationRefused;
        refuses(&mut house, (NARROW, &token, None), refusal, "an access token was given on a ninth level")?;
        if of_refresh_tokens == LEVELS {
            let asked = (DELEGATE, lowest.secret.as_str(), None);
            refuses(&mut house, asked, refusal, "a refresh token was issued on a ninth level")?;
        }
    }
    Ok(())
}

fn lineage(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new().of("alice"))?;
    let child = house.issue(&Wish::new().under(&parent))?;
    let mut subject = house.exchange(&child)?.access_token;
    for _ in 0..3 {
        let derived = given(&mut house, NARROW, &subject, None)?;
        house.tell()?;
        let now = house.now();
        let claims_of = |house: &mut House<'_>, token: &str| {
            house.edge.claims(token, now)?.map_err(|refusal| refused("a living token", refusal))
        };
        let (above, below) = (claims_of(&mut house, &subject)?, claims_of(&mut house, &derived.token)?);
        must(below.jti != above.jti, "two access tokens have the same `jti`")?;
        must(derived.jti.as_ref() == Some(&below.jti), "a token exchange told another `jti` than that of its token")?;
        let missing: Vec<_> =
            std::iter::once(&above.jti).chain(&above.lineage).filter(|id| !below.lineage.contains(id)).collect();
        must(missing.is_empty(), format!("an access token out of another lacks {} ids of its lineage", missing.len()))?;
        let same = below.client_id == above.client_id && below.subject == above.subject;
        must(same, "an access token out of another says to be somebody else's")?;
        subject = derived.token;
    }
    Ok(())
}

fn ends(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let begun = house.now();
    let lead = house.issue(&Wish::new().delegating().expiring(Expiry::After(2_000)))?;
    let subject = house.exchange(&lead)?;
    let end = begun + subject.expires_in;
    house.wait(400);
    let derived = given(&mut house, NARROW, &subject.access_token, None)?;
    let promised = derived.expires_in.unwrap_or(u64::MAX);
    must(promised <= end - house.now(), format!("a token was promised {promised} s, and its subject has 500 s left"))?;
    house.ground.clock.set(end - 1);
    house.accepts(&derived.token, "a token before its subject's end")?;
    house.ground.clock.set(end);
    house.refuses(&derived.token, "a token, once its subject had expired,")?;
    let asked = (NARROW, subject.access_token.as_str(), None);
    refuses(&mut house, asked, TokenExchangeRefusal::InvalidSubject, "an expired access token gave another")?;

    let left = begun + 2_000 - house.now();
    let asked = ask_for(&mut house, DELEGATE, &lead.secret, None, Some(left + 1))?;
    must(asked.is_err(), "a refresh token was issued with a later expiry than its parent")?;
    let child = given(&mut house, DELEGATE, &lead.secret, None)?;
    must(child.expires_in.is_some_and(|span| span <= left), "a refresh token was promised more than its parent has")?;
    let child = refresh(&mut house, &child)?;
    house.ground.clock.set(begun + 2_000);
    house.mints_nothing(&child, "a refresh token past the expiry of the one that it was had from")
}

fn dies(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let lead = house.issue(&Wish::new().delegating())?;
    let (subject, sibling) = (house.exchange(&lead)?.access_token, house.exchange(&lead)?.access_token);
    let derived = given(&mut house, NARROW, &subject, None)?.token;
    let further = given(&mut house, NARROW, &derived, None)?.token;
    house.accepts(&further, "a token of two token exchanges")?;
    house.revoke(&subject)?;
    house.refuses(&derived, "a token whose subject was given back")?;
    house.refuses(&further, "a token whose subject's subject was given back")?;
    house.accepts(&sibling, "a sibling of an access token that was given back")?;
    let asked = (NARROW, subject.as_str(), None);
    refuses(&mut house, asked, TokenExchangeRefusal::InvalidSubject, "a revoked access token gave another")?;

    let child = given(&mut house, DELEGATE, &lead.secret, None)?;
    let child = refresh(&mut house, &child)?;
    let of_child = house.exchange(&child)?.access_token;
    let derived = given(&mut house, NARROW, &sibling, None)?.token;
    house.delete(&lead)?;
    house.refuses(&derived, "a token whose subject's refresh token was deleted")?;
    house.refuses(&of_child, "a token whose refresh token was had from one that was deleted")?;
    house.mints_nothing(&child, "a refresh token that was had from one that was deleted")
}

fn of_the_dead(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (dead, of_dead) = house.pair(&Wish::new().delegating())?;
    let (alive, past) = house.pair(&Wish::new().delegating())?;
    house.delete(&dead)?;
    house.advance()?;
    let other = house.exchange(&alive)?.access_token;
    let guessed = crate::secret::Secret::of(&alive.secret)?.turned(7);
    for (subject, whose) in [
        (dead.secret.as_str(), "a refresh token that was deleted"),
        (of_dead.as_str(), "an access token that was revoked"),
        (past.as_str(), "an access token of a past epoch"),
        (guessed.as_str(), "a refresh token with another secret"),
        ("", "nothing"),
        ("jtn_rt_", "a prefix"),
    ] {
        for way in [MINT, NARROW, DELEGATE] {
            let what = format!("{whose} was taken for the subject of a token exchange");
            refuses(&mut house, (way, subject, None), TokenExchangeRefusal::InvalidSubject, &what)?;
        }
    }
    let what = "an access token was taken for a refresh token, or the other way round";
    refuses(&mut house, (MINT, &other, None), TokenExchangeRefusal::InvalidSubject, what)?;
    refuses(&mut house, (NARROW, &alive.secret, None), TokenExchangeRefusal::InvalidSubject, what)
}

fn is_a_use(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let counted = house.issue(&Wish::new().delegating().times(2))?;
    given(&mut house, DELEGATE, &counted.secret, None)?;
    given(&mut house, MINT, &counted.secret, None)?;
    for way in [MINT, DELEGATE] {
        let what = "a refresh token without uses left gave a token by token exchange";
        refuses(&mut house, (way, &counted.secret, None), TokenExchangeRefusal::InvalidSubject, what)?;
    }
    house.mints_nothing(&counted, "a refresh token that token exchanges had used up")?;

    let rotating = house.issue(&Wish::new().delegating().rotating())?;
    let child = given(&mut house, DELEGATE, &rotating.secret, None)?;
    let next = child.refresh_token.clone().ok_or_else(|| Failure::new("a use that rotates gave no successor"))?;
    let child = refresh(&mut house, &child)?;
    let of_next = given(&mut house, MINT, &next, None)?;
    house.accepts(&of_next.token, "a token of a successor")?;
    let what = "a secret that was spent two uses ago was taken";
    refuses(&mut house, (DELEGATE, &rotating.secret, None), TokenExchangeRefusal::InvalidSubject, what)?;
    house.refuses(&of_next.token, "a token of a refresh token whose spent secret was presented")?;
    house.mints_nothing(&child, "a refresh token whose parent's spent secret was presented")
}
