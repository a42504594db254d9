//! What a client does next.

use jeton_model::history::{Act, Name};
use jeton_model::{Ask, Bindings, Edit, Expiry, Network, Reason, Setting, TokenAsk};

use super::dice::Dice;
use super::pool::Pool;

const SCOPES: [&str; 3] = ["orders", "billing", "reports"];
const OWNERS: [&str; 3] = ["ann", "bob", "cleo"];
const NAMES: [&str; 3] = ["nightly", "vendor", "ci"];
const REASONS: [Reason; 3] = [Reason::Deleted, Reason::Compromised, Reason::OwnerLeft];
/// Far enough apart that what a server says in the next minutes tells which one was in force.
const TTLS: [u64; 3] = [600, 1_200, 3_600];
const DAY: u64 = 86_400;

/// A call, and with which access token it is made.
pub(super) type Drawn = (Act, Option<Name>);

/// Draws a call from what there is now; `at` is the time, `peer` where the client sits.
pub(super) fn draw(dice: &mut Dice, pool: &Pool, at: u64, peer: Network) -> Drawn {
    loop {
        let Some(administrator) = pool.administrators(dice) else {
            return (enter(pool, if dice.chance(60) { 0 } else { 1 }, peer), None);
        };
        if let Some(drawn) = try_draw(dice, pool, at, peer, administrator) {
            return drawn;
        }
    }
}

/// An administrator gets an access token: the first, whom nobody ends, or the second.
pub(super) fn enter(pool: &Pool, which: usize, peer: Network) -> Act {
    let (secret, _) = pool.tokens[which].secrets.last().unwrap();
    Act::Exchange { secret: secret.clone(), ask: TokenAsk::from(Some(peer)), by_rfc_8693: false }
}

fn try_draw(dice: &mut Dice, pool: &Pool, at: u64, peer: Network, administrator: Name) -> Option<Drawn> {
    let public = |act: Act| Some((act, None));
    let ordered = |act: Act| Some((act, Some(administrator.clone())));
    let access = |dice: &mut Dice| pool.some_access(dice).map(|access| access.name.clone());
    let token = |dice: &mut Dice| pool.some_token(dice).map(|token| token.name.clone());
    match dice.below(100) {
        0..24 => public(Act::Exchange {
            secret: pool.some_secret(dice)?.0.clone(),
            ask: asked(dice, peer),
            by_rfc_8693: dice.chance(25),
        }),
        24..28 => public(Act::Delegate { secret: pool.some_secret(dice)?.0.clone(), ask: asked(dice, peer) }),
        28..32 => public(Act::ExchangeAccess { access: access(dice)?, ask: asked(dice, peer) }),
        32..44 => {
            let access = access(dice)?;
            let by = if dice.chance(40) { access.clone() } else { administrator };
            Some((Act::Introspect { access }, Some(by)))
        }
        44..54 => public(Act::ForwardAuth { access: access(dice)?, peer: Some(peer) }),
        54..60 => ordered(Act::Show { token: token(dice)? }),
        60..69 => ordered(create(dice, pool)),
        69..80 => ordered(edit(dice, pool, at)?),
        80..84 => {
            let token = pool.some_token(dice)?;
            let generation = dice.chance(30).then_some(token.generation);
            ordered(Act::Rotate { token: token.name.clone(), overlap: dice.pick([0, 3_600, 7_200]), generation })
        }
        84..88 => {
            let mut tokens = vec![token(dice)?];
            if dice.chance(40) {
                tokens.extend([token(dice)?, token(dice)?]);
            }
            ordered(Act::Delete { tokens, reason: dice.pick(REASONS) })
        }
        88 => ordered(Act::DeleteOwned { owner: dice.pick(OWNERS).to_owned(), reason: Reason::OwnerLeft }),
        89..91 => ordered(Act::DeleteAccess { access: not_administrators(dice, pool)?, reason: dice.pick(REASONS) }),
        91 => public(Act::GiveBack { secret: pool.some_secret(dice)?.0.clone() }),
        92..94 => public(Act::GiveBackAccess { access: not_administrators(dice, pool)? }),
        94..97 => ordered(Act::Set {
            change: setting(dice),
            generation: None,
            at_once: dice.chance(10),
            dry_run: dice.chance(30),
        }),
        97 => ordered(Act::ShowSettings),
        98 => ordered(Act::ShowEpoch),
        _ => ordered(if dice.chance(70) { Act::Advance } else { Act::ShowEpoch }),
    }
}

