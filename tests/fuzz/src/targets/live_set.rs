//! Live documents, read and loaded one after another.

use std::{cell::LazyCell, collections::HashSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_policy::{
    access_token::{Algorithm, Claims, EpochKey, EpochSigner, PublicKey},
    digest::CutDigest,
    live::{Delta, EpochMember, LiveSet, LoadError, Whole, Written},
    seconds::Seconds,
    verifier::{Moment, Verifier},
};

use sha2::{Digest as _, Sha256};

use crate::{Target, choices::Choices, mutation, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "live-set",
    about: "live documents: bytes, and real ones of several authorities and epochs, damaged or not, loaded in any order",
    words: &[
        "\"base\":null",
        "\"base\":7",
        "\"sequence\":8",
        "\"cuts\":[",
        "\"dropped\":[",
        "\"epoch\":{\"number\":2}",
        "\"alg\":\"none\"",
        "\"issuer\":\"https://other.example\"",
        "\"lease_seconds\":5",
        "18446744073709551615",
        "-1",
        "1e3",
        "{}",
        "[]",
        "\\u0000",
    ],
    run,
    short_pass: 25_000,
};

const ISSUERS: [&str; 2] = ["https://tokens.example", "https://other.example"];
/// When the documents were made.
const AS_OF: u64 = 1_800_000_000;

thread_local! {
    /// The keys of four epochs, and a good token of each.
    static KEYS: LazyCell<[(EpochSigner, String); 4]> = LazyCell::new(|| {
        [1, 2, 3, 4].map(|number| {
            let signer = EpochSigner::begin(&[5; 32], Algorithm::ALL[number as usize % 3], number, [6; 16]).unwrap().0;
            let token = signer.sign(&claims());
            (signer, token)
        })
    });
}

fn claims() -> Claims<'static> {
    Claims {
        iss: ISSUERS[0].into(),
        aud: ISSUERS[0].into(),
        sub: "alice".into(),
        client_id: "0000000000000000000001".into(),
        iat: Seconds(AS_OF),
        exp: Seconds(u64::MAX),
        jti: "Jti".into(),
        scope: "".into(),
        lin: vec!["OwnLineage000000000000".into()],
        net: Vec::new(),
    }
}

fn run(data: &[u8], reached: &mut Reached) {
    read(data, reached);
    let mut choices = Choices::new(data);
    let (mut verifier, mut held) = (Verifier::new(), None::<Held>);
    for _ in 0..=choices.below(6) {
        let mut document = KEYS.with(|keys| document(&mut choices, &**keys, held.as_ref()));
        if choices.below(3) == 0 {
            for _ in 0..=choices.below(3) {
                mutation::mutate(&mut choices, &mut document, TARGET.words);
            }
            read(&document, reached);
        }
        load(&mut verifier, &mut held, &document, reached);
        if choices.is_over() {
            break;
        }
    }
    load(&mut verifier, &mut held, data, reached);
    accepts_no_stranger(&mut verifier, held.as_ref());
}

/// What is read is rendered and read again as the same.
fn read(document: &[u8], reached: &mut Reached) {
    let Ok(written) = Written::parse(document) else { return reached.note("no document") };
    let rendered = match &written {
        Written::Whole(whole) => whole.render(),
        Written::Delta(delta) => delta.render(),
    };
    assert_eq!(Written::parse(&rendered).as_ref(), Ok(&written));
    reached.note(if matches!(written, Written::Whole(_)) { "a whole document" } else { "a change" });
}

/// What a verifier must hold, told without the rules' own code.
#[derive(Debug, Clone, PartialEq)]
struct Held {
    issuer: String,
    number: u64,
    /// Its members as a JSON Web Key.
    key: String,
    sequence: u64,
    as_of: u64,
    cuts: HashSet<[u8; 16]>,
}

fn load(verifier: &mut Verifier, held: &mut Option<Held>, document: &[u8], reached: &mut Reached) {
    let expected =
        Written::parse(document).map_err(|_| LoadError::Malformed).and_then(|written| after(held.as_ref(), &written));
    let outcome = verifier.load(document).map(|live| (live.sequence(), live.epoch().number(), live.cuts()));
    match (outcome, expected) {
        (Ok((sequence, number, cuts)), Ok(next)) => {
            assert_eq!((sequence, number, cuts), (next.sequence, next.number, next.cuts.len()));
            if let Some(before) = held {
                let is_older =
                    next.number < before.number || (next.number == before.number && next.sequence < before.sequence);
                assert!(!is_older && next.issuer == before.issuer);
            }
            *held = Some(next);
            reached.note("loaded");
        }
        (Err(refusal), Err(expected)) => {
            assert_eq!(refusal, expected);
            reached.note(match refusal {
                LoadError::Malformed => "refused: malformed",
                LoadError::AnotherAuthority => "refused: another authority",
                LoadError::Older => "refused: older",
                LoadError::Gap => "refused: gap",
            });
        }
        (outcome, expected) => {
            panic!("{outcome:?} where {expected:?} was expected of {}", String::from_utf8_lossy(document))
        }
    }
    is_held(verifier.live(), held.as_ref());
}

