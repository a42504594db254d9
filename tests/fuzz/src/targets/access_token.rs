//! Access tokens, as a verifier judges them.

use std::{borrow::Cow, cell::RefCell, collections::HashSet};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signer as _, SigningKey};
use jeton_policy::{
    access_token::{Algorithm, Claims, EpochSigner, MAX_TOKEN_LENGTH, PublicKey},
    digest::CutDigest,
    live::{EpochMember, Whole},
    network::{Address, NetworkVerdict, Networks},
    seconds::Seconds,
    verifier::{INACTIVE, Moment, Refusal, Verifier},
};
use serde_json::Value;

use crate::{Target, choices::Choices, json::members_of, mutation, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "access-token",
    about: "access tokens: text, validly signed ones after damage of bytes and of structure, and any claims under any key",
    words: &[
        "eyJ",
        ".",
        "..",
        "=",
        "==",
        "\"exp\":",
        "\"iat\":",
        "\"lin\":[",
        "\"scope\":\"",
        "\"jti\":\"",
        "\"alg\":\"none\"",
        "18446744073709551615",
        "1e9",
        "null",
        "\\u0000",
        "\\ud800",
        "crit",
        "jwk",
        "jeton:admin",
        "at+jwt",
    ],
    run,
    short_pass: 6_000,
};

const ISSUER: &str = "https://tokens.example";
/// The time that most is about.
const NOW: u64 = 1_800_000_000;
/// When the live set was made: nothing is judged by an earlier time.
const AS_OF: u64 = NOW - 100_000;
/// A lineage id that the live set has cut.
const CUT: &str = "CutLineage000000000000";
/// What `lin` is made of.
const LINEAGE: [&str; 4] = ["OwnLineage000000000000", "OwnerLineage0000000000", "ParentLineage000000000", CUT];

/// Keys of the current epoch, of the one before, and of somebody else; the live set of the current one; good tokens of it.
struct World {
    current: EpochSigner,
    former: EpochSigner,
    stranger: SigningKey,
    live: Vec<u8>,
    good: Vec<String>,
}

impl World {
    fn new(algorithm: Algorithm) -> Self {
        let (current, _) = EpochSigner::begin(&[1; 32], algorithm, 2, [2; 16]).unwrap();
        let live = Whole {
            issuer: ISSUER.into(),
            sequence: 7,
            as_of: Seconds(AS_OF),
            lease: Seconds(5),
            epoch: EpochMember {
                number: 2,
                kid: current.key().kid().to_owned().into(),
                public_key: current.public_key().clone(),
            },
            cuts: vec![CutDigest::of(CUT), CutDigest::of("CutJti")],
        };
        let good = (0..8).map(|number| current.sign(&claims(number))).collect();
        Self {
            live: live.render(),
            former: EpochSigner::begin(&[1; 32], Algorithm::EdDsa, 1, [2; 16]).unwrap().0,
            stranger: SigningKey::from_bytes(&[9; 32]),
            current,
            good,
        }
    }

    fn verifier(&self) -> Verifier {
        let mut verifier = Verifier::new();
        verifier.load(&self.live).unwrap();
        verifier
    }
}

/// One who may ask about others, and a verifier that stays at one time.
struct Asker {
    verifier: Verifier,
    token: String,
}

/// A question about a token.
#[derive(Clone, Copy)]
struct Asked {
    now: u64,
    peer: Option<Address>,
    too: Too,
}

/// What is asked beside the plain verdict.
#[derive(Clone, Copy)]
enum Too {
    Again,
    AboutItself,
    ForClaims,
    ByAnother,
}

thread_local! {
    /// A world for each algorithm.
    static WORLDS: RefCell<[(World, Asker); 3]> = RefCell::new(Algorithm::ALL.map(|algorithm| {
        let world = World::new(algorithm);
        let asker = Asker { verifier: world.verifier(), token: world.good[2].clone() };
        (world, asker)
    }));
}

fn claims(number: usize) -> Claims<'static> {
    Claims {
        iss: ISSUER.into(),
        aud: ISSUER.into(),
        sub: "alice".into(),
        client_id: "0000000000000000000001".into(),
        iat: Seconds(NOW),
        exp: Seconds(NOW + 900),
        jti: format!("Jti{number}").into(),
        scope: ["", "orders", "jeton:introspect", "jeton:admin orders"][number % 4].into(),
        lin: LINEAGE[..=number % 3].iter().map(|id| Cow::Borrowed(*id)).collect(),
        net: if number == 5 { vec!["192.0.2.0/24".into()] } else { Vec::new() },
    }
}

