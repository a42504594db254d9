//! What lies in the store: CBOR of any bytes, and an authority over a store in which one value was damaged.

use std::cell::RefCell;

use jeton_policy::{
    access_token::Algorithm,
    authority::{ExchangeError, Query},
    digest::Digest,
    network::Networks,
    record::{Bindings, Conduct, Ending, Epoch, PastLife, Reason, Record, Settings, Superseded},
    refresh_token::RefreshToken,
    seconds::Seconds,
    store::{Freshness, Store as _},
    token_id::{LineageId, TokenId},
    verifier::{Moment, Verifier},
};

use crate::{
    Target,
    choices::Choices,
    mutation,
    reached::Reached,
    world::{DELETED, PLAIN, World},
};

pub(super) const TARGET: Target = Target {
    name: "stored-record",
    about: "stored values: any bytes as CBOR, records of any members, and an authority over a store with a damaged value",
    words: &[
        "\u{0}\u{1}\u{2}",
        "nightly job",
        "machine",
        "orders",
        "\u{fffd}",
        "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "null",
        "ffffffffff",
    ],
    run,
    short_pass: 25_000,
};

thread_local! {
    static WORLDS: RefCell<[World; 3]> = RefCell::new(Algorithm::ALL.map(World::signing));
}

fn run(data: &[u8], reached: &mut Reached) {
    reads_back::<Record>(data, "a record", reached);
    reads_back::<Epoch>(data, "an epoch", reached);
    reads_back::<Settings>(data, "settings", reached);
    let mut choices = Choices::new(data);
    let whole = record(&mut choices);
    let mut bytes = minicbor::to_vec(&whole).unwrap();
    assert_eq!(decoded::<Record>(&bytes), Some(whole));
    mutation::mutate(&mut choices, &mut bytes, TARGET.words);
    reads_back::<Record>(&bytes, "a damaged record", reached);
    WORLDS.with_borrow(|worlds| {
        // RSA takes milliseconds: it has its turn, and no more.
        let world = &worlds[match choices.byte() {
            255 => 2,
            224..255 => 1,
            _ => 0,
        }];
        world.reset();
        damaged(world, &mut choices, &bytes, reached);
    });
}

/// All of `bytes` as one value.
fn decoded<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8]) -> Option<T> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().ok()?;
    (decoder.position() == bytes.len()).then_some(value)
}

