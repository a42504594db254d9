//! The memo: tokens whose signature was verified, so that it need not be again.
//!
//! It holds facts alone. That a token was found here says that its signature holds, and nothing about its life.

use super::answer::Answer;
use crate::access_token::SignedToken;

/// Tokens that share a place: an entry is evicted only by others that fall on the same one.
const WAYS: usize = 4;
/// Places. With [`WAYS`], 2,048 tokens of at most 4 KiB and as much again for the answers: 16 MiB at the very most, 3 MiB as a rule.
const SETS: usize = 512;

/// A verified token.
#[derive(Debug)]
pub(super) struct Remembered {
    token: Box<[u8]>,
    used: u64,
    pub(super) signed: SignedToken,
    pub(super) answer: Answer,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(usize);

/// A set-associative memory of fixed size; the least recently used of four goes.
///
/// Only what a key of the epoch has signed gets in, so nobody washes it out with tokens that they made up.
#[derive(Debug, Default)]
pub(super) struct Memo {
    entries: Vec<Option<Remembered>>,
    clock: u64,
}

impl Memo {
    /// Where `token` stands. All its bytes are compared, in a time that does not depend on where they differ.
    pub(super) fn find(&mut self, token: &str) -> Option<Place> {
        let first = set_of(token);
        let ways = self.entries.get_mut(first..first.saturating_add(WAYS))?;
        for (way, entry) in ways.iter_mut().enumerate() {
            if let Some(entry) = entry
                && is_same(&entry.token, token.as_bytes())
            {
                self.clock = self.clock.wrapping_add(1);
                entry.used = self.clock;
                return Some(Place(first.saturating_add(way)));
            }
        }
        None
    }

    /// The entry at a place that `find` gave.
    #[allow(
        clippy::indexing_slicing,
        clippy::expect_used,
        reason = "a place comes from `find` alone, and nothing is taken out in between"
    )]
    pub(super) fn at(&self, place: Place) -> &Remembered {
        self.entries[place.0].as_ref().expect("a found entry")
    }

    /// Keeps a token in the place of the least recently used of its set.
    pub(super) fn keep(&mut self, token: &str, signed: SignedToken, answer: Answer) -> &Remembered {
        if self.entries.is_empty() {
            self.entries.resize_with(SETS * WAYS, || None);
        }
        self.clock = self.clock.wrapping_add(1);
        let first = set_of(token);
        let oldest = (first..first.saturating_add(WAYS))
            .min_by_key(|place| self.entries.get(*place).and_then(Option::as_ref).map_or(0, |entry| entry.used))
            .unwrap_or(first);
        let entry = Remembered { token: token.as_bytes().into(), used: self.clock, signed, answer };
        #[allow(clippy::indexing_slicing, reason = "`set_of` gives the first of WAYS places out of SETS * WAYS")]
        self.entries[oldest].insert(entry)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

/// Whether both are the same, in a time that depends on their lengths alone.
///
/// The library that compares digests elsewhere hides each word from the optimiser, which without inline assembly costs 600 ns
/// for a token, more than all the rest of a hit: here the differences are gathered first, and hidden once.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let differences = words
        .iter()
        .zip(other_words)
        .fold(0, |differences, (word, other)| differences | (u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other)));
    let differences = rest
        .iter()
        .zip(other_rest)
        .fold(differences, |differences, (byte, other)| differences | u64::from(byte ^ other));
    core::hint::black_box(differences) == 0
}

/// The first place of the set that a token falls on: by the end of its signature, which is uniform and costs nothing.
fn set_of(token: &str) -> usize {
    let mixed = token.as_bytes().last_chunk::<8>().map_or(0, |tail| u64::from_le_bytes(*tail));
    // Base64 characters spread over few bits each: a multiplication by an odd constant gathers them in the upper ones.
    let spread = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(spread).unwrap_or(0) % SETS * WAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_differing_bit_anywhere_is_noticed() {
        for length in 0..40 {
            let bytes = vec![0x5a; length];
            assert!(is_same(&bytes, &bytes.clone()));
            for place in 0..length * 8 {
                let mut other = bytes.clone();
                if let Some(byte) = other.get_mut(place / 8) {
                    *byte ^= 1 << (place % 8);
                }
                assert!(!is_same(&bytes, &other), "bit {place} of {length} bytes");
            }
        }
        assert!(!is_same(b"a", b"ab") && !is_same(b"ab", b"a"));
    }

    #[test]
    fn two_equal_differences_do_not_hide_each_other() {
        for (one, other) in [(0, 8), (0, 16), (16, 17), (0, 17)] {
            let bytes = [0x5a_u8; 19];
            let mut changed = bytes;
            for place in [one, other] {
                if let Some(byte) = changed.get_mut(place) {
                    *byte ^= 1;
                }
            }
            assert!(!is_same(&bytes, &changed), "bytes {one} and {other}");
        }
    }
}
