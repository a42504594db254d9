//! What the calls cost that requests make, in units of fuel: instructions of WebAssembly, the same on every machine. Time is told by
//! the figures; what changes a cost here says so by changing its number, in the same commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jeton_runtime::artifacts::{WIDE_AUTHORITY, WIDE_VERIFIER};
use jeton_runtime::sandbox::{Kind, Sandbox, Solo};
use jeton_runtime::wit::epochs::Boot;
use jeton_runtime::wit::exchange::ExchangeRequest;
use jeton_runtime::wit::refresh_tokens::IssueRequest;
use jeton_runtime::wit::types::{Actor, Reason};
use jeton_runtime::wit::verification::Moment;
use jeton_runtime::{AuthorityCall, Called, Lent, RootKey};

use crate::scaffold::{Disk, ISSUER, NOW};

/// Each call, with what it costs.
const COSTS: [(&str, u64); 14] = [
    ("issue", 79_640),
    ("exchange", 514_673),
    ("exchange, of what was deleted", 29_467),
    ("snapshot, of one cut", 115_423),
    ("delete", 52_008),
    ("load, of one cut", 134_242),
    ("verify, for the first time", 862_462),
    ("verify, verified before", 2_590),
    ("introspect, both verified before", 5_816),
    ("verify, malformed", 636),
    ("verify, of another's signature", 818_949),
    ("verify, expired", 1_847),
    ("verify, cut", 1_720),
    ("verify, of another epoch", 5_002),
];

/// In a hundred: what a change of the compiler or of a library may add or take without a word.
const TOLERANCE: u64 = 1;

