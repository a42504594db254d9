//! Tokens that the epoch's key did not sign, whatever they say of themselves. The published verdicts have more of them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use jeton_runtime::sandbox::Sandbox;
use jeton_vectors::generate::{EPOCH, MINTED, SEQUENCE, Signer};
use serde_json::{Value, json};

use crate::case::Case;
use crate::cases::live_set::signer;
use crate::edge::Edge;
use crate::failure::{Failure, Verdict};
use crate::lent::mac;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of_verifiers("forged-alg-none", "a token that says it needs no signature is refused", none),
        Case::of_verifiers("forged-hs256", "a token whose HMAC key is the public key is refused", hs256),
        Case::of_verifiers("forged-own-key", "a token that brings its own key is refused", own_key),
        Case::of_verifiers("forged-claims", "a changed claim is noticed, also in a token seen before", claims),
        Case::of_verifiers("forged-epoch", "a token is not moved to another epoch by its `kid`", epoch),
    ]
}

/// What a forger knows: the parts of a good token, and what the live set tells everybody.
struct Known {
    edge: Edge,
    good: String,
    payload: String,
    kid: String,
    public_key: Vec<u8>,
}

impl Known {
    fn of(sandbox: &Sandbox) -> Result<Self, Failure> {
        let signer: Signer = signer(0)?;
        let document = signer.whole(SEQUENCE, &[]).render();
        let mut edge = Edge::new(sandbox)?;
        edge.take(&document)?;
        let good = signer.good();
        edge.accepts(&good, MINTED + 1, "a good token")?;
        let live: Value = serde_json::from_slice(&document).unwrap_or_default();
        let text = |member: &str| live.pointer(&format!("/epoch/{member}")).and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            edge,
            payload: good.split('.').nth(1).unwrap_or_default().to_owned(),
            kid: text("kid").to_owned(),
            public_key: URL_SAFE_NO_PAD.decode(text("x")).unwrap_or_default(),
            good,
        })
    }

    /// The signing input under this header.
    fn under(&self, header: &Value) -> String {
        // Members in the order in which the authority writes them.
        let mut text = String::from("{");
        for name in ["typ", "alg", "kid", "jwk", "jku", "x5c"] {
            if let Some(value) = header.get(name) {
                text += &format!("{}\"{name}\":{value}", if text.len() > 1 { "," } else { "" });
            }
        }
        format!("{}.{}", URL_SAFE_NO_PAD.encode(text + "}"), self.payload)
    }

    fn refuses(&mut self, token: &str, whose: &str) -> Verdict {
        self.edge.refuses(token, MINTED + 1, whose)
    }
}

fn none(sandbox: &Sandbox) -> Verdict {
    let mut known = Known::of(sandbox)?;
    let signature = known.good.rsplit('.').next().unwrap_or_default().to_owned();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let kid = known.kid.clone();
        for header in [
            json!({"typ": "at+jwt", "alg": alg, "kid": kid}),
            json!({"typ": "at+jwt", "alg": alg}),
            json!({"typ": "JWT", "alg": alg}),
            json!({"alg": alg}),
        ] {
            let input = known.under(&header);
            for signature in ["", &signature, "AA"] {
                known.refuses(&format!("{input}.{signature}"), &format!("a token whose header says `{header}`"))?;
            }
        }
    }
    Ok(())
}

fn hs256(sandbox: &Sandbox) -> Verdict {
    let mut known = Known::of(sandbox)?;
    let (kid, key) = (known.kid.clone(), known.public_key.clone());
    let keys =
        [key.clone(), URL_SAFE_NO_PAD.encode(&key).into_bytes(), kid.clone().into_bytes(), Vec::new(), vec![0; 32]];
    for alg in ["HS256", "EdDSA"] {
        let input = known.under(&json!({"typ": "at+jwt", "alg": alg, "kid": kid}));
        for key in &keys {
            let signature = URL_SAFE_NO_PAD.encode(mac(key, input.as_bytes()));
            known.refuses(&format!("{input}.{signature}"), "a token that was signed with the public key, as HS256,")?;
        }
    }
    Ok(())
}

fn own_key(sandbox: &Sandbox) -> Verdict {
    let mut known = Known::of(sandbox)?;
    let stranger = SigningKey::from_bytes(&[42; 32]);
    let x = URL_SAFE_NO_PAD.encode(stranger.verifying_key().as_bytes());
    let jwk = json!({"crv": "Ed25519", "kty": "OKP", "x": x});
    for (header, what) in [
        (json!({"typ": "at+jwt", "alg": "EdDSA", "kid": known.kid}), "was signed by another key"),
        (json!({"typ": "at+jwt", "alg": "EdDSA", "kid": known.kid, "jwk": jwk}), "brings its own key"),
        (json!({"typ": "at+jwt", "alg": "EdDSA", "jwk": jwk}), "brings its own key"),
        (
            json!({"typ": "at+jwt", "alg": "EdDSA", "kid": known.kid, "jku": "https://e.example"}),
            "says where its key is",
        ),
    ] {
        let input = known.under(&header);
        let signature = URL_SAFE_NO_PAD.encode(stranger.sign(input.as_bytes()).to_bytes());
        known.refuses(&format!("{input}.{signature}"), &format!("a token that {what}"))?;
    }
    Ok(())
}

fn claims(sandbox: &Sandbox) -> Verdict {
    let mut known = Known::of(sandbox)?;
    let parts: Vec<String> = known.good.split('.').map(str::to_owned).collect();
    let [header, payload, signature] = parts.as_slice() else { return Err(Failure::new("a token has no three parts")) };
    let json = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let json = String::from_utf8_lossy(&json).into_owned();
    for (from, to) in [
        ("orders:read", "jeton:admin"),
        ("\"sub\":\"alice\"", "\"sub\":\"admin\""),
        ("\"exp\":18", "\"exp\":19"),
        ("OwnLineage000000000000", "OwnLineage000000000001"),
    ] {
        let changed = URL_SAFE_NO_PAD.encode(json.replacen(from, to, 1));
        known.refuses(&format!("{header}.{changed}.{signature}"), &format!("a token with `{from}` made `{to}`"))?;
    }
    for place in 0..signature.len() {
        let mut bytes = signature.clone().into_bytes();
        if let Some(byte) = bytes.get_mut(place) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        let forged = String::from_utf8_lossy(&bytes).into_owned();
        if forged != *signature {
            known.refuses(&format!("{header}.{payload}.{forged}"), "a token with a changed signature")?;
        }
    }
    Ok(())
}

fn epoch(sandbox: &Sandbox) -> Verdict {
    let mut known = Known::of(sandbox)?;
    for distance in [1, 2] {
        let other = Signer::of_epoch(EPOCH + distance).map_err(|error| Failure::new(format!("{error:#}")))?.good();
        known.refuses(&other, "a token of another epoch")?;
        let header = known.good.split('.').next().unwrap_or_default().to_owned();
        let rest = other.split_once('.').map(|(_, rest)| rest).unwrap_or_default();
        known.refuses(&format!("{header}.{rest}"), "a token of another epoch, under the header of the current one,")?;
    }
    Ok(())
}