fn run(data: &[u8], reached: &mut Reached) {
    WORLDS.with_borrow_mut(|worlds| {
        let mut choices = Choices::new(data);
        // What the others cost would make ten million inputs a matter of days: they have their turn.
        let (world, asker) = &mut worlds[match choices.byte() {
            252..=255 => 2,
            240..252 => 1,
            _ => 0,
        }];
        let signed = world.good.iter().cloned().collect();
        let mut judge = Judge { verifier: world.verifier(), latest: AS_OF, signed, reached };
        if let Ok(text) = str::from_utf8(data) {
            judge.verdict(text, Asked { now: 0, peer: None, too: Too::ByAnother }, asker);
        }
        // What is looked at first decides whether the next meets an empty memo.
        if choices.below(4) == 0 {
            judge.verdict(&world.good[choices.below(world.good.len())], asked(&mut choices), asker);
        }
        let (token, is_signed) = token(world, &mut choices);
        if is_signed {
            judge.signed.insert(token.clone());
        }
        judge.verdict(&token, asked(&mut choices), asker);
        if choices.below(4) == 0 {
            judge.verdict(&token, asked(&mut choices), asker);
        }
    });
}

fn asked(choices: &mut Choices<'_>) -> Asked {
    let peers = [None, Some(Address::V4([192, 0, 2, 1])), Some(Address::V4([10, 0, 0, 1])), Some(Address::V6([1; 16]))];
    let now = choices.number_near(NOW);
    let too = choices.one_of(&[Too::Again, Too::AboutItself, Too::ForClaims, Too::ByAnother]);
    Asked { now, peer: choices.one_of(&peers), too }
}

/// A token, and whether the key of the current epoch has signed exactly this text.
fn token(world: &World, choices: &mut Choices<'_>) -> (String, bool) {
    let good = &world.good[choices.below(world.good.len())];
    match choices.below(10) {
        0 | 1 => (mutation::mutated_text(choices, good, TARGET.words), false),
        2 => (swapped(world, choices), false),
        3 if choices.flag() => (other_number(world, good), false),
        3 => (respelled(good, choices), false),
        4 => (other_header(world, choices, good), false),
        5 => {
            let payload = payload_of(good);
            let header = world.current.key().header();
            (sign(&world.stranger, header, &payload), false)
        }
        6 => (world.former.sign_payload(&payload(choices)), false),
        // RSA takes milliseconds to sign: mostly what was signed before will do.
        7 | 8 if world.current.key().algorithm() == Algorithm::Rs256 => (good.clone(), true),
        _ => (world.current.sign_payload(&payload(choices)), true),
    }
}

/// Parts of one token in the places of another's.
fn swapped(world: &World, choices: &mut Choices<'_>) -> String {
    let mut parts = Vec::new();
    for place in 0..choices.one_of(&[3, 3, 3, 2, 4, 5]) {
        let other = choices.below(world.good.len() + 1);
        let token = world.good.get(other).cloned().unwrap_or_else(|| world.former.sign(&claims(other)));
        let place = if choices.below(4) == 0 { choices.below(3) } else { place % 3 };
        parts.push(token.split('.').nth(place).unwrap_or_default().to_owned());
    }
    parts.join(".")
}