/// What is lent: the same bytes of entropy in every run, so that every run computes the same.
fn lent() -> Arc<Lent> {
    let drawn = AtomicU64::new(0);
    let entropy = move |bytes: &mut [u8]| {
        for byte in bytes {
            // Knuth's multiplicative hash: nothing secret is made of it.
            *byte = (drawn.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
        }
        Ok(())
    };
    let root_key = RootKey::from_bytes([7; 32].into());
    let lent = Lent::new(Arc::new(Disk::default()), Some(root_key));
    Arc::new(lent.with_clock(Arc::new(|| (NOW, 0))).with_entropy(Arc::new(entropy)))
}

/// An instance, and what its calls have cost.
struct Metered {
    solo: Solo,
    costs: Vec<(&'static str, u64)>,
}

impl Metered {
    fn new(component: &[u8], kind: Kind) -> Self {
        let sandbox = Sandbox::compile_metered(component, kind).unwrap();
        Self { solo: sandbox.instantiate(&lent()).unwrap(), costs: Vec::new() }
    }

    fn metered<T>(&mut self, what: &'static str, call: impl FnOnce(&mut Solo) -> T) -> T {
        let before = self.solo.fuel().unwrap();
        let given = call(&mut self.solo);
        self.costs.push((what, self.solo.fuel().unwrap() - before));
        given
    }

    fn ask<T>(&mut self, what: &'static str, call: impl FnOnce(&mut AuthorityCall<'_>) -> Called<T>) -> T {
        self.metered(what, |solo| call(&mut solo.authority().unwrap()).unwrap())
    }

    fn verdict(&mut self, what: &'static str, token: &str, now: u64) -> bool {
        let at = Moment { now, held_for: 0, peer: None };
        self.metered(what, |solo| solo.verify(token, at, false).unwrap().is_ok())
    }
}

#[test]
fn the_calls_that_requests_make_cost_what_is_written_down() {
    let mut authority = Metered::new(WIDE_AUTHORITY, Kind::Authority);
    const UNTOLD: &str = "";
    authority.ask(UNTOLD, |authority| authority.configure(Some(ISSUER), ISSUER)).unwrap();
    authority.ask(UNTOLD, |authority| authority.begin(Boot::Advance, None)).unwrap();
    let request =
        |name: &str| IssueRequest { scopes: vec!["jeton:introspect".to_owned()], ..IssueRequest::named(name) };
    let issue = |authority: &mut Metered, what| {
        authority.ask(what, |authority| authority.issue(&Actor::Machine, &request("nightly job"))).unwrap()
    };
    let (job, doomed, first) =
        (issue(&mut authority, UNTOLD), issue(&mut authority, "issue"), issue(&mut authority, UNTOLD));
    let presented =
        |secret: &str| ExchangeRequest { refresh_token: secret.to_owned(), scope: None, resource: None, peer: None };
    let exchange = |authority: &mut Metered, what, secret: &str| {
        authority.ask(what, |authority| authority.exchange(&presented(secret)))
    };
    let secret = |issued: &jeton_runtime::wit::refresh_tokens::Issued| issued.secret.clone().unwrap();
    let of_doomed = exchange(&mut authority, UNTOLD, &secret(&doomed)).unwrap().access_token;
    let delete = |authority: &mut Metered, what, id: &str| {
        let ids = [id.to_owned()];
        drop(authority.ask(what, |authority| authority.delete(&Actor::Machine, &ids, Reason::Deleted, None)).unwrap());
    };
    delete(&mut authority, UNTOLD, &first.token.id);
    let token = exchange(&mut authority, "exchange", &secret(&job)).unwrap().access_token;
    let caller = exchange(&mut authority, UNTOLD, &secret(&job)).unwrap().access_token;
    assert!(exchange(&mut authority, "exchange, of what was deleted", &secret(&first)).is_err());
    let before = authority.ask(UNTOLD, |authority| authority.snapshot()).unwrap();
    delete(&mut authority, "delete", &doomed.token.id);
    let one_cut = authority.ask("snapshot, of one cut", |authority| authority.snapshot()).unwrap();
    authority.ask(UNTOLD, |authority| authority.advance(&Actor::Machine, None)).unwrap();
    let next = authority.ask(UNTOLD, |authority| authority.snapshot()).unwrap();

    let mut verifier = Metered::new(WIDE_VERIFIER, Kind::Verifier);
    let load = |verifier: &mut Metered, what, document: &[u8]| {
        verifier.metered(what, |solo| solo.load(document).unwrap()).unwrap();
    };
    load(&mut verifier, UNTOLD, &before);
    assert!(verifier.verdict(UNTOLD, &of_doomed, NOW));
    assert!(verifier.verdict("verify, for the first time", &token, NOW));
    assert!(verifier.verdict(UNTOLD, &caller, NOW));
    assert!(verifier.verdict("verify, verified before", &token, NOW));
    let at = Moment { now: NOW, held_for: 0, peer: None };
    let answer = verifier
        .metered("introspect, both verified before", |solo| solo.introspect(&caller, &token, at, false).unwrap());
    assert!(answer.unwrap().starts_with(br#"{"active":true"#));
    assert!(!verifier.verdict("verify, malformed", "no token", NOW));
    let forged: String = token.chars().rev().skip(1).collect::<String>().chars().rev().chain(['A']).collect();
    assert!(forged != token && !verifier.verdict("verify, of another's signature", &forged, NOW));
    assert!(!verifier.verdict("verify, expired", &token, NOW + 900));
    load(&mut verifier, "load, of one cut", &one_cut);
    assert!(!verifier.verdict("verify, cut", &of_doomed, NOW));
    load(&mut verifier, UNTOLD, &next);
    assert!(!verifier.verdict("verify, of another epoch", &token, NOW));

    let seen: Vec<(&str, u64)> =
        authority.costs.into_iter().chain(verifier.costs).filter(|(what, _)| *what != UNTOLD).collect();
    let written = |what: &str| COSTS.iter().find(|(known, _)| *known == what).map(|(_, cost)| *cost);
    let others: Vec<String> = seen
        .iter()
        .filter(|(what, cost)| written(what).is_none_or(|known| cost.abs_diff(known) * 100 > known * TOLERANCE))
        .map(|(what, cost)| format!("(\"{what}\", {cost}), not {:?}", written(what)))
        .collect();
    assert!(others.is_empty() && seen.len() == COSTS.len(), "these cost something else:\n{}", others.join("\n"));
}

/// The kit asks less of a policy, since a language may collect late; ours collects nothing, and must lose nothing.
#[test]
fn hundreds_of_exchanges_leave_the_memory_of_our_authority_as_it_was() {
    const EXCHANGES: usize = 400;
    const SLACK: usize = 512 << 10;
    let sandbox = Sandbox::compile(WIDE_AUTHORITY, Kind::Authority).unwrap();
    let mut solo = sandbox.instantiate(&lent()).unwrap();
    let mut authority = solo.authority().unwrap();
    authority.configure(Some(ISSUER), ISSUER).unwrap().unwrap();
    authority.begin(Boot::Advance, None).unwrap().unwrap();
    let issued = authority.issue(&Actor::Machine, &IssueRequest::named("nightly job")).unwrap().unwrap();
    let presented =
        |secret: &str| ExchangeRequest { refresh_token: secret.to_owned(), scope: None, resource: None, peer: None };
    let (good, bad) = (presented(&issued.secret.unwrap()), presented("jtn_rt_"));
    let round = |solo: &mut Solo, number: usize| {
        for _ in 0..number {
            let mut authority = solo.authority().unwrap();
            assert!(authority.exchange(&good).unwrap().is_ok() && authority.exchange(&bad).unwrap().is_err());
            authority.snapshot().unwrap().unwrap();
        }
        solo.memory()
    };
    let before = round(&mut solo, EXCHANGES / 4);
    let grown = round(&mut solo, EXCHANGES).saturating_sub(before);
    assert!(grown <= SLACK, "{EXCHANGES} exchanges made its memory grow by {} KiB", grown >> 10);
}
