//! Random tokens and live sets have one verdict, whoever gives it: the rules natively, their components in wasmtime, the packages for
//! Node and for Python.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::process::Command;
use std::time::Instant;

use jeton_policy::live::LiveSet;
use jeton_policy::verifier::Verifier;
use jeton_runtime::artifacts::{VERIFIER, WIDE_VERIFIER};
use jeton_vectors::Verdict;
use jeton_vectors::native::{At, judge};
use jeton_vectors::random::{Presented, Step, steps};
use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

use crate::edges;
use crate::support::place::Place;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated; the contract documents its own items")]
    wasmtime::component::bindgen!({ path: "../../wit", world: "verifier" });
}

use bindings::exports::jeton::policy::verification::{Moment, NetworkVerdict};
use bindings::jeton::policy::types::IpAddress;

/// Tokens of the short run, and as many live documents. The long one, once before a release:
/// `JETON_TEST_VERDICTS=100000 tests/run --nocapture random_tokens_and_live_sets`
const COUNT: usize = 3_000;
/// What they are drawn from. Another one is tried by `JETON_TEST_SEED`.
const SEED: u64 = 6;
/// Verdicts that go into one digest.
const BLOCK: usize = 1_000;

/// Digests of the verdicts, a block of them each, as every runtime prints them: SHA-256 in hexadecimal digits over what was said, with
/// a line end behind each.
#[derive(Default)]
struct Digests {
    done: Vec<String>,
    block: Sha256,
    said: usize,
}

impl Digests {
    fn say(&mut self, verdict: &str) {
        self.block.update(verdict.as_bytes());
        self.block.update(b"\n");
        self.said += 1;
        if self.said.is_multiple_of(BLOCK) {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        let digest = std::mem::take(&mut self.block).finalize();
        self.done.push(digest.iter().map(|byte| format!("{byte:02x}")).collect());
    }

    fn finish(mut self) -> Vec<String> {
        if !self.said.is_multiple_of(BLOCK) {
            self.end_block();
        }
        self.done
    }
}

/// What is said of a token.
fn told(verdict: Verdict) -> String {
    match verdict {
        Verdict::Refused(why) => why,
        Verdict::Accepted { introspection, subject, client, scope, audience, expires_at, network } => {
            [introspection, subject, client, scope, audience, expires_at.to_string(), network].join("\u{1f}")
        }
    }
}

/// The rules, natively.
#[derive(Default)]
struct Native(Verifier);

impl Native {
    fn load(&mut self, document: &str) -> String {
        let held = |live: &LiveSet| format!("loaded {} {} {}", live.sequence(), live.epoch().number(), live.cuts());
        self.0.load(document.as_bytes()).map_or_else(jeton_vectors::native::word, held)
    }

    fn judge(&mut self, presented: &Presented) -> String {
        let Presented { now, held_for, enforce_lease, peer, .. } = *presented;
        told(judge(&mut self.0, &presented.token, At { now, held_for, enforce_lease, peer }))
    }
}

/// A component in wasmtime.
struct Compiled {
    engine: Engine,
    component: Component,
}

struct Instance {
    store: Store<()>,
    verifier: bindings::Verifier,
}

impl Compiled {
    fn new(component: &[u8], wide: bool) -> Compiled {
        let engine = Engine::new(Config::new().wasm_component_model(true).wasm_wide_arithmetic(wide)).unwrap();
        let component = Component::new(&engine, component).unwrap();
        Compiled { engine, component }
    }

    fn begin(&self) -> Instance {
        let mut store = Store::new(&self.engine, ());
        let linker = Linker::new(&self.engine);
        let verifier = bindings::Verifier::instantiate(&mut store, &self.component, &linker).unwrap();
        Instance { store, verifier }
    }
}

impl Instance {
    fn load(&mut self, document: &str) -> String {
        let rules = self.verifier.jeton_policy_verification();
        match rules.call_load(&mut self.store, document.as_bytes()).unwrap() {
            Ok(held) => format!("loaded {} {} {}", held.sequence, held.epoch, held.cuts),
            Err(refusal) => refusal.name().to_owned(),
        }
    }

