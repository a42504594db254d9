//! What happens between two steps of a call: an access token that is minted meanwhile is dead on arrival.

use std::sync::Arc;

use jeton_runtime::sandbox::Sandbox;
use parking_lot::Mutex;

use crate::case::Case;
use crate::failure::{Failure, Verdict};
use crate::house::{House, Office};
use crate::wish::Wish;

/// More operations than any act has.
pub(super) const MOST: u64 = 50;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities(
            "race-delete-within-exchange",
            "a deletion in the middle of an exchange wins",
            |sandbox| within_exchange(sandbox, 1),
        ),
        Case::of_authorities(
            "race-delete-of-an-ancestor-within-exchange",
            "a deletion of an ancestor in the middle of an exchange wins",
            |sandbox| within_exchange(sandbox, 3),
        ),
        Case::of_authorities("race-exchange-within-delete", "an exchange in the middle of a deletion loses", exchange),
        Case::of_authorities(
            "race-delete-within-issue",
            "a child that is issued while its parent ends mints nothing",
            issue,
        ),
        Case::of_authorities(
            "race-advance-within-delete",
            "an epoch that begins in a deletion keeps nothing alive",
            advance,
        ),
        Case::of_authorities(
            "race-slow-commit",
            "what is minted while a deletion waits for the disk is dead until it expires",
            slow_commit,
        ),
    ]
}

/// What came of what happened meanwhile.
pub(super) type Meanwhile<T> = Arc<Mutex<Option<Result<T, Failure>>>>;

/// Lets another instance do something right before the operation that follows `after` others.
pub(super) fn meanwhile<T: Send + 'static>(
    house: &House<'_>,
    after: u64,
    act: impl FnOnce(&mut Office) -> Result<T, Failure> + Send + 'static,
) -> Result<Meanwhile<T>, Failure> {
    let outcome: Meanwhile<T> = Arc::default();
    let (told, mut other) = (Arc::clone(&outcome), house.another()?);
    house.ground.shelf().happen(after, move || *told.lock() = Some(act(&mut other)));
    Ok(outcome)
}

pub(super) fn outcome<T>(of: &Meanwhile<T>) -> Result<Option<T>, Failure> {
    of.lock().take().transpose()
}

fn within_exchange(sandbox: &Sandbox, generations: usize) -> Verdict {
    for after in 0..MOST {
        let mut house = House::open(sandbox)?;
        let oldest = house.issue(&Wish::new())?;
        let mut youngest = oldest.clone();
        for _ in 1..generations {
            youngest = house.issue(&Wish::new().under(&youngest))?;
        }
        let id = oldest.token.id.clone();
        let deleted = meanwhile(&house, after, move |other| Ok(other.delete(&[id])?.is_ok()))?;
        let minted = house.office.exchange(&youngest.secret, None)?;
        if house.ground.shelf().still_waits() {
            return Ok(());
        }
        if outcome(&deleted)? != Some(true) {
            return Err(Failure::new("a deletion in the middle of an exchange was refused"));
        }
        if let Ok(minted) = minted {
            house.refuses(&minted.access_token, "a token that was minted while what it descends from was deleted")?;
        }
        house.mints_nothing(&youngest, "a refresh token that was deleted in the middle of its exchange")?;
    }
    Err(Failure::new(format!("an exchange takes more than {MOST} operations of the store")))
}

fn exchange(sandbox: &Sandbox) -> Verdict {
    for after in 0..MOST {
        let mut house = House::open(sandbox)?;
        let (issued, _) = house.pair(&Wish::new())?;
        let secret = issued.secret.clone();
        let minted = meanwhile(&house, after, move |other| Ok(other.exchange(&secret, None)?.ok()))?;
        house.delete(&issued)?;
        if house.ground.shelf().still_waits() {
            return Ok(());
        }
        if let Some(Some(minted)) = outcome(&minted)? {
            house.refuses(&minted.access_token, "a token that was minted in the middle of its deletion")?;
        }
    }
    Err(Failure::new(format!("a deletion takes more than {MOST} operations of the store")))
}

fn issue(sandbox: &Sandbox) -> Verdict {
    for after in 0..MOST {
        let mut house = House::open(sandbox)?;
        let grandparent = house.issue(&Wish::new())?;
        let parent = house.issue(&Wish::new().under(&grandparent))?;
        let id = grandparent.token.id.clone();
        let deleted = meanwhile(&house, after, move |other| Ok(other.delete(&[id])?.is_ok()))?;
        let child = house.office.issue(&Wish::new().under(&parent))?;
        if house.ground.shelf().still_waits() {
            return Ok(());
        }
        if outcome(&deleted)? != Some(true) {
            return Err(Failure::new("a deletion in the middle of an issue was refused"));
        }
        if let Ok(child) = child {
            house.mints_nothing(&child, "a refresh token that was issued while its grandparent was deleted")?;
        }
    }
    Err(Failure::new(format!("an issue takes more than {MOST} operations of the store")))
}

fn advance(sandbox: &Sandbox) -> Verdict {
    for after in 0..MOST {
        let mut house = House::open(sandbox)?;
        let (issued, _) = house.pair(&Wish::new())?;
        let secret = issued.secret.clone();
        let minted = meanwhile(&house, after, move |other| {
            let advanced = other.advance()?.is_ok();
            Ok(other.exchange(&secret, None)?.ok().filter(|_| advanced))
        })?;
        let deleted = house.office.delete(std::slice::from_ref(&issued.token.id))?;
        if house.ground.shelf().still_waits() {
            return Ok(());
        }
        if let (Ok(_), Some(Some(minted))) = (deleted, outcome(&minted)?) {
            house.refuses(&minted.access_token, "a token of an epoch that began in the middle of its deletion")?;
        }
    }
    Err(Failure::new(format!("a deletion takes more than {MOST} operations of the store")))
}

fn slow_commit(sandbox: &Sandbox) -> Verdict {
    const SLOW: u64 = 500;
    const TTL: u64 = 900;
    for after in 0..MOST {
        let mut house = House::open(sandbox)?;
        let issued = house.issue(&Wish::new())?;
        let (secret, clock) = (issued.secret.clone(), Arc::clone(&house.ground.clock));
        let minted = meanwhile(&house, after, move |other| {
            clock.wait(SLOW);
            Ok(other.exchange(&secret, None)?.ok())
        })?;
        let deleted = house.office.delete(std::slice::from_ref(&issued.token.id))?;
        if house.ground.shelf().still_waits() {
            return Ok(());
        }
        let (Ok(_), Some(Some(minted))) = (deleted, outcome(&minted)?) else { continue };
        let end = house.now() + TTL;
        while house.now() + 1 < end {
            house.sweep()?;
            let whose = "a token that was minted while its deletion waited for the disk, and swept before it expired,";
            house.refuses(&minted.access_token, whose)?;
            let left = end - 1 - house.now();
            house.wait(left.min(50));
        }
    }
    Err(Failure::new(format!("a deletion takes more than {MOST} operations of the store")))
}
