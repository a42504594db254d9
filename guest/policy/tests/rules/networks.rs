//! Networks and audience: conditions of use beside the one rule.

use std::borrow::Cow;

use jeton_policy::{
    access_token::{Algorithm, Claims, EpochSigner},
    live::{EpochMember, Whole},
    network::{Address, NetworkVerdict},
    seconds::Seconds,
    verifier::{INACTIVE, IntrospectRefusal, Moment, Verifier},
};

use crate::world::{ISSUER, START};

const INSIDE: Address = Address::V4([192, 0, 2, 1]);
const OUTSIDE: Address = Address::V4([198, 51, 100, 1]);
const ORDERS: &str = "https://orders.example";

/// An epoch's key, and a verifier of its tokens.
struct Epoch {
    signer: EpochSigner,
    verifier: Verifier,
}

impl Epoch {
    fn new() -> Self {
        let (signer, _) = EpochSigner::begin(&[1; 32], Algorithm::EdDsa, 1, [2; 16]).unwrap();
        let whole = Whole {
            issuer: Cow::Borrowed(ISSUER),
            sequence: 1,
            as_of: Seconds(START),
            lease: Seconds(5),
            epoch: EpochMember {
                number: 1,
                kid: Cow::Borrowed(signer.key().kid()),
                public_key: signer.public_key().clone(),
            },
            cuts: Vec::new(),
        };
        let mut verifier = Verifier::new();
        verifier.load(&whole.render()).unwrap();
        Self { signer, verifier }
    }

    fn token(&self, jti: &str, audience: &str, scope: &str, networks: &[&'static str]) -> String {
        self.signed(jti, audience, scope, networks, &["OwnLineage000000000000".to_owned()])
    }

    fn signed(&self, jti: &str, audience: &str, scope: &str, networks: &[&'static str], lineage: &[String]) -> String {
        self.signer.sign(&Claims {
            iss: Cow::Borrowed(ISSUER),
            aud: Cow::Borrowed(audience),
            sub: Cow::Borrowed("alice"),
            client_id: Cow::Borrowed("client"),
            iat: Seconds(START),
            exp: Seconds(START + 900),
            jti: Cow::Borrowed(jti),
            scope: Cow::Borrowed(scope),
            lin: lineage.iter().map(|id| Cow::Borrowed(id.as_str())).collect(),
            net: networks.iter().map(|text| Cow::Borrowed(*text)).collect(),
        })
    }

    fn ask(&mut self, caller: &str, token: &str, peer: Option<Address>) -> Result<Vec<u8>, IntrospectRefusal> {
        self.verifier.introspect(caller, token, from(peer)).map(<[u8]>::to_vec)
    }
}

fn from(peer: Option<Address>) -> Moment {
    Moment { now: Seconds(START), held_for: Seconds(0), enforce_lease: false, peer }
}

fn is_active(answer: Result<Vec<u8>, IntrospectRefusal>) -> bool {
    answer.unwrap() != INACTIVE
}

#[test]
fn a_remembered_token_is_judged_by_each_peer_anew() {
    let mut epoch = Epoch::new();
    let token = epoch.token("a", ISSUER, "", &["192.0.2.0/24"]);
    for _ in 0..2 {
        for (peer, verdict) in [
            (Some(INSIDE), NetworkVerdict::Inside),
            (Some(OUTSIDE), NetworkVerdict::Outside),
            (None, NetworkVerdict::UnknownPeer),
        ] {
            assert_eq!(epoch.verifier.verify(&token, from(peer)).unwrap().network, verdict);
            let (claims, told) = epoch.verifier.claims(&token, from(peer)).unwrap();
            assert_eq!((claims.net.as_slice(), told), (&[Cow::Borrowed("192.0.2.0/24")][..], verdict));
        }
    }
}

#[test]
fn a_caller_outside_its_networks_asks_about_nothing_not_even_itself() {
    let mut epoch = Epoch::new();
    let caller = epoch.token("a", ISSUER, "jeton:introspect", &["192.0.2.0/24"]);
    let other = epoch.token("b", ISSUER, "", &[]);
    for token in [&other, &caller] {
        assert!(is_active(epoch.ask(&caller, token, Some(INSIDE))));
        assert_eq!(epoch.ask(&caller, token, Some(OUTSIDE)), Err(IntrospectRefusal::InvalidToken));
        assert_eq!(epoch.ask(&caller, token, None), Err(IntrospectRefusal::InvalidToken));
    }
}

#[test]
fn introspection_tells_the_networks_of_the_token_asked_about_and_does_not_judge_them() {
    let mut epoch = Epoch::new();
    let caller = epoch.token("a", ISSUER, "jeton:introspect", &[]);
    let token = epoch.token("b", ISSUER, "", &["192.0.2.0/24", "2001:db8::/32"]);
    let answer = String::from_utf8(epoch.ask(&caller, &token, Some(OUTSIDE)).unwrap()).unwrap();
    assert!(answer.contains(r#""net":["192.0.2.0/24","2001:db8::/32"]"#), "{answer}");
    let answer = String::from_utf8(epoch.ask(&caller, &caller, Some(OUTSIDE)).unwrap()).unwrap();
    assert!(!answer.contains("net"), "{answer}");
}

#[test]
fn a_caller_for_one_audience_is_told_about_tokens_for_that_audience_alone() {
    let mut epoch = Epoch::new();
    let scope = "jeton:introspect";
    let [anyone, orders] = [ISSUER, ORDERS].map(|audience| epoch.token("caller", audience, scope, &[]));
    let tokens = [ISSUER, ORDERS, "https://billing.example"].map(|audience| epoch.token("asked", audience, "", &[]));
    for _ in 0..2 {
        assert_eq!(tokens.each_ref().map(|token| is_active(epoch.ask(&anyone, token, None))), [true, true, true]);
        assert_eq!(tokens.each_ref().map(|token| is_active(epoch.ask(&orders, token, None))), [false, true, false]);
    }
    for token in [&tokens[1], &tokens[2]] {
        assert!(is_active(epoch.ask(token, token, None)), "a token may ask about itself");
    }
    assert_eq!(epoch.ask(&tokens[1], &tokens[2], None), Err(IntrospectRefusal::InsufficientScope));
}

#[test]
fn a_lineage_holds_lineage_ids_and_the_jtis_of_exchanged_tokens_and_nothing_else() {
    let mut epoch = Epoch::new();
    let mut accepts = |lineage: &[String]| {
        let token = epoch.signed("a", ISSUER, "", &[], lineage);
        epoch.verifier.verify(&token, from(None)).is_ok()
    };
    assert!(accepts(&["a".repeat(22), "B".repeat(55), "0".repeat(22)]));
    assert!(accepts(&vec!["a".repeat(55); 32]));
    for length in [0, 1, 21, 23, 54, 56, 77] {
        assert!(!accepts(&["a".repeat(22), "b".repeat(length)]), "{length}");
    }
    assert!(!accepts(&[format!("{}-", "a".repeat(54))]));
    assert!(!accepts(&vec!["a".repeat(22); 33]) && !accepts(&[]));
}
