//! Transfer: refresh tokens leave one store and enter another; secrets never travel, and the dead stay dead.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::refresh_tokens::{Change, Expiry, IssueRefusal};
use jeton_runtime::wit::transfer::{ExportedToken, Imported};
use jeton_runtime::wit::types::{ActingToken, Actor, Ending, Reason};

use crate::case::Case;
use crate::cases::races::{MOST, meanwhile, outcome};
use crate::failure::{Failure, Verdict, must};
use crate::house::{House, Office, nothing_changed, refused};
use crate::lent::Ground;
use crate::secret::Secret;
use crate::wish::{Refresh, Wish};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities(
            "export-without-secrets",
            "an export has everything of a token but its secret",
            no_secrets,
        ),
        Case::of_authorities("import-goes-on", "bearers of imported tokens notice nothing, and only they", goes_on),
        Case::of_authorities(
            "import-keeps-promises",
            "nothing is imported about which no promise could be kept",
            promises,
        ),
        Case::of_authorities("import-beyond-parent", "an imported child can do no more than its parent", beyond_parent),
        Case::of_authorities("import-beyond-actor", "nobody imports a `jeton:` scope that they lack", beyond_actor),
        Case::of_authorities("import-of-the-dead", "what was dead where it came from is dead where it goes", dead),
        Case::of_authorities("import-again", "what is there already is neither doubled nor changed", again),
        Case::of_authorities("import-in-conflict", "an import that meets a conflict is whole or not at all", conflict),
        Case::of_authorities("import-at-once", "of two imports at once each token is imported by one", at_once),
        Case::of_authorities(
            "import-while-the-parent-ends",
            "a child whose parent ends meanwhile mints nothing",
            parent_ends,
        ),
    ]
}

/// Another authority, on another machine.
fn elsewhere(sandbox: &Sandbox) -> Result<House<'_>, Failure> {
    House::open_on(sandbox, Ground::new().seeded(2).with_root_key([7; 32]))
}

/// Everything that there is, in pages of two.
fn export(house: &mut House<'_>) -> Result<Vec<ExportedToken>, Failure> {
    let (mut items, mut cursor) = (Vec::new(), None);
    for _ in 0..100 {
        let page = house.office.ask("export", |authority| authority.export(2, cursor.as_deref()))?;
        let page = page.map_err(|refusal| refused("an export", refusal))?;
        items.extend(page.items);
        match page.next {
            None => return Ok(items),
            next => cursor = next,
        }
    }
    Err(Failure::new("after a hundred pages of an export there was still another"))
}

fn import_as(office: &mut Office, actor: &Actor, tokens: &[ExportedToken]) -> Result<Vec<Imported>, Failure> {
    let results = office.ask("import", |authority| authority.import(actor, tokens))?;
    let results = results.map_err(|refusal| refused("an import", refusal))?;
    must(results.len() == tokens.len(), "an import did not give one result for each token")?;
    Ok(results)
}

fn import(house: &mut House<'_>, tokens: &[ExportedToken]) -> Result<Vec<Imported>, Failure> {
    import_as(&mut house.office, &Actor::Machine, tokens)
}

/// Imports what there is no reason to refuse.
fn take(house: &mut House<'_>, tokens: &[ExportedToken]) -> Verdict {
    let all = import(house, tokens)?.iter().all(|result| matches!(result, Imported::Imported));
    must(all, "a token that another authority exported was not imported, for no reason")
}

/// What is exported of one token.
fn exported(house: &mut House<'_>, issued: &Refresh) -> Result<ExportedToken, Failure> {
    let found = export(house)?.into_iter().find(|token| token.id == issued.token.id);
    found.ok_or_else(|| Failure::new("a refresh token was missing from an export"))
}

fn no_secrets(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let parent = house.issue(&Wish::new().of("alice").good_for(&["orders"]))?;
    house.wait(1);
    let (child, token) = house.pair(&Wish::new().under(&parent).good_for(&["orders"]).times(3))?;
    let ended = house.issue(&Wish::new())?;
    house.delete(&ended)?;
    let all = export(&mut house)?;
    must(all.len() == 3, format!("an export of 3 refresh tokens had {}", all.len()))?;
    let place = |of: &Refresh| all.iter().position(|token| token.id == of.token.id);
    must(place(&parent) < place(&child), "a child was exported before its parent")?;
    let text = format!("{all:?}");
    for issued in [&parent, &child, &ended] {
        let secret = Secret::of(&issued.secret)?.bytes;
        let told = text.contains(&issued.secret) || text.contains(&format!("{:?}", secret.as_slice()));
        must(!told, "an export has the secret of a refresh token")?;
    }
    must(!text.contains(&token), "an export has an access token")?;
    let dead = exported(&mut house, &ended)?;
    must(dead.secret_sha256.is_none() && dead.ending.is_some(), "a tombstone was exported as something else")?;
    let living = exported(&mut house, &child)?;
    let whole = living.parent.as_ref() == Some(&parent.token.id)
        && living.scopes == child.token.scopes
        && living.exchanges_left == Some(2)
        && living.secret_sha256.is_some_and(|digest| digest.len() == 32);
    must(whole, "something of a refresh token was missing from its export")
}

