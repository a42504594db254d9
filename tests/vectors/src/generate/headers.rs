//! Headers: a token of the epoch has one, byte for byte. Each of these was signed by the epoch's own key, and is refused all the same.

use jeton_policy::access_token::Algorithm;

use super::{Stage, encoded, parts, refused};
use crate::Case;

pub(super) fn add(stage: Stage, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let signer = stage.own()?;
    let good = signer.good();
    let [header, payload, _] = parts(&good)?;
    let kid = signer.kid();
    let before = stage.signer(-1, Algorithm::EdDsa)?;
    let mut signed = |name: &str, header: String| {
        let name = format!("signed, but {name}");
        cases.push(signer.case(&name, signer.signed_parts(&header, payload), refused("wrong-epoch")));
    };
    let members = |typ: &str, alg: &str, kid: &str| encoded(format!(r#"{{"typ":{typ},"alg":{alg},"kid":{kid}}}"#));
    let (typ, alg, quoted) = (r#""at+jwt""#, r#""EdDSA""#, format!(r#""{kid}""#));

    for (name, other) in [
        ("of the typ of any JWT", r#""JWT""#),
        ("of a typ in upper case", r#""AT+JWT""#),
        ("of the long form of its typ", r#""application/at+jwt""#),
        ("of an empty typ", r#""""#),
        ("of a typ that is null", "null"),
        ("of a typ that is a list", r#"["at+jwt"]"#),
    ] {
        signed(name, members(other, alg, &quoted));
    }
    for (name, other) in [
        ("of an alg in lower case", r#""eddsa""#),
        ("of the alg that RFC 9864 calls it", r#""Ed25519""#),
        ("of alg none", r#""none""#),
        ("of alg HS256", r#""HS256""#),
        ("of alg ES256", r#""ES256""#),
        ("of alg RS256", r#""RS256""#),
        ("of an empty alg", r#""""#),
        ("of an alg that is null", "null"),
        ("of an alg that is a list", r#"["EdDSA"]"#),
        ("of an alg with white space", r#""EdDSA ""#),
    ] {
        signed(name, members(typ, other, &quoted));
    }
    for (name, other) in [
        ("of an empty kid", r#""""#.to_owned()),
        ("of a kid that is null", "null".to_owned()),
        ("of a kid that is a number", "1".to_owned()),
        ("of a kid cut short", format!(r#""{}""#, kid.get(..kid.len() - 1).unwrap_or_default())),
        ("of a padded kid", format!(r#""{kid}=""#)),
        ("of the kid of the epoch before", format!(r#""{}""#, before.kid())),
        ("of a kid that leads to a file", r#""../../dev/null""#.to_owned()),
        (
            "of a kid that is spelled with an escape",
            format!(r#""\u{:04x}{}""#, first(kid), kid.get(1..).unwrap_or_default()),
        ),
    ] {
        signed(name, members(typ, alg, &other));
    }

    let good_header = format!(r#"{{"typ":{typ},"alg":{alg},"kid":{quoted}}}"#);
    let with = |member: &str| encoded(good_header.replacen('{', &format!("{{{member},"), 1));
    for (name, member) in [
        ("with a typ more", r#""typ":"at+jwt""#),
        ("with an alg more", r#""alg":"none""#),
        ("with a kid more", r#""kid":"x""#),
        ("with a crit that is empty", r#""crit":[]"#),
        ("with a payload that was not to be encoded", r#""b64":false,"crit":["b64"]"#),
        ("with a place to get a key from", r#""jku":"https://other.example/keys""#),
        ("with a place to get a certificate from", r#""x5u":"https://other.example/cert""#),
        ("with a certificate", r#""x5c":["MIIB"]"#),
        ("with the type of what is in it", r#""cty":"JWT""#),
        ("with something packed in it", r#""zip":"DEF""#),
        ("with something encrypted in it", r#""enc":"A128GCM""#),
    ] {
        signed(name, with(member));
    }
    for (name, text) in [
        ("without a typ", format!(r#"{{"alg":{alg},"kid":{quoted}}}"#)),
        ("without an alg", format!(r#"{{"typ":{typ},"kid":{quoted}}}"#)),
        ("without a kid", format!(r#"{{"typ":{typ},"alg":{alg}}}"#)),
        ("with an empty header", "{}".to_owned()),
        ("with a header that is a list", format!("[{good_header}]")),
        ("with a header that is no JSON", "at+jwt".to_owned()),
        ("with a line end behind its header", format!("{good_header}\n")),
        ("with a byte order mark before its header", format!("\u{feff}{good_header}")),
    ] {
        signed(name, encoded(text));
    }
    signed("with a header that was not encoded", good_header.replace('.', "-"));
    signed("with a header that was encoded twice", encoded(header));
    signed("with the header of the epoch before", before.good().split('.').next().unwrap_or_default().to_owned());
    Ok(())
}

fn first(text: &str) -> u32 {
    text.chars().next().map_or(0, u32::from)
}
