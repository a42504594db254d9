//! Refusals, counted together until they are written: whoever is refused a thousand times a second must not fill the disk, nor make
//! anybody wait for it.

use std::collections::HashMap;

use jeton_store::audit::Entry;
use parking_lot::Mutex;

/// Kinds of refusals that are told apart in a minute; beyond them they are counted as one. A flood writes some 60 MB a day at most.
const MAX_KINDS: usize = 100;

/// A kind of refusal: what was refused to whom, how, and from which network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    pub(super) what: &'static str,
    /// The id of a refresh token that was shown, or of the caller's; `None`: nothing that could be one was shown.
    pub(super) actor: Option<String>,
    pub(super) code: &'static str,
    pub(super) network: Option<String>,
    pub(super) route: Option<String>,
}

/// Refusals that were not written yet.
#[derive(Default)]
pub(super) struct Refusals {
    held: Mutex<HashMap<Refusal, u64>>,
}

impl Refusal {
    /// All those for which there was no room.
    fn other() -> Self {
        Self { what: "other", actor: None, code: "many", network: None, route: None }
    }

    pub(super) fn actor(&self) -> &str {
        self.actor.as_deref().unwrap_or("nobody")
    }

    pub(super) fn act(&self) -> String {
        format!("{}.refuse", self.what)
    }

    /// What is told of `count` of them.
    pub(super) fn entry(&self, at: u64, count: u64) -> Entry {
        Entry::new(at, self.actor(), &self.act(), "refused")
            .with("code", self.code)
            .with("count", count)
            .with_some("network", self.network.as_deref())
            .with_some("route", self.route.as_deref())
    }
}

impl Refusals {
    /// Counts one.
    pub(super) fn count(&self, refusal: Refusal) {
        self.add(refusal, 1);
    }

    /// Whether it is the first of its kind since they were taken, and there is room to tell it by itself. It is known from now on.
    pub(super) fn is_first(&self, refusal: &Refusal) -> bool {
        let mut held = self.held.lock();
        if held.contains_key(refusal) || held.len() >= MAX_KINDS {
            return false;
        }
        held.insert(refusal.clone(), 0);
        true
    }

    /// What was counted.
    pub(super) fn take(&self) -> Vec<(Refusal, u64)> {
        let held = std::mem::take(&mut *self.held.lock());
        held.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    pub(super) fn put_back(&self, counted: Vec<(Refusal, u64)>) {
        counted.into_iter().for_each(|(refusal, count)| self.add(refusal, count));
    }

    fn add(&self, refusal: Refusal, count: u64) {
        let mut held = self.held.lock();
        let refusal = if held.len() < MAX_KINDS || held.contains_key(&refusal) { refusal } else { Refusal::other() };
        let counted = held.entry(refusal).or_default();
        *counted = counted.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    fn refusal(number: usize) -> Refusal {
        Refusal { actor: Some(number.to_string()), ..Refusal::other() }
    }

    #[test]
    fn however_many_are_refused_few_kinds_are_kept_and_none_is_lost() {
        let refusals = Refusals::default();
        for number in 0..10_000 {
            refusals.count(refusal(number % 500));
        }
        let counted = refusals.take();
        assert_eq!(counted.len(), MAX_KINDS + 1);
        assert_eq!(counted.iter().map(|(_, count)| count).sum::<u64>(), 10_000);
        refusals.put_back(counted);
        refusals.count(refusal(1));
        assert_eq!(refusals.take().iter().map(|(_, count)| count).sum::<u64>(), 10_001);
        assert_eq!(refusals.take(), []);
    }

    #[test]
    fn the_first_of_a_kind_is_told_by_itself_and_not_again() {
        let refusals = Refusals::default();
        assert!(refusals.is_first(&refusal(1)) && !refusals.is_first(&refusal(1)) && refusals.is_first(&refusal(2)));
        assert_eq!(refusals.take(), []);
        assert!(refusals.is_first(&refusal(1)));
        refusals.count(refusal(1));
        assert_eq!(refusals.take(), [(refusal(1), 1)]);
    }
}
