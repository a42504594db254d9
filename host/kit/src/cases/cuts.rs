//! Cuts: what was revoked is dead at once, and stays dead for as long as anything could tell the difference.

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::epochs::Boot;
use jeton_runtime::wit::exchange::Revocation;
use jeton_runtime::wit::live::Change;
use jeton_runtime::wit::refresh_tokens::Deletion;

use crate::case::Case;
use crate::edge::Edge;
use crate::failure::{Verdict, must};
use crate::house::{House, refused};
use crate::wish::Wish;

/// How long an access token lives where nothing is said.
const TTL: u64 = 900;
/// How long after the last possible victim a cut may still be there: a minute for a slow commit, and some sweeps.
const GRACE: u64 = 200;
/// What a commit writes below this leads verifiers from one live set to the next.
const LIVE_PREFIX: &[u8] = b"live/";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_authorities("cut-one-access-token", "a revoked access token is dead, its siblings live", one),
        Case::of_authorities(
            "cut-by-holder",
            "a refresh token that its holder gave back is dead, with its tokens",
            holder,
        ),
        Case::of_authorities(
            "cut-of-a-remembered-token",
            "a token that was accepted before is dead once cut",
            remembered,
        ),
        Case::of_authorities("cut-as-news", "the change that a commit makes says to verifiers what is cut", news),
        Case::of_authorities(
            "cut-until-expiry",
            "a cut is kept until the last token that it could hit has expired, however often is swept",
            until_expiry,
        ),
        Case::of_authorities(
            "cut-until-the-longest-expiry",
            "a cut is kept for the longest life that any token was minted with",
            until_longest,
        ),
        Case::of_authorities("cut-dropped-at-last", "a cut that can hit nothing any more is dropped", dropped),
        Case::of_authorities("cut-after-a-restart", "a start with `resume` forgets no cut", restart),
        Case::of_authorities("cut-by-the-dozen", "a hundred revoked tokens of one refresh token are all dead", dozens),
        Case::of_authorities("cut-in-a-batch", "a batch ends each of its tokens, and answers for each in order", batch),
        Case::of_authorities(
            "cut-twice",
            "what was deleted or revoked once is not brought back by a second time",
            twice,
        ),
    ]
}

fn one(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let sibling = house.exchange(&issued)?.access_token;
    house.accepts(&token, "a living token")?;
    let revoked = house.revoke(&token)?;
    must(
        matches!(revoked, Revocation::AccessToken(_)),
        "the revocation of a living access token ended something else",
    )?;
    house.refuses(&token, "a revoked access token")?;
    house.accepts(&sibling, "another access token of the same refresh token")?;
    let later = house.exchange(&issued)?.access_token;
    house.accepts(&later, "an access token that was minted after another was revoked")
}

fn holder(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let (child, below) = house.pair(&Wish::new().under(&issued))?;
    house.accepts(&token, "a living token")?;
    let revoked = house.revoke(&issued.secret)?;
    must(matches!(revoked, Revocation::RefreshToken(_)), "the revocation of a refresh token ended something else")?;
    house.refuses(&token, "a token whose refresh token was given back")?;
    house.refuses(&below, "a token whose parent was given back")?;
    house.mints_nothing(&issued, "a refresh token that was given back")?;
    house.mints_nothing(&child, "a refresh token whose parent was given back")
}

fn remembered(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let grandparent = house.issue(&Wish::new())?;
    let parent = house.issue(&Wish::new().under(&grandparent))?;
    let (_, token) = house.pair(&Wish::new().under(&parent))?;
    for _ in 0..3 {
        house.accepts(&token, "a living token")?;
    }
    house.delete(&grandparent)?;
    house.refuses(&token, "a token that had been accepted before something that it descends from was cut")
}

fn news(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let (_, other) = house.pair(&Wish::new())?;
    let document = house.snapshot()?;
    let mut edge = Edge::new(sandbox)?;
    let mut held = edge.take(&document)?.sequence;
    let now = house.now();
    edge.accepts(&token, now, "a living token")?;
    let known = house.ground.shelf().committed().len();
    house.delete(&issued)?;
    for (revision, writes) in house.ground.shelf().committed().into_iter().skip(known) {
        let changes: Vec<Change> = writes
            .into_iter()
            .filter(|write| write.key.starts_with(LIVE_PREFIX))
            .map(|write| Change { key: write.key, value: write.value })
            .collect();
        if changes.is_empty() {
            continue;
        }
        let delta = house.office.ask("delta", |authority| authority.delta(held, revision, &changes))?;
        // Where it says so, a snapshot is taken instead.
        let document = if let Ok(delta) = delta { delta } else { house.snapshot()? };
        held = edge.take(&document)?.sequence;
    }
    edge.refuses(&token, now, "a deleted token, after its verifier was told what had changed,")?;
    edge.accepts(&other, now, "a token that nothing happened to, after its verifier was told what had changed,")
}

/// Goes on in steps until `seconds` later; sweeps at each and looks at the token.
fn dead_throughout(house: &mut House<'_>, token: &str, seconds: u64, step: u64, whose: &str) -> Verdict {
    let end = house.now() + seconds;
    while house.now() < end {
        house.sweep()?;
        house.refuses(token, &format!("{whose}, {} s before its `exp`,", end - house.now()))?;
        let left = end - house.now();
        house.wait(step.min(left));
    }
    // The second before the last: what is a second early is too early.
    house.ground.clock.set(end - 1);
    house.sweep()?;
    house.refuses(token, &format!("{whose}, in the second before its `exp`,"))
}

