//! Live documents: what is none, what is spelled otherwise and is one all the same.

use jeton_policy::access_token::Algorithm;

use super::{OWN_LINEAGE, SEQUENCE, Signer, Stage, encoded, load, refused, replaced};
use crate::Case;

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    wholes(&signer, cases)?;
    members(&signer, cases)?;
    changes(&signer, cases)?;
    keys(&signer, cases)?;
    spellings(&signer, cases)
}

/// What is refused after a cut changes nothing.
fn is_refused(signer: &Signer, name: &str, document: impl Into<Vec<u8>>) -> Case {
    let cut = load(signer.whole(SEQUENCE, &[OWN_LINEAGE]).render(), "loaded");
    Case { loads: vec![cut, load(document, "malformed")], ..signer.case(name, signer.good(), refused("cut")) }
}

fn newer(signer: &Signer) -> anyhow::Result<String> {
    Ok(String::from_utf8(signer.whole(SEQUENCE + 1, &[]).render())?)
}

fn wholes(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let text = newer(signer)?;
    let mut add = |name: &str, document: String| {
        anyhow::ensure!(document != text, "{name}");
        cases.push(is_refused(signer, name, document));
        Ok(())
    };
    let with_cut = |cut: &str| replaced(&text, r#""cuts":[]"#, &format!(r#""cuts":[{cut}]"#));
    let digest = |bytes: usize| encoded(vec![7; bytes]);
    add("an empty live document is refused", String::new())?;
    add("a live document that is a page is refused", "<!doctype html><title>Sign in</title>".to_owned())?;
    add("a live document that is null is refused", "null".to_owned())?;
    add("a live document that is empty is refused", "{}".to_owned())?;
    add("a live document in a list is refused", format!("[{text}]"))?;
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)?;
    let value = |name: &str| members.get(name).cloned().unwrap_or_default().to_string();
    let epoch = ["number", "alg", "kid", "x"]
        .map(|name| members.get("epoch").and_then(|epoch| epoch.get(name)).cloned().unwrap_or_default().to_string());
    let [number, alg, kid, x] = epoch;
    let listed =
        ["issuer", "sequence", "base", "as_of", "lease_seconds", "epoch", "cuts", "dropped"].map(value).join(",");
    add("a live document that lists its values is refused", format!("[{listed}]"))?;
    let listed = format!("[{number},{alg},{kid},null,null,{x},null]");
    add("an epoch that lists its values is refused", replaced(&text, &value_of_epoch(&text), &listed)?)?;
    add("a live document that is a text is refused", serde_json::to_string(&text)?)?;
    add("a live document that is cut short is refused", text.get(..text.len() - 1).unwrap_or_default().to_owned())?;
    add("a live document with more after it is refused", format!("{text}{text}"))?;
    add("a live document with a zero byte after it is refused", format!("{text}\0"))?;
    add("a live document with a byte order mark is refused", format!("\u{feff}{text}"))?;
    add("a live document with an unknown member is refused", text.replacen('{', r#"{"version":2,"#, 1))?;
    add(
        "a live document with an unknown member of its epoch is refused",
        replaced(&text, r#"{"number""#, r#"{"kty":"OKP","number""#)?,
    )?;
    add("a live document with another algorithm is refused", replaced(&text, "EdDSA", "RS256")?)?;
    add("a live document whose kid is not of its key is refused", replaced(&text, r#""kid":""#, r#""kid":"x"#)?)?;
    add("a live document with a short key is refused", replaced(&text, r#""},"cuts""#, r#"A"},"cuts""#)?)?;
    add("a live document with a malformed cut is refused", with_cut(r#""x""#)?)?;
    add("a cut of fifteen bytes is refused", with_cut(&format!("\"{}\"", digest(15)))?)?;
    add("a cut of seventeen bytes is refused", with_cut(&format!("\"{}\"", digest(17)))?)?;
    add("an empty cut is refused", with_cut(r#""""#)?)?;
    add("a padded cut is refused", with_cut(&format!("\"{}==\"", digest(16)))?)?;
    add("a cut whose last bits are not zero is refused", with_cut(r#""AAAAAAAAAAAAAAAAAAAAAB""#)?)?;
    add("a cut in the other base64 alphabet is refused", with_cut(r#""++++++++++++++++++++/w""#)?)?;
    add("a cut that is null is refused", with_cut("null")?)?;
    add("a cut that is a number is refused", with_cut("7")?)?;
    add("a cut in a list of its own is refused", with_cut(&format!("[\"{}\"]", digest(16)))?)?;
    add("one malformed cut among good ones is refused", with_cut(&format!("\"{0}\",\"x\",\"{0}\"", digest(16)))?)?;
    add(
        "a whole live document that drops cuts is refused",
        replaced(&text, r#""dropped":[]"#, r#""dropped":["AAAAAAAAAAAAAAAAAAAAAA"]"#)?,
    )
}

/// The epoch as it stands in a document.
fn value_of_epoch(text: &str) -> String {
    let begun = text.split_once(r#""epoch":"#).map(|(_, rest)| rest).unwrap_or_default();
    begun.split_once('}').map(|(epoch, _)| format!("{epoch}}}")).unwrap_or_default()
}

/// Each member missing or said twice, and numbers that are none.
fn members(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let text = newer(signer)?;
    let whole: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)?;
    for name in ["issuer", "sequence", "as_of", "lease_seconds", "epoch", "cuts", "dropped"] {
        let mut without = whole.clone();
        anyhow::ensure!(without.remove(name).is_some(), "{name}");
        cases.push(is_refused(
            signer,
            &format!("a whole live document without `{name}` is refused"),
            serde_json::to_vec(&without)?,
        ));
    }
    for name in ["number", "alg", "kid", "x"] {
        let mut without = whole.clone();
        let epoch = without.get_mut("epoch").and_then(|epoch| epoch.as_object_mut());
        anyhow::ensure!(epoch.and_then(|epoch| epoch.remove(name)).is_some(), "{name}");
        cases.push(is_refused(signer, &format!("an epoch without `{name}` is refused"), serde_json::to_vec(&without)?));
    }
    for name in ["sequence", "epoch", "cuts"] {
        let value = whole.get(name).cloned().unwrap_or_default();
        let twice = text.replacen('{', &format!("{{\"{name}\":{value},"), 1);
        cases.push(is_refused(signer, &format!("a live document that says `{name}` twice is refused"), twice));
    }
    let sequence = format!("\"sequence\":{}", SEQUENCE + 1);
    for (what, other) in [
        ("a text", r#""41""#),
        ("a fraction", "41.0"),
        ("negative", "-41"),
        ("beyond 64 bits", "18446744073709551616"),
        ("null", "null"),
    ] {
        let document = replaced(&text, &sequence, &format!("\"sequence\":{other}"))?;
        cases.push(is_refused(signer, &format!("a live document whose sequence is {what} is refused"), document));
    }
    Ok(())
}

/// A change says what changed and nothing else.
fn changes(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let text = String::from_utf8(signer.delta(SEQUENCE, SEQUENCE + 1, &[], &[OWN_LINEAGE]).render())?;
    let kid = signer.kid();
    for (name, document) in [
        ("a change with an issuer is refused", text.replacen('{', r#"{"issuer":"https://tokens.example","#, 1)),
        ("a change with a lease is refused", text.replacen('{', r#"{"lease_seconds":5,"#, 1)),
        ("a change with an algorithm is refused", replaced(&text, r#"{"number""#, r#"{"alg":"EdDSA","number""#)?),
        ("a change with a kid is refused", replaced(&text, r#"{"number""#, &format!(r#"{{"kid":"{kid}","number""#))?),
        ("a change with a key is refused", replaced(&text, r#"{"number""#, r#"{"x":"AAAA","number""#)?),
        ("a change without its base is refused", replaced(&text, &format!(r#""base":{SEQUENCE},"#), "")?),
        (
            "a change whose base is null is refused",
            replaced(&text, &format!(r#""base":{SEQUENCE}"#), r#""base":null"#)?,
        ),
        (
            "a change whose base is negative is refused",
            replaced(&text, &format!(r#""base":{SEQUENCE}"#), r#""base":-1"#)?,
        ),
        (
            "a change without an epoch is refused",
            text.split_once(r#""epoch""#)
                .map(|(before, _)| format!("{before}\"cuts\":[],\"dropped\":[]}}"))
                .unwrap_or_default(),
        ),
        ("a change that drops what is no cut is refused", replaced(&text, r#""dropped":[""#, r#""dropped":["x",""#)?),
        ("a change that is cut short is refused", text.get(..text.len() - 1).unwrap_or_default().to_owned()),
    ] {
        cases.push(is_refused(signer, name, document));
    }
    Ok(())
}

/// Keys that are none, or under which anyone could sign. Each document's `kid` is what its author would compute.
fn keys(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let text = newer(signer)?;
    let x = encoded(signer.signer.public_key().as_bytes());
    let mut neutral = [0; 32];
    neutral[0] = 1;
    for (what, other) in [
        ("padded", format!("{x}=")),
        ("of zeros, a point of small order", encoded([0; 32])),
        ("the neutral point", encoded(neutral)),
        ("no point of the curve", encoded([2; 32])),
        ("of 31 bytes", encoded([9; 31])),
        ("of 33 bytes", encoded([9; 33])),
        ("empty", String::new()),
    ] {
        cases.push(is_refused(
            signer,
            &format!("a live document whose key is {what} is refused"),
            replaced(&text, &x, &other)?,
        ));
    }
    for (what, member) in [("a second coordinate", "y"), ("an RSA modulus", "n"), ("an RSA exponent", "e")] {
        let document = replaced(&text, r#"{"number""#, &format!(r#"{{"{member}":"AQAB","number""#))?;
        cases.push(is_refused(signer, &format!("a live document whose EdDSA key has {what} is refused"), document));
    }
    let rsa = signer.stage.signer(0, Algorithm::Rs256)?;
    let text = newer(&rsa)?;
    for (what, document) in [
        ("another exponent", replaced(&text, "AQAB", "AQAD")?),
        ("no exponent", replaced(&text, r#""e":"AQAB","#, "")?),
        ("a padded modulus", replaced(&text, r#""},"cuts""#, r#"=="},"cuts""#)?),
        ("a longer modulus", replaced(&text, r#""n":""#, r#""n":"AAAA"#)?),
    ] {
        let name = format!("a live document whose RSA key has {what} is refused");
        cases.push(Case { loads: vec![load(document, "malformed")], ..rsa.case(&name, rsa.good(), refused("stale")) });
    }
    Ok(())
}

/// The same document, spelled otherwise than this authority spells it (RFC 8259): its cut is heard.
fn spellings(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let text = String::from_utf8(signer.whole(SEQUENCE, &[OWN_LINEAGE]).render())?;
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)?;
    let backwards: Vec<String> = members.iter().rev().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    for (name, document) in [
        ("white space around a live document is nothing", format!("\r\n\t {text} \t\r\n")),
        ("a live document with indentation is the same", serde_json::to_string_pretty(&members)?),
        ("a live document in another order is the same", format!("{{{}}}", backwards.join(","))),
        ("a live document that does not speak of a base is whole", replaced(&text, r#""base":null,"#, "")?),
        (
            "a live document with escapes is the same",
            replaced(&replaced(&text, "tokens", r"token\u0073")?, "EdDSA", r"\u0045dDSA")?,
        ),
        ("a live document whose names have escapes is the same", replaced(&text, r#""cuts""#, r#""c\u0075ts""#)?),
    ] {
        anyhow::ensure!(document != text, "{name}");
        cases.push(Case { loads: vec![load(document, "loaded")], ..signer.case(name, signer.good(), refused("cut")) });
    }
    Ok(())
}
