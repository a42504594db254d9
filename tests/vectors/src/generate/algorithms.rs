//! Epochs of the other algorithms: the same rule, and the ways in which their signatures may be spelled otherwise.

use jeton_policy::{access_token::Algorithm, seconds::Seconds};
use p256::ecdsa::Signature;

use super::{OWN_LINEAGE, PARENT_LINEAGE, SEQUENCE, Signer, Stage, decoded, encoded, load, parts, refused};
use crate::Case;

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    for algorithm in Algorithm::ALL {
        confusions(&stage.signer(0, algorithm)?, algorithm, cases)?;
    }
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let signer = stage.signer(0, algorithm)?;
        same_rule(&signer, algorithm, cases);
        signatures(&signer, algorithm, cases)?;
    }
    of_es256(&stage.signer(0, Algorithm::Es256)?, cases)?;
    of_rs256(&stage.signer(0, Algorithm::Rs256)?, cases)?;
    changes(stage, cases)
}

/// Neither algorithm nor key is ever taken from a token.
fn confusions(signer: &Signer, algorithm: Algorithm, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let (name, kid) = (algorithm.name(), signer.kid());
    let good = signer.good();
    let [header, payload, signature] = parts(&good)?;
    let mut add = |what: &str, token: String, why: &str| {
        cases.push(signer.case(&format!("{name}: {what}"), token, refused(why)));
    };
    for other in ["EdDSA", "ES256", "ES384", "RS256", "RS512", "PS256", "HS256", "none"] {
        if other != name {
            let header = encoded(format!(r#"{{"typ":"at+jwt","alg":"{other}","kid":"{kid}"}}"#));
            add(&format!("the header says {other}"), format!("{header}.{payload}.{signature}"), "wrong-epoch");
        }
    }
    for other in Algorithm::ALL {
        let stranger = signer.stage.signer(1, other)?;
        let input = format!("{header}.{payload}");
        let signature = encoded(stranger.signer.sign_message(input.as_bytes()));
        add(
            &format!("another key's {} signature under this epoch's header is refused", other.name()),
            format!("{input}.{signature}"),
            "bad-signature",
        );
        if other != algorithm {
            let token = signer.stage.signer(0, other)?.good();
            add(
                &format!("a token that an {} epoch of this number signed is refused", other.name()),
                token,
                "wrong-epoch",
            );
        }
    }
    Ok(())
}

/// The same rule, whatever the signature.
fn same_rule(signer: &Signer, algorithm: Algorithm, cases: &mut Vec<Case>) {
    let (name, stage) = (algorithm.name(), signer.stage);
    let case = |what: &str, verdict| signer.case(&format!("{name}: {what}"), signer.good(), verdict);
    let whole = |cuts: &[&str]| load(signer.whole(SEQUENCE, cuts).render(), "loaded");
    cases.push(case("a good token is accepted", stage.accepted()));
    cases.push(Case { loads: vec![whole(&[OWN_LINEAGE])], ..case("a cut token is dead", refused("cut")) });
    let news = vec![whole(&[]), load(signer.delta(SEQUENCE, SEQUENCE + 1, &[PARENT_LINEAGE], &[]).render(), "loaded")];
    cases.push(Case { loads: news, ..case("a token is dead when its parent is cut, as news", refused("cut")) });
    cases.push(Case { now: stage.expiry() - 1, ..case("a token is accepted in its last second", stage.accepted()) });
    cases.push(Case { now: stage.expiry(), ..case("a token is dead in the second of its expiry", refused("expired")) });
    let mut older = signer.whole(SEQUENCE, &[]);
    older.as_of = Seconds(stage.minted - 1_000);
    let loads = vec![load(older.render(), "loaded")];
    let early = case("a token from eleven seconds ahead is not yet valid", refused("not-yet-valid"));
    cases.push(Case { loads, now: stage.minted - 11, ..early });
    let held =
        Case { held_for: 5, enforce_lease: true, ..case("past the lease nothing is accepted", refused("stale")) };
    cases.push(held);
}

fn signatures(signer: &Signer, algorithm: Algorithm, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let name = algorithm.name();
    let good = signer.good();
    let [header, payload, signature] = parts(&good)?;
    let mut add = |what: &str, token: String, why: &str| {
        cases.push(signer.case(&format!("{name}: {what}"), token, refused(why)));
    };
    let input = format!("{header}.{payload}");
    let bytes = decoded(signature)?;
    let with = |bytes: &[u8]| format!("{input}.{}", encoded(bytes));
    add("an empty signature is refused", format!("{input}."), "bad-signature");
    add(
        "a signature without its last byte is refused",
        with(bytes.split_last().map_or(&[], |(_, rest)| rest)),
        "bad-signature",
    );
    add("a signature with one byte more is refused", with(&[bytes.as_slice(), &[0]].concat()), "bad-signature");
    add("a signature with a zero before it is refused", with(&[&[0], bytes.as_slice()].concat()), "bad-signature");
    add("a signature of zeros is refused", with(&vec![0; bytes.len()]), "bad-signature");
    add("a signature of ones is refused", with(&vec![0xff; bytes.len()]), "bad-signature");
    add("a padded signature is refused", format!("{good}=="), "bad-signature");
    let mut flipped = bytes.clone();
    if let Some(last) = flipped.last_mut() {
        *last ^= 1;
    }
    add("one flipped bit of the signature is noticed", with(&flipped), "bad-signature");
    let mut first = bytes.clone();
    if let Some(byte) = first.first_mut() {
        *byte ^= 0x80;
    }
    add("one flipped bit of the signature's first byte is noticed", with(&first), "bad-signature");
    let mut other_payload = payload.to_owned();
    other_payload.insert_str(0, "e30");
    add("a changed payload is noticed", format!("{header}.{other_payload}.{signature}"), "bad-signature");
    let other = signer.signed(|claims| claims.sub = "mallory".into());
    let [_, _, other_signature] = parts(&other)?;
    add("the signature of another token is refused", format!("{input}.{other_signature}"), "bad-signature");
    add("signed junk is no token", signer.signed_payload("junk"), "malformed");
    Ok(())
}

fn of_es256(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let good = signer.good();
    let [header, payload, signature] = parts(&good)?;
    let mut add = |what: &str, signature: &[u8]| {
        let token = format!("{header}.{payload}.{}", encoded(signature));
        cases.push(signer.case(&format!("ES256: {what}"), token, refused("bad-signature")));
    };
    let bytes = decoded(signature)?;
    let signature = Signature::from_slice(&bytes)?;
    let (r, s) = signature.split_scalars();
    let high = Signature::from_scalars(r.to_bytes(), (-s).to_bytes())?;
    add("the larger of the two s that fit is refused", &high.to_bytes());
    add("a signature in ASN.1 is refused", &der(&bytes));
    let swapped: Vec<u8> = bytes.iter().skip(32).chain(bytes.iter().take(32)).copied().collect();
    add("r and s in the other order are refused", &swapped);
    let zero_r: Vec<u8> = [0; 32].iter().chain(bytes.iter().skip(32)).copied().collect();
    add("an r of zero is refused", &zero_r);
    let zero_s: Vec<u8> = bytes.iter().take(32).chain(&[0; 32]).copied().collect();
    add("an s of zero is refused", &zero_s);
    let order_r: Vec<u8> = ORDER.iter().chain(bytes.iter().skip(32)).copied().collect();
    add("an r of the group's order, which is zero again, is refused", &order_r);
    let order_s: Vec<u8> = bytes.iter().take(32).chain(&ORDER).copied().collect();
    add("an s of the group's order, which is zero again, is refused", &order_s);
    add("a signature that is compressed is refused", &[&[2], bytes.get(..32).unwrap_or_default()].concat());
    Ok(())
}

/// The order of P-256 (SEC 2 section 2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn of_rs256(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let good = signer.good();
    let [header, payload, signature] = parts(&good)?;
    let mut add = |what: &str, signature: &[u8]| {
        let token = format!("{header}.{payload}.{}", encoded(signature));
        cases.push(signer.case(&format!("RS256: {what}"), token, refused("bad-signature")));
    };
    let bytes = decoded(signature)?;
    let modulus = signer.signer.public_key().as_bytes();
    add("a signature of 64 bytes is refused", bytes.get(..64).unwrap_or_default());
    add("the modulus as a signature is refused", modulus);
    let mut below = modulus.to_vec();
    if let Some(last) = below.last_mut() {
        *last -= 1;
    }
    add("one less than the modulus, which is its own power, is refused", &below);
    add("a signature of 512 bytes is refused", &bytes.repeat(2));
    let mut one = vec![0; bytes.len()];
    if let Some(last) = one.last_mut() {
        *last = 1;
    }
    add("a signature of one, which is its own power, is refused", &one);
    add("the signature negated is refused", &difference(modulus, &bytes));
    Ok(())
}

/// From one algorithm to another, with the epoch.
fn changes(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    for (from, to) in [
        (Algorithm::EdDsa, Algorithm::Es256),
        (Algorithm::Es256, Algorithm::Rs256),
        (Algorithm::Rs256, Algorithm::EdDsa),
    ] {
        let (before, after) = (stage.signer(0, from)?, stage.signer(1, to)?);
        let loads = || {
            vec![
                load(before.whole(SEQUENCE, &[]).render(), "loaded"),
                load(after.whole(SEQUENCE + 1, &[]).render(), "loaded"),
            ]
        };
        let name = format!("from {} to {}", from.name(), to.name());
        let old =
            before.case(&format!("{name}: a token of the epoch before is dead"), before.good(), refused("wrong-epoch"));
        let new = after.case(&format!("{name}: a token of the new epoch lives"), after.good(), stage.accepted());
        cases.extend([Case { loads: loads(), ..old }, Case { loads: loads(), ..new }]);
        let same_number = stage.signer(0, to)?;
        let loads = vec![
            load(before.whole(SEQUENCE, &[]).render(), "loaded"),
            load(same_number.whole(SEQUENCE + 1, &[]).render(), "older"),
        ];
        let other =
            before.case(&format!("{name}: an epoch does not change its algorithm"), before.good(), stage.accepted());
        cases.push(Case { loads, ..other });
    }
    let signer = stage.signer(0, Algorithm::Es256)?;
    let document = String::from_utf8(signer.whole(SEQUENCE, &[]).render())?;
    for (what, changed) in [
        ("another algorithm than its key's", document.replace("ES256", "RS256")),
        ("an algorithm that nobody knows", document.replace("ES256", "ES512")),
        ("no second coordinate", document.replace(r#","y":"#, r#","z":"#)),
        (
            "its coordinates exchanged",
            document.replace(r#""x":"#, r#""z":"#).replace(r#""y":"#, r#""x":"#).replace(r#""z":"#, r#""y":"#),
        ),
    ] {
        anyhow::ensure!(changed != document, "{what} changes the document");
        let loads = vec![load(changed, "malformed")];
        let name = format!("a live set with {what} is refused");
        cases.push(Case { loads, ..signer.case(&name, signer.good(), refused("stale")) });
    }
    Ok(())
}

/// `r` and `s` as two ASN.1 integers in a sequence: what certificates use, and a JWT must not (RFC 7518 section 3.4).
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let significant: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = significant.first().filter(|byte| **byte >= 0x80).map(|_| 0);
        let value: Vec<u8> = sign.into_iter().chain(significant).collect();
        [&[2, u8::try_from(value.len()).unwrap_or(0)], value.as_slice()].concat()
    };
    let (r, s) = signature.split_at(32);
    let both = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(both.len()).unwrap_or(0)], both.as_slice()].concat()
}

/// The difference of two numbers of as many bytes, big-endian.
fn difference(from: &[u8], of: &[u8]) -> Vec<u8> {
    let mut borrow = 0_i16;
    let mut digits: Vec<u8> = from
        .iter()
        .zip(of)
        .rev()
        .map(|(from, of)| {
            let digit = i16::from(*from) - i16::from(*of) - borrow;
            borrow = i16::from(digit < 0);
            let [low, _] = digit.to_le_bytes();
            low
        })
        .collect();
    digits.reverse();
    digits
}