/// The same bytes in another spelling of base64, or with something around them.
fn respelled(good: &str, choices: &mut Choices<'_>) -> String {
    let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
    let place = choices.below(3);
    let bytes = URL_SAFE_NO_PAD.decode(&parts[place]).unwrap();
    parts[place] = match choices.below(8) {
        0 => URL_SAFE.encode(&bytes),
        1 => STANDARD.encode(&bytes),
        2 => STANDARD_NO_PAD.encode(&bytes),
        3 => trailing_bits(&parts[place]),
        4 => format!("{}=", parts[place]),
        5 => format!("{}\n", parts[place]),
        6 => URL_SAFE_NO_PAD.encode([&bytes[..], &[choices.byte()]].concat()),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let text = parts.join(".");
    match choices.below(6) {
        0 => format!(" {text}"),
        1 => format!("{text} "),
        2 => format!("{text}."),
        3 => format!("Bearer {text}"),
        4 => text.to_uppercase(),
        _ => text,
    }
}

/// The other number that fits the same equation: where a verifier takes it, one token has two spellings.
fn other_number(world: &World, good: &str) -> String {
    let (input, signature) = good.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    match world.current.public_key() {
        // s plus the order of the group, little-endian (RFC 8032 section 5.1).
        PublicKey::Ed25519(_) => {
            let order = hex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
            bytes[32..].reverse();
            add(&mut bytes[32..], &order);
            bytes[32..].reverse();
        }
        // The order of the group minus s, big-endian (SEC 1 section 4.1.4).
        PublicKey::P256(_) => {
            let mut order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
            // The complement and one more is the negative.
            let negative: Vec<u8> = bytes[32..].iter().map(|byte| !byte).collect();
            add(&mut order, &negative);
            add(&mut order, &[0; 31].into_iter().chain([1]).collect::<Vec<u8>>());
            bytes[32..].copy_from_slice(&order);
        }
        // The signature plus the modulus (RFC 8017 section 5.2.2).
        PublicKey::Rsa(modulus) => add(&mut bytes, modulus.as_slice()),
    }
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Adds big-endian numbers of one length; what is carried out of it is lost.
fn add(number: &mut [u8], other: &[u8]) {
    let mut carry = 0;
    for (digit, other) in number.iter_mut().zip(other).rev() {
        let sum = u16::from(*digit) + u16::from(*other) + carry;
        (*digit, carry) = (sum.to_be_bytes()[1], sum >> 8);
    }
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|place| u8::from_str_radix(&digits[place..place + 2], 16).unwrap()).collect()
}

/// The last character of base64 that is not whole has bits that say nothing: set, they would make a second spelling.
fn trailing_bits(part: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = part.split_at(part.len() - 1);
    let value = ALPHABET.iter().position(|sign| last.as_bytes()[0] == *sign).unwrap();
    format!("{head}{}", char::from(ALPHABET[value ^ 1]))
}

/// A header that says something else, over the claims of a good token, signed by the one or the other.
fn other_header(world: &World, choices: &mut Choices<'_>, good: &str) -> String {
    let kid = world.current.key().kid();
    let header = match choices.below(8) {
        0 => r#"{"typ":"at+jwt","alg":"none"}"#.to_owned(),
        1 => format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{kid}"}}"#),
        2 => format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}"#),
        3 => format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#),
        4 => format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}"}}"#),
        5 => format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","crit":["exp"]}}"#),
        6 => format!(r#"{{"typ":"at+jwt", "alg":"EdDSA","kid":"{kid}"}}"#),
        _ => choices.text(80),
    };
    let header = URL_SAFE_NO_PAD.encode(header);
    match choices.below(4) {
        0 => format!("{header}.{}.", good.split('.').nth(1).unwrap_or_default()),
        1 => format!("{header}.{}", good.split_once('.').map_or("", |(_, rest)| rest)),
        _ => sign(&world.stranger, &header, &payload_of(good)),
    }
}

fn payload_of(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap_or_default()).unwrap_or_default()
}

fn sign(key: &SigningKey, header: &str, payload: &[u8]) -> String {
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes());
    format!("{input}.{signature}")
}

/// Claims of any values, sometimes damaged as text.
fn payload(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut claims = claims(choices.below(8));
    for _ in 0..choices.below(4) {
        match choices.below(10) {
            0 => claims.iat = Seconds(choices.number_near(NOW)),
            1 => claims.exp = Seconds(choices.number_near(NOW)),
            2 => claims.sub = choices.text(40).into(),
            3 => claims.client_id = choices.text(40).into(),
            4 => claims.scope = choices.text(60).into(),
            5 => claims.jti = if choices.flag() { "CutJti".into() } else { choices.text(60).into() },
            6 => claims.aud = choices.text(40).into(),
            7 => {
                let count = choices.one_of(&[0, 1, 2, 31, 32, 33]);
                claims.lin = (0..count).map(|_| Cow::Borrowed(choices.one_of(&LINEAGE))).collect();
            }
            8 => {
                let texts = ["192.0.2.0/24", "::/0", "10.0.0.1/8", "x"];
                claims.net = (0..choices.below(10)).map(|_| choices.one_of(&texts).into()).collect();
            }
            _ if choices.flag() => claims.lin.push("J".repeat(choices.one_of(&[54, 55, 56])).into()),
            _ => claims.lin.push(choices.text(24).into()),
        }
    }
    let mut payload = serde_json::to_vec(&claims).unwrap();
    if choices.below(3) == 0 {
        for _ in 0..=choices.below(3) {
            mutation::mutate(choices, &mut payload, TARGET.words);
        }
    }
    payload
}

struct Judge<'a> {
    verifier: Verifier,
    /// The time judged by never goes back.
    latest: u64,
    /// Exactly what the key of the current epoch has signed.
    signed: HashSet<String>,
    reached: &'a mut Reached,
}

