//! The rules, natively.

use jeton_policy::{
    network::Address,
    seconds::Seconds,
    verifier::{Accepted, Moment, Verifier},
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
    let at = Moment {
        now: Seconds(case.now),
        held_for: Seconds(case.held_for),
        enforce_lease: case.enforce_lease,
        peer: case.peer.map(Address::from),
    };
    let mut verdict = Verdict::Refused("never asked".to_owned());
    for _ in 0..times {
        verdict = match verifier.verify(&case.token, at) {
            Ok(Accepted { answer, network }) => {
                let [introspection, subject, client, scope, audience] = answer.lengths();
                let text = std::str::from_utf8(answer.bytes()).unwrap();
                let (introspection, rest) = text.split_at(introspection);
                let (subject, rest) = rest.split_at(subject);
                let (client, rest) = rest.split_at(client);
                let (scope, rest) = rest.split_at(scope);
                assert_eq!((rest.len(), rest.as_bytes()), (audience, answer.audience()));
                Verdict::Accepted {
                    introspection: introspection.to_owned(),
                    subject: subject.to_owned(),
                    client: client.to_owned(),
                    scope: scope.to_owned(),
                    audience: rest.to_owned(),
                    expires_at: answer.expires_at().0,
                    network: word(network),
                }
            }
            Err(refusal) => Verdict::Refused(word(refusal)),
        };
    }
    verdict
}

/// A verdict in the words of the contract: `WrongEpoch` is `wrong-epoch`.
fn word(verdict: impl std::fmt::Debug) -> String {
    let name = format!("{verdict:?}");
    let hyphenated = name.char_indices().flat_map(|(place, letter)| {
        let hyphen = (place > 0 && letter.is_uppercase()).then_some('-');
        hyphen.into_iter().chain(letter.to_lowercase())
    });
    hyphenated.collect()
}
