//! Refresh tokens, ids and `jti` as text.

use jeton_policy::{
    digest::Digest,
    refresh_token::{PREFIX, RefreshToken},
    seconds::Seconds,
    token_id::{Jti, TokenId},
};

use crate::{Target, choices::Choices, mutation::mutated_text, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "refresh-token",
    about: "refresh tokens, token ids and jti: text, and whole ones after some damage, with and without a new checksum",
    words: &[PREFIX, "jtn_rt", "zzzzzzzzzzzzzzzzzzzzzz", "7n42DGM5Tflk9n8mt7Fhc7", "7n42DGM5Tflk9n8mt7Fhc8"],
    run,
    short_pass: 60_000,
};

/// `u128::MAX` in base62 is 22 characters; the next number is no sixteen bytes any more.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn run(data: &[u8], reached: &mut Reached) {
    if let Ok(text) = std::str::from_utf8(data) {
        read(text, reached);
        read_ids(text, reached);
    }
    let mut choices = Choices::new(data);
    let (id, secret) = (TokenId(choices.array()), choices.array());
    let whole = RefreshToken::new(id, secret).reveal();
    let text = match choices.below(4) {
        0 => whole.to_string(),
        1 => mutated_text(&mut choices, &whole, TARGET.words),
        // A right checksum over a wrong payload: only the payload itself can be refused.
        2 => checked(&mutated_text(&mut choices, whole.split_at(whole.len() - 6).0, TARGET.words)),
        _ => {
            let digits: Vec<u8> = (0..66).map(|_| choices.one_of(DIGITS)).collect();
            checked(&format!("{PREFIX}{}", String::from_utf8(digits).unwrap()))
        }
    };
    let token = read(&text, reached);
    if text == *whole {
        let token = token.expect("a whole token is read");
        assert!(token.id() == id && token.digest().matches(&Digest::of(&secret)));
    }
    let jti =
        Jti { client: id, epoch: choices.number(), issued_at: Seconds(choices.number()), random: choices.array() };
    assert_eq!(Jti::parse(&jti.to_string()), Some(jti));
    read_ids(&mutated_text(&mut choices, &jti.to_string(), TARGET.words), reached);
}

/// Reads text that may be a refresh token, and compares with an account of the form that shares no code with the reader.
fn read(text: &str, reached: &mut Reached) -> Option<RefreshToken> {
    let token = RefreshToken::parse(text);
    assert_eq!(token.is_some(), is_whole(text), "{text:?}");
    match &token {
        Some(token) => {
            assert_eq!(*token.reveal(), text);
            assert_eq!(Some(token.id()), text.get(PREFIX.len()..PREFIX.len() + 22).and_then(TokenId::parse));
            assert!(!format!("{token:?}").contains(&text[PREFIX.len() + 22..]), "a secret was printed");
            reached.note("a refresh token");
        }
        None => reached.note("no refresh token"),
    }
    token
}

fn read_ids(text: &str, reached: &mut Reached) {
    let id = TokenId::parse(text);
    assert_eq!(id.map(|id| id.0), number(text).map(u128::to_be_bytes), "{text:?}");
    if let Some(id) = id {
        assert_eq!(id.to_string(), text);
        reached.note("a token id");
    }
    if let Some(jti) = Jti::parse(text) {
        assert_eq!(jti.to_string(), text);
        reached.note("a jti");
    }
}

fn is_whole(text: &str) -> bool {
    let Some(payload) = text.strip_prefix(PREFIX) else { return false };
    text.len() == PREFIX.len() + 72
        && payload.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && [0..22, 22..44, 44..66].into_iter().all(|part| number(&payload[part]).is_some())
        && checked(&text[..text.len() - 6]) == text
}

/// Exactly 22 digits of base62 that make sixteen bytes.
fn number(text: &str) -> Option<u128> {
    if text.len() != 22 {
        return None;
    }
    text.bytes().try_fold(0_u128, |number, byte| {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        number.checked_mul(62)?.checked_add(u128::try_from(digit).ok()?)
    })
}

/// A body with its checksum: CRC-32 (ISO 3309), bit by bit, as six digits of base62.
fn checked(body: &str) -> String {
    let mut crc = body.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    }) ^ u32::MAX;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[crc as usize % 62];
        crc /= 62;
    }
    format!("{body}{}", str::from_utf8(&digits).unwrap())
}
