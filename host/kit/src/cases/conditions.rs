//! Conditions: from when, from where, how often and for whom a refresh token is exchanged.

use std::sync::Arc;

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::exchange::ExchangeRefusal;
use jeton_runtime::wit::types::{Actor, IpAddress, Reason};
use jeton_runtime::wit::verification::{Moment, NetworkVerdict};
use parking_lot::Mutex;

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, refused};
use crate::refusal::name_of;
use crate::wish::Wish;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities(
            "not-before",
            "nothing is minted before `not-before`, neither with it nor below",
            not_before,
        ),
        Case::of_authorities(
            "uses-counted",
            "a refresh token is exchanged as often as it may be, and no more",
            counted,
        ),
        Case::of_authorities("uses-counted-exactly", "of two exchanges at once the last use is given to one", raced),
        Case::of_authorities(
            "network-at-exchange",
            "nothing is minted outside the networks, nor for who is unknown",
            exchange,
        ),
        Case::of_authorities(
            "network-at-verification",
            "a token that carries networks is judged by them",
            verification,
        ),
        Case::of_authorities("network-below", "a child is bound by its parent's networks", below),
        Case::of_authorities("audience", "a token is for one of its audiences and no other", audience),
        Case::of_authorities("owner-ended", "the end of an owner ends all that was theirs, and nothing else", owner),
        Case::of_authorities("access-token-ended", "an access token is ended by its `jti`, alone", by_jti),
    ]
}

/// 192.0.2.1 and 198.51.100.1 (RFC 5737).
const INSIDE: IpAddress = IpAddress::V4(0xC000_0201);
const OUTSIDE: IpAddress = IpAddress::V4(0xC633_6401);
/// The first of them mapped into IPv6.
const INSIDE_MAPPED: IpAddress = IpAddress::V6((0, 0xFFFF_C000_0201));
const OUTSIDE_MAPPED: IpAddress = IpAddress::V6((0, 0xFFFF_C633_6401));
/// 2001:db8::1 (RFC 3849), and another.
const INSIDE_V6: IpAddress = IpAddress::V6((0x2001_0DB8_0000_0000, 1));
const OUTSIDE_V6: IpAddress = IpAddress::V6((0x2001_0DB9_0000_0000, 1));
const NETWORKS: [&str; 2] = ["192.0.2.0/24", "2001:db8::/32"];
/// One address alone, all bits of which count, and its neighbour: who takes 64 bits for a double takes one for the other.
const ONE_ADDRESS: &str = "2001:db8:1234:5678:9abc:def0:1234:5679/128";
const THE_ONE: IpAddress = IpAddress::V6((0x2001_0DB8_1234_5678, 0x9ABC_DEF0_1234_5679));
const ITS_NEIGHBOUR: IpAddress = IpAddress::V6((0x2001_0DB8_1234_5678, 0x9ABC_DEF0_1234_5678));

fn not_before(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let moment = house.now() + 100;
    let issued = house.issue(&Wish::new().not_before(moment))?;
    let child = house.issue(&Wish::new().under(&issued))?;
    for now in [moment - 100, moment - 1] {
        house.ground.clock.set(now);
        house.mints_nothing(&issued, "a refresh token before its `not-before`")?;
        house.mints_nothing(&child, "a refresh token before its parent's `not-before`")?;
    }
    house.ground.clock.set(moment);
    house.exchange(&issued)?;
    house.exchange(&child).map(drop)
}

fn counted(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    for number in [1, 2, 5] {
        let issued = house.issue(&Wish::new().times(number))?;
        for _ in 0..number {
            house.exchange(&issued)?;
            // What asks for too much uses nothing up.
            drop(house.office.exchange(&issued.secret, Some("more"))?);
        }
        for _ in 0..2 {
            house.office = house.another()?;
            house.mints_nothing(
                &issued,
                &format!("a refresh token that had been exchanged the {number} times it may be"),
            )?;
        }
    }
    Ok(())
}