fn goes_on(sandbox: &Sandbox) -> Verdict {
    let (mut from, mut to) = (House::open(sandbox)?, elsewhere(sandbox)?);
    let (parent, out) = from.pair(&Wish::new().of("alice").good_for(&["orders", "stock"]))?;
    let child = from.issue(&Wish::new().under(&parent).good_for(&["stock"]).times(2))?;
    from.exchange(&child)?;
    let all = export(&mut from)?;
    take(&mut to, &all)?;
    to.refuses(&out, "an access token of the authority that a refresh token came from")?;
    let of_parent = to.exchange(&parent)?.access_token;
    let of_child = to.exchange(&child)?;
    must(of_child.scope == "stock", format!("an imported token for `stock` was granted `{}`", of_child.scope))?;
    to.accepts(&of_child.access_token, "a token of an imported refresh token")?;
    to.mints_nothing(&child, "an imported refresh token whose uses are spent")?;
    let guessed = Refresh { secret: Secret::of(&parent.secret)?.turned(3), token: parent.token.clone() };
    to.mints_nothing(&guessed, "an imported refresh token with another secret")?;
    // The cascade holds where it goes.
    to.delete(&parent)?;
    to.refuses(&of_parent, "a token of an imported refresh token that was deleted")?;
    to.refuses(&of_child.access_token, "a token whose imported parent was deleted")
}

fn promises(sandbox: &Sandbox) -> Verdict {
    let (mut from, mut to) = (House::open(sandbox)?, elsewhere(sandbox)?);
    let issued = from.issue(&Wish::new().good_for(&["orders"]))?;
    let good = exported(&mut from, &issued)?;
    let ending = |note: &str| {
        Some(Ending {
            at: good.created_at,
            by: "machine".to_owned(),
            reason: Reason::Deleted,
            note: Some(note.to_owned()),
        })
    };
    let counted = jeton_runtime::wit::refresh_tokens::Bindings { max_exchanges: Some(2), ..good.bindings.clone() };
    let networks = jeton_runtime::wit::refresh_tokens::Bindings {
        networks: vec!["10.0.0.1/8".to_owned()],
        ..good.bindings.clone()
    };
    let bad = [
        ("whose id is none", ExportedToken { id: "x".to_owned(), ..good.clone() }),
        ("whose name cannot be seen", ExportedToken { name: String::new(), ..good.clone() }),
        ("whose owner is malformed", ExportedToken { owner: Some("a b".to_owned()), ..good.clone() }),
        ("whose scope is malformed", ExportedToken { scopes: vec!["a b".to_owned()], ..good.clone() }),
        ("that lives without a secret", ExportedToken { secret_sha256: None, ..good.clone() }),
        ("with half a digest", ExportedToken { secret_sha256: Some(vec![0; 16]), ..good.clone() }),
        ("that ended and has a secret", ExportedToken { ending: ending("gone"), ..good.clone() }),
        ("disabled with a bell in the note", ExportedToken { disabled: ending("\u{7}"), ..good.clone() }),
        ("of the future", ExportedToken { created_at: to.now() + 100, ..good.clone() }),
        (
            "with more uses left than it may have",
            ExportedToken { bindings: counted, exchanges_left: Some(3), ..good.clone() },
        ),
        ("with uses left that nobody counts", ExportedToken { exchanges_left: Some(3), ..good.clone() }),
        ("bound to a network with host bits", ExportedToken { bindings: networks, ..good.clone() }),
        ("whose access tokens live for longer than a day", ExportedToken { access_ttl: Some(86_401), ..good.clone() }),
        ("under itself", ExportedToken { parent: Some(good.id.clone()), ..good.clone() }),
        (
            "whose parent is nowhere",
            ExportedToken { parent: Some("0000000000000000000009".to_owned()), ..good.clone() },
        ),
    ];
    for (what, token) in bad {
        let [result] = import(&mut to, &[token])?.try_into().map_err(|_| Failure::new("one token had more results"))?;
        let taken = matches!(result, Imported::Imported | Imported::AlreadyThere | Imported::Differs);
        must(!taken, format!("a refresh token {what} was imported"))?;
    }
    must(export(&mut to)?.is_empty(), "what an import refused is there")?;
    to.mints_nothing(&issued, "a refresh token that an import refused")?;
    // One that breaks a rule spoils no other.
    let results = import(&mut to, &[ExportedToken { id: "x".to_owned(), ..good.clone() }, good])?;
    must(matches!(results.last(), Some(Imported::Imported)), "a token was refused because another one was")?;
    to.exchange(&issued).map(drop)
}