/// An access token to be ended, most of the time not the one by which everybody acts.
fn not_administrators(dice: &mut Dice, pool: &Pool) -> Option<Name> {
    let drawn = pool.some_access(dice)?.name.clone();
    let is_spared = pool.administrators(dice).is_some_and(|name| name == drawn) && !dice.chance(30);
    (!is_spared).then_some(drawn)
}

fn asked(dice: &mut Dice, peer: Network) -> TokenAsk {
    let scope = dice.chance(20).then(|| vec![dice.pick(SCOPES).to_owned()]);
    TokenAsk { scope, ..TokenAsk::from(Some(peer)) }
}

fn scopes(dice: &mut Dice) -> Vec<String> {
    SCOPES.iter().filter(|_| dice.chance(70)).map(|scope| (*scope).to_owned()).collect()
}

fn create(dice: &mut Dice, pool: &Pool) -> Act {
    let parent = if dice.chance(50) { pool.some_token(dice).map(|token| token.name.clone()) } else { None };
    // The first octet of a client's address after 127 is its number: some of them are outside.
    let network = Network { width: 32, first: 0x7f00_0000, length: dice.pick([8, 14]) };
    let (key, name) = (dice.chance(15).then(|| format!("key-{}", dice.below(3))), dice.pick(NAMES).to_owned());
    let keyed = key.is_some();
    let ask = Ask {
        name,
        expiry: if dice.chance(80) || keyed { Expiry::BySetting } else { Expiry::Never },
        // A repetition is the same request word for word: little is left to chance in it.
        scopes: if keyed { vec!["orders".to_owned()] } else { scopes(dice) },
        parent: None,
        owner: (dice.chance(40) && !keyed).then(|| dice.pick(OWNERS).to_owned()),
        access_ttl: (dice.chance(30) && !keyed).then(|| dice.pick(TTLS)),
        bindings: Bindings {
            networks: if dice.chance(15) && !keyed { vec![network] } else { Vec::new() },
            max_exchanges: (dice.chance(35) && !keyed).then(|| 1 + dice.below(4) as u64),
            ..Bindings::default()
        },
        may_delegate: keyed || dice.chance(60),
        rotates_on_use: !keyed && dice.chance(25),
        key,
    };
    Act::Create { ask: Box::new(ask), parent: parent.filter(|_| !keyed) }
}

fn edit(dice: &mut Dice, pool: &Pool, at: u64) -> Option<Act> {
    let token = pool.some_token(dice)?;
    let mut edit = Edit::default();
    for _ in 0..1 + dice.below(2) {
        match dice.below(9) {
            0 | 1 => edit.enabled = Some(false),
            2 | 3 => edit.enabled = Some(true),
            4 => edit.scopes = Some(scopes(dice)),
            5 => edit.name = Some(format!("{} {}", dice.pick(NAMES), dice.below(100))),
            6 => edit.max_exchanges = Some(dice.chance(80).then(|| 1 + dice.below(5) as u64)),
            7 => edit.access_ttl = Some(dice.chance(70).then(|| dice.pick(TTLS))),
            _ if dice.chance(50) => edit.expiry = Some(Expiry::At(at + dice.pick([30, 60, 120]) * DAY)),
            _ => edit.rotates_on_use = Some(dice.chance(50)),
        }
    }
    let generation = dice.chance(50).then_some(token.generation);
    Some(Act::Edit { token: token.name.clone(), edit: Box::new(edit), generation })
}

fn setting(dice: &mut Dice) -> Setting {
    match dice.below(6) {
        0..3 => Setting::AccessTokenExpiration(dice.pick(TTLS)),
        3 => Setting::UniqueNames(dice.chance(40)),
        4 => Setting::DelegationLevels(dice.pick([2, 8])),
        _ => Setting::HolderDelegation(dice.chance(70)),
    }
}
