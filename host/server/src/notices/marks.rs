//! How far everything was looked through: what is behind a mark was told, and is never looked at again.

use minicbor::{Decode, Encode};

/// Tokens that one walk tells of by themselves. The others of it are counted together: nobody reads a thousand notices, and a house
/// that imports a million tokens with one expiry does not fill the store with them.
pub(super) const TOLD_ALONE: u64 = 200;
/// A clock that went back further than this has been wrong, and what was looked through under it was looked at in vain.
const WENT_BACK: u64 = 24 * 60 * 60;

/// All marks, and which numbers notices have.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Marks {
    /// The number of the next notice.
    #[n(0)]
    pub(super) next: u64,
    /// No notice before this one is kept.
    #[n(1)]
    pub(super) oldest: u64,
    /// When it was first looked for anything, in Unix seconds.
    #[n(2)]
    pub(super) began: u64,
    /// Tokens by their expiry, a walk for each of the stages.
    #[n(3)]
    pub(super) expiring: Vec<Walk>,
    /// Tokens by when they were made.
    #[n(4)]
    pub(super) unused: Walk,
    /// The last line of the audit log that was read.
    #[n(5)]
    pub(super) audit: u64,
    /// When the last backup was made, as the audit log tells.
    #[n(6)]
    pub(super) backup_at: Option<u64>,
    /// Of how many stages without a backup was told since then.
    #[n(7)]
    pub(super) backup_stages: u32,
    /// That the clock is behind was told, and it is still so.
    #[n(8)]
    pub(super) clock_told: bool,
    /// The channels that gave a notice up and have delivered none since, by their places.
    #[n(9)]
    pub(super) failing: Vec<bool>,
}

/// A walk through tokens in the order of a moment of theirs. Each is met once, when its moment comes into the stretch that is walked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Walk {
    /// Everything before this moment was met.
    #[n(0)]
    pub(super) from: u64,
    /// Until when the walk goes that was begun. `None`: none was.
    #[n(1)]
    pub(super) until: Option<u64>,
    /// Where in it the last page ended.
    #[n(2)]
    pub(super) cursor: Option<String>,
    /// Tokens that it met.
    #[n(3)]
    pub(super) met: u64,
}

impl Marks {
    /// Those of a house that nothing was ever looked for in.
    pub(super) fn new(now: u64) -> Self {
        Self {
            next: 0,
            oldest: 0,
            began: now,
            expiring: Vec::new(),
            unused: Walk::default(),
            audit: 0,
            backup_at: None,
            backup_stages: 0,
            clock_told: false,
            failing: Vec::new(),
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        minicbor::decode(bytes).ok()
    }

    pub(super) fn to_stored(&self) -> Vec<u8> {
        // Writing into memory cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }
}

impl Walk {
    /// Begins, or goes on with, a walk over the moments from `least` until `until` that were not met yet; gives them. After a clock
    /// that was wrong it begins at `again`.
    pub(super) fn stretch(&mut self, (least, until): (u64, u64), again: u64) -> Option<(u64, u64)> {
        if let Some(until) = self.until {
            return Some((self.from, until));
        }
        if self.from > until.saturating_add(WENT_BACK) {
            self.from = again;
        }
        let from = self.from.max(least);
        if from >= until {
            return None;
        }
        *self = Self { from, until: Some(until), cursor: None, met: 0 };
        Some((from, until))
    }

    /// A token was met: whether it is told of by itself.
    pub(super) fn meet(&mut self) -> bool {
        self.met = self.met.saturating_add(1);
        self.met <= TOLD_ALONE
    }

    /// A page was gone through; gives, at the end of the walk, how many tokens were not told of by themselves.
    pub(super) fn turn(&mut self, next: Option<String>) -> Option<u64> {
        self.cursor = next;
        if self.cursor.is_some() {
            return None;
        }
        let beyond = self.met.saturating_sub(TOLD_ALONE);
        *self = Self { from: self.until.unwrap_or(self.from), ..Self::default() };
        Some(beyond)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn marks_are_read_as_they_were_stored() {
        let mut marks = Marks::new(7);
        marks.unused = Walk { from: 1, until: Some(2), cursor: Some("c".to_owned()), met: 3 };
        marks.expiring = vec![Walk::default(); 3];
        assert_eq!(Marks::read(&marks.to_stored()), Some(marks));
    }

    #[test]
    fn walks_follow_each_other_without_a_gap_and_without_a_moment_twice() {
        let mut walk = Walk::default();
        assert_eq!(walk.stretch((100, 150), 100), Some((100, 150)));
        assert_eq!(walk.turn(Some("on".to_owned())), None);
        assert_eq!(walk.stretch((130, 180), 130), Some((100, 150)), "it is gone on with");
        assert_eq!(walk.turn(None), Some(0));
        assert_eq!(walk.stretch((130, 150), 130), None);
        assert_eq!(walk.stretch((130, 180), 130), Some((150, 180)));
        walk.turn(None).unwrap();
        assert_eq!(
            walk.stretch((500, 550), 500),
            Some((500, 550)),
            "what lies between was over before it was looked at"
        );
    }

    #[test]
    fn after_a_clock_that_was_years_ahead_it_begins_anew() {
        let mut walk = Walk { from: 10 * 365 * WENT_BACK, ..Walk::default() };
        assert_eq!(walk.stretch((100, 150), 100), Some((100, 150)));
        let mut walk = Walk { from: 160, ..Walk::default() };
        assert_eq!(walk.stretch((100, 150), 100), None, "a step of seconds is none");
    }

    #[test]
    fn the_first_are_told_of_by_themselves_and_the_others_are_counted() {
        let mut walk = Walk::default();
        walk.stretch((0, 1), 0);
        assert_eq!((0..1000).filter(|_| walk.meet()).count(), 200);
        assert_eq!(walk.turn(None), Some(800));
        assert_eq!(walk.met, 0);
    }
}
