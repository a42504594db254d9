//! What the host lends the rules beside the store.

use std::sync::Arc;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use zeroize::Zeroizing;

use crate::seconds::Seconds;

/// What a clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Unix time in whole seconds, rounded down: what goes into tokens and records.
    pub seconds: Seconds,
    /// What was rounded away.
    pub nanoseconds: u32,
}

impl Reading {
    /// A reading of exactly so many seconds.
    #[must_use]
    pub const fn at(seconds: u64) -> Self {
        Self { seconds: Seconds(seconds), nanoseconds: 0 }
    }

    /// Unix time, rounded up: what a promise such as `expires_in` counts from.
    #[must_use]
    pub const fn rounded_up(self) -> Seconds {
        if self.nanoseconds == 0 { self.seconds } else { self.seconds.plus(Seconds(1)) }
    }
}

/// Tells the time. It may go back; the rules do not.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Reading;
}

/// Gives bytes that nobody can guess.
pub trait Entropy {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Gives the secret that every epoch's signing key is derived from.
pub trait RootKey {
    /// The root key.
    fn root_key(&self) -> Zeroizing<[u8; 32]>;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Reading {
        (**self).now()
    }
}

impl<E: Entropy + ?Sized> Entropy for Arc<E> {
    fn fill(&self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}

impl<K: RootKey + ?Sized> RootKey for Arc<K> {
    fn root_key(&self) -> Zeroizing<[u8; 32]> {
        (**self).root_key()
    }
}

/// Draws random values in one call: ChaCha20, seeded anew from the host for each call that draws.
pub(crate) struct Draw(ChaCha20Rng);

impl Draw {
    pub(crate) fn seeded(entropy: &dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice());
        Self(ChaCha20Rng::from_seed(*seed))
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl RootKey for Sevens {
        fn root_key(&self) -> Zeroizing<[u8; 32]> {
            Zeroizing::new([7; 32])
        }
    }

    #[test]
    fn a_shared_root_key_is_the_key_that_is_shared() {
        assert_eq!(*Arc::new(Sevens).root_key(), [7; 32]);
    }
}
