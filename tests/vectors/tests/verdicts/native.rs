//! The rules, natively.

use jeton_policy::{
    seconds::Seconds,
    verifier::{Moment, Verifier},
};
use jeton_vectors::{COMMITTED, Case, Vectors, Verdict};

#[test]
fn the_rules_give_every_verdict() {
    for case in Vectors::parse(COMMITTED).unwrap().cases {
        assert_eq!(judge(&case, 1), case.verdict, "{}", case.name);
    }
}

#[test]
fn the_rules_give_every_verdict_again_from_the_memo() {
    for case in Vectors::parse(COMMITTED).unwrap().cases {
        assert_eq!(judge(&case, 3), case.verdict, "{}", case.name);
    }
}

fn judge(case: &Case, times: usize) -> Verdict {
    let mut verifier = Verifier::new();
    for load in &case.loads {
        let given = verifier.load(load.document.as_bytes()).map_or_else(word, |_| "loaded".to_owned());
        assert_eq!(given, load.gives, "{}", case.name);
    }
    let at = Moment { now: Seconds(case.now), held_for: Seconds(case.held_for), enforce_lease: case.enforce_lease };
    let mut verdict = Verdict::Refused("never asked".to_owned());
    for _ in 0..times {
        verdict = match verifier.verify(&case.token, at) {
            Ok(answer) => {
                let [introspection, subject, client, scope] = answer.lengths();
                let text = std::str::from_utf8(answer.bytes()).unwrap();
                let (introspection, rest) = text.split_at(introspection);
                let (subject, rest) = rest.split_at(subject);
                let (client, rest) = rest.split_at(client);
                assert_eq!(rest.len(), scope);
                Verdict::Accepted {
                    introspection: introspection.to_owned(),
                    subject: subject.to_owned(),
                    client: client.to_owned(),
                    scope: rest.to_owned(),
                    expires_at: answer.expires_at().0,
                }
            }
            Err(refusal) => Verdict::Refused(word(refusal)),
        };
    }
    verdict
}

/// A refusal in the words of the contract: `WrongEpoch` is `wrong-epoch`.
fn word(refusal: impl std::fmt::Debug) -> String {
    let name = format!("{refusal:?}");
    let hyphenated = name.char_indices().flat_map(|(place, letter)| {
        let hyphen = (place > 0 && letter.is_uppercase()).then_some('-');
        hyphen.into_iter().chain(letter.to_lowercase())
    });
    hyphenated.collect()
}
