//! Chance from a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// What decides.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below another; zero where there is none.
    pub(super) fn number(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end.max(1)
    }

    /// The same, of places.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number(end as u64)).unwrap_or(0)
    }

    /// Whether something happens that happens so often of a hundred times.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.number(100) < percent
    }

    /// A number of any size, its ends among them.
    pub(super) fn any_number(&mut self) -> u64 {
        match self.below(4) {
            0 => self.number(2),
            1 => u64::MAX - self.number(2),
            _ => self.0.next_u64() >> self.below(64),
        }
    }

    /// One of several.
    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }

    /// One of several texts.
    pub(super) fn pick(&mut self, all: &[&'static str]) -> &'static str {
        self.one_of(all).copied().unwrap_or_default()
    }
}
