//! Between the password and the second factor: who showed the first, for a few minutes.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jeton_policy::digest::Digest;
use parking_lot::Mutex;

use crate::accounts::name::AccountName;

/// How long the second factor is waited for.
const LIFE: Duration = Duration::from_secs(5 * 60);
/// Visitors who are waited for at most: each of them knew a password. Beyond it the one who came first begins anew.
const MAX_WAITING: usize = 1024;

/// Who is to show a second factor, by the digest of the visitor's cookie.
#[derive(Default)]
pub(super) struct Steps(Mutex<HashMap<[u8; 32], (AccountName, Instant)>>);

impl Steps {
    /// Who holds this cookie has shown the password of `name`.
    pub(super) fn begin(&self, visitor: &str, name: AccountName, now: Instant) {
        let mut waiting = self.0.lock();
        waiting.retain(|_, (_, begun)| now.saturating_duration_since(*begun) < LIFE);
        if waiting.len() >= MAX_WAITING {
            let first = waiting.iter().min_by_key(|(_, (_, begun))| *begun).map(|(key, _)| *key);
            if let Some(first) = first {
                waiting.remove(&first);
            }
        }
        waiting.insert(Digest::of(visitor.as_bytes()).0, (name, now));
    }

    /// Whose password was shown by who holds this cookie.
    pub(super) fn of(&self, visitor: &str, now: Instant) -> Option<AccountName> {
        let waiting = self.0.lock();
        let (name, begun) = waiting.get(&Digest::of(visitor.as_bytes()).0)?;
        (now.saturating_duration_since(*begun) < LIFE).then(|| name.clone())
    }

    /// It is over, well or not.
    pub(super) fn end(&self, visitor: &str) {
        self.0.lock().remove(&Digest::of(visitor.as_bytes()).0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn the_second_step_is_of_who_took_the_first_and_soon_after_it() {
        let (steps, begun) = (Steps::default(), Instant::now());
        let alice: AccountName = "alice".parse().unwrap();
        steps.begin("one", alice.clone(), begun);
        assert_eq!(steps.of("one", begun + LIFE - Duration::from_secs(1)), Some(alice));
        assert_eq!(steps.of("one", begun + LIFE), None);
        assert_eq!(steps.of("another", begun), None);
        steps.end("one");
        assert_eq!(steps.of("one", begun), None);
        for number in 0..MAX_WAITING + 3 {
            steps.begin(&number.to_string(), "bob".parse().unwrap(), begun);
        }
        assert_eq!(steps.0.lock().len(), MAX_WAITING);
    }
}
