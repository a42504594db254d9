//! Hot operations, each done once for whoever counts instructions: `jeton-bench count` under callgrind, which dumps its counts at
//! each end of [`counted_part`]. The names of the operations are printed in the order in which they are done.

use std::sync::Arc;

use anyhow::Context as _;
use jeton_policy::{
    authority::{Actor, Authority, Boot, ExchangeRequest, Expiry, IssueRequest},
    record::Reason,
    seconds::Seconds,
    verifier::{Moment, Verifier as Native},
};
use jeton_runtime::{Lent, Live, Policy, Verifier};
use jeton_store::MemoryStore;

use crate::verdicts::{Fixed, NOW};

/// What is counted: nothing around it.
#[inline(never)]
fn counted_part(work: &mut dyn FnMut()) {
    work();
}

/// Does `work` once, so that it is counted under this name.
fn counted<T>(name: &str, mut work: impl FnMut() -> T) -> anyhow::Result<T> {
    let mut given = None;
    counted_part(&mut || given = Some(work()));
    // Whoever counts reads it.
    println!("{name}");
    given.context("it was done")
}

/// Does all of them.
pub(crate) fn run() -> anyhow::Result<()> {
    let store = Arc::new(MemoryStore::new());
    let authority = Authority::new(Arc::clone(&store), Fixed, Fixed, Fixed);
    authority.configure(Some("https://tokens.example"), "")?;
    authority.begin(Boot::Advance, None)?;
    let request = IssueRequest {
        expiry: Expiry::Never,
        scopes: vec!["jeton:introspect".to_owned(), "orders:read".to_owned()],
        ..IssueRequest::named("nightly job")
    };
    let issue = || authority.issue(&Actor::Machine, &request);
    let (job, doomed) = (issue()?, issue()?);
    let secret = job.secret.context("a secret")?;
    let exchange = |secret: &str| authority.exchange(secret, &ExchangeRequest::default());
    let caller = exchange(&secret)?.access_token;
    let cut = exchange(&doomed.secret.context("a secret")?)?.access_token;
    let token = counted("exchange", || exchange(&secret))??.access_token;
    let before = authority.snapshot()?;
    authority.delete(&Actor::Machine, &[doomed.token.id.to_string()], Reason::Deleted, None)?;
    let one_cut = authority.snapshot()?;

    let at = |now| Moment { now: Seconds(now), held_for: Seconds(0), enforce_lease: false, peer: None };
    let mut native = Native::new();
    native.load(&before)?;
    let verdict = |verifier: &mut Native, name: &str, token: &str, now: u64, alive: bool| -> anyhow::Result<()> {
        let is_alive = counted(name, || verifier.verify(token, at(now)).is_ok())?;
        anyhow::ensure!(is_alive == alive, "{name}: another verdict");
        Ok(())
    };
    let forged: String = token.char_indices().map(|(place, char)| if place + 1 == token.len() { other(char) } else { char }).collect();
    anyhow::ensure!(native.verify(&cut, at(NOW)).is_ok() && native.verify(&caller, at(NOW)).is_ok(), "both are good");
    verdict(&mut native, "verify, for the first time", &token, NOW, true)?;
    verdict(&mut native, "verify, verified before", &token, NOW, true)?;
    verdict(&mut native, "verify, malformed", "no token", NOW, false)?;
    verdict(&mut native, "verify, of another's signature", &forged, NOW, false)?;
    verdict(&mut native, "verify, expired", &token, NOW + 900, false)?;
    let is_active = |answer: &[u8]| answer.starts_with(br#"{"active":true"#);
    let introspected = counted("introspect, both verified before", || {
        native.introspect(&caller, &token, at(NOW)).is_ok_and(is_active)
    })?;
    anyhow::ensure!(introspected, "it is alive");
    native.load(&one_cut)?;
    verdict(&mut native, "verify, cut", &cut, NOW, false)?;

    let (live, publisher) = Live::new(&Policy::embedded()?, &Lent::new(Arc::clone(&store) as _, None))?;
    drop(publisher);
    live.recover()?;
    let mut component = Verifier::new(&Policy::embedded()?, live)?;
    let mut crossing = |name: &str, token: &str, now: u64, alive: bool| -> anyhow::Result<()> {
        let is_alive = counted(name, || component.verify(token, now, None).is_ok())?;
        anyhow::ensure!(is_alive == alive, "{name}: another verdict");
        Ok(())
    };
    crossing("component: verify, for the first time", &token, NOW, true)?;
    crossing("component: verify, verified before", &token, NOW, true)?;
    crossing("component: verify, cut", &cut, NOW, false)?;
    Ok(())
}

/// Another letter of base64url in its place: the last one holds bits that count.
fn other(letter: char) -> char {
    if letter == 'A' { 'Q' } else { 'A' }
}
