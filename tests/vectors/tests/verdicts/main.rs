//! The committed verdicts, given by the rules natively and by every build of the components.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

mod component;
mod native;
mod page;

use jeton_vectors::{COMMITTED, Case, Vectors, Verdict, generate};

#[test]
fn the_committed_vectors_are_the_generated_ones() {
    assert_eq!(Vectors::parse(COMMITTED).unwrap(), generate::vectors().unwrap());
}

#[test]
fn every_kind_of_verdict_has_a_case() {
    let cases = Vectors::parse(COMMITTED).unwrap().cases;
    for why in ["malformed", "wrong-epoch", "bad-signature", "not-yet-valid", "expired", "cut", "stale"] {
        assert!(cases.iter().any(|case| case.verdict == Verdict::Refused(why.to_owned())), "{why}");
    }
    for network in ["not-bound", "inside", "outside", "unknown-peer"] {
        let has = |case: &Case| matches!(&case.verdict, Verdict::Accepted { network: told, .. } if told == network);
        assert!(cases.iter().any(has), "{network}");
    }
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "names are unique");
}