/// What is read is written and read again as the same, and written the same way then.
fn reads_back<T>(bytes: &[u8], what: &'static str, reached: &mut Reached)
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()> + PartialEq + std::fmt::Debug,
{
    let Some(value) = decoded::<T>(bytes) else { return };
    let written = minicbor::to_vec(&value).unwrap();
    let again = decoded::<T>(&written).expect("what was written is read");
    assert_eq!(again, value);
    assert_eq!(minicbor::to_vec(&again).unwrap(), written);
    reached.note(what);
}

fn record(choices: &mut Choices<'_>) -> Record {
    Record {
        name: choices.text(30),
        secret: choices.flag().then(|| choices.array()),
        lineage: LineageId(choices.array()),
        owner: choices.flag().then(|| choices.text(20)),
        ancestors: (0..choices.below(9)).map(|_| TokenId(choices.array())).collect(),
        scope: choices.text(40),
        created_at: Seconds(choices.number()),
        created_by: choices.text(22),
        expires_at: choices.flag().then(|| Seconds(choices.number_near(crate::world::START))),
        access_ttl: choices.flag().then(|| Seconds(choices.number_near(900))),
        generation: choices.number(),
        ending: choices.flag().then(|| ending(choices)),
        owner_lineage: choices.flag().then(|| LineageId(choices.array())),
        disabled: choices.flag().then(|| ending(choices)),
        bindings: choices.flag().then(|| Bindings {
            not_before: choices.flag().then(|| Seconds(choices.number())),
            networks: Networks::new(choices.one_of(&[&[][..], &["10.0.0.0/8"], &["2001:db8::/32", "0.0.0.0/0"]]))
                .unwrap(),
            networks_in_access_tokens: choices.flag(),
            audiences: (0..choices.below(3)).map(|_| choices.text(20)).collect(),
            max_exchanges: choices.flag().then(|| choices.number()),
        }),
        conduct: choices.flag().then(|| Conduct { may_delegate: choices.flag(), rotates_on_use: choices.flag() }),
        superseded: choices.flag().then(|| Superseded { secret: choices.array(), until: Seconds(choices.number()) }),
        past: choices.flag().then(|| {
            let past =
                |choices: &mut Choices<'_>| PastLife { lineage: LineageId(choices.array()), ending: ending(choices) };
            (0..choices.below(3)).map(|_| past(choices)).collect()
        }),
    }
}

fn ending(choices: &mut Choices<'_>) -> Ending {
    Ending {
        at: Seconds(choices.number()),
        by: choices.text(22),
        reason: choices.one_of(&[Reason::Deleted, Reason::ReuseDetected, Reason::ParentEnded]),
        note: choices.flag().then(|| choices.text(40)),
    }
}

/// Damages one value, then asks for everything that might read it.
fn damaged(world: &World, choices: &mut Choices<'_>, bytes: &[u8], reached: &mut Reached) {
    let mut everything = world.store.everything();
    let hit = everything.swap_remove(choices.below(everything.len()));
    let value = match choices.below(3) {
        0 => bytes.to_vec(),
        _ => {
            let mut value = hit.value.unwrap_or_default();
            for _ in 0..=choices.below(3) {
                mutation::mutate(choices, &mut value, TARGET.words);
            }
            value
        }
    };
    world.store.overwrite(hit.key.clone(), value);
    for _ in 0..=choices.below(3) {
        ask(world, choices, &hit.key, reached);
    }
}

fn ask(world: &World, choices: &mut Choices<'_>, hit: &[u8], reached: &mut Reached) {
    let authority = &world.authority;
    let token = &world.tokens[choices.below(world.tokens.len())];
    let id = token.token.id.to_string();
    match choices.below(12) {
        0..3 => reached.note(if authority.show(&id).is_ok() { "shown" } else { "not shown" }),
        4 => {
            let query = Query {
                limit: 1 + u32::from(choices.byte()),
                name: choices.flag().then(|| "night".to_owned()),
                owner: choices.flag().then(|| "alice".to_owned()),
                ..Query::default()
            };
            reached.note(if authority.list(&query).is_ok() { "listed" } else { "not listed" });
        }
        5 => {
            let deleted = authority.delete(&World::machine(), &[id], Reason::Compromised, None);
            reached.note(if deleted.is_ok() { "deleted" } else { "not deleted" });
        }
        6 => reached.note(if authority.revoke(&token.secret).is_ok() { "revoked" } else { "not revoked" }),
        7 => {
            let access = &world.access[choices.below(world.access.len())];
            reached.note(if authority.revoke(&access.access_token).is_ok() { "revoked" } else { "not revoked" });
        }
        8 => {
            world.clock.set(crate::world::START + u64::from(choices.byte()) * 100);
            reached.note(if authority.sweep().is_ok() { "swept" } else { "not swept" });
        }
        9 => reached.note(if authority.settings().is_ok() { "settings read" } else { "settings not read" }),
        10 => {
            reached.note(if authority.advance(&World::machine(), None).is_ok() { "advanced" } else { "not advanced" })
        }
        3 => reached.note(if authority.snapshot().is_ok() { "snapshot" } else { "no snapshot" }),
        _ => exchange(world, &token.secret, hit, reached),
    }
}

/// What is minted over a damaged store was minted for the secret that lies there, and a verifier that holds the live set of
/// that very store takes it for signed.
fn exchange(world: &World, secret: &str, hit: &[u8], reached: &mut Reached) {
    let exchanged = match world.authority.exchange(secret, &PLAIN) {
        Ok(exchanged) => exchanged,
        Err(ExchangeError::InvalidGrant) => return reached.note("not minted: invalid grant"),
        Err(ExchangeError::Unavailable) => return reached.note("not minted: unavailable"),
        Err(ExchangeError::ClockBehind) => return reached.note("not minted: clock behind"),
        Err(ExchangeError::InvalidScope) => return reached.note("not minted: invalid scope"),
        Err(ExchangeError::InvalidTarget) => return reached.note("not minted: invalid target"),
    };
    reached.note("minted");
    let token = RefreshToken::parse(secret).unwrap();
    let key = [b"token/", &token.id().0[..]].concat();
    let stored = world.store.read(std::slice::from_ref(&key), Freshness::Latest).unwrap().entries.remove(0).unwrap();
    let record = decoded::<Record>(&stored.value).expect("a record that was gone by");
    let is_its_own = record.secret.map(Digest).is_some_and(|digest| digest.matches(&token.digest()));
    assert!(is_its_own || record.conduct().rotates_on_use || record.superseded.is_some());
    assert!(record.ending.is_none() && record.expires_at.is_none_or(|expiry| expiry > world.now()));
    let was_dead = *world.tokens[DELETED].secret == *secret;
    assert!(!was_dead || key == hit, "a deleted token minted");
    let mut verifier = Verifier::new();
    if world.authority.snapshot().is_ok_and(|document| verifier.load(&document).is_ok()) {
        let at = Moment { now: world.now(), held_for: Seconds(0), enforce_lease: false, peer: None };
        let verdict = verifier.verify(&exchanged.access_token, at).map(|_| ());
        use jeton_policy::verifier::Refusal::{BadSignature, Malformed, WrongEpoch};
        assert!(!matches!(verdict, Err(BadSignature | Malformed | WrongEpoch)), "{verdict:?}");
    }
}
