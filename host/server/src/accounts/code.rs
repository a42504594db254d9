//! One-time codes: how somebody without a password proves who she is, once.

use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::random;

/// Random bytes of a code: nobody guesses 80 bits, least of all at the pace that the throttle leaves.
const BYTES: usize = 10;
/// How long a code that an administrator hands over is taken: until the next working day.
const LIFE: u64 = 24 * 60 * 60;

/// A new code as it is shown, in groups that can be read out: `ABCD-EFGH-IJKL-MNOP`.
#[must_use]
pub fn draw() -> Zeroizing<String> {
    let letters = Zeroizing::new(data_encoding::BASE32_NOPAD.encode(&random::<BYTES>()));
    let mut code = Zeroizing::new(String::with_capacity(20));
    for (place, letter) in letters.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        code.push(letter);
    }
    code
}

/// SHA-256 of a code, however it was typed: of 80 random bits nothing slower is needed.
#[must_use]
pub fn digest(code: &str) -> [u8; 32] {
    let typed = code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase());
    let typed: Zeroizing<String> = Zeroizing::new(typed.collect());
    Sha256::digest(typed.as_bytes()).into()
}

/// A code as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Kept {
    #[cbor(n(0), with = "minicbor::bytes")]
    digest: [u8; 32],
    #[n(1)]
    until: u64,
}

impl Kept {
    /// A code that was handed over at `now`.
    #[must_use]
    pub fn new(code: &str, now: u64) -> Self {
        Self { digest: digest(code), until: now.saturating_add(LIFE) }
    }

    /// Whether it is this code, and not too late.
    #[must_use]
    pub fn is(&self, code: &str, now: u64) -> bool {
        now < self.until && constant_time_eq::constant_time_eq_32(&self.digest, &digest(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_however_it_is_typed_and_for_a_day() {
        let code = draw();
        assert_eq!(code.len(), 19);
        let kept = Kept::new(&code, 1_000);
        let spaced = code.to_lowercase().replace('-', " ");
        for typed in [code.as_str(), &spaced, &format!(" {}\n", code.replace('-', ""))] {
            assert!(kept.is(typed, 1_000) && kept.is(typed, 1_000 + LIFE - 1) && !kept.is(typed, 1_000 + LIFE));
        }
        assert!(!kept.is(&draw(), 1_000) && !kept.is("", 1_000));
    }
}
