//! Hot operations of the policy, natively, for whoever counts instructions: `jeton-bench count NAME` under callgrind, which counts
//! within [`counted_part`] alone. Without a name, the names are printed.

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use anyhow::Context as _;
use jeton_policy::{
    authority::{Actor, Authority, Boot, ExchangeRequest, Expiry, IssueRequest},
    record::Reason,
    seconds::Seconds,
    verifier::{Moment, Verifier},
};
use jeton_store::MemoryStore;

use crate::parts::verdicts::{Fixed, NOW};

/// What is counted: nothing around it. It is left by a return, which a call at its very end would take from it.
#[inline(never)]
fn counted_part(work: &mut dyn FnMut()) {
    work();
    std::hint::black_box(());
}

/// Which operation is counted; of all of them the names, where none is.
struct Counting<'a>(Option<&'a str>);

impl Counting<'_> {
    /// Does `work` once, so that it is counted where it is the one of this name.
    fn of<T>(&self, name: &str, mut work: impl FnMut() -> T) -> anyhow::Result<T> {
        let mut given = None;
        let mut once = || given = Some(work());
        match self.0 {
            Some(counted) if counted == name => counted_part(&mut once),
            Some(_) => once(),
            None => {
                // Whoever counts asks for each of them.
                let _ = writeln!(io::stdout(), "{name}");
                once();
            }
        }
        given.context("it was done")
    }
}

/// Does all of them, one counted.
pub(crate) fn run(counted: Option<&str>) -> anyhow::Result<()> {
    let counting = Counting(counted);
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
    let (job, doomed) = (issue()?, counting.of("issue", issue)??);
    let secret = job.secret.context("a secret")?;
    let exchange = |secret: &str| authority.exchange(secret, &ExchangeRequest::default());
    let caller = exchange(&secret)?.access_token;
    let cut = exchange(&doomed.secret.context("a secret")?)?.access_token;
    let token = counting.of("exchange", || exchange(&secret))??.access_token;
    let before = authority.snapshot()?;
    authority.delete(&Actor::Machine, &[doomed.token.id.to_string()], Reason::Deleted, None)?;
    let one_cut = authority.snapshot()?;

    let at = |now| Moment { now: Seconds(now), held_for: Seconds(0), enforce_lease: false, peer: None };
    let mut native = Verifier::new();
    native.load(&before)?;
    let verdict = |verifier: &mut Verifier, name: &str, token: &str, now: u64, alive: bool| -> anyhow::Result<()> {
        let is_alive = counting.of(name, || verifier.verify(token, at(now)).is_ok())?;
        anyhow::ensure!(is_alive == alive, "{name}: another verdict");
        Ok(())
    };
    let forged: String =
        token.char_indices().map(|(place, char)| if place + 1 == token.len() { other(char) } else { char }).collect();
    anyhow::ensure!(native.verify(&cut, at(NOW)).is_ok() && native.verify(&caller, at(NOW)).is_ok(), "both are good");
    verdict(&mut native, "verify, for the first time", &token, NOW, true)?;
    verdict(&mut native, "verify, verified before", &token, NOW, true)?;
    verdict(&mut native, "verify, malformed", "no token", NOW, false)?;
    verdict(&mut native, "verify, of another's signature", &forged, NOW, false)?;
    let is_active = |answer: &[u8]| answer.starts_with(br#"{"active":true"#);
    let introspected = counting
        .of("introspect, both verified before", || native.introspect(&caller, &token, at(NOW)).is_ok_and(is_active))?;
    anyhow::ensure!(introspected, "it is alive");
    counting.of("load, of one cut", || native.load(&one_cut).is_ok())?;
    verdict(&mut native, "verify, cut", &cut, NOW, false)?;
    // Time is never judged to go back: last of all.
    verdict(&mut native, "verify, expired", &token, NOW + 900, false)?;
    Ok(())
}

/// Another letter of base64url in its place: the last one holds bits that count.
fn other(letter: char) -> char {
    if letter == 'A' { 'Q' } else { 'A' }
}