fn raced(sandbox: &Sandbox) -> Verdict {
    for after in 0..50 {
        let mut house = House::open(sandbox)?;
        let issued = house.issue(&Wish::new().times(1))?;
        let (mut other, secret) = (house.another()?, issued.secret.clone());
        let outcome = Arc::new(Mutex::new(None));
        let told = Arc::clone(&outcome);
        house.ground.shelf().happen(after, move || *told.lock() = Some(other.exchange(&secret, None)));
        let ours = house.office.exchange(&issued.secret, None)?.is_ok();
        if house.ground.shelf().still_waits() {
            return Ok(());
        }
        let theirs = outcome.lock().take().transpose()?.is_some_and(|answer| answer.is_ok());
        must(!(ours && theirs), "two exchanges at once were given the one use that was left")?;
        must(ours || theirs, "two exchanges at once were both refused the one use that was left")?;
        house.mints_nothing(&issued, "a refresh token without uses left")?;
    }
    Err(Failure::new("an exchange takes more than 50 operations of the store"))
}

fn exchange(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new().within(&NETWORKS, false))?;
    for (peer, whose, may) in [
        (Some(INSIDE), "somebody inside", true),
        (Some(INSIDE_MAPPED), "somebody inside, written as IPv6,", true),
        (Some(INSIDE_V6), "somebody inside", true),
        (Some(OUTSIDE), "somebody outside", false),
        (Some(OUTSIDE_MAPPED), "somebody outside, written as IPv6,", false),
        (Some(OUTSIDE_V6), "somebody outside", false),
        (None, "somebody unknown", false),
    ] {
        let asked = house.office.exchange_from(peer, None, &issued.secret, None)?;
        if may {
            asked.map_err(|refusal| refused(&format!("an exchange by {whose}"), refusal))?;
        } else {
            must(asked.is_err(), format!("{whose} exchanged a refresh token that is bound to networks"))?;
            let same = matches!(asked, Err(ExchangeRefusal::InvalidGrant));
            must(same, format!("{whose} was not refused as `invalid-grant`"))?;
        }
    }
    let issued = house.issue(&Wish::new().within(&[ONE_ADDRESS], false))?;
    let asked = house.office.exchange_from(Some(THE_ONE), None, &issued.secret, None)?;
    asked.map_err(|refusal| refused("an exchange by the one address that may", refusal))?;
    let asked = house.office.exchange_from(Some(ITS_NEIGHBOUR), None, &issued.secret, None)?;
    must(asked.is_err(), "the neighbour of the one address that may exchanged a refresh token")?;
    for odd in ["192.0.2.1/24", "192.0.2.0/33", "::ffff:192.0.2.0/120", "somewhere", ""] {
        let issued = house.office.issue(&Wish::new().within(&[odd], false))?;
        must(issued.is_err(), format!("`{odd}` was taken for a network"))?;
    }
    Ok(())
}

fn verification(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    for carried in [true, false] {
        let issued = house.issue(&Wish::new().within(&NETWORKS, carried))?;
        let token = house.office.exchange_from(Some(INSIDE), None, &issued.secret, None)?;
        let token = token.map_err(|refusal| refused("an exchange by somebody inside", refusal))?.access_token;
        house.tell()?;
        for (peer, whose, bound) in [
            (Some(INSIDE), "somebody inside", NetworkVerdict::Inside),
            (Some(INSIDE_MAPPED), "somebody inside, written as IPv6,", NetworkVerdict::Inside),
            (Some(OUTSIDE), "somebody outside", NetworkVerdict::Outside),
            (Some(OUTSIDE_V6), "somebody outside", NetworkVerdict::Outside),
            (None, "somebody unknown", NetworkVerdict::UnknownPeer),
        ] {
            let at = Moment { now: house.now(), held_for: 0, peer };
            let verified = house.edge.verify_from(&token, at, false)?;
            let verified = verified.map_err(|refusal| refused("a living token", refusal))?.network;
            let expected = if carried { bound } else { NetworkVerdict::NotBound };
            must(verified == expected, format!("of {whose}, the verdict was {verified:?} and not {expected:?}"))?;
        }
    }
    Ok(())
}

