//! What an epoch's algorithm costs: to begin, to exchange, to verify.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jeton_policy::{
    access_token::Algorithm,
    authority::{Actor, Authority as NativeAuthority, Boot, ExchangeRequest as NativeExchange, Expiry, IssueRequest},
    seconds::Seconds,
    verifier::{Moment, Verifier as NativeVerifier},
};
use jeton_runtime::{
    Authority, Class, Lent, Live, Policy, PoolSizes, RootKey, Verifier,
    wit::{self, exchange::ExchangeRequest},
};
use jeton_store::MemoryStore;

use crate::{book::report::Report, measure::median, parts::verdicts::Fixed};

/// When every token is minted.
const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://tokens.example";

/// Epochs of each algorithm, natively and in the component that the host runs.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    report.section("The algorithms of an epoch");
    report.text(
        "Signatures alone are verified: a token whose payload was changed is never remembered. \
         An exchange is everything that the policy does for it, over a store in memory. \
         What is counted is processor time.",
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
        expiry: Expiry::Never,
        scopes: vec!["orders:read".to_owned(), "orders:write".to_owned()],
        owner: Some("alice@example.com".to_owned()),
        ..IssueRequest::named("figures")
    };
    let secret = native.issue(&Actor::Machine, &request)?.secret.context("a secret")?.to_string();
    let policy = Policy::embedded()?;
    let lent = || {
        Ok::<_, anyhow::Error>(
            Lent::new(Arc::clone(&store) as _, Some(RootKey::draw()?)).with_clock(Arc::new(|| (NOW, 0))),
        )
    };
    let component = Authority::start(&policy, lent()?, PoolSizes::default())?;

    let (mut begins, mut begins_native) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        begins_native.push(computed(|| native.advance(&Actor::Machine, Some(algorithm)))?);
        begins.push(computed(|| {
            let advanced =
                component.call_blocking(Class::Administration, |call| call.advance(&wit::types::Actor::Machine, None));
            advanced?.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))
        })?);
    }
    let longest = begins.iter().copied().fold(0.0, f64::max);
    let (begin, begin_native) = (median(begins), median(begins_native));

    let minted = exchange_once(&component, &secret)?;
    let size = minted.len();
    let (live, publisher) = Live::new(&policy, &lent()?)?;
    drop(publisher);
    live.recover()?;
    let mut edge = Verifier::new(&policy, live)?;
    let at = Moment { now: Seconds(NOW), held_for: Seconds(0), enforce_lease: false, peer: None };
    let mut native_edge = NativeVerifier::new();
    native_edge.load(&native.snapshot()?)?;
    anyhow::ensure!(
        edge.verify(&minted, NOW, None).is_ok() && native_edge.verify(&minted, at).is_ok(),
        "the token is good"
    );
    let changed = changed(&minted).context("a token has a payload")?;
    let verify = many(500, || drop(edge.verify(&changed, NOW, None)))?;
    let verify_native = many(500, || {
        std::hint::black_box(native_edge.verify(&changed, at).is_err());
    })?;
    let exchange = many(100, || drop(exchange_once(&component, &secret)))?;
    native.advance(&Actor::Machine, None)?;
    let exchange_native = many(100, || drop(native.exchange(&secret, &NativeExchange::default())))?;
    component.stop();

    let name = algorithm.name();
    let natively = |component: f64, native: f64| format!("{:.2} x natively", component / native);
    report.row(&format!("{name}: an access token"), &format!("{size} bytes"), "");
    report.row(
        &format!("{name}: begin an epoch"),
        &format!("{:.2} ms, {:.0} ms at most", begin * 1e3, longest * 1e3),
        &natively(begin, begin_native),
    );
    report.row(
        &format!("{name}: exchange"),
        &format!("{:.0} us", exchange * 1e6),
        &natively(exchange, exchange_native),
    );
    report.row(&format!("{name}: verify"), &format!("{:.0} us", verify * 1e6), &natively(verify, verify_native));
    Ok(())
}

fn exchange_once(authority: &Authority, secret: &str) -> anyhow::Result<String> {
    let request = ExchangeRequest { refresh_token: secret.to_owned(), scope: None, resource: None, peer: None };
    let exchanged = authority.call_blocking(Class::Exchange, move |call| call.exchange(&request))?;
    Ok(exchanged.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?.access_token)
}

/// The token with another payload under its signature.
fn changed(token: &str) -> Option<String> {
    let (header, rest) = token.split_once('.')?;
    let (payload, signature) = rest.split_once('.')?;
    Some(format!("{header}.e30{payload}.{signature}"))
}

/// The median processor time of one call, in seconds, of nine rounds.
fn many(calls: u32, mut call: impl FnMut()) -> anyhow::Result<f64> {
    call();
    let mut round = || {
        (0..calls).for_each(|_| call());
        Ok::<_, anyhow::Error>(())
    };
    let rounds = (0..9).map(|_| computed(&mut round));
    Ok(median(rounds.collect::<anyhow::Result<Vec<f64>>>()?) / f64::from(calls))
}

/// The processor time, in seconds, that all threads of this process take for something.
fn computed<R, E: Into<anyhow::Error>>(work: impl FnOnce() -> Result<R, E>) -> anyhow::Result<f64> {
    let begun = processor_time();
    work().map_err(Into::into)?;
    Ok(processor_time().saturating_sub(begun).as_secs_f64())
}

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