fn beyond_parent(sandbox: &Sandbox) -> Verdict {
    let (mut from, mut to) = (House::open(sandbox)?, elsewhere(sandbox)?);
    let parent = from.issue(&Wish::new().good_for(&["orders"]).expiring(Expiry::After(500)))?;
    let child = from.issue(&Wish::new().under(&parent).good_for(&["orders"]))?;
    let above = exported(&mut from, &parent)?;
    // Whoever writes an export by hand may write anything.
    let wider = ExportedToken {
        scopes: vec!["orders".to_owned(), "stock".to_owned()],
        expires_at: None,
        ..exported(&mut from, &child)?
    };
    import(&mut to, &[wider, above])?;
    if let Ok(granted) = to.office.exchange(&child.secret, None)? {
        must(
            granted.scope == "orders",
            format!("an imported child was granted `{}` beyond its parent", granted.scope),
        )?;
        must(granted.expires_in <= 500, "an imported child's token lives for longer than its parent")?;
    }
    to.wait(500);
    to.mints_nothing(&child, "an imported refresh token whose parent has expired")
}

fn beyond_actor(sandbox: &Sandbox) -> Verdict {
    let (mut from, mut to) = (House::open(sandbox)?, elsewhere(sandbox)?);
    let admin = from.issue(&Wish::new().good_for(&["jeton:admin"]))?;
    let token = exported(&mut from, &admin)?;
    let reader = Actor::Token(ActingToken {
        client_id: "0000000000000000000009".to_owned(),
        subject: "somebody".to_owned(),
        scopes: vec!["jeton:read".to_owned()],
    });
    let results = import_as(&mut to.office, &reader, std::slice::from_ref(&token))?;
    let refused = matches!(results.as_slice(), [Imported::Refused(IssueRefusal::ScopeBeyondActor)]);
    must(refused, "somebody without `jeton:admin` imported a refresh token that has it")?;
    to.mints_nothing(&admin, "a refresh token that somebody without its scope tried to import")?;
    take(&mut to, &[token])
}

fn dead(sandbox: &Sandbox) -> Verdict {
    let (mut from, mut to) = (House::open(sandbox)?, elsewhere(sandbox)?);
    let deleted = from.issue(&Wish::new())?;
    let below = from.issue(&Wish::new().under(&deleted))?;
    let disabled = from.issue(&Wish::new())?;
    let below_disabled = from.issue(&Wish::new().under(&disabled))?;
    let expired = from.issue(&Wish::new().expiring(Expiry::After(10)))?;
    let used_up = from.issue(&Wish::new().times(1))?;
    from.exchange(&used_up)?;
    from.delete(&deleted)?;
    from.edit(&disabled, &Change { enabled: Some(false), ..nothing_changed() })?;
    for house in [&from, &to] {
        house.wait(10);
    }
    let all = export(&mut from)?;
    take(&mut to, &all)?;
    for swept in [false, true] {
        if swept {
            to.sweep()?;
            to.office = to.another()?;
        }
        for (issued, whose) in [
            (&deleted, "an imported refresh token that had been deleted"),
            (&below, "an imported refresh token below one that had been deleted"),
            (&disabled, "an imported refresh token that was disabled"),
            (&below_disabled, "an imported refresh token below one that was disabled"),
            (&expired, "an imported refresh token that had expired"),
            (&used_up, "an imported refresh token without uses left"),
        ] {
            to.mints_nothing(issued, whose)?;
        }
    }
    let revived = to.office.edit(
        &Actor::Machine,
        &deleted.token.id,
        &Change { enabled: Some(true), ..nothing_changed() },
        None,
    )?;
    must(revived.is_err(), "an imported tombstone was edited")
}

