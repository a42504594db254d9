//! Claims that are none: signed by the epoch's own key, and not what this authority writes.

use super::{Signer, Stage, refused, replaced};
use crate::Case;

/// The claims that are texts.
const TEXTS: [&str; 6] = ["iss", "aud", "sub", "client_id", "jti", "scope"];

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    let json = serde_json::to_string(&stage.claims())?;
    forms(&signer, &json, cases)?;
    each_claim(&signer, cases)?;
    lineages(&signer, &json, cases)?;
    numbers(&signer, cases)?;
    unknown(&signer, &json, cases);
    Ok(())
}

fn signed(signer: &Signer, name: &str, payload: impl AsRef<[u8]>) -> Case {
    signer.case(name, signer.signed_payload(payload), refused("malformed"))
}

fn forms(signer: &Signer, json: &str, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let mut add = |name: &str, payload: &str| cases.push(signed(signer, name, payload));
    add("signed nothing is no token", "");
    add("signed junk is no token", "junk");
    add("signed JSON of another kind is no token", "[]");
    add("a signed text is no token", &serde_json::to_string(json)?);
    add("a signed null is no token", "null");
    add("a signed number is no token", "1800000000");
    add("a signed empty object is no token", "{}");
    add("signed claims in a list are no token", &format!("[{json}]"));
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json)?;
    let listed = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "lin"]
        .map(|name| members.get(name).cloned().unwrap_or_default().to_string())
        .join(",");
    add("signed values without their names are no token", &format!("[{listed}]"));
    add("signed values without their names, and networks, are no token", &format!("[{listed},[\"192.0.2.0/24\"]]"));
    add("signed claims without their end are no token", json.get(..json.len() - 1).unwrap_or_default());
    add("white space after the claims and more is refused", &format!("{json} {json}"));
    add("a zero byte after the claims is refused", &format!("{json}\0"));
    add("a byte order mark before the claims is refused", &format!("\u{feff}{json}"));
    add("a comma after the last claim is refused", &json.replace("]}", "],}"));
    add("a comment among the claims is refused", &json.replacen('{', "{/* */", 1));
    add("claims in single quotes are refused", &json.replace('"', "'"));
    add("claims without quotes are refused", &json.replacen(r#""iss""#, "iss", 1));
    add("a line end in a text is refused", &json.replace("alice", "al\nice"));
    add("a zero byte in a text is refused", &json.replace("alice", "al\0ice"));
    add("an escape that is none is refused", &json.replace("alice", r"al\ice"));
    add("half a surrogate pair is refused", &json.replace("alice", r"al\ud800ice"));
    let in_utf_16: Vec<u8> = json.encode_utf16().flat_map(u16::to_be_bytes).collect();
    cases.push(signed(signer, "claims in UTF-16 are refused", in_utf_16));
    for (name, bytes) in [
        ("a text that is not UTF-8 is refused", &[0xff][..]),
        ("a text that is longer in UTF-8 than need be is refused", &[0xc1, 0xa1]),
        ("half a character is refused", &[0xc3]),
        ("a surrogate in UTF-8 is refused", &[0xed, 0xa0, 0x80]),
    ] {
        let (before, after) = json.split_once("alice").unwrap_or_default();
        cases.push(signed(signer, name, [before.as_bytes(), bytes, after.as_bytes()].concat()));
    }
    Ok(())
}

fn each_claim(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let claims = serde_json::to_value(signer.stage.claims())?;
    let claims = claims.as_object().cloned().unwrap_or_default();
    for (name, value) in &claims {
        let mut without = claims.clone();
        without.remove(name);
        cases.push(signed(signer, &format!("a token without `{name}` is refused"), serde_json::to_vec(&without)?));
        let mut null = claims.clone();
        null.insert(name.clone(), serde_json::Value::Null);
        cases.push(signed(signer, &format!("a token whose `{name}` is null is refused"), serde_json::to_vec(&null)?));
        let whole = serde_json::to_string(&claims)?;
        let twice = whole.replacen('{', &format!("{{\"{name}\":{value},"), 1);
        cases.push(signed(signer, &format!("a token that says `{name}` twice is refused, though the same"), twice));
        let mut renamed = claims.clone();
        let value = renamed.remove(name).unwrap_or_default();
        renamed.insert(name.to_uppercase(), value);
        cases.push(signed(
            signer,
            &format!("a token that says `{name}` in upper case is refused"),
            serde_json::to_vec(&renamed)?,
        ));
    }
    for name in TEXTS {
        for (kind, value) in [("a number", serde_json::json!(1)), ("a list", serde_json::json!([claims.get(name)]))] {
            let mut other = claims.clone();
            other.insert(name.to_owned(), value);
            cases.push(signed(
                signer,
                &format!("a token whose `{name}` is {kind} is refused"),
                serde_json::to_vec(&other)?,
            ));
        }
    }
    Ok(())
}

fn lineages(signer: &Signer, json: &str, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let own = super::OWN_LINEAGE;
    let mut add = |name: &str, payload: String| cases.push(signed(signer, name, payload));
    add("a lineage that is one text is refused", replaced(json, &format!("[\"{own}\","), r#""x","y":["#)?);
    add("a lineage id that is too short is refused", replaced(json, own, "OwnLineage")?);
    add("a lineage id that lacks a character is refused", replaced(json, own, own.get(1..).unwrap_or_default())?);
    add("a lineage id that has a character more is refused", replaced(json, own, &format!("{own}0"))?);
    add("a lineage id that is as long as two is refused", replaced(json, own, &own.repeat(2))?);
    add("a lineage id with another character is refused", replaced(json, own, "OwnLineage-00000000000")?);
    add("a lineage id with a letter of another alphabet is refused", replaced(json, own, "OwnLineage0000000000é")?);
    add("a lineage id that is empty is refused", replaced(json, own, "")?);
    add("a lineage id that is null is refused", replaced(json, &format!("\"{own}\""), "null")?);
    add("a lineage id that is a number is refused", replaced(json, &format!("\"{own}\""), "1")?);
    add("a lineage in a lineage is refused", replaced(json, &format!("\"{own}\""), &format!("[\"{own}\"]"))?);
    add(
        "the id of another access token with a character more is refused",
        replaced(json, own, &format!("{}0", super::JTI))?,
    );
    add("a jti that is empty is refused", replaced(json, super::JTI, "")?);
    add("a jti with another character is refused", replaced(json, super::JTI, "a.jti")?);
    add("a jti with white space is refused", replaced(json, super::JTI, "a jti")?);
    let with_lineage = |lin: Vec<std::borrow::Cow<'static, str>>| {
        serde_json::to_string(&jeton_policy::access_token::Claims { lin, ..signer.stage.claims() })
    };
    add("a token without a lineage is refused", with_lineage(Vec::new())?);
    add("a lineage of more than 32 ids is refused", with_lineage(vec![own.into(); 33])?);
    Ok(())
}

fn numbers(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let json = serde_json::to_string(&signer.stage.claims())?;
    let (iat, exp) = (signer.stage.minted, signer.stage.expiry());
    let mut add = |name: &str, claim: &str, value: u64, other: String| {
        let payload = replaced(&json, &format!("\"{claim}\":{value}"), &format!("\"{claim}\":{other}"))?;
        cases.push(signed(signer, name, payload));
        anyhow::Ok(())
    };
    add("a fraction of a second is refused", "exp", exp, format!("{exp}.5"))?;
    add("a fraction that is none is refused", "exp", exp, format!("{exp}.0"))?;
    add("a time with an exponent is refused", "exp", exp, format!("{exp}e0"))?;
    add("a time in thousands is refused", "exp", exp, "1.8e9".to_owned())?;
    add("a negative time is refused", "iat", iat, "-1".to_owned())?;
    add("a time of less than nothing is refused", "iat", iat, "-0".to_owned())?;
    add("a time with a sign is refused", "exp", exp, format!("+{exp}"))?;
    add("a time with a leading zero is refused", "exp", exp, format!("0{exp}"))?;
    add("a time in hexadecimal digits is refused", "exp", exp, format!("0x{exp:x}"))?;
    add("a time in quotes is refused", "exp", exp, format!("\"{exp}\""))?;
    add("an iat in quotes is refused", "iat", iat, format!("\"{iat}\""))?;
    add("a time in a list is refused", "exp", exp, format!("[{exp}]"))?;
    add("a time that is true is refused", "exp", exp, "true".to_owned())?;
    add("a time that is no number is refused", "exp", exp, "NaN".to_owned())?;
    add("a time that is endless is refused", "exp", exp, "Infinity".to_owned())?;
    add("a time beyond 64 bits is refused", "exp", exp, "18446744073709551616".to_owned())?;
    add("a time far beyond 64 bits is refused", "exp", exp, "1".repeat(400))?;
    add("a time beyond every exponent is refused", "exp", exp, "1e999".to_owned())
}

fn unknown(signer: &Signer, json: &str, cases: &mut Vec<Case>) {
    for (what, member) in [
        ("an unknown claim", r#""admin":true"#.to_owned()),
        ("an empty name", r#""":1"#.to_owned()),
        ("`nbf`", format!(r#""nbf":{}"#, signer.stage.minted)),
        ("`cnf`", r#""cnf":{"jkt":"x"}"#.to_owned()),
        ("`roles`", r#""roles":["admin"]"#.to_owned()),
        ("`act`", r#""act":{"sub":"bob"}"#.to_owned()),
        ("`__proto__`", r#""__proto__":{"sub":"root"}"#.to_owned()),
        ("five hundred lists in each other", format!(r#""x":{}{}"#, "[".repeat(500), "]".repeat(500))),
        ("a duplicate claim of another issuer", r#""iss":"https://other.example""#.to_owned()),
        ("a duplicate claim whose name is spelled with an escape", r#""\u0069ss":"https://other.example""#.to_owned()),
    ] {
        let payload = json.replacen('{', &format!("{{{member},"), 1);
        cases.push(signed(signer, &format!("a token with {what} is refused"), payload));
    }
}
