//! Edits: what narrows a refresh token kills what it gave out, and what widens it brings nothing back.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::refresh_tokens::{Change, EditRefusal, Expiry};
use jeton_runtime::wit::types::{ActingToken, Actor};

use crate::case::Case;
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, nothing_changed, refused};
use crate::refusal::name_of;
use crate::wish::Wish;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities("disabled", "a disabled refresh token mints nothing, and what it gave out is dead", own),
        Case::of_authorities("disabled-parent", "nothing below a disabled refresh token mints or lives", parent),
        Case::of_authorities("enabled", "enabling brings no access token back, and lets new ones be minted", enabled),
        Case::of_authorities(
            "edit-shortens",
            "a shortened expiry kills what was given out, and caps what comes",
            shortens,
        ),
        Case::of_authorities("edit-narrows", "narrowed scopes kill what was given out, and bind all below", narrows),
        Case::of_authorities("edit-widens", "widened scopes widen nothing that is out, nor any child", widens),
        Case::of_authorities("edit-beyond-parent", "an edit goes no further than the parent", beyond_parent),
        Case::of_authorities("edit-of-the-dead", "what has ended cannot be edited, and is not revived by it", dead),
        Case::of_authorities(
            "edit-of-another-generation",
            "an edit of what somebody else has changed is refused",
            lost,
        ),
        Case::of_authorities("edit-beyond-actor", "nobody edits a `jeton:` scope that they lack", beyond_actor),
    ]
}

fn disabling() -> Change {
    Change { enabled: Some(false), ..nothing_changed() }
}

fn enabling() -> Change {
    Change { enabled: Some(true), ..nothing_changed() }
}

fn scoping(scopes: &[&str]) -> Change {
    Change { scopes: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()), ..nothing_changed() }
}

fn own(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    house.accepts(&token, "a living token")?;
    house.edit(&issued, &disabling())?;
    house.refuses(&token, "a token whose refresh token was disabled")?;
    house.mints_nothing(&issued, "a disabled refresh token")
}

fn parent(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let grandparent = house.issue(&Wish::new())?;
    let (parent, of_parent) = house.pair(&Wish::new().under(&grandparent))?;
    let (child, of_child) = house.pair(&Wish::new().under(&parent))?;
    let (_, stranger) = house.pair(&Wish::new())?;
    house.edit(&grandparent, &disabling())?;
    house.refuses(&of_parent, "a token whose parent was disabled")?;
    house.refuses(&of_child, "a token whose grandparent was disabled")?;
    house.mints_nothing(&parent, "a refresh token whose parent was disabled")?;
    house.mints_nothing(&child, "a refresh token whose grandparent was disabled")?;
    let issued = house.office.issue(&Wish::new().under(&parent))?;
    must(issued.is_err(), "a refresh token was issued below one that was disabled")?;
    house.accepts(&stranger, "a token that has nothing to do with the disabled one")
}

fn enabled(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (parent, of_parent) = house.pair(&Wish::new())?;
    let (child, of_child) = house.pair(&Wish::new().under(&parent))?;
    house.edit(&parent, &disabling())?;
    for _ in 0..2 {
        house.edit(&parent, &enabling())?;
        house
            .refuses(&of_parent, "a token from before its refresh token was disabled, once that was enabled again,")?;
        house.refuses(&of_child, "a token from before its parent was disabled, once that was enabled again,")?;
        for issued in [&parent, &child] {
            let token = house.exchange(issued)?.access_token;
            house.accepts(&token, "a token from after its refresh token was enabled")?;
        }
    }
    Ok(())
}

fn shortens(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let end = house.now() + 100;
    let (parent, of_parent) = house.pair(&Wish::new())?;
    let (child, of_child) = house.pair(&Wish::new().under(&parent))?;
    house.edit(&parent, &Change { expiry: Some(Expiry::At(end)), ..nothing_changed() })?;
    house.refuses(&of_parent, "a token from before its refresh token's expiry was shortened")?;
    house.refuses(&of_child, "a token from before its parent's expiry was shortened")?;
    for (issued, whose) in [(&parent, "refresh token"), (&child, "parent")] {
        let exchanged = house.exchange(issued)?;
        let promised = exchanged.expires_in;
        must(promised <= 100, format!("a token was promised {promised} s, and its {whose} has 100 s left"))?;
    }
    house.ground.clock.set(end);
    house.mints_nothing(&parent, "a refresh token past its shortened expiry")?;
    house.mints_nothing(&child, "a refresh token past its parent's shortened expiry")
}

