//! The first clause of the rule: tokens that this epoch's key did not sign, or that are not of the one form.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};

use super::{EPOCH, Signer, case, claims, refused};
use crate::Case;

pub(super) fn add(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let good = signer.good();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { anyhow::bail!("a token has three parts") };
    let kid = signer.signer.key().kid();
    let json = serde_json::to_string(&claims())?;
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let with_header = |text: String| format!("{}.{payload}.{signature}", encoded(&text));

    let mut add = |name: &str, token: String, why: &str| cases.push(case(name, signer, token, refused(why)));

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

    let other_epoch = Signer::of_epoch(EPOCH - 1)?;
    add("a token of the epoch before is refused", other_epoch.good(), "wrong-epoch");
    let next_epoch = Signer::of_epoch(EPOCH + 1)?;
    add("a token of an epoch that was not heard of yet is refused", next_epoch.good(), "wrong-epoch");

    let stranger = SigningKey::from_bytes(&[42; 32]);
    let forged = stranger.sign(format!("{header}.{payload}").as_bytes()).to_bytes();
    add(
        "another key's signature under this epoch's header is refused",
        format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(forged)),
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
        format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(&bytes)),
        "bad-signature",
    );
    add("a signature plus the group's order is refused", malleable(header, payload, signature)?, "bad-signature");
    let promoted = encoded(&json.replace("orders:read", "jeton:admin"));
    add("a changed payload is noticed", format!("{header}.{promoted}.{signature}"), "bad-signature");
    add("an empty payload is noticed", format!("{header}..{signature}"), "bad-signature");
    add(
        "trailing bits of the payload are noticed",
        format!("{header}.{}.{signature}", last_raised(payload)),
        "bad-signature",
    );

    let mut signed =
        |name: &str, payload: String| add(name, signer.signer.sign_payload(payload.as_bytes()), "malformed");
    signed("signed nothing is no token", String::new());
    signed("signed junk is no token", "junk".to_owned());
    signed("signed JSON of another kind is no token", "[]".to_owned());
    signed("a duplicate claim is refused", json.replacen('{', r#"{"iss":"https://other.example","#, 1));
    signed("an unknown claim is refused", json.replacen('{', r#"{"admin":true,"#, 1));
    signed("a missing claim is refused", json.replace(r#""scope":"orders:read orders:write","#, ""));
    signed("a fraction of a second is refused", json.replace("\"exp\":1800000900", "\"exp\":1800000900.5"));
    signed("a negative time is refused", json.replace("\"iat\":1800000000", "\"iat\":-1"));
    signed("a time in quotes is refused", json.replace("\"exp\":1800000900", "\"exp\":\"1800000900\""));
    signed("a time beyond 64 bits is refused", json.replace("\"exp\":1800000900", "\"exp\":18446744073709551616"));
    signed("white space after the claims and more is refused", format!("{json} {json}"));
    signed("a lineage that is one text is refused", json.replace(r#"["OwnLineage000000000000","#, r#""x","y":["#));
    signed("a lineage id that is too short is refused", json.replace("OwnLineage000000000000", "OwnLineage"));
    signed(
        "a lineage id with another character is refused",
        json.replace("OwnLineage000000000000", "OwnLineage-00000000000"),
    );
    signed("an empty jti is refused", json.replace(super::JTI, ""));
    let mut orphan = claims();
    orphan.lin.clear();
    signed("a token without a lineage is refused", serde_json::to_string(&orphan)?);
    let mut endless = claims();
    endless.lin = vec![Cow::Borrowed(super::OWN_LINEAGE); 33];
    signed("a lineage of more than 32 ids is refused", serde_json::to_string(&endless)?);
    Ok(())
}

fn decoded(signature: &str) -> anyhow::Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(signature).map_err(|error| anyhow::anyhow!("{error}"))
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
    Ok(format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(bytes)))
}
