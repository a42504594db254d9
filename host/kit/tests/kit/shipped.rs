//! The components that the binary carries hold every case.

use jeton_kit::{Kind, check};
use jeton_runtime::artifacts::{AUTHORITY, VERIFIER, WIDE_AUTHORITY, WIDE_VERIFIER};

fn holds(component: &[u8], world: Kind) {
    let report = check(component, &mut |tried| println!("{:9} {}", tried.outcome, tried.case.id)).unwrap();
    assert_eq!(report.world, world);
    assert!(report.holds(), "{:#?}", report.broken().collect::<Vec<_>>());
}

#[test]
fn the_portable_authority_holds_every_case() {
    holds(AUTHORITY, Kind::Authority);
}

#[test]
fn the_portable_verifier_holds_every_case() {
    holds(VERIFIER, Kind::Verifier);
}

#[test]
fn the_authority_that_the_host_runs_holds_every_case() {
    holds(WIDE_AUTHORITY, Kind::Authority);
}

#[test]
fn the_verifier_that_the_host_runs_holds_every_case() {
    holds(WIDE_VERIFIER, Kind::Verifier);
}
