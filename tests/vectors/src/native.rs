//! The rules, natively: the first of the runtimes that give the verdicts.

use jeton_policy::{
    network::Address,
    seconds::Seconds,
    verifier::{Accepted, Moment, Verifier},
};

use crate::{Case, Verdict};

/// When, with what at hand and from where a token is judged.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// Unix time of the caller's clock.
    pub now: u64,
    /// Seconds since the live set was asked for.
    pub held_for: u64,
    /// Whether the lease binds.
    pub enforce_lease: bool,
    /// The address of who presents it.
    pub peer: Option<std::net::IpAddr>,
}

impl At {
    /// The moment of a case.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let Case { now, held_for, enforce_lease, peer, .. } = *case;
        Self { now, held_for, enforce_lease, peer }
    }
}

/// A verifier that has loaded the documents of a case, and what loading each of them gave.
#[must_use]
pub fn loaded(case: &Case) -> (Verifier, Vec<String>) {
    let mut verifier = Verifier::new();
    let gave = case.loads.iter().map(|document| load(&mut verifier, document.document.as_bytes())).collect();
    (verifier, gave)
}

/// Loads a document: `loaded`, or why it was refused, in the words of the contract.
pub fn load(verifier: &mut Verifier, document: &[u8]) -> String {
    verifier.load(document).map_or_else(word, |_| "loaded".to_owned())
}

/// Judges a token.
pub fn judge(verifier: &mut Verifier, token: &str, at: At) -> Verdict {
    let At { now, held_for, enforce_lease, peer } = at;
    let peer = peer.map(Address::from);
    let at = Moment { now: Seconds(now), held_for: Seconds(held_for), enforce_lease, peer };
    match verifier.verify(token, at) {
        Err(refusal) => Verdict::Refused(word(refusal)),
        Ok(Accepted { answer, network }) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Verdict::Accepted {
                introspection: text(answer.introspection()),
                subject: text(answer.subject()),
                client: text(answer.client()),
                scope: text(answer.scope()),
                audience: text(answer.audience()),
                expires_at: answer.expires_at().0,
                network: word(network),
            }
        }
    }
}

/// A verdict in the words of the contract: `WrongEpoch` is `wrong-epoch`.
#[must_use]
pub fn word(verdict: impl std::fmt::Debug) -> String {
    let name = format!("{verdict:?}");
    let hyphenated = name.char_indices().flat_map(|(place, letter)| {
        let hyphen = (place > 0 && letter.is_uppercase()).then_some('-');
        hyphen.into_iter().chain(letter.to_lowercase())
    });
    hyphenated.collect()
}
