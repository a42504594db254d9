//! Explanations: the verdict is the one that is given everywhere, and what is added to it is true.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::explanations::{Cause, ExplainRefusal, Explanation, Subject};
use jeton_runtime::wit::refresh_tokens::{Change, Expiry};
use jeton_runtime::wit::types::{Actor, Reason};

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, nothing_changed, refused};
use crate::lent::Ground;
use crate::secret::Secret;
use crate::wish::{Refresh, Wish};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities("explain-the-living", "what lives is said to live, and asking changes nothing", living),
        Case::of_authorities(
            "explain-cut-above",
            "of a cascade the link that ended is told, and who ended it",
            cut_above,
        ),
        Case::of_authorities(
            "explain-disabled",
            "what was disabled is told while it lasts, and of what it killed",
            disabled,
        ),
        Case::of_authorities("explain-expired", "what expired is told with the link that expired, and when", expired),
        Case::of_authorities("explain-epoch", "an epoch that is over is told with the one that followed", epoch),
        Case::of_authorities("explain-used-up", "a refresh token without uses left is said to be used up", used_up),
        Case::of_authorities("explain-unknown", "nothing is told of what was never this authority's", unknown),
        Case::of_authorities(
            "explain-wrong-secret",
            "a secret that is not taken is never said to live, and nothing ends by asking",
            wrong_secret,
        ),
    ]
}

fn ask(house: &mut House<'_>, subject: &Subject) -> Result<Result<Explanation, ExplainRefusal>, Failure> {
    house.office.ask("explain", |authority| authority.explain(subject))
}

fn explain(house: &mut House<'_>, subject: &Subject) -> Result<Explanation, Failure> {
    let explained = ask(house, subject)?.map_err(|refusal| refused("an explanation", refusal))?;
    must(explained.alive == explained.cause.is_none(), "an explanation says that something lives, and what killed it")?;
    Ok(explained)
}

fn of_token(house: &mut House<'_>, token: &str) -> Result<Explanation, Failure> {
    explain(house, &Subject::Token(token.to_owned()))
}

fn of_id(house: &mut House<'_>, issued: &Refresh) -> Result<Explanation, Failure> {
    explain(house, &Subject::TokenId(issued.token.id.clone()))
}

/// What is to be told.
struct Told<'a> {
    cause: Cause,
    since: Option<u64>,
    link: &'a str,
    reason: Option<Reason>,
}

/// Holds if that is told.
fn tells(explained: &Explanation, told: &Told<'_>, whose: &str) -> Verdict {
    let Some(cause) = explained.cause else {
        return Err(Failure::new(format!("{whose} was said to live")));
    };
    must(cause == told.cause, format!("of {whose} {cause:?} was told, and not {:?}", told.cause))?;
    must(
        explained.since == told.since,
        format!("{whose} was said to be dead since {:?}, and it is since {:?}", explained.since, told.since),
    )?;
    let blamed = explained.link.as_deref();
    must(blamed == Some(told.link), format!("{blamed:?} was blamed for {whose}, and not `{}`", told.link))?;
    let reason = explained.ending.as_ref().map(|ending| ending.reason);
    must(reason == told.reason, format!("the reason of {whose} was told as {reason:?} and not as {:?}", told.reason))?;
    let by = explained.ending.as_ref().is_none_or(|ending| ending.by == "machine");
    must(by, format!("the end of {whose} was told as somebody else's act than it was"))
}

fn living(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new())?;
    let child = house.issue(&Wish::new().under(&parent))?;
    let token = house.exchange(&child)?;
    let before = house.ground.shelf().committed().len();
    for subject in [
        Subject::Token(token.access_token.clone()),
        Subject::Jti(token.jti.clone()),
        Subject::Token(child.secret.clone()),
        Subject::TokenId(child.token.id.clone()),
    ] {
        let explained = explain(&mut house, &subject)?;
        must(explained.alive, "what lives was said to be dead")?;
        must(explained.ending.is_none() && explained.since.is_none(), "the end of what lives was told")?;
        must(explained.client_id.as_ref() == Some(&child.token.id), "another refresh token was told")?;
        let chain: Vec<&str> = explained.chain.iter().map(|token| token.id.as_str()).collect();
        let expected = [child.token.id.as_str(), parent.token.id.as_str()];
        must(chain == expected, "the refresh token and its parent were not told, nearest first")?;
    }
    must(house.ground.shelf().committed().len() == before, "an explanation wrote something into the store")?;
    house.accepts(&token.access_token, "a token that was explained")
}

