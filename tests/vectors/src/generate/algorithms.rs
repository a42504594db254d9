//! Epochs of the other algorithms: the same rule, and the ways in which their signatures may be spelled otherwise.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jeton_policy::access_token::Algorithm;
use p256::ecdsa::Signature;

use super::{EPOCH, OWN_LINEAGE, SEQUENCE, Signer, accepted, case, load, refused};
use crate::Case;

pub(super) fn add(cases: &mut Vec<Case>) -> anyhow::Result<()> {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        of_either(algorithm, cases)?;
    }
    of_es256(cases)?;
    of_rs256(cases)?;
    changes(cases)
}

fn of_either(algorithm: Algorithm, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let name = algorithm.name();
    let signer = Signer::of(EPOCH, algorithm)?;
    let good = signer.good();
    let kid = signer.signer.key().kid();
    let [header, payload, signature] = parts(&good)?;
    cases.push(case(&format!("{name}: a good token is accepted"), &signer, good.clone(), accepted()));
    cases.push(Case {
        loads: vec![load(signer.whole(SEQUENCE, &[OWN_LINEAGE]).render(), "loaded")],
        ..case(&format!("{name}: a cut token is dead"), &signer, good.clone(), refused("cut"))
    });
    let mut add = |what: &str, token: String, why: &str| {
        cases.push(case(&format!("{name}: {what}"), &signer, token, refused(why)));
    };
    for other in ["EdDSA", "ES256", "ES384", "RS256", "RS512", "PS256", "HS256", "none"] {
        if other != name {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"at+jwt","alg":"{other}","kid":"{kid}"}}"#));
            add(&format!("the header says {other}"), format!("{header}.{payload}.{signature}"), "wrong-epoch");
        }
    }
    let input = format!("{header}.{payload}");
    for other in Algorithm::ALL {
        let stranger = Signer::of(EPOCH + 1, other)?;
        let signature = encoded(&stranger.signer.sign_message(input.as_bytes()));
        add(
            &format!("another key's {} signature under this epoch's header is refused", other.name()),
            format!("{input}.{signature}"),
            "bad-signature",
        );
        if other != algorithm {
            let token = Signer::of(EPOCH, other)?.good();
            add(
                &format!("a token that an {} epoch of this number signed is refused", other.name()),
                token,
                "wrong-epoch",
            );
        }
    }
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
    let mut other_payload = payload.to_owned();
    other_payload.insert_str(0, "e30");
    add("a changed payload is noticed", format!("{header}.{other_payload}.{signature}"), "bad-signature");
    add("signed junk is no token", signer.signer.sign_payload(b"junk"), "malformed");
    Ok(())
}

fn of_es256(cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = Signer::of(EPOCH, Algorithm::Es256)?;
    let good = signer.good();
    let [header, payload, signature] = parts(&good)?;
    let mut add = |what: &str, signature: &[u8]| {
        let token = format!("{header}.{payload}.{}", encoded(signature));
        cases.push(case(&format!("ES256: {what}"), &signer, token, refused("bad-signature")));
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
    Ok(())
}

fn of_rs256(cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = Signer::of(EPOCH, Algorithm::Rs256)?;
    let good = signer.good();
    let [header, payload, signature] = parts(&good)?;
    let mut add = |what: &str, signature: &[u8]| {
        let token = format!("{header}.{payload}.{}", encoded(signature));
        cases.push(case(&format!("RS256: {what}"), &signer, token, refused("bad-signature")));
    };
    let bytes = decoded(signature)?;
    let modulus = signer.signer.public_key().as_bytes();
    add("a signature of 64 bytes is refused", bytes.get(..64).unwrap_or_default());
    add("the modulus as a signature is refused", modulus);
    let mut one = vec![0; bytes.len()];
    if let Some(last) = one.last_mut() {
        *last = 1;
    }
    add("a signature of one, which is its own power, is refused", &one);
    add("the signature negated is refused", &difference(modulus, &bytes));
    Ok(())
}

/// From one algorithm to another, with the epoch.
fn changes(cases: &mut Vec<Case>) -> anyhow::Result<()> {
    for (from, to) in [
        (Algorithm::EdDsa, Algorithm::Es256),
        (Algorithm::Es256, Algorithm::Rs256),
        (Algorithm::Rs256, Algorithm::EdDsa),
    ] {
        let (before, after) = (Signer::of(EPOCH, from)?, Signer::of(EPOCH + 1, to)?);
        let loads = || {
            vec![
                load(before.whole(SEQUENCE, &[]).render(), "loaded"),
                load(after.whole(SEQUENCE + 1, &[]).render(), "loaded"),
            ]
        };
        let name = format!("from {} to {}", from.name(), to.name());
        let old = case(
            &format!("{name}: a token of the epoch before is dead"),
            &before,
            before.good(),
            refused("wrong-epoch"),
        );
        let new = case(&format!("{name}: a token of the new epoch lives"), &after, after.good(), accepted());
        cases.extend([Case { loads: loads(), ..old }, Case { loads: loads(), ..new }]);
        let same_number = Signer::of(EPOCH, to)?;
        let loads = vec![
            load(before.whole(SEQUENCE, &[]).render(), "loaded"),
            load(same_number.whole(SEQUENCE + 1, &[]).render(), "older"),
        ];
        let other =
            case(&format!("{name}: an epoch does not change its algorithm"), &before, before.good(), accepted());
        cases.push(Case { loads, ..other });
    }
    let signer = Signer::of(EPOCH, Algorithm::Es256)?;
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
        cases.push(Case { loads, ..case(&name, &signer, signer.good(), refused("stale")) });
    }
    Ok(())
}

fn parts(token: &str) -> anyhow::Result<[&str; 3]> {
    token.split('.').collect::<Vec<_>>().try_into().map_err(|_| anyhow::anyhow!("a token has three parts"))
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(signature: &str) -> anyhow::Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(signature).map_err(|error| anyhow::anyhow!("{error}"))
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
