//! What an epoch's algorithm costs: to begin, to exchange, to verify.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use jeton_policy::{
    access_token::Algorithm,
    authority::{Actor, Authority as NativeAuthority, Boot, Expiry, IssueRequest},
    seconds::Seconds,
    verifier::{Moment, Verifier as NativeVerifier},
};
use jeton_runtime::{
    Authority, Class, Lent, Live, Policy, PoolSizes, RootKey, Verifier,
    wit::{self, exchange::ExchangeRequest},
};
use jeton_store::MemoryStore;

use crate::{
    measure::{Work, interleaved, median},
    report::Report,
    verdicts::Fixed,
};

/// When every token is minted.
const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://tokens.example";

/// Epochs of each algorithm, natively and in the component that the host runs.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    report.section("The algorithms of an epoch");
    report.text(
        "Signatures alone are verified: a token whose payload was changed is never remembered. \
         An exchange is everything that the policy does for it, over a store in memory.",
    );
    for algorithm in Algorithm::ALL {
        of(algorithm, report)?;
    }
    Ok(())
}

fn of(algorithm: Algorithm, report: &mut Report) -> anyhow::Result<()> {
    let store = Arc::new(MemoryStore::new());
    let native = NativeAuthority::new(Arc::clone(&store), Fixed, Fixed, Fixed);
    native.configure(Some(ISSUER), "")?;
    native.begin(Boot::Advance, Some(algorithm))?;
    let request = IssueRequest {
        name: "figures".to_owned(),
        expiry: Expiry::Never,
        scopes: vec!["orders:read".to_owned(), "orders:write".to_owned()],
        parent: None,
        owner: Some("alice@example.com".to_owned()),
        access_ttl: None,
    };
    let secret = native.issue(&Actor::Machine, &request)?.secret.to_string();
    let policy = Policy::embedded()?;
    let lent = || {
        Ok::<_, anyhow::Error>(
            Lent::new(Arc::clone(&store) as _, Some(RootKey::draw()?)).with_clock(Arc::new(|| (NOW, 0))),
        )
    };
    let component = Authority::start(&policy, lent()?, PoolSizes::default())?;

    let (mut begins, mut begins_native) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let begun = Instant::now();
        native.advance(&Actor::Machine, Some(algorithm))?;
        begins_native.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        component
            .call_blocking(Class::Administration, |call| call.advance(&wit::types::Actor::Machine, None))?
            .map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
        begins.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let longest = begins.iter().copied().fold(0.0, f64::max);
    let (begin, begin_native) = (median(begins), median(begins_native));

    let minted = exchange(&component, &secret)?;
    let size = minted.len();
    let (live, publisher) = Live::new(&policy, &lent()?)?;
    drop(publisher);
    live.recover()?;
    let mut edge = Verifier::new(&policy, live)?;
    let at = Moment { now: Seconds(NOW), held_for: Seconds(0), enforce_lease: false };
    let mut native_edge = NativeVerifier::new();
    native_edge.load(&native.snapshot()?)?;
    anyhow::ensure!(edge.verify(&minted, NOW).is_ok() && native_edge.verify(&minted, at).is_ok(), "the token is good");
    let changed = changed(&minted).context("a token has a payload")?;
    let mut verifying: Vec<Work<'_>> = vec![
        Box::new(|calls| {
            (0..calls).for_each(|_| {
                std::hint::black_box(edge.verify(&changed, NOW).is_err());
            })
        }),
        Box::new(|calls| {
            (0..calls).for_each(|_| {
                std::hint::black_box(native_edge.verify(&changed, at).is_err());
            })
        }),
    ];
    let verified = interleaved(9, 500, &mut verifying);
    drop(verifying);
    let mut exchanging: Vec<Work<'_>> =
        vec![Box::new(|calls| (0..calls).for_each(|_| drop(std::hint::black_box(exchange(&component, &secret)))))];
    let exchanged = interleaved(9, 100, &mut exchanging);
    drop(exchanging);
    native.advance(&Actor::Machine, None)?;
    let mut exchanging: Vec<Work<'_>> = vec![Box::new(|calls| {
        (0..calls).for_each(|_| {
            std::hint::black_box(native.exchange(&secret, None).is_ok());
        });
    })];
    let exchanged_native = interleaved(9, 100, &mut exchanging);
    drop(exchanging);
    component.stop();

    let ([verify, verify_native], [exchange], [exchange_native]) =
        (verified.as_slice(), exchanged.as_slice(), exchanged_native.as_slice())
    else {
        anyhow::bail!("four figures")
    };
    let name = algorithm.name();
    let natively = |component: f64, native: f64| format!("{:.2} x natively", component / native);
    report.row(&format!("{name}: an access token"), &format!("{size} bytes"), "");
    report.row(
        &format!("{name}: begin an epoch"),
        &format!("{begin:.2} ms, {longest:.0} ms at most"),
        &natively(begin, begin_native),
    );
    report.row(
        &format!("{name}: exchange"),
        &format!("{:.0} us", exchange / 1e3),
        &natively(*exchange, *exchange_native),
    );
    report.row(&format!("{name}: verify"), &format!("{:.0} us", verify / 1e3), &natively(*verify, *verify_native));
    Ok(())
}

fn exchange(authority: &Authority, secret: &str) -> anyhow::Result<String> {
    let request = ExchangeRequest { refresh_token: secret.to_owned(), scope: None };
    let exchanged = authority.call_blocking(Class::Exchange, move |call| call.exchange(&request))?;
    Ok(exchanged.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?.access_token)
}

/// The token with another payload under its signature.
fn changed(token: &str) -> Option<String> {
    let (header, rest) = token.split_once('.')?;
    let (payload, signature) = rest.split_once('.')?;
    Some(format!("{header}.e30{payload}.{signature}"))
}
