//! The rules, natively.

use jeton_vectors::native::{At, judge, loaded};
use jeton_vectors::{COMMITTED, Case, Vectors, Verdict};

#[test]
fn the_rules_give_every_verdict() {
    gives_every_verdict(1);
}

#[test]
fn the_rules_give_every_verdict_again_from_the_memo() {
    gives_every_verdict(3);
}

fn gives_every_verdict(times: usize) {
    for case in Vectors::parse(COMMITTED).unwrap().cases {
        let (verdict, gave) = judged(&case, times);
        assert!(case.loads.iter().map(|load| &load.gives).eq(&gave), "{}: {gave:?}", case.name);
        assert_eq!(verdict, case.verdict, "{}", case.name);
    }
}

fn judged(case: &Case, times: usize) -> (Verdict, Vec<String>) {
    let (mut verifier, gave) = loaded(case);
    let verdict = (0..times).map(|_| judge(&mut verifier, &case.token, At::of(case))).last();
    (verdict.unwrap(), gave)
}
