//! What inputs came to: proof that a run tried what it says it tried.

use std::collections::BTreeMap;

/// How often each outcome was reached.
#[derive(Debug, Default, Clone)]
pub struct Reached {
    counts: BTreeMap<&'static str, u64>,
    is_new: bool,
}

impl Reached {
    /// Notes an outcome.
    pub fn note(&mut self, outcome: &'static str) {
        let count = self.counts.entry(outcome).or_insert_with(|| {
            self.is_new = true;
            0
        });
        *count = count.saturating_add(1);
    }

    /// Whether something was reached for the first time since this was asked last.
    pub fn take_new(&mut self) -> bool {
        std::mem::take(&mut self.is_new)
    }

    /// Each outcome and how often it was reached, in the order of the alphabet.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(outcome, count)| (*outcome, *count))
    }

    /// How often an outcome was reached.
    #[must_use]
    pub fn count(&self, outcome: &str) -> u64 {
        self.counts.get(outcome).copied().unwrap_or(0)
    }

    /// How many different outcomes were reached.
    #[must_use]
    pub fn outcomes(&self) -> usize {
        self.counts.len()
    }
}