fn narrows(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (parent, of_parent) = house.pair(&Wish::new().good_for(&["orders", "stock"]))?;
    let (child, of_child) = house.pair(&Wish::new().under(&parent).good_for(&["orders", "stock"]))?;
    house.edit(&parent, &scoping(&["stock"]))?;
    house.refuses(&of_parent, "a token from before its scopes were narrowed")?;
    house.refuses(&of_child, "a token from before its parent's scopes were narrowed")?;
    for (issued, whose) in [(&parent, "a refresh token"), (&child, "a child")] {
        let granted = house.exchange(issued)?.scope;
        must(granted == "stock", format!("{whose} whose scopes were narrowed to `stock` was granted `{granted}`"))?;
        let asked = house.office.exchange(&issued.secret, Some("orders"))?;
        must(asked.is_err(), format!("{whose} was granted a scope that had been taken away"))?;
    }
    Ok(())
}

fn widens(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (parent, token) = house.pair(&Wish::new().good_for(&["orders"]))?;
    let child = house.issue(&Wish::new().under(&parent).good_for(&["orders"]))?;
    house.edit(&parent, &scoping(&["orders", "stock", "jeton:admin"]))?;
    house.tell()?;
    let now = house.now();
    if let Ok(claims) = house.edge.claims(&token, now)? {
        let scopes = claims.scopes.join(" ");
        must(scopes == "orders", format!("a token that was out has `{scopes}` since its refresh token was widened"))?;
    }
    let granted = house.exchange(&child)?.scope;
    must(granted == "orders", format!("a child was granted `{granted}` since its parent was widened"))
}

fn beyond_parent(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new().good_for(&["orders"]).expiring(Expiry::After(1_000)))?;
    let child = house.issue(&Wish::new().under(&parent).good_for(&["orders"]))?;
    for (change, what) in [
        (scoping(&["orders", "stock"]), "more scopes than its parent"),
        (Change { expiry: Some(Expiry::After(1_001)), ..nothing_changed() }, "a later expiry than its parent"),
        (Change { expiry: Some(Expiry::Never), ..nothing_changed() }, "no expiry under a parent that has one"),
    ] {
        let edited = house.office.edit(&Actor::Machine, &child.token.id, &change, None)?;
        must(edited.is_err(), format!("a child was given {what}"))?;
    }
    Ok(())
}

fn dead(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (parent, token) = house.pair(&Wish::new())?;
    let child = house.issue(&Wish::new().under(&parent))?;
    house.delete(&parent)?;
    for issued in [&parent, &child] {
        for change in [enabling(), disabling(), Change { expiry: Some(Expiry::After(1_000)), ..nothing_changed() }] {
            let edited = house.office.edit(&Actor::Machine, &issued.token.id, &change, None)?;
            match edited {
                Err(EditRefusal::Ended) => {}
                Err(other) => {
                    let name = name_of(other);
                    return Err(Failure::new(format!(
                        "an edit of what had ended was refused as `{name}`, not `ended`"
                    )));
                }
                Ok(_) => return Err(Failure::new("what had ended was edited")),
            }
        }
        house.mints_nothing(issued, "a refresh token that somebody tried to edit after its end")?;
    }
    house.refuses(&token, "a token whose refresh token somebody tried to edit after its end")
}

fn lost(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let seen = issued.token.generation;
    house.edit(&issued, &disabling())?;
    let edited = house.office.edit(&Actor::Machine, &issued.token.id, &enabling(), Some(seen))?;
    must(matches!(edited, Err(EditRefusal::GenerationDiffers)), "an edit overwrote another one that it had not seen")?;
    house.mints_nothing(&issued, "a disabled refresh token")?;
    let now = house.show(&issued.token.id)?.generation;
    must(now > seen, "an edit did not raise the generation")?;
    let edited = house.office.edit(&Actor::Machine, &issued.token.id, &enabling(), Some(now))?;
    edited.map(drop).map_err(|refusal| refused("an edit of the right generation", refusal))
}

fn beyond_actor(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let admin = house.issue(&Wish::new().good_for(&["jeton:admin"]))?;
    let plain = house.issue(&Wish::new().good_for(&["orders"]))?;
    let actor = Actor::Token(ActingToken {
        client_id: "0000000000000000000001".to_owned(),
        subject: "mallory".to_owned(),
        scopes: vec!["jeton:read".to_owned()],
    });
    for (issued, change) in [
        (&admin, disabling()),
        (&admin, scoping(&[])),
        (&plain, scoping(&["orders", "jeton:admin"])),
        (&plain, scoping(&["jeton:introspect"])),
    ] {
        let edited = house.office.edit(&actor, &issued.token.id, &change, None)?;
        must(edited.is_err(), "somebody with `jeton:read` edited a `jeton:` scope that they lack")?;
    }
    house.exchange(&admin).map(drop)
}
