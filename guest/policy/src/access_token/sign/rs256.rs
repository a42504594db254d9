//! RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.1) and a modulus of 2048 bits.
//!
//! Each prime is the first one at or after a number derived from the root key. Finding it takes hundreds of tests for
//! primality, so it is done once, when the epoch begins. How far each prime lies from its beginning is kept with the epoch:
//! whoever knows the root key has the key again without a search, and to anyone else the distance says no more than that a
//! few hundred numbers before a prime that they do not know are none.

use core::num::NonZeroU32;

use crypto_bigint::U1024;
use crypto_primes::{Flavor, hazmat::SmallFactorsSieve, is_prime};
use minicbor::{Decode, Encode};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use rsa::{
    BoxedUint, PrivateKey,
    signature::{RandomizedSigner as _, SignatureEncoding as _},
    traits::PublicKeyParts as _,
};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::derive::Expander;
use crate::access_token::public_key::{EpochKeyError, PublicKey, RSA_MODULUS_LENGTH};

/// 2^16 + 1: the exponent that everyone uses.
const EXPONENT: u32 = 65_537;
/// Bits of a prime, of which the modulus has two.
const PRIME_BITS: NonZeroU32 = NonZeroU32::new(U1024::BITS).unwrap();
/// Bytes of a prime.
const PRIME_LENGTH: usize = RSA_MODULUS_LENGTH / 2;

/// How far each prime lies from where its search began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PrimeGaps {
    /// Of p.
    #[n(0)]
    pub p: u32,
    /// Of q.
    #[n(1)]
    pub q: u32,
}

/// Finds the primes of an epoch that begins.
pub(super) fn search(expander: &Expander) -> Result<PrimeGaps, EpochKeyError> {
    let gap = |label| gap(&*beginning(expander, label)?);
    Ok(PrimeGaps { p: gap(b"RS256 p")?, q: gap(b"RS256 q")? })
}

/// Where the search for a prime begins: an odd number whose two uppermost bits are set, so that the product of two such
/// has all its 2048 bits.
fn beginning(expander: &Expander, label: &[u8]) -> Result<Zeroizing<U1024>, EpochKeyError> {
    let mut bytes = Zeroizing::new([0; PRIME_LENGTH]);
    expander.expand(label, bytes.as_mut_slice())?;
    if let [first, .., last] = bytes.as_mut_slice() {
        *first |= 0b1100_0000;
        *last |= 1;
    }
    Ok(Zeroizing::new(U1024::from_be_slice(bytes.as_slice())))
}

/// The distance from `beginning` to the first prime p whose p - 1 the exponent does not divide.
fn gap(beginning: &U1024) -> Result<u32, EpochKeyError> {
    let sieve = SmallFactorsSieve::new(*beginning, PRIME_BITS, false).map_err(|_| EpochKeyError)?;
    for candidate in sieve {
        let candidate = Zeroizing::new(candidate);
        if is_prime(Flavor::Any, &*candidate) && fits_exponent(&candidate) {
            let gap = candidate.wrapping_sub(beginning);
            let [.., a, b, c, d] = bytes(&gap);
            return Ok(u32::from_be_bytes([a, b, c, d]));
        }
    }
    Err(EpochKeyError)
}

fn fits_exponent(prime: &U1024) -> bool {
    let exponent = crypto_bigint::NonZero::new(crypto_bigint::Limb::from_u32(EXPONENT));
    exponent.into_option().is_some_and(|exponent| prime.rem_limb(exponent) != crypto_bigint::Limb::ONE)
}

fn bytes(number: &U1024) -> [u8; PRIME_LENGTH] {
    let mut bytes = [0; PRIME_LENGTH];
    bytes.copy_from_slice(number.to_be_bytes().as_ref());
    bytes
}

/// Wipes itself when dropped.
pub(super) struct SigningKey {
    key: rsa::pkcs1v15::SigningKey<Sha256>,
    /// What blinding is drawn from.
    blinding: Zeroizing<[u8; 32]>,
}

impl SigningKey {
    pub(super) fn derive(expander: &Expander, gaps: PrimeGaps) -> Result<(Self, PublicKey), EpochKeyError> {
        let (p, q) = (prime(expander, b"RS256 p", gaps.p)?, prime(expander, b"RS256 q", gaps.q)?);
        let key = PrivateKey::from_p_q(p, q, BoxedUint::from(EXPONENT)).map_err(|_| EpochKeyError)?;
        let modulus = key.n_bytes();
        let public_key = PublicKey::Rsa(Box::new(modulus.as_ref().try_into().map_err(|_| EpochKeyError)?));
        let mut blinding = Zeroizing::new([0; 32]);
        expander.expand(b"RS256 blinding", blinding.as_mut_slice())?;
        Ok((Self { key: rsa::pkcs1v15::SigningKey::new(key), blinding }, public_key))
    }

    /// The library checks each signature before it gives it out, since a wrong one would tell the primes. Should one ever be
    /// wrong, this is empty, and the token is refused by every verifier.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut seed = Zeroizing::new([0; 32]);
        if hkdf::Hkdf::<Sha256>::new(Some(self.blinding.as_slice()), message).expand(b"", seed.as_mut_slice()).is_err()
        {
            return Vec::new();
        }
        // Blinding hides from the clock what is computed; it does not show in the signature. Nobody can guess this seed
        // without the key, so it serves as well as fresh entropy.
        let mut blinding = ChaCha20Rng::from_seed(*seed);
        self.key.try_sign_with_rng(&mut blinding, message).map_or_else(|_| Vec::new(), |signature| signature.to_vec())
    }
}

fn prime(expander: &Expander, label: &[u8], gap: u32) -> Result<BoxedUint, EpochKeyError> {
    let beginning = beginning(expander, label)?;
    let prime = Zeroizing::new(beginning.wrapping_add(&U1024::from_u32(gap)));
    BoxedUint::from_be_slice(Zeroizing::new(bytes(&prime)).as_slice(), PRIME_BITS.get()).map_err(|_| EpochKeyError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prime_after_a_multiple_of_the_exponent_does_not_fit_it() {
        for (prime, fits) in [(EXPONENT * 2 + 1, false), (EXPONENT * 2 + 3, true), (EXPONENT - 2, true)] {
            assert_eq!(fits_exponent(&U1024::from_u32(prime)), fits, "{prime}");
        }
    }
}
