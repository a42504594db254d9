//! Random tokens and live sets, drawn from a seed: what every runtime must judge alike, whatever the verdict is.
//!
//! They are drawn around what is sound, so that most are judged by more than their first byte: an authority goes on from live set
//! to live set and mints tokens, and now and then somebody on the way repeats, mixes up or spoils what it says.

mod dice;
mod spoil;

use std::borrow::Cow;
use std::net::IpAddr;

use jeton_policy::{
    access_token::{Algorithm, Claims},
    live::Whole,
    seconds::Seconds,
};
use serde::Serialize;

use crate::generate::{EPOCH, ISSUER, MINTED, Signer, Stage};
use dice::Dice;
use spoil::{spoil_json, spoil_text};

/// Rounds, of a document and a token each, before the next verifier begins with nothing.
const ROUNDS: usize = 100;
/// Epochs that have keys: an RSA key is searched for, and each of these is had again and again.
const KEYS: u64 = 4;
/// Documents and tokens that may come again.
const REMEMBERED: usize = 30;

/// What a runtime does next, one line of JSON each. Numbers are texts: they have up to 64 bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Go on with a verifier that holds nothing.
    Begin,
    /// Load a document.
    Load(String),
    /// Judge a token.
    Judge(Presented),
}

/// A token that is presented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Presented {
    /// The token.
    pub token: String,
    /// Unix time of the caller's clock.
    #[serde(serialize_with = "as_text")]
    pub now: u64,
    /// Seconds since the live set was asked for.
    #[serde(serialize_with = "as_text")]
    pub held_for: u64,
    /// Whether the lease binds.
    pub enforce_lease: bool,
    /// The address of who presents it.
    pub peer: Option<IpAddr>,
}

fn as_text<S: serde::Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// The steps with so many documents and as many tokens, from a seed.
///
/// # Errors
/// When a fixed key is unusable, which the first run would have shown.
pub fn steps(seed: u64, count: usize) -> impl Iterator<Item = anyhow::Result<Step>> {
    let mut dice = Dice::new(seed);
    let mut story = None;
    (0..count).flat_map(move |round| {
        let mut steps = Vec::with_capacity(3);
        if round % ROUNDS == 0 {
            story = None;
            steps.push(Ok(Step::Begin));
        }
        match story.get_or_insert_with(|| Story::begin(&mut dice)).round(&mut dice) {
            Ok([load, judge]) => steps.extend([Ok(load), Ok(judge)]),
            Err(error) => steps.push(Err(error)),
        }
        steps
    })
}

/// An authority, as it goes on.
struct Story {
    algorithm: Algorithm,
    /// How many epochs went by.
    epoch: u64,
    sequence: u64,
    now: u64,
    cuts: Vec<usize>,
    /// Tokens minted, for the `jti` of the next.
    minted: usize,
    documents: Vec<String>,
    tokens: Vec<String>,
}

/// Lineage ids that there are: few, so that cuts hit.
const IDS: usize = 40;

fn id(number: usize) -> String {
    format!("Lineage{number:015}")
}

fn jti(number: usize) -> String {
    format!("{number:055}")
}

impl Story {
    fn begin(dice: &mut Dice) -> Self {
        let algorithm = match dice.below(20) {
            0 => Algorithm::Rs256,
            1..=4 => Algorithm::Es256,
            _ => Algorithm::EdDsa,
        };
        Self {
            algorithm,
            epoch: 1,
            sequence: 1 + dice.number(50),
            now: MINTED + dice.number(1_000_000),
            cuts: Vec::new(),
            minted: 0,
            documents: Vec::new(),
            tokens: Vec::new(),
        }
    }

    fn round(&mut self, dice: &mut Dice) -> anyhow::Result<[Step; 2]> {
        self.now += match dice.below(20) {
            0 => dice.number(1_000),
            1..=8 => 0,
            _ => dice.number(4),
        };
        let document = self.document(dice)?;
        let token = self.token(dice)?;
        let now = match dice.below(20) {
            0 => dice.any_number(),
            1 => self.now.saturating_sub(dice.number(2_000)),
            2 => self.now + dice.number(2_000),
            _ => self.now,
        };
        let held_for = match dice.below(20) {
            0 => dice.any_number(),
            1..=4 => dice.number(8),
            _ => 0,
        };
        let peer = dice.one_of(&PEERS).and_then(|peer| peer.parse().ok());
        let presented = Presented { token, now, held_for, enforce_lease: !dice.chance(20), peer };
        Ok([Step::Load(document), Step::Judge(presented)])
    }