fn cut_above(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let oldest = house.issue(&Wish::new())?;
    let parent = house.issue(&Wish::new().under(&oldest))?;
    let child = house.issue(&Wish::new().under(&parent))?;
    let token = house.exchange(&child)?;
    house.wait(7);
    house.delete(&oldest)?;
    let since = Some(house.now());
    for (later, swept) in [(0, false), (30, true), (5_000, true)] {
        house.wait(later);
        if swept {
            house.sweep()?;
        }
        let told = |cause| Told { cause, since, link: &oldest.token.id, reason: Some(Reason::Deleted) };
        for subject in [Subject::Token(token.access_token.clone()), Subject::Jti(token.jti.clone())] {
            let explained = explain(&mut house, &subject)?;
            tells(&explained, &told(Cause::Cut), "an access token whose grandparent was deleted")?;
        }
        for issued in [&oldest, &parent, &child] {
            let explained = of_id(&mut house, issued)?;
            tells(&explained, &told(Cause::Ended), "a refresh token of a family whose oldest was deleted")?;
        }
    }
    Ok(())
}

fn disabled(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new())?;
    let (child, token) = house.pair(&Wish::new().under(&parent))?;
    house.wait(3);
    house.edit(&parent, &Change { enabled: Some(false), ..nothing_changed() })?;
    let since = Some(house.now());
    let told = |cause| Told { cause, since, link: &parent.token.id, reason: Some(Reason::Disabled) };
    for issued in [&parent, &child] {
        let explained = of_id(&mut house, issued)?;
        tells(&explained, &told(Cause::Disabled), "a refresh token that is disabled, or under one that is,")?;
    }
    tells(&of_token(&mut house, &token)?, &told(Cause::Cut), "a token whose parent was disabled")?;
    house.wait(3);
    house.edit(&parent, &Change { enabled: Some(true), ..nothing_changed() })?;
    must(of_id(&mut house, &child)?.alive, "a refresh token under one that is enabled again was said to be dead")?;
    tells(&of_token(&mut house, &token)?, &told(Cause::Cut), "a token whose parent was disabled and enabled again")
}

fn expired(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let begun = house.now();
    let parent = house.issue(&Wish::new().expiring(Expiry::After(100)))?;
    let (child, capped) = house.pair(&Wish::new().under(&parent))?;
    let of_its_own = house.issue(&Wish::new())?;
    let own = house.exchange(&of_its_own)?;
    house.ground.clock.set(begun + 99);
    must(of_token(&mut house, &capped)?.alive, "a token was said to be dead a second before its end")?;
    house.ground.clock.set(begun + 100);
    let by_itself = Told { cause: Cause::Expired, since: Some(begun + 100), link: &parent.token.id, reason: None };
    tells(&of_id(&mut house, &parent)?, &by_itself, "a refresh token that expired")?;
    // What its parent's expiry capped may have been given the same one: either is to blame.
    for (explained, whose) in [
        (of_id(&mut house, &child)?, "a refresh token whose parent expired"),
        (of_token(&mut house, &capped)?, "an access token whose parent expired"),
    ] {
        let link = if explained.link.as_ref() == Some(&child.token.id) { &child.token.id } else { &parent.token.id };
        tells(&explained, &Told { cause: Cause::Expired, since: Some(begun + 100), link, reason: None }, whose)?;
    }
    let end = begun + own.expires_in;
    house.ground.clock.set(end);
    let by_itself = Told { cause: Cause::Expired, since: Some(end), link: &own.jti, reason: None };
    tells(&of_token(&mut house, &own.access_token)?, &by_itself, "a token whose time was up")?;
    must(of_id(&mut house, &of_its_own)?.alive, "a refresh token was said to be dead because its access token is")
}