/// What the verifier holds is what the account says, whatever was refused.
fn is_held(live: Option<&LiveSet>, held: Option<&Held>) {
    let (Some(live), Some(held)) = (live, held) else { return assert!(live.is_none() && held.is_none()) };
    assert_eq!((live.issuer(), live.sequence()), (held.issuer.as_str(), held.sequence));
    assert_eq!((live.epoch().number(), live.epoch().key().kid()), (held.number, thumbprint(&held.key).as_str()));
    assert_eq!((live.as_of().0, live.cuts()), (held.as_of, held.cuts.len()));
    assert!(held.cuts.iter().all(|cut| live.is_cut(&CutDigest(*cut))));
}

/// What is held after a document.
fn after(held: Option<&Held>, written: &Written<'_>) -> Result<Held, LoadError> {
    match (written, held) {
        (Written::Delta(_), None) => Err(LoadError::Gap),
        (Written::Delta(delta), Some(held)) => {
            if delta.epoch_number < held.number || delta.sequence < held.sequence {
                return Err(LoadError::Older);
            }
            if delta.epoch_number != held.number || delta.base != held.sequence {
                return Err(LoadError::Gap);
            }
            let mut next = held.clone();
            next.cuts.retain(|cut| !delta.dropped.contains(&CutDigest(*cut)));
            next.cuts.extend(delta.cuts.iter().map(|cut| cut.0));
            next.sequence = delta.sequence;
            next.as_of = held.as_of.max(delta.as_of.0);
            Ok(next)
        }
        (Written::Whole(whole), held) => {
            if !is_key(&whole.epoch) {
                return Err(LoadError::Malformed);
            }
            let mut next = Held {
                issuer: whole.issuer.clone().into_owned(),
                number: whole.epoch.number,
                key: members(&whole.epoch.public_key),
                sequence: whole.sequence,
                as_of: whole.as_of.0,
                cuts: whole.cuts.iter().map(|cut| cut.0).collect(),
            };
            let Some(held) = held else { return Ok(next) };
            if next.issuer != held.issuer {
                return Err(LoadError::AnotherAuthority);
            }
            let is_same_epoch = next.number == held.number;
            if next.number < held.number || (is_same_epoch && (next.sequence < held.sequence || next.key != held.key)) {
                return Err(LoadError::Older);
            }
            if is_same_epoch {
                next.as_of = next.as_of.max(held.as_of);
            }
            Ok(next)
        }
    }
}

/// Whether an epoch has a usable key under its own thumbprint.
fn is_key(epoch: &EpochMember<'_>) -> bool {
    thumbprint(&members(&epoch.public_key)) == epoch.kid && EpochKey::new(&epoch.public_key).is_ok()
}

/// A key in the form that RFC 7638 section 3 makes thumbprints of.
fn members(key: &PublicKey) -> String {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match key {
        PublicKey::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
        PublicKey::P256(point) => {
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text(&point[..32]), text(&point[32..]))
        }
        PublicKey::Rsa(modulus) => format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, text(modulus.as_slice())),
    }
}

fn thumbprint(members: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

/// A document that follows what is held, or does not.
fn document(choices: &mut Choices<'_>, keys: &[(EpochSigner, String)], held: Option<&Held>) -> Vec<u8> {
    let (number, sequence) = held.map_or((2, 7), |held| (held.number, held.sequence));
    let near = |choices: &mut Choices<'_>, number: u64| match choices.below(8) {
        0..4 => number,
        4 => number.saturating_sub(1),
        5 | 6 => number.saturating_add(1),
        _ => choices.number_near(number),
    };
    let as_of = Seconds(near(choices, AS_OF));
    let cuts =
        |choices: &mut Choices<'_>| (0..choices.below(6)).map(|_| CutDigest([choices.byte() & 15; 16])).collect();
    let number = near(choices, number);
    if choices.below(3) == 0 {
        let (signer, _) =
            &keys[if choices.below(4) == 0 { choices.below(keys.len()) } else { number as usize % keys.len() }];
        let kid = if choices.below(16) == 0 { choices.text(43).into() } else { signer.key().kid().to_owned().into() };
        let public_key = match choices.below(32) {
            0 => PublicKey::Ed25519(choices.array()),
            1 => PublicKey::P256(choices.array()),
            2 => PublicKey::Rsa(Box::new([choices.byte(); 256])),
            _ => signer.public_key().clone(),
        };
        let issuer = if choices.below(8) == 0 { ISSUERS[1] } else { ISSUERS[0] };
        let epoch = EpochMember { number, kid, public_key };
        let sequence = near(choices, sequence);
        let lease = Seconds(near(choices, 5));
        return Whole { issuer: issuer.into(), sequence, as_of, lease, epoch, cuts: cuts(choices) }.render();
    }
    let base = near(choices, sequence);
    let sequence = near(choices, base.saturating_add(1));
    Delta { base, sequence, as_of, epoch_number: number, cuts: cuts(choices), dropped: cuts(choices) }.render()
}

/// Whatever was loaded: what a key outside of it signed is refused.
fn accepts_no_stranger(verifier: &mut Verifier, held: Option<&Held>) {
    KEYS.with(|keys| {
        for (key, token) in keys.iter().filter(|(key, _)| held.is_none_or(|held| held.key != members(key.public_key())))
        {
            let at = Moment { now: Seconds(AS_OF), held_for: Seconds(0), enforce_lease: false, peer: None };
            assert!(verifier.verify(token, at).is_err(), "signed by {}", key.key().kid());
        }
    });
}