    fn signer(&self, after: i64, algorithm: Algorithm) -> anyhow::Result<Signer> {
        let epoch = self.epoch.saturating_add_signed(after);
        // The number grows, and the keys come again.
        let key = i64::try_from(epoch % KEYS)?;
        let stage = Stage { minted: self.now, epoch: EPOCH.saturating_add(epoch).saturating_sub(epoch % KEYS) };
        stage.signer(key, algorithm)
    }

    fn document(&mut self, dice: &mut Dice) -> anyhow::Result<String> {
        let drawn = if self.documents.is_empty() { 60 } else { dice.below(100) };
        let document = match drawn {
            0..40 => self.change(dice)?,
            40..48 => {
                self.epoch += 1;
                self.sequence = if dice.chance(50) { 1 } else { self.sequence + 1 };
                self.cuts.retain(|_| dice.chance(30));
                self.whole(dice, |_| ())?
            }
            48..53 => self.whole(dice, |whole| whole.issuer = "https://other.example".into())?,
            53..58 => {
                let sequence = dice.number(2 * self.sequence + 2);
                self.whole(dice, |whole| whole.sequence = sequence)?
            }
            58..72 => self.whole(dice, |_| ())?,
            72..82 => return Ok(dice.one_of(&self.documents).cloned().unwrap_or_default()),
            82..90 => {
                let (base, sequence) = (dice.number(self.sequence + 3), dice.number(self.sequence + 3));
                let epoch = dice.below(3);
                let mut delta = self.signer(i64::try_from(epoch)? - 1, self.algorithm)?.delta(base, sequence, &[], &[]);
                delta.as_of = Seconds(self.now);
                String::from_utf8(delta.render())?
            }
            _ => {
                let whole = self.whole(dice, |_| ())?;
                if drawn < 95 { spoil_json(dice, &whole) } else { spoil_text(dice, &whole) }
            }
        };
        remember(dice, &mut self.documents, &document);
        Ok(document)
    }