fn again(sandbox: &Sandbox) -> Verdict {
    let (mut from, mut to) = (House::open(sandbox)?, elsewhere(sandbox)?);
    let issued = from.issue(&Wish::new().good_for(&["orders"]))?;
    let token = exported(&mut from, &issued)?;
    let wider = ExportedToken { scopes: vec!["orders".to_owned(), "stock".to_owned()], ..token.clone() };
    take(&mut to, std::slice::from_ref(&token))?;
    let results = import(&mut to, &[token.clone(), token.clone()])?;
    let there = results.iter().all(|result| matches!(result, Imported::AlreadyThere));
    must(there, "a refresh token that is there already was not told to be")?;
    let results = import(&mut to, &[wider])?;
    must(
        matches!(results.as_slice(), [Imported::Differs]),
        "another refresh token of the same id was not told to differ",
    )?;
    let granted = to.exchange(&issued)?.scope;
    must(granted == "orders", format!("a second import changed what a refresh token is good for to `{granted}`"))?;
    to.delete(&issued)?;
    import(&mut to, &[token])?;
    to.mints_nothing(&issued, "a refresh token that was deleted and then imported again")
}

fn conflict(sandbox: &Sandbox) -> Verdict {
    let mut from = House::open(sandbox)?;
    let parent = from.issue(&Wish::new().of("alice"))?;
    let child = from.issue(&Wish::new().under(&parent))?;
    let all = export(&mut from)?;
    for conflicts in [1, 2, u64::MAX] {
        let mut to = elsewhere(sandbox)?;
        to.ground.shelf().conflict(conflicts);
        let asked = to.office.ask("import", |authority| authority.import(&Actor::Machine, &all))?;
        to.ground.shelf().conflict(0);
        let taken = asked.is_ok_and(|results| results.iter().all(|result| matches!(result, Imported::Imported)));
        must(taken || conflicts > 2, format!("an import that met {conflicts} conflicts was given up"))?;
        let minted = to.office.exchange(&child.secret, None)?.is_ok();
        must(minted == taken, "an import said one thing of itself, and the store another")?;
        import(&mut to, &all)?;
        to.exchange(&parent)?;
        to.exchange(&child)?;
    }
    Ok(())
}

fn at_once(sandbox: &Sandbox) -> Verdict {
    for after in 0..MOST {
        let (mut from, mut to) = (House::open(sandbox)?, elsewhere(sandbox)?);
        let issued = from.issue(&Wish::new().of("alice").times(1))?;
        let token = exported(&mut from, &issued)?;
        let theirs = token.clone();
        let theirs = meanwhile(&to, after, move |other| import_as(other, &Actor::Machine, &[theirs]))?;
        let ours = import(&mut to, &[token])?;
        if to.ground.shelf().still_waits() {
            return Ok(());
        }
        let theirs = outcome(&theirs)?.unwrap_or_default();
        let count = ours.iter().chain(&theirs).filter(|result| matches!(result, Imported::Imported)).count();
        must(count == 1, format!("a token that was imported twice at once was imported {count} times"))?;
        to.exchange(&issued)?;
        to.mints_nothing(&issued, "a refresh token for one use, imported twice at once,")?;
    }
    Err(Failure::new(format!("an import takes more than {MOST} operations of the store")))
}

fn parent_ends(sandbox: &Sandbox) -> Verdict {
    let mut from = House::open(sandbox)?;
    let parent = from.issue(&Wish::new())?;
    let child = from.issue(&Wish::new().under(&parent))?;
    let (above, below) = (exported(&mut from, &parent)?, exported(&mut from, &child)?);
    for after in 0..MOST {
        let mut to = elsewhere(sandbox)?;
        take(&mut to, std::slice::from_ref(&above))?;
        let id = parent.token.id.clone();
        let deleted = meanwhile(&to, after, move |other| Ok(other.delete(&[id])?.is_ok()))?;
        import(&mut to, std::slice::from_ref(&below))?;
        if to.ground.shelf().still_waits() {
            return Ok(());
        }
        must(outcome(&deleted)? == Some(true), "a deletion in the middle of an import was refused")?;
        to.mints_nothing(&child, "a refresh token that was imported while its parent was deleted")?;
        to.sweep()?;
        to.mints_nothing(&child, "a refresh token that was imported while its parent was deleted, once it was swept,")?;
    }
    Err(Failure::new(format!("an import takes more than {MOST} operations of the store")))
}