fn below(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new().within(&["192.0.2.0/24"], true))?;
    let wider = house.office.issue(&Wish::new().under(&parent).within(&["192.0.0.0/16"], false))?;
    must(wider.is_err(), "a child was issued with more networks than its parent")?;
    let child = house.issue(&Wish::new().under(&parent))?;
    for (peer, may) in [(Some(INSIDE), true), (Some(OUTSIDE), false), (None, false)] {
        let asked = house.office.exchange_from(peer, None, &child.secret, None)?;
        let Ok(exchanged) = asked else {
            must(!may, "a child was refused inside its parent's networks")?;
            continue;
        };
        must(may, "a child was exchanged outside its parent's networks")?;
        house.tell()?;
        let at = Moment { now: house.now(), held_for: 0, peer: Some(OUTSIDE) };
        let verified = house.edge.verify_from(&exchanged.access_token, at, false)?;
        let outside = verified.is_ok_and(|verified| verified.network == NetworkVerdict::Outside);
        must(outside, "a child's token may be used outside its parent's networks")?;
    }
    Ok(())
}

fn audience(sandbox: &Sandbox) -> Verdict {
    const SHOP: &str = "https://shop.example";
    const STOCK: &str = "https://stock.example";
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new().aimed_at(&[SHOP, STOCK]))?;
    let child = house.issue(&Wish::new().under(&issued).aimed_at(&[STOCK]))?;
    for (of, asked, given) in [
        (&issued, None, Some(SHOP)),
        (&issued, Some(STOCK), Some(STOCK)),
        (&issued, Some("https://other.example"), None),
        (&issued, Some("https://shop.example/"), None),
        (&child, None, Some(STOCK)),
        (&child, Some(SHOP), None),
    ] {
        let exchanged = house.office.exchange_from(None, asked, &of.secret, None)?;
        let what = asked.unwrap_or("no audience in particular");
        match (exchanged, given) {
            (Ok(exchanged), Some(given)) => {
                house.tell()?;
                let now = house.now();
                let claims = house.edge.claims(&exchanged.access_token, now)?;
                let audience = claims.map_err(|refusal| refused("a living token", refusal))?.audience;
                must(audience == given, format!("a token that was asked for {what} is for `{audience}`"))?;
            }
            (Err(ExchangeRefusal::InvalidTarget), None) => {}
            (Ok(_), None) => return Err(Failure::new(format!("a token was minted for {what}, whom it is not for"))),
            (Err(refusal), _) => {
                let name = name_of(refusal);
                return Err(Failure::new(format!("an exchange for {what} was refused as `{name}`")));
            }
        }
    }
    Ok(())
}

fn owner(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (hers, of_hers) = house.pair(&Wish::new().of("alice"))?;
    let (also_hers, of_also_hers) = house.pair(&Wish::new().of("alice"))?;
    let (below, of_below) = house.pair(&Wish::new().under(&hers))?;
    let (his, of_his) = house.pair(&Wish::new().of("bob"))?;
    let (nobodys, of_nobodys) = house.pair(&Wish::new())?;
    let ended = house
        .office
        .ask("delete-owned", |authority| authority.delete_owned(&Actor::Machine, "alice", Reason::OwnerLeft, None))?;
    ended.map_err(|refusal| refused("the end of an owner", refusal))?;
    for (issued, token) in [(&hers, &of_hers), (&also_hers, &of_also_hers), (&below, &of_below)] {
        house.refuses(token, "a token of an owner who was ended")?;
        house.mints_nothing(issued, "a refresh token of an owner who was ended")?;
    }
    for (issued, token) in [(&his, &of_his), (&nobodys, &of_nobodys)] {
        house.accepts(token, "a token of somebody else than the owner who was ended")?;
        house.exchange(issued)?;
    }
    Ok(())
}

fn by_jti(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let (ended, sibling) = (house.exchange(&issued)?, house.exchange(&issued)?);
    let deleted = house.office.ask("delete-access-token", |authority| {
        authority.delete_access_token(&Actor::Machine, &ended.jti, Reason::Compromised, None)
    })?;
    deleted.map_err(|refusal| refused("the end of an access token", refusal))?;
    house.refuses(&ended.access_token, "a token that was ended by its `jti`")?;
    house.accepts(&sibling.access_token, "another access token of the same refresh token")?;
    house.exchange(&issued).map(drop)
}