    fn whole(&self, dice: &mut Dice, change: impl FnOnce(&mut Whole<'_>)) -> anyhow::Result<String> {
        let cuts: Vec<String> = self.cuts.iter().map(|number| self.cut(*number)).collect();
        let cuts: Vec<&str> = cuts.iter().map(String::as_str).collect();
        let signer = self.signer(0, self.algorithm)?;
        let mut whole = signer.whole(self.sequence, &cuts);
        whole.as_of = Seconds(if dice.chance(90) { self.now } else { self.now.saturating_sub(dice.number(1_000)) });
        whole.lease = Seconds(if dice.chance(90) { 5 } else { dice.any_number() });
        change(&mut whole);
        Ok(String::from_utf8(whole.render())?)
    }

    fn change(&mut self, dice: &mut Dice) -> anyhow::Result<String> {
        let mut cuts = Vec::new();
        let mut dropped = Vec::new();
        for _ in 0..dice.below(3) {
            let number = dice.below(IDS + 20);
            cuts.push(self.cut(number));
            self.cuts.push(number);
        }
        if dice.chance(40) && !self.cuts.is_empty() {
            let number = self.cuts.swap_remove(dice.below(self.cuts.len()));
            dropped.push(self.cut(number));
        }
        let base = self.sequence;
        self.sequence += u64::from(dice.chance(90));
        let cuts: Vec<&str> = cuts.iter().map(String::as_str).collect();
        let dropped: Vec<&str> = dropped.iter().map(String::as_str).collect();
        let mut delta = self.signer(0, self.algorithm)?.delta(base, self.sequence, &cuts, &dropped);
        delta.as_of = Seconds(self.now);
        Ok(String::from_utf8(delta.render())?)
    }

    /// What a number cuts: a life, or one of the tokens that were minted last.
    fn cut(&self, number: usize) -> String {
        if number < IDS { id(number) } else { jti(self.minted.saturating_sub(number - IDS)) }
    }

    fn token(&mut self, dice: &mut Dice) -> anyhow::Result<String> {
        let drawn = if self.tokens.is_empty() { 0 } else { dice.below(100) };
        let claims = self.claims(dice);
        let sign = |after: i64, algorithm: Algorithm| -> anyhow::Result<String> {
            Ok(self.signer(after, algorithm)?.signed(|good| *good = claims.clone()))
        };
        let token = match drawn {
            0..50 => sign(0, self.algorithm)?,
            50..65 => return Ok(dice.one_of(&self.tokens).cloned().unwrap_or_default()),
            65..70 => sign(i64::try_from(dice.below(3))? - 1, self.algorithm)?,
            70..73 => sign(0, if dice.chance(50) { Algorithm::EdDsa } else { Algorithm::Es256 })?,
            73..85 => {
                let json = spoil_json(dice, &serde_json::to_string(&claims)?);
                self.signer(0, self.algorithm)?.signed_payload(json)
            }
            85..88 => {
                let json = spoil_text(dice, &serde_json::to_string(&claims)?);
                self.signer(0, self.algorithm)?.signed_payload(json)
            }
            88..91 => {
                let other = dice.one_of(&self.tokens).cloned().unwrap_or_default();
                let own = sign(0, self.algorithm)?;
                spoil::mixed(dice, &own, &other)
            }
            91..94 => spoil::with_other_header(dice, &sign(0, self.algorithm)?),
            _ => spoil_text(dice, &sign(0, self.algorithm)?),
        };
        remember(dice, &mut self.tokens, &token);
        Ok(token)
    }

    fn claims(&mut self, dice: &mut Dice) -> Claims<'static> {
        self.minted += 1;
        let iat = match dice.below(20) {
            0 => dice.any_number(),
            1..=2 => self.now + dice.number(15),
            _ => self.now.saturating_sub(dice.number(900)),
        };
        let exp = match dice.below(20) {
            0 => dice.any_number(),
            1..=2 => iat,
            3..=6 => iat.saturating_add(dice.number(30)),
            _ => iat.saturating_add(900),
        };
        let most = if dice.chance(95) { 9 } else { 34 };
        let lin = (0..dice.below(most)).map(|_| Cow::Owned(id(dice.below(IDS)))).collect();
        let net = if dice.chance(70) { 0 } else { dice.below(10) };
        Claims {
            iss: ISSUER.into(),
            aud: Cow::Borrowed(dice.pick(&[ISSUER, "https://api.example", ""])),
            sub: Cow::Borrowed(dice.pick(&SUBJECTS)),
            client_id: format!("{:022}", dice.below(IDS)).into(),
            iat: Seconds(iat),
            exp: Seconds(exp),
            jti: jti(self.minted).into(),
            scope: Cow::Borrowed(dice.pick(&SCOPES)),
            lin,
            net: (0..net).map(|_| Cow::Borrowed(dice.pick(&NETWORKS))).collect(),
        }
    }
}

fn remember(dice: &mut Dice, memory: &mut Vec<String>, text: &str) {
    if memory.len() < REMEMBERED {
        memory.push(text.to_owned());
    } else if let Some(place) = memory.get_mut(dice.below(REMEMBERED)) {
        text.clone_into(place);
    }
}

/// The first is nobody.
const PEERS: [&str; 10] = [
    "",
    "192.0.2.1",
    "192.0.2.255",
    "192.0.3.0",
    "::ffff:192.0.2.1",
    "::ffff:10.1.2.3",
    "10.1.2.3",
    "2001:db8::1",
    "2001:db8:1::1",
    "::1",
];
const NETWORKS: [&str; 14] = [
    "192.0.2.0/24",
    "192.0.2.0/25",
    "192.0.2.1/32",
    "192.0.2.1",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "2001:DB8::/32",
    "::1/128",
    "::1",
    "203.0.113.0/24",
    "198.51.100.0/31",
];
const SUBJECTS: [&str; 7] =
    ["alice", "bob", "0000000000000000000001", "", "Ålice 愛", "a\"b\\c\u{0}\u{1f}\n", "\u{feff}\u{2028}\u{10ffff}"];
const SCOPES: [&str; 6] =
    ["", "a", "orders:read orders:write", "jeton:admin", "jeton:introspect a", "a b c d e f g h i j k"];