impl Judge<'_> {
    /// Judges a token, and compares with an account of the one rule that shares no code with it.
    fn verdict(&mut self, token: &str, Asked { now, peer, too }: Asked, asker: &mut Asker) {
        self.latest = self.latest.max(now);
        let at = Moment { now: Seconds(now), held_for: Seconds(0), enforce_lease: false, peer };
        let expected = self.expected(token, self.latest);
        let verdict = self.verify(token, at);
        match (&verdict, &expected) {
            (Ok((answer, network)), Ok(claims)) => {
                self.reached.note("accepted");
                let answer: Value = serde_json::from_slice(answer).expect("an answer is JSON");
                for name in ["scope", "client_id", "sub", "aud", "iss", "exp", "iat", "jti", "net"] {
                    assert_eq!(answer[name], claims[name], "{name}");
                }
                let is_bound = !claims["net"].is_null();
                assert_eq!((&answer["active"], answer["token_type"].as_str()), (&Value::Bool(true), Some("Bearer")));
                assert_eq!(answer.as_object().unwrap().len(), if is_bound { 11 } else { 10 });
                assert_eq!(*network == NetworkVerdict::NotBound, !is_bound);
            }
            (Err(refusal), Err(why)) => {
                self.reached.note(why);
                self.reached.note(named(*refusal));
            }
            _ => panic!("{verdict:?} where {expected:?} was expected, at {now}: {token}"),
        }
        match too {
            Too::Again => {
                let again = self.verify(token, at);
                assert_eq!(again, verdict, "the memo decides otherwise: {token}");
            }
            Too::AboutItself => {
                let answer = self.verifier.introspect(token, token, at).map(<[u8]>::to_vec);
                let expected = verdict.ok().filter(|(_, network)| network.permits()).map(|(answer, _)| answer);
                assert_eq!(answer.ok(), expected, "{token}");
            }
            Too::ForClaims => {
                let claims = self.verifier.claims(token, at);
                let claims = claims.map(|(claims, network)| (serde_json::to_value(claims).unwrap(), network));
                assert_eq!(claims, verdict.map(|(_, network)| (expected.unwrap_or_default(), network)));
            }
            Too::ByAnother => {
                let at = Moment { now: Seconds(NOW), ..at };
                let answer = asker.verifier.introspect(&asker.token, token, at).expect("the asker may ask");
                assert_eq!(self.expected(token, NOW).is_err(), answer == INACTIVE, "{token}");
                let is_inactive = answer == INACTIVE;
                self.reached.note(if is_inactive { "asked by another: inactive" } else { "asked by another: active" });
            }
        }
    }

    fn verify(&mut self, token: &str, at: Moment) -> Result<(Vec<u8>, NetworkVerdict), Refusal> {
        let accepted = self.verifier.verify(token, at)?;
        Ok((accepted.answer.introspection().to_vec(), accepted.network))
    }

    fn expected(&self, token: &str, now: u64) -> Result<Value, &'static str> {
        if self.signed.contains(token) { alive(token, now) } else { Err("nobody signed it") }
    }
}

/// The one rule once more, over what the current epoch's key has signed: well-formed claims, time, cuts.
fn alive(token: &str, now: u64) -> Result<Value, &'static str> {
    let payload = payload_of(token);
    if token.len() > MAX_TOKEN_LENGTH {
        return Err("signed, but too long");
    }
    let claims: Value = serde_json::from_slice(&payload).map_err(|_| "signed, but no JSON")?;
    let members = claims.as_object().ok_or("signed, but no object")?;
    let names = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "lin"];
    let texts = ["iss", "aud", "sub", "client_id", "jti", "scope"];
    let lineage: Option<Vec<&str>> = claims["lin"].as_array().and_then(|lin| lin.iter().map(Value::as_str).collect());
    let (Some(lineage), Some(iat), Some(exp)) = (lineage, claims["iat"].as_u64(), claims["exp"].as_u64()) else {
        return Err("signed, but of wrong types");
    };
    // A repeated member is refused, which a map does not show.
    let repeated = members_of(&payload).is_none_or(|all| all.len() != members.len());
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_bound = members.contains_key("net");
    let networks: Option<Vec<&str>> = claims["net"].as_array().and_then(|net| net.iter().map(Value::as_str).collect());
    if is_bound && !networks.is_some_and(|networks| !networks.is_empty() && Networks::new(networks).is_ok()) {
        return Err("signed, but of other networks");
    }
    if members.len() != names.len() + usize::from(is_bound)
        || repeated
        || !texts.iter().all(|name| claims[*name].is_string())
    {
        return Err("signed, but with other members");
    }
    if !(1..=32).contains(&lineage.len())
        || !lineage.iter().all(|id| [22, 55].contains(&id.len()) && plain(id))
        || !plain(claims["jti"].as_str().unwrap_or_default())
    {
        return Err("signed, but of another lineage");
    }
    if iat > now.saturating_add(10) {
        return Err("not yet valid");
    }
    if now >= exp {
        return Err("expired");
    }
    if lineage.contains(&CUT) || claims["jti"] == "CutJti" {
        return Err("cut");
    }
    Ok(claims)
}

fn named(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed => "refusal: malformed",
        Refusal::WrongEpoch => "refusal: wrong epoch",
        Refusal::BadSignature => "refusal: bad signature",
        Refusal::NotYetValid => "refusal: not yet valid",
        Refusal::Expired => "refusal: expired",
        Refusal::Cut => "refusal: cut",
        Refusal::Stale => "refusal: stale",
    }
}
