//! The components: the portable builds, and those with wide arithmetic that the host runs.

use std::net::IpAddr;

use jeton_runtime::artifacts::{AUTHORITY, VERIFIER, WIDE_AUTHORITY, WIDE_VERIFIER};
use jeton_vectors::{COMMITTED, Case, Vectors, Verdict, given::Given};
use wasmtime::{
    Config, Engine, Store,
    component::{Component, InstancePre, Linker},
};

use bindings::exports::jeton::policy::verification::{Guest, GuestIndices, Moment, NetworkVerdict};
use bindings::jeton::policy::types::IpAddress;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated; the contract documents its own items")]
    wasmtime::component::bindgen!({ path: "../../wit", world: "verifier" });
}

#[test]
fn the_portable_verifier_gives_every_verdict_without_wide_arithmetic() {
    gives_every_verdict(VERIFIER, false);
}

#[test]
fn the_verifier_that_the_host_runs_gives_every_verdict() {
    gives_every_verdict(WIDE_VERIFIER, true);
    // What was given goes into docs/verdicts.md.
    let given = Vectors::parse(COMMITTED).unwrap().cases.into_iter().map(|case| case.name).collect();
    Given { given, ..Given::default() }.write("wasmtime").unwrap();
}

#[test]
fn the_portable_authority_gives_every_verdict_without_wide_arithmetic() {
    gives_every_verdict(AUTHORITY, false);
}

#[test]
fn the_authority_that_the_host_runs_gives_every_verdict() {
    gives_every_verdict(WIDE_AUTHORITY, true);
}

#[test]
fn the_wide_builds_are_wide_and_the_portable_ones_are_not() {
    let narrow = engine(false);
    assert!(Component::new(&narrow, WIDE_VERIFIER).is_err() && Component::new(&narrow, WIDE_AUTHORITY).is_err());
    assert!(Component::new(&narrow, VERIFIER).is_ok() && Component::new(&narrow, AUTHORITY).is_ok());
}

fn engine(wide: bool) -> Engine {
    Engine::new(Config::new().wasm_component_model(true).wasm_wide_arithmetic(wide)).unwrap()
}

fn gives_every_verdict(component: &[u8], wide: bool) {
    let engine = engine(wide);
    let component = Component::new(&engine, component).unwrap();
    let mut linker = Linker::new(&engine);
    // Verification asks nothing of its host, also in the authority: whatever it imports traps here.
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let component = linker.instantiate_pre(&component).unwrap();
    for case in Vectors::parse(COMMITTED).unwrap().cases {
        assert_eq!(judge(&component, &case), case.verdict, "{}", case.name);
    }
}

/// Judges a case three times in a fresh instance: the second and third time from its memo.
fn judge(component: &InstancePre<()>, case: &Case) -> Verdict {
    let mut store = Store::new(component.engine(), ());
    let instance = component.instantiate(&mut store).unwrap();
    let guest: Guest = GuestIndices::new(component).unwrap().load(&mut store, &instance).unwrap();
    for load in &case.loads {
        let given = guest
            .call_load(&mut store, load.document.as_bytes())
            .unwrap()
            .map_or_else(|refusal| refusal.name(), |_| "loaded");
        assert_eq!(given, load.gives, "{}", case.name);
    }
    let at = Moment { now: case.now, held_for: case.held_for, peer: case.peer.map(address) };
    let mut verdicts =
        (0..3).map(|_| match guest.call_verify(&mut store, &case.token, at, case.enforce_lease).unwrap() {
            Ok(verified) => {
                let mut rest = std::str::from_utf8(&verified.answer).unwrap();
                let lengths = [
                    verified.introspection_length,
                    verified.subject_length,
                    verified.client_length,
                    verified.scope_length,
                ];
                let [introspection, subject, client, scope] = lengths.map(|length| {
                    let (part, after) = rest.split_at(length.try_into().unwrap());
                    rest = after;
                    part.to_owned()
                });
                assert_eq!(rest.len(), usize::try_from(verified.audience_length).unwrap());
                Verdict::Accepted {
                    introspection,
                    subject,
                    client,
                    scope,
                    audience: rest.to_owned(),
                    expires_at: verified.expires_at,
                    network: word(verified.network).to_owned(),
                }
            }
            Err(refusal) => Verdict::Refused(refusal.name().to_owned()),
        });
    let first = verdicts.next().unwrap();
    for verdict in verdicts {
        assert_eq!(verdict, first, "{}", case.name);
    }
    first
}

fn word(verdict: NetworkVerdict) -> &'static str {
    match verdict {
        NetworkVerdict::NotBound => "not-bound",
        NetworkVerdict::Inside => "inside",
        NetworkVerdict::Outside => "outside",
        NetworkVerdict::UnknownPeer => "unknown-peer",
    }
}

/// An address as it stands, mapped ones included: to tell those apart is the component's part.
fn address(peer: IpAddr) -> IpAddress {
    match peer {
        IpAddr::V4(peer) => IpAddress::V4(peer.to_bits()),
        IpAddr::V6(peer) => {
            let bits = peer.to_bits();
            IpAddress::V6(((bits >> 64).try_into().unwrap(), (bits & u128::from(u64::MAX)).try_into().unwrap()))
        }
    }
}