    fn judge(&mut self, presented: &Presented) -> String {
        let Presented { now, held_for, enforce_lease, peer, .. } = *presented;
        let at = Moment { now, held_for, peer: peer.map(address) };
        let rules = self.verifier.jeton_policy_verification();
        let verified = match rules.call_verify(&mut self.store, &presented.token, at, enforce_lease).unwrap() {
            Ok(verified) => verified,
            Err(refusal) => return refusal.name().to_owned(),
        };
        let mut rest = std::str::from_utf8(&verified.answer).unwrap();
        let mut part = |length: u32| {
            let (part, after) = rest.split_at(length.try_into().unwrap());
            rest = after;
            part.to_owned()
        };
        let network = match verified.network {
            NetworkVerdict::NotBound => "not-bound",
            NetworkVerdict::Inside => "inside",
            NetworkVerdict::Outside => "outside",
            NetworkVerdict::UnknownPeer => "unknown-peer",
        };
        told(Verdict::Accepted {
            introspection: part(verified.introspection_length),
            subject: part(verified.subject_length),
            client: part(verified.client_length),
            scope: part(verified.scope_length),
            audience: part(verified.audience_length),
            expires_at: verified.expires_at,
            network: network.to_owned(),
        })
    }
}

fn address(peer: IpAddr) -> IpAddress {
    match peer {
        IpAddr::V4(peer) => IpAddress::V4(peer.to_bits()),
        IpAddr::V6(peer) => {
            let bits = peer.to_bits();
            IpAddress::V6(((bits >> 64).try_into().unwrap(), (bits & u128::from(u64::MAX)).try_into().unwrap()))
        }
    }
}

fn asked<T: std::str::FromStr<Err: std::fmt::Debug>>(variable: &str, otherwise: T) -> T {
    std::env::var(variable).map_or(otherwise, |asked| asked.parse().unwrap())
}

#[test]
fn random_tokens_and_live_sets_have_one_verdict_natively_in_wasmtime_in_node_and_in_python() {
    let (seed, count) = (asked("JETON_TEST_SEED", SEED), asked("JETON_TEST_VERDICTS", COUNT));
    let place = Place::new();
    let file = place.path("steps");
    let began = Instant::now();
    let mut steps_file = BufWriter::new(File::create(&file).unwrap());
    let components = [Compiled::new(VERIFIER, false), Compiled::new(WIDE_VERIFIER, true)];
    let (mut native, mut instances) = (Native::default(), Vec::new());
    let mut digests = Digests::default();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for step in steps(seed, count) {
        let step = step.unwrap();
        serde_json::to_writer(&mut steps_file, &step).unwrap();
        steps_file.write_all(b"\n").unwrap();
        let verdict = match &step {
            Step::Begin => {
                native = Native::default();
                instances = components.iter().map(Compiled::begin).collect();
                continue;
            }
            Step::Load(document) => native.load(document),
            Step::Judge(presented) => native.judge(presented),
        };
        for instance in &mut instances {
            let other = match &step {
                Step::Load(document) => instance.load(document),
                Step::Judge(presented) => instance.judge(presented),
                Step::Begin => unreachable!("nothing is said of a beginning"),
            };
            assert_eq!(verdict, other, "seed {seed}: {step:?}");
        }
        digests.say(&verdict);
        let kind = match &step {
            Step::Load(_) => format!("load: {}", verdict.split(' ').next().unwrap()),
            // The word of a refusal, or what the networks of a living token say.
            _ => verdict.rsplit('\u{1f}').next().unwrap().to_owned(),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    steps_file.into_inner().unwrap();
    let digests = digests.finish();
    eprintln!(
        "{count} tokens and live sets of seed {seed}, natively and in wasmtime, in {:.1?}: {kinds:?}",
        began.elapsed()
    );
    for kind in ["malformed", "wrong-epoch", "bad-signature", "not-yet-valid", "expired", "cut", "stale"]
        .into_iter()
        .chain(["not-bound", "inside", "outside", "unknown-peer"])
        .chain(["load: loaded", "load: malformed", "load: another-authority", "load: older", "load: gap"])
    {
        assert!(kinds.contains_key(kind), "none is {kind}: {kinds:?}");
    }

    edges::packages();
    let [mut node, mut python] = edges::judges(&file);
    std::thread::scope(|scope| {
        for (runtime, command) in [("Node", &mut node), ("Python", &mut python)] {
            let digests = &digests;
            scope.spawn(move || same_in(runtime, command, digests, seed));
        }
    });
}

fn same_in(runtime: &str, command: &mut Command, digests: &[String], seed: u64) {
    let began = Instant::now();
    let output = command.output().expect("the runtime starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{runtime}: {said}{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<&str> = said.lines().collect();
    assert_eq!(theirs.len(), digests.len(), "{runtime}");
    for (block, (ours, theirs)) in digests.iter().zip(theirs).enumerate() {
        let from = block * BLOCK;
        assert_eq!(ours, theirs, "{runtime}, seed {seed}: one of the verdicts from number {from} on is another");
    }
    eprintln!("{runtime}: the same in {:.1?}", began.elapsed());
}
