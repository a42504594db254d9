//! The last order to load policies anew: whether it still runs, and what came of it. A large policy is tried for longer than a
//! caller waits.

use std::time::SystemTime;

use parking_lot::Mutex;

use crate::policy_files::{Loaded, PolicyFileError};

/// An order that was begun.
#[derive(Debug, Clone)]
pub struct Order {
    /// When.
    pub begun_at: SystemTime,
    /// `None`: the policy is still being tried.
    pub ended: Option<Ended>,
}

/// What came of an order.
#[derive(Debug, Clone)]
pub struct Ended {
    /// When.
    pub at: SystemTime,
    /// Why nothing was loaded: the code that callers are told, and a sentence. `None`: what the files hold is in force.
    pub refusal: Option<(&'static str, String)>,
}

/// The last order since the start.
#[derive(Debug, Default)]
pub struct LastOrder(Mutex<Option<Order>>);

impl LastOrder {
    /// What is known of it.
    #[must_use]
    pub fn get(&self) -> Option<Order> {
        self.0.lock().clone()
    }

    /// Carries out an order.
    pub(crate) fn during(
        &self,
        order: impl FnOnce() -> Result<Loaded, PolicyFileError>,
    ) -> Result<Loaded, PolicyFileError> {
        let begun_at = SystemTime::now();
        *self.0.lock() = Some(Order { begun_at, ended: None });
        let outcome = order();
        let refusal = outcome.as_ref().err().map(|error| (error.code(), error.to_string()));
        *self.0.lock() = Some(Order { begun_at, ended: Some(Ended { at: SystemTime::now(), refusal }) });
        outcome
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn an_order_is_seen_while_it_runs_and_what_came_of_it_afterwards() {
        let last = LastOrder::default();
        assert!(last.get().is_none());
        let done = last.during(|| {
            assert!(last.get().unwrap().ended.is_none());
            Ok(Loaded::Replaced)
        });
        assert!(done.is_ok() && last.get().unwrap().ended.unwrap().refusal.is_none());
        let refused = last.during(|| Err(PolicyFileError::AnotherFile("ab".to_owned())));
        assert!(refused.is_err());
        let (code, sentence) = last.get().unwrap().ended.unwrap().refusal.unwrap();
        assert!(code == "another-policy-file" && sentence.contains("`ab`"), "{sentence}");
    }
}
