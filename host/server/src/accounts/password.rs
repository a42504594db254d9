//! Passwords: what may be one, and how it is kept (NIST SP 800-63B section 5.1.1, RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::random;

/// The fewest characters of a password.
pub const MIN_CHARACTERS: usize = 12;
/// The most bytes of a password: a sentence of any length that people type, and no work for a flood.
pub const MAX_BYTES: usize = 256;

/// Memory of one hash: 46 MiB, the upper of the equivalent choices of the OWASP cheat sheet. Only one is computed at a time, so this is
/// all that signing in ever takes.
const MEMORY_KIB: u32 = 46 * 1024;
/// Passes over the memory: with two of them a hash takes about a tenth of a second of one core.
const PASSES: u32 = 2;
/// One lane: there is one thread for it.
const LANES: u32 = 1;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Why something is no password. There are no rules of composition: length is what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// See [`MIN_CHARACTERS`].
    #[error("a password has at least {MIN_CHARACTERS} characters")]
    TooShort,
    /// See [`MAX_BYTES`].
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
    /// The first thing that anybody would try.
    #[error("a password is not one character again and again, nor the name of the account")]
    TooPlain,
}

/// Whether `password` may be one for the account `name`.
///
/// # Errors
/// [`PasswordError`].
pub fn check(password: &str, name: &str) -> Result<(), PasswordError> {
    if password.chars().count() < MIN_CHARACTERS {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let mut characters = password.chars();
    let first = characters.next();
    if characters.all(|one| Some(one) == first) || password.eq_ignore_ascii_case(name) {
        return Err(PasswordError::TooPlain);
    }
    Ok(())
}

/// How a password is kept: Argon2id with what it takes to compute it again.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct PasswordHash {
    #[n(0)]
    memory_kib: u32,
    #[n(1)]
    passes: u32,
    #[n(2)]
    lanes: u32,
    #[cbor(n(3), with = "minicbor::bytes")]
    salt: [u8; 16],
    #[cbor(n(4), with = "minicbor::bytes")]
    hash: [u8; HASH_BYTES],
}

impl PasswordHash {
    /// The hash of a password, with a new salt. Takes a tenth of a second: see [`super::hashing`].
    #[must_use]
    pub fn of(password: &str) -> Option<Self> {
        let salt = random();
        let hash = compute(password, &salt, MEMORY_KIB, PASSES, LANES)?;
        Some(Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt, hash: *hash })
    }

    /// One that no password has: compared with where there is no account, so that it takes as long as where there is one.
    #[must_use]
    pub fn of_nobody() -> Self {
        Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt: [0; 16], hash: [0; HASH_BYTES] }
    }

    /// Whether it is the hash of `password`.
    #[must_use]
    pub fn is_of(&self, password: &str) -> bool {
        let computed = compute(password, &self.salt, self.memory_kib, self.passes, self.lanes);
        computed.is_some_and(|computed| constant_time_eq::constant_time_eq_32(&computed, &self.hash))
    }

    /// Whether a new one would be made the same way.
    #[must_use]
    pub fn is_of_today(&self) -> bool {
        (self.memory_kib, self.passes, self.lanes) == (MEMORY_KIB, PASSES, LANES)
    }
}

fn compute(password: &str, salt: &[u8], memory: u32, passes: u32, lanes: u32) -> Option<Zeroizing<[u8; HASH_BYTES]>> {
    let parameters = Params::new(memory, passes, lanes, Some(HASH_BYTES)).ok()?;
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    argon2.hash_password_into(password.as_bytes(), salt, hash.as_mut_slice()).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn length_is_what_counts_and_the_plainest_are_refused() {
        assert_eq!(check("elevenchars", "alice"), Err(PasswordError::TooShort));
        assert_eq!(check("twelve chars", "alice"), Ok(()));
        assert_eq!(check("zwölf zeichn", "alice"), Ok(()), "characters are counted, not bytes");
        assert_eq!(check(&"ab".repeat(128), "alice"), Ok(()));
        assert_eq!(check(&"ab".repeat(129), "alice"), Err(PasswordError::TooLong));
        assert_eq!(check("aaaaaaaaaaaa", "alice"), Err(PasswordError::TooPlain));
        assert_eq!(check("Alice@house.example", "alice@house.example"), Err(PasswordError::TooPlain));
    }

    #[test]
    fn a_hash_is_of_its_password_alone_and_salted() {
        let hash = PasswordHash::of("correct horse battery").unwrap();
        assert!(hash.is_of("correct horse battery") && !hash.is_of("correct horse batterx"));
        assert!(hash.is_of_today());
        assert_ne!(hash.hash, PasswordHash::of("correct horse battery").unwrap().hash);
        assert!(!PasswordHash::of_nobody().is_of("correct horse battery"));
    }
}
