//! The verifier: natively, and as the component that the host runs.

use std::sync::Arc;

use anyhow::Context as _;
use jeton_policy::{
    authority::{Actor, Authority, Boot, ExchangeRequest, Expiry, IssueRequest},
    ports::{Clock, Entropy, Reading, RootKey as RootKeyPort},
    seconds::Seconds,
    verifier::{Moment, Verifier as NativeVerifier},
};
use jeton_runtime::{Lent, Live, Policy, Verifier};
use jeton_store::MemoryStore;
use zeroize::Zeroizing;

use crate::{
    book::report::Report,
    component::{self, Behaviour},
    measure::{Work, interleaved},
};

pub(crate) const NOW: u64 = 1_800_000_000;

/// What the native authority is lent.
pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Reading {
        Reading::at(NOW)
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let call = CALLS.fetch_add(1, Relaxed).to_be_bytes();
        for (byte, of) in bytes.iter_mut().zip(call.iter().cycle()) {
            *byte = *of;
        }
    }
}

impl RootKeyPort for Fixed {
    fn root_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new([1; 32])
    }
}

/// Verdicts of the component against native ones and against an empty call that takes the same bytes.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    let store = Arc::new(MemoryStore::new());
    let authority = Authority::new(Arc::clone(&store), Fixed, Fixed, Fixed);
    authority.configure(Some("https://tokens.example"), "")?;
    authority.begin(Boot::Advance, None)?;
    let request = IssueRequest {
        expiry: Expiry::Never,
        scopes: vec!["orders:read".to_owned(), "orders:write".to_owned()],
        owner: Some("alice@example.com".to_owned()),
        ..IssueRequest::named("figures")
    };
    let secret = authority.issue(&Actor::Machine, &request)?.secret.context("a secret")?;
    // More tokens than the memo holds, gone through in turn: every one of them is a miss.
    let tokens: Vec<String> = (0..8192)
        .map(|_| authority.exchange(&secret, &ExchangeRequest::default()).map(|exchanged| exchanged.access_token))
        .collect::<Result<_, _>>()?;
    let token = tokens.first().context("a token")?;

    let mut native = NativeVerifier::new();
    native.load(&authority.snapshot()?)?;
    let mut cold = NativeVerifier::new();
    cold.load(&authority.snapshot()?)?;
    let policy = Policy::embedded()?;
    let mut warm = verifier(&policy, &store)?;
    let mut missing = verifier(&policy, &store)?;
    let empty = component::component(
        "verifier",
        &[
            ("jeton:policy/verification@0.1.0#load", Behaviour::Holds),
            ("jeton:policy/verification@0.1.0#verify", Behaviour::TrapsOnNothing),
        ],
    );
    let empty = Policy::compile(jeton_runtime::artifacts::AUTHORITY, &empty)?;
    let mut nothing = verifier(&empty, &store)?;

    let at = Moment { now: Seconds(NOW), held_for: Seconds(0), enforce_lease: false, peer: None };
    anyhow::ensure!(warm.verify(token, NOW, None).is_ok() && native.verify(token, at).is_ok(), "the token is good");
    let mut turn = tokens.iter().cycle();
    let mut other_turn = tokens.iter().cycle();
    let mut hits: Vec<Work<'_>> = vec![
        Box::new(|calls| {
            for _ in 0..calls {
                std::hint::black_box(nothing.verify(token, NOW, None).is_err());
            }
        }),
        Box::new(|calls| {
            for _ in 0..calls {
                std::hint::black_box(warm.verify(token, NOW, None).is_ok());
            }
        }),
        Box::new(|calls| {
            for _ in 0..calls {
                std::hint::black_box(native.verify(token, at).is_ok());
            }
        }),
    ];
    let hit = interleaved(9, 200_000, &mut hits);
    drop(hits);
    let mut misses: Vec<Work<'_>> = vec![
        Box::new(|calls| {
            for token in turn.by_ref().take(usize::try_from(calls).unwrap_or(0)) {
                std::hint::black_box(missing.verify(token, NOW, None).is_ok());
            }
        }),
        Box::new(|calls| {
            for token in other_turn.by_ref().take(usize::try_from(calls).unwrap_or(0)) {
                std::hint::black_box(cold.verify(token, at).is_ok());
            }
        }),
    ];
    let miss = interleaved(9, 4_000, &mut misses);
    drop(misses);
    let [empty, component_hit, native_hit] = *hit.as_slice() else { anyhow::bail!("three figures") };
    let [component_miss, native_miss] = *miss.as_slice() else { anyhow::bail!("two figures") };

    report.section("Verification, one call on the thread that asks");
    report.text(&format!("Access token of {} bytes, no cuts, deadline armed.", token.len()));
    report.row("an empty call that takes the same bytes", &format!("{empty:.0} ns"), "");
    report.row(
        "component, verified before",
        &format!("{component_hit:.0} ns"),
        &format!("{:.2} x the empty call", component_hit / empty),
    );
    report.row("natively, verified before", &format!("{native_hit:.0} ns"), "");
    report.row(
        "component, signature",
        &format!("{:.1} us", component_miss / 1e3),
        &format!("{:.2} x natively", component_miss / native_miss),
    );
    report.row("natively, signature", &format!("{:.1} us", native_miss / 1e3), "");
    report.keep("verify-hit", component_hit / empty)?;
    report.keep("verify-hit-us", component_hit / 1e3)?;
    report.keep("verify-miss", component_miss / native_miss)
}

fn verifier(policy: &Policy, store: &Arc<MemoryStore>) -> anyhow::Result<Verifier> {
    let (live, publisher) = Live::new(policy, &Lent::new(Arc::clone(store) as _, None))?;
    drop(publisher);
    live.recover()?;
    Ok(Verifier::new(policy, live)?)
}