fn until_expiry(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let grandparent = house.issue(&Wish::new())?;
    let (issued, of_holder) = house.pair(&Wish::new().under(&grandparent))?;
    let (_, token) = house.pair(&Wish::new().under(&issued))?;
    house.revoke(&of_holder)?;
    house.delete(&grandparent)?;
    dead_throughout(&mut house, &token, TTL, 30, "a token whose grandparent was deleted")?;
    house.refuses(&of_holder, "a revoked token, in the second before its `exp`,")
}

fn until_longest(sandbox: &Sandbox) -> Verdict {
    const DAY: u64 = 86_400;
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new().ttl(DAY))?;
    house.office.set_ttl(60)?.map_err(|refusal| refused("a setting", refusal))?;
    house.delete(&issued)?;
    dead_throughout(&mut house, &token, DAY, 3_600, "a deleted token of a day's life")?;

    let mut house = House::open(sandbox)?;
    house.office.set_ttl(7_200)?.map_err(|refusal| refused("a setting", refusal))?;
    let (issued, token) = house.pair(&Wish::new())?;
    house.office.set_ttl(60)?.map_err(|refusal| refused("a setting", refusal))?;
    house.delete(&issued)?;
    dead_throughout(&mut house, &token, 7_200, 300, "a deleted token from before the setting was lowered")
}

fn dropped(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    for _ in 0..5 {
        let (issued, token) = house.pair(&Wish::new())?;
        house.revoke(&token)?;
        house.delete(&issued)?;
    }
    house.tell()?;
    house.wait(TTL + GRACE);
    house.sweep()?;
    let document = house.snapshot()?;
    let cuts = Edge::new(sandbox)?.take(&document)?.cuts;
    must(cuts == 0, format!("{GRACE} s after all tokens had expired, the live set still had {cuts} cuts"))
}

fn restart(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let (_, revoked) = house.pair(&Wish::new())?;
    house.delete(&issued)?;
    house.revoke(&revoked)?;
    house.restart(Boot::Resume)?;
    house.refuses(&token, "a deleted token, after a start with `resume`,")?;
    house.refuses(&revoked, "a revoked token, after a start with `resume`,")
}

fn dozens(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let issued = house.issue(&Wish::new())?;
    let (_, stranger) = house.pair(&Wish::new())?;
    let mut tokens = Vec::new();
    for _ in 0..100 {
        let token = house.exchange(&issued)?.access_token;
        house.revoke(&token)?;
        tokens.push(token);
    }
    for (place, token) in tokens.iter().enumerate() {
        let (document, now) = if place == 0 { (Some(house.snapshot()?), house.now()) } else { (None, house.now()) };
        document.map(|document| house.edge.take(&document)).transpose()?;
        house.edge.refuses(token, now, &format!("revoked token {} of 100", place + 1))?;
    }
    house.accepts(&stranger, "a token of another refresh token")
}

fn batch(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let pairs: Vec<_> = (0..5).map(|_| house.pair(&Wish::new())).collect::<Result<_, _>>()?;
    let mut ids: Vec<String> = pairs.iter().map(|(issued, _)| issued.token.id.clone()).collect();
    let first = ids.first().cloned().unwrap_or_default();
    ids.insert(2, "0000000000000000000001".to_owned());
    ids.push("not an id".to_owned());
    ids.push(first);
    let deleted = house.office.delete(&ids)?.map_err(|refusal| refused("a batch of deletions", refusal))?;
    use Deletion::{AlreadyDeleted, Deleted, NotFound};
    let expected = [Deleted, Deleted, NotFound, Deleted, Deleted, Deleted, NotFound, AlreadyDeleted];
    let same = deleted.results.len() == expected.len()
        && deleted
            .results
            .iter()
            .zip(expected)
            .all(|(one, other)| std::mem::discriminant(one) == std::mem::discriminant(&other));
    must(same, format!("a batch was answered with {:?}", deleted.results))?;
    for (issued, token) in &pairs {
        house.refuses(token, "a token of a batch that was deleted")?;
        house.mints_nothing(issued, "a refresh token of a batch that was deleted")?;
    }
    Ok(())
}

fn twice(sandbox: &Sandbox) -> Verdict {
    let mut house = House::open(sandbox)?;
    let (issued, token) = house.pair(&Wish::new())?;
    let (given_back, of_holder) = house.pair(&Wish::new())?;
    for _ in 0..2 {
        house.delete(&issued)?;
        house.revoke(&given_back.secret)?;
        house.revoke(&of_holder)?;
        house.refuses(&token, "a token that was deleted")?;
        house.refuses(&of_holder, "a token that was given back")?;
        house.mints_nothing(&issued, "a refresh token that was deleted")?;
        house.mints_nothing(&given_back, "a refresh token that was given back")?;
    }
    let again = house.revoke(&issued.secret)?;
    must(matches!(again, Revocation::Nothing), "the revocation of a dead refresh token is said to have ended something")
}
