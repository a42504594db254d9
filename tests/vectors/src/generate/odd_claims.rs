//! Claims that look odd and are sound: whoever signs them means them, and every runtime reads them alike. And the largest ones.

use jeton_policy::{
    access_token::{Claims, MAX_LINEAGE},
    scope::{MAX_SCOPES, MAX_SCOPES_LENGTH},
    seconds::Seconds,
};

use super::{CLIENT, ISSUER, JTI, Signer, Stage, accepted_as, replaced};
use crate::{Case, Verdict};

/// The most characters of an owner, an issuer and an audience.
const MAX_NAME: usize = 200;

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    spellings(&signer, cases)?;
    texts(&signer, cases);
    values(&signer, cases);
    sizes(&signer, cases);
    Ok(())
}

/// The same claims, spelled otherwise than this authority spells them (RFC 8259).
fn spellings(signer: &Signer, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let claims = signer.stage.claims();
    let json = serde_json::to_string(&claims)?;
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json)?;
    let backwards: Vec<String> = members.iter().rev().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    for (name, payload) in [
        ("white space around the claims is nothing", format!(" \r\n\t{json}\t\r\n ")),
        ("white space among the claims is nothing", json.replace(',', " ,\n\t").replace("\":", "\" : ")),
        ("claims in another order are the same", format!("{{{}}}", backwards.join(","))),
        ("a name that is spelled with an escape is the same", replaced(&json, r#""sub""#, r#""\u0073ub""#)?),
        ("a value that is spelled with an escape is the same", replaced(&json, "alice", r"\u0061l\u0069ce")?),
        ("an escaped slash is a slash", replaced(&json, "https://", r"https:\/\/")?),
        (
            "an escaped lineage is the same",
            replaced(&json, "OwnLineage000000000000", r"\u004fwnLineage00000000000\u0030")?,
        ),
    ] {
        cases.push(signer.case(name, signer.signed_payload(payload), signer.stage.accepted()));
    }
    Ok(())
}

/// Texts that need an escape somewhere. What stands in JSON is spelled out, since every runtime must spell it alike.
fn texts(signer: &Signer, cases: &mut Vec<Case>) {
    for (name, subject, spelled) in [
        ("a subject of another alphabet is told as it is", "Ålice 愛丽丝", "Ålice 愛丽丝"),
        ("a subject beyond the first plane is told as it is", "\u{1d11e}\u{10ffff}", "\u{1d11e}\u{10ffff}"),
        ("quotes in a subject are escaped", "al\"ice\"", r#"al\"ice\""#),
        ("a backslash in a subject is escaped", r"al\ice", r"al\\ice"),
        ("a zero byte in a subject is escaped", "al\0ice", r"al\u0000ice"),
        ("control characters in a subject are escaped", "\u{8}\t\n\u{b}\u{c}\r\u{1f}", r"\b\t\n\u000b\f\r\u001f"),
        ("what JavaScript takes for line ends is told as it is", "\u{2028}\u{2029}", "\u{2028}\u{2029}"),
        ("a subject that looks like markup is told as it is", "<script>&amp;", "<script>&amp;"),
        ("a decomposed letter is not composed", "e\u{301}", "e\u{301}"),
        ("a byte order mark in a subject is told as it is", "\u{feff}alice", "\u{feff}alice"),
    ] {
        let Stage { minted, .. } = signer.stage;
        let exp = signer.stage.expiry();
        let verdict = Verdict::Accepted {
            introspection: format!(
                r#"{{"active":true,"scope":"orders:read orders:write","client_id":"{CLIENT}","sub":"{spelled}","aud":"{ISSUER}","iss":"{ISSUER}","exp":{exp},"iat":{minted},"jti":"{JTI}","token_type":"Bearer"}}"#
            ),
            subject: subject.to_owned(),
            client: CLIENT.to_owned(),
            scope: "orders:read orders:write".to_owned(),
            audience: ISSUER.to_owned(),
            expires_at: exp,
            network: "not-bound".to_owned(),
        };
        let subject = subject.to_owned();
        cases.push(signer.case(name, signer.signed(|claims| claims.sub = subject.into()), verdict));
    }
}

/// Claims that no clause of the rule looks at.
fn values(signer: &Signer, cases: &mut Vec<Case>) {
    let mut told = |name: &str, change: &dyn Fn(&mut Claims<'static>)| cases.push(told(signer, name, change));
    told("the rule compares no issuer: the key alone says whose a token is", &|claims| {
        claims.iss = "https://other.example".into();
    });
    told("the rule compares no audience: it is told to whoever asks", &|claims| {
        claims.aud = "https://api.example".into();
    });
    told("a token without an owner has its client for a subject", &|claims| claims.sub = CLIENT.into());
    told("a token without scopes is alive", &|claims| claims.scope = "".into());
    told("a token with the scope of an administrator is alive", &|claims| claims.scope = "jeton:admin".into());
    told("a scope that means nothing is told as it is", &|claims| claims.scope = "jeton:unknown  jeton: ,".into());
    told("a jti of another length is a jti", &|claims| claims.jti = "x".into());
    told("a client of another form is told as it is", &|claims| claims.client_id = "a client".into());
    told("a subject that is a number in quotes is a text", &|claims| claims.sub = "42".into());
    told("an empty subject is told as it is", &|claims| claims.sub = "".into());
}

fn sizes(signer: &Signer, cases: &mut Vec<Case>) {
    let mut told = |name: &str, change: &dyn Fn(&mut Claims<'static>)| cases.push(told(signer, name, change));
    let long = |prefix: &str| format!("{prefix}{}", "n".repeat(MAX_NAME - prefix.len()));
    let scope = |count: usize, total: usize| {
        // So many of one length, and the last one as long as what is left.
        let each = (total + 1) / count - 1;
        let mut scopes: Vec<String> = (1..count).map(|number| format!("{number:0each$}")).collect();
        let left = total - scopes.iter().map(|scope| scope.len() + 1).sum::<usize>();
        scopes.push("s".repeat(left));
        scopes.join(" ")
    };
    told("the longest owner is told", &|claims| claims.sub = long("").into());
    told("the longest issuer is told", &|claims| claims.iss = long("https://").into());
    told("the longest audience is told", &|claims| claims.aud = long("https://").into());
    told("one scope of the greatest length is told", &|claims| claims.scope = scope(1, 128).into());
    told("the most scopes are told", &|claims| claims.scope = scope(MAX_SCOPES, 64 * 4).into());
    told("the longest scopes are told", &|claims| claims.scope = scope(MAX_SCOPES, MAX_SCOPES_LENGTH).into());
    told("a scope that is longer than any is told, since it was signed", &|claims| {
        claims.scope = scope(1, 1_500).into()
    });
    told("the longest lineage is alive", &|claims| claims.lin = lineage(MAX_LINEAGE));
    told("the largest token is alive", &|claims| {
        (claims.sub, claims.iss, claims.aud) = (long("").into(), long("https://").into(), long("https://").into());
        (claims.scope, claims.lin) = (scope(MAX_SCOPES, MAX_SCOPES_LENGTH).into(), lineage(MAX_LINEAGE));
        claims.exp = Seconds(u64::MAX);
    });
}

fn lineage(count: usize) -> Vec<std::borrow::Cow<'static, str>> {
    (0..count).map(|number| format!("Lineage{number:015}").into()).collect()
}

/// The good token with other claims that need no escape, and what must be told of it.
fn told(signer: &Signer, name: &str, change: &dyn Fn(&mut Claims<'static>)) -> Case {
    let mut claims = signer.stage.claims();
    change(&mut claims);
    signer.case(name, signer.signer.sign(&claims), accepted_as(&claims, "not-bound"))
}
