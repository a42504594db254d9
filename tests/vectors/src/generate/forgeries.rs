//! The first clause of the rule: tokens that this epoch's key did not sign, or that are not of the one form.

use base64::{Engine as _, engine::general_purpose};
use ed25519_dalek::{Signer as _, SigningKey};
use jeton_policy::access_token::{Algorithm, MAX_TOKEN_LENGTH};

use super::{JTI, Signer, Stage, decoded, encoded, parts, refused};
use crate::Case;

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    let good = signer.good();
    let [header, payload, signature] = parts(&good)?;
    let kid = signer.kid();
    let json = serde_json::to_string(&stage.claims())?;
    let with_header = |text: String| format!("{}.{payload}.{signature}", encoded(text));

    let mut add = |name: &str, token: String, why: &str| cases.push(signer.case(name, token, refused(why)));

    add("nothing is no token", String::new(), "malformed");
    add("a word is no token", "token".to_owned(), "malformed");
    add("dots alone are no token", "..".to_owned(), "malformed");
    add("two parts are no token", format!("{header}.{payload}"), "malformed");
    add("four parts are no token", format!("{good}.{signature}"), "malformed");
    add("a leading part is no part of a token", format!("x.{good}"), "malformed");
    add("a token of more than 8 KiB is not looked at", format!("{good}{}", "A".repeat(9 * 1024)), "malformed");
    add("a refresh token is no access token", format!("jtn_rt_{}", "0".repeat(72)), "malformed");

    add("alg none is refused", with_header(format!(r#"{{"typ":"at+jwt","alg":"none","kid":"{kid}"}}"#)), "wrong-epoch");
    add(
        "alg none without a signature is refused",
        format!("{}.{payload}.", encoded(r#"{"alg":"none"}"#)),
        "wrong-epoch",
    );
    add(
        "alg HS256 is refused",
        with_header(format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{kid}"}}"#)),
        "wrong-epoch",
    );
    add(
        "another typ is refused",
        with_header(format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}"}}"#)),
        "wrong-epoch",
    );
    add(
        "a header with crit is refused",
        with_header(format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","crit":["exp"]}}"#)),
        "wrong-epoch",
    );
    add(
        "a header that brings its own key is refused",
        with_header(format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","jwk":{{"kty":"OKP"}}}}"#)),
        "wrong-epoch",
    );
    add(
        "a header in another order is refused",
        with_header(format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#)),
        "wrong-epoch",
    );
    add(
        "a header with white space is refused",
        with_header(format!(r#"{{"typ":"at+jwt", "alg":"EdDSA","kid":"{kid}"}}"#)),
        "wrong-epoch",
    );
    add("a padded header is refused", format!("{header}=.{payload}.{signature}"), "wrong-epoch");
    add("white space before a token is refused", format!(" {good}"), "wrong-epoch");

    let other_epoch = stage.signer(-1, Algorithm::EdDsa)?;
    add("a token of the epoch before is refused", other_epoch.good(), "wrong-epoch");
    let next_epoch = stage.signer(1, Algorithm::EdDsa)?;
    add("a token of an epoch that was not heard of yet is refused", next_epoch.good(), "wrong-epoch");

    let stranger = SigningKey::from_bytes(&[42; 32]);
    let forged = stranger.sign(format!("{header}.{payload}").as_bytes()).to_bytes();
    add(
        "another key's signature under this epoch's header is refused",
        format!("{header}.{payload}.{}", encoded(forged)),
        "bad-signature",
    );
    add("an empty signature is refused", format!("{header}.{payload}."), "bad-signature");
    add(
        "a cut signature is refused",
        format!("{header}.{payload}.{}", signature.get(..signature.len() - 4).unwrap_or_default()),
        "bad-signature",
    );
    add("a padded signature is refused", format!("{good}=="), "bad-signature");
    add("a longer signature is refused", format!("{good}AAAA"), "bad-signature");
    add("a signature with a line end is refused", format!("{good}\n"), "bad-signature");
    add(
        "a signature in the other base64 alphabet is refused",
        format!("{header}.{payload}.{}", swapped(signature)),
        "bad-signature",
    );
    add("trailing bits of the signature are not ignored", last_raised(&good), "bad-signature");
    let mut bytes = decoded(signature)?;
    if let Some(first) = bytes.first_mut() {
        *first ^= 1;
    }
    add(
        "one flipped bit of the signature is noticed",
        format!("{header}.{payload}.{}", encoded(&bytes)),
        "bad-signature",
    );
    add("a signature plus the group's order is refused", malleable(header, payload, signature)?, "bad-signature");
    let promoted = encoded(json.replace("orders:read", "jeton:admin"));
    add("a changed payload is noticed", format!("{header}.{promoted}.{signature}"), "bad-signature");
    add("an empty payload is noticed", format!("{header}..{signature}"), "bad-signature");
    add(
        "trailing bits of the payload are noticed",
        format!("{header}.{}.{signature}", last_raised(payload)),
        "bad-signature",
    );

    forms(&signer, cases)?;
    encodings(&signer, cases)?;
    signatures(&signer, cases)?;
    sizes(&signer, cases)
}

/// Texts around and instead of a token.
fn forms(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let good = signer.good();
    let [header, payload, signature] = parts(&good)?;
    let mut add = |name: &str, token: String, why: &str| cases.push(signer.case(name, token, refused(why)));
    add(
        "a token of five parts, as an encrypted one has, is none",
        format!("{header}.a.{payload}.b.{signature}"),
        "malformed",
    );
    add("a dot behind a token makes it none", format!("{good}."), "malformed");
    add("a dot before a token makes it none", format!(".{good}"), "malformed");
    add("a token without a header is none", format!(".{payload}.{signature}"), "malformed");
    add("eight thousand dots are no token", ".".repeat(8_000), "malformed");
    add(
        "a signed object in JSON is no token",
        format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#),
        "malformed",
    );
    add("a token in the dress of a header field is none", format!("Bearer {good}"), "wrong-epoch");
    add("a token in quotes is none", format!("\"{good}\""), "wrong-epoch");
    add("a token whose dots are escaped is none", good.replace('.', "%2E"), "malformed");
    add("a token in lower case is none", good.to_lowercase(), "wrong-epoch");
    add("a token read from its end is none", good.chars().rev().collect(), "wrong-epoch");
    add("a token of another alphabet is none", "т.о.к".to_owned(), "wrong-epoch");
    add("a zero byte before a token is refused", format!("\0{good}"), "wrong-epoch");
    add("a zero byte behind a token is refused", format!("{good}\0"), "bad-signature");
    add("white space behind a token is refused", format!("{good} "), "bad-signature");
    add("a comment behind a token is refused", format!("{good}#"), "bad-signature");
    add("a jti is no token", JTI.to_owned(), "malformed");
    Ok(())
}

/// Payloads that the epoch's key has signed as they stand there, but that are no base64url as RFC 7515 section 2 has it.
fn encodings(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let good = signer.good();
    let [header, payload, _] = parts(&good)?;
    let bytes = decoded(payload)?;
    // Six ones in a row, however they fall: both alphabets differ there.
    let odd = String::from_utf8(bytes.clone())?.replace("alice", "al??????ice");
    let other_alphabet = general_purpose::STANDARD_NO_PAD.encode(&odd);
    anyhow::ensure!(other_alphabet.contains(['+', '/']), "the alphabets differ here");
    // So long that its last character has bits that are not used.
    let mut spaced = bytes;
    while spaced.len() % 3 != 1 {
        spaced.push(b' ');
    }
    let unused = encoded(&spaced);
    let mut add = |name: &str, payload: String, why: &str| {
        cases.push(signer.case(name, signer.signed_parts(header, &payload), refused(why)));
    };
    add("a padded payload is refused, though signed", format!("{unused}=="), "malformed");
    add("a payload whose last bits are not zero is refused, though signed", last_raised(&unused), "malformed");
    add("a payload in the other base64 alphabet is refused, though signed", other_alphabet, "malformed");
    add("a payload with a line end in it is refused, though signed", with_in_the_middle(payload, "\n"), "malformed");
    add("a payload with a space in it is refused, though signed", with_in_the_middle(payload, " "), "malformed");
    add("a payload with a dot in it is refused, though signed", with_in_the_middle(payload, "."), "malformed");
    let too_few = unused.get(..unused.len() - 1).unwrap_or_default().to_owned();
    add("a payload with a character too few is refused, though signed", too_few, "malformed");
    add("a payload that was encoded twice is refused, though signed", encoded(payload), "malformed");
    add(
        "a payload that was not encoded is refused, though signed",
        serde_json::to_string(&signer.stage.claims())?.replace('.', "-"),
        "malformed",
    );
    Ok(())
}

fn with_in_the_middle(text: &str, what: &str) -> String {
    let (before, after) = text.split_at(text.len() / 2);
    format!("{before}{what}{after}")
}

/// What was signed is something else, or the signature is no signature (RFC 8032 section 5.1).
fn signatures(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let good = signer.good();
    let [header, payload, signature] = parts(&good)?;
    let bytes = decoded(signature)?;
    let (r, s) = bytes.split_at(32);
    let other = signer.signed(|claims| claims.sub = "mallory".into());
    let [_, other_payload, other_signature] = parts(&other)?;
    let mut add = |name: &str, payload: &str, signature: String| {
        cases.push(signer.case(name, format!("{header}.{payload}.{signature}"), refused("bad-signature")));
    };
    add("the signature of another token is refused", payload, other_signature.to_owned());
    add("the payload of another token is refused", other_payload, signature.to_owned());
    add(
        "a signature of the payload alone is refused",
        payload,
        encoded(signer.signer.sign_message(payload.as_bytes())),
    );
    add("a signature of what is encoded is refused", payload, encoded(signer.signer.sign_message(&decoded(payload)?)));
    add("a signature of zeros is refused", payload, encoded([0; 64]));
    add("a signature of ones is refused", payload, encoded([0xff; 64]));
    add("a signature of 63 bytes is refused", payload, encoded(bytes.get(..63).unwrap_or_default()));
    add("a signature of 65 bytes is refused", payload, encoded([bytes.as_slice(), &[0]].concat()));
    add("a signature that stands there twice is refused", payload, encoded(bytes.repeat(2)));
    add("a signature whose halves are exchanged is refused", payload, encoded([s, r].concat()));
    add("a signature whose point is the neutral one is refused", payload, encoded([neutral().as_slice(), s].concat()));
    add("a signature of the neutral point and zero is refused", payload, encoded([neutral(), [0; 32]].concat()));
    add("a signature whose point has its sign changed is refused", payload, encoded(with_bit(&bytes, 31, 0x80)));
    add("a signature whose number is too large is refused", payload, encoded(with_bit(&bytes, 63, 0x20)));
    add(
        "a signature in hexadecimal digits is refused",
        payload,
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    );
    Ok(())
}

/// The neutral element of the group, as RFC 8032 section 5.1.2 writes points.
fn neutral() -> [u8; 32] {
    let mut point = [0; 32];
    point[0] = 1;
    point
}

fn with_bit(bytes: &[u8], place: usize, bit: u8) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    if let Some(byte) = changed.get_mut(place) {
        *byte ^= bit;
    }
    changed
}

/// The longest text that is looked at: [`MAX_TOKEN_LENGTH`].
fn sizes(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let json = serde_json::to_string(&signer.stage.claims())?;
    let padded = |spaces: usize| signer.signed_payload(format!("{json}{}", " ".repeat(spaces)));
    // Base64 has four characters for three bytes, so some lengths are never met: the first that is too long is the next one.
    let spaces = (0..).find(|spaces| padded(*spaces).len() > MAX_TOKEN_LENGTH).unwrap_or_default();
    let [longest, longer] = [padded(spaces - 1), padded(spaces)];
    anyhow::ensure!(longest.len() + 2 >= MAX_TOKEN_LENGTH, "the longest token");
    cases.push(signer.case("the longest token that is looked at is accepted", longest, signer.stage.accepted()));
    cases.push(signer.case("a token that is longer is not looked at", longer, refused("malformed")));
    let [header, payload, _] = parts(&padded(0)).map(|parts| parts.map(str::to_owned))?;
    let of_length = |length: usize| {
        let token = format!("{header}.{payload}.");
        let more = length - token.len();
        format!("{token}{}", "A".repeat(more))
    };
    let at_most = of_length(MAX_TOKEN_LENGTH);
    cases.push(signer.case("a signature as long as a token may be is a wrong one", at_most, refused("bad-signature")));
    let more = of_length(MAX_TOKEN_LENGTH + 1);
    cases.push(signer.case("a signature that is longer is not looked at", more, refused("malformed")));
    Ok(())
}

/// The signature in the alphabet of RFC 4648 section 4, in a place where the two differ.
fn swapped(signature: &str) -> String {
    let swapped = signature.replace('-', "+").replace('_', "/");
    if swapped == signature { format!("+{}", signature.get(1..).unwrap_or_default()) } else { swapped }
}

/// The text with its last character raised by one: the bits that base64url leaves unused, where there are some, become ones.
fn last_raised(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut raised = text.to_owned();
    if let Some(place) = raised.pop().and_then(|last| ALPHABET.find(last)) {
        raised.extend(ALPHABET.chars().nth((place + 1) % ALPHABET.len()));
    }
    raised
}

/// RFC 8032 section 5.1.7: `S` must be below the order of the group, or each signature would have a twin.
fn malleable(header: &str, payload: &str, signature: &str) -> anyhow::Result<String> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = decoded(signature)?;
    let mut carry = 0_u16;
    for (byte, of_order) in bytes.iter_mut().skip(32).zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(of_order) + carry;
        let [low, high] = sum.to_le_bytes();
        (*byte, carry) = (low, u16::from(high));
    }
    Ok(format!("{header}.{payload}.{}", encoded(bytes)))
}