fn epoch(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let current = house.office.ask("current", |authority| authority.current_epoch())?;
    let past = current.map_err(|refusal| refused("a look at the epoch", refusal))?.number.to_string();
    let issued = house.issue(&Wish::new())?;
    let token = house.exchange(&issued)?;
    house.wait(5);
    let next = house.advance()?;
    let told = Told { cause: Cause::Epoch, since: Some(next.began_at), link: &past, reason: None };
    for subject in [Subject::Token(token.access_token.clone()), Subject::Jti(token.jti.clone())] {
        let explained = explain(&mut house, &subject)?;
        tells(&explained, &told, "a token of an epoch that is over")?;
        let follows = explained.epoch.is_some_and(|epoch| epoch.number == next.number && epoch.by == "machine");
        must(follows, "the epoch that killed a token was not told")?;
    }
    must(of_id(&mut house, &issued)?.alive, "a refresh token was said to be dead because an epoch is over")
}

fn used_up(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new().times(2))?;
    for _ in 0..2 {
        must(of_token(&mut house, &issued.secret)?.alive, "a refresh token with uses left was said to be dead")?;
        house.exchange(&issued)?;
    }
    for explained in [of_token(&mut house, &issued.secret)?, of_id(&mut house, &issued)?] {
        let told = Told { cause: Cause::UsedUp, since: explained.since, link: &issued.token.id, reason: None };
        tells(&explained, &told, "a refresh token without uses left")?;
    }
    Ok(())
}

fn unknown(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let mut stranger = House::open_on(sandbox, Ground::new().seeded(2).with_root_key([7; 32]))?;
    let issued = stranger.issue(&Wish::new())?;
    let token = stranger.exchange(&issued)?;
    for text in [&issued.secret, &token.access_token] {
        let explained = of_token(&mut house, text)?;
        let nothing = explained.cause == Some(Cause::Unknown)
            && explained.ending.is_none()
            && explained.since.is_none()
            && explained.chain.is_empty();
        must(nothing, "something was told of a token of another authority")?;
    }
    let of_strangers =
        [Subject::TokenId(issued.token.id.clone()), Subject::Jti(token.jti.clone()), Subject::TokenId(String::new())];
    for subject in of_strangers {
        let told = ask(&mut house, &subject)?.is_ok_and(|explained| explained.cause != Some(Cause::Unknown));
        must(!told, "something was told of an id of another authority")?;
    }
    for odd in ["", "a word", "jtn_rt_", "a.b.c"] {
        let said = ask(&mut house, &Subject::Token(odd.to_owned()))?;
        must(!said.is_ok_and(|explained| explained.alive), format!("`{odd}` was said to live"))?;
    }
    Ok(())
}

fn wrong_secret(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let guessed = Secret::of(&issued.secret)?.turned(100);
    let told = Told { cause: Cause::WrongSecret, since: None, link: &issued.token.id, reason: None };
    tells(&of_token(&mut house, &guessed)?, &told, "a refresh token with another secret")?;

    let rotated = house.office.rotate(&issued.token.id, 60)?.map_err(|refusal| refused("a rotation", refusal))?;
    must(of_token(&mut house, &issued.secret)?.alive, "a secret within its overlap was said to be dead")?;
    house.wait(60);
    let over = of_token(&mut house, &issued.secret)?;
    must(over.cause == Some(Cause::WrongSecret), "a secret past its overlap was said to live")?;
    must(of_token(&mut house, &rotated.secret)?.alive, "the secret in force was said to be dead")?;
    house.accepts(&token, "a token whose refresh token was asked about with other secrets")?;

    let first = house.issue(&Wish::new().rotating())?;
    let next = house.exchange(&first)?.refresh_token.ok_or_else(|| Failure::new("a use gave no successor"))?;
    let last = house.office.exchange(&next, None)?.map_err(|refusal| refused("an access token", refusal))?;
    let spent = of_token(&mut house, &first.secret)?;
    must(spent.cause == Some(Cause::WrongSecret), "a spent secret was said to live")?;
    house.accepts(&last.access_token, "a token, after somebody asked about a spent secret of its refresh token,")?;
    // Who asks with the right secret and was deleted is told why; who guesses is told no more than that it ended.
    let deleted = house.office.ask("delete", |authority| {
        authority.delete(&Actor::Machine, std::slice::from_ref(&issued.token.id), Reason::Compromised, None)
    })?;
    deleted.map_err(|refusal| refused("the deletion of a refresh token", refusal))?;
    must(!of_token(&mut house, &guessed)?.alive, "a guessed secret of a deleted refresh token was said to live")
}
