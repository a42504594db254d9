//! The log: which cuts came and went, so that an edge is told what it lacks instead of everything.
//!
//! INVARIANT: between `base` and `last`, both of one epoch, every change is in it.

use std::collections::{BTreeMap, VecDeque};

use jeton_policy::digest::CutDigest;
use jeton_policy::live::{Delta, Written};
use jeton_policy::seconds::Seconds;

use crate::wit::verification::Held;

/// Changes kept: at 100 revocations a second, those of more than a minute; as one document 200 KB. Who was away for longer
/// takes the whole set.
const MAX_CHANGES: usize = 8 * 1024;

/// The changes of an epoch, up to now.
#[derive(Default)]
pub(super) struct Log {
    epoch: u64,
    /// Changes up to this sequence are not in it.
    base: u64,
    last: u64,
    /// The highest sequence of a whole set that was handed out.
    handed_out: u64,
    changes: VecDeque<Change>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// The sequence of the live set that has it.
    sequence: u64,
    cut: CutDigest,
    /// `false`: nothing is left that it could hit, and it went.
    came: bool,
}

/// What an edge holds, by its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The sequence of the live set.
    pub sequence: u64,
    /// The number of its epoch. `None`: it does not say, and is taken to be of the current one.
    pub epoch: Option<u64>,
}

/// What leads an edge from what it holds to what there is, and is not put down yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    epoch: u64,
    base: u64,
    sequence: u64,
    changes: Vec<Change>,
}

impl Log {
    /// Begins anew at what is held now: nothing before it can be told one by one.
    pub(super) fn restart(&mut self, held: Held) {
        let (epoch, base, last, handed_out) = (held.epoch, held.sequence, held.sequence, self.handed_out);
        *self = Self { epoch, base, last, handed_out, changes: VecDeque::new() };
    }

    /// Goes on to a sequence at which nothing else has changed.
    pub(super) fn advance(&mut self, sequence: u64) {
        self.last = self.last.max(sequence);
    }

    /// Notes that a whole set of this sequence was handed out.
    pub(super) fn hand_out(&mut self, sequence: u64) {
        self.handed_out = self.handed_out.max(sequence);
    }

    /// The latest sequence that anybody was told. A whole set may have one beyond the last change: the store counts other commits too.
    pub(super) fn told(&self) -> u64 {
        self.last.max(self.handed_out)
    }

    /// Takes a change over that leads from the last sequence to `held`.
    pub(super) fn extend(&mut self, document: &[u8], held: Held) {
        let Ok(Written::Delta(delta)) = Written::parse(document) else {
            // A policy that writes documents of its own: whoever loads them takes them whole.
            return self.restart(held);
        };
        let Delta { sequence, cuts, dropped, .. } = delta;
        let gone = dropped.into_iter().map(|cut| Change { sequence, cut, came: false });
        self.changes.extend(gone.chain(cuts.into_iter().map(|cut| Change { sequence, cut, came: true })));
        self.last = held.sequence;
        while self.changes.len() > MAX_CHANGES {
            // All of one sequence together: half of it is a set that never was.
            let oldest = self.changes.front().map_or(self.last, |change| change.sequence);
            self.base = oldest;
            self.changes.drain(..self.changes.partition_point(|change| change.sequence <= oldest));
        }
    }

    /// Whether an edge can be told what it lacks. If not it takes the whole set, since it holds one of another epoch, of too long
    /// ago, or of a sequence that there has not been.
    pub(super) fn reaches(&self, holding: Holding) -> bool {
        let Holding { sequence, epoch } = holding;
        epoch.is_none_or(|epoch| epoch == self.epoch) && (self.base..=self.told()).contains(&sequence)
    }

    /// What an edge lacks. `None`: everything, as [`Log::reaches`] says.
    pub(super) fn since(&self, holding: Holding) -> Option<Missing> {
        let base = self.reaches(holding).then_some(holding.sequence)?;
        let from = self.changes.partition_point(|change| change.sequence <= base);
        let changes = self.changes.range(from..).copied().collect();
        // A whole set may be newer than the last change: the store counts other commits too.
        Some(Missing { epoch: self.epoch, base, sequence: self.last.max(base), changes })
    }

    /// The epoch that it is of, and the sequence that it leads to.
    pub(super) fn end(&self) -> (u64, u64) {
        (self.epoch, self.last)
    }
}

impl Missing {
    /// Whether there is anything.
    pub(super) fn is_nothing(&self) -> bool {
        self.sequence == self.base
    }

    /// The document, made at `as_of`.
    pub(super) fn render(self, as_of: u64) -> Vec<u8> {
        // What came and went in between is told by how it stands now.
        let standing: BTreeMap<CutDigest, bool> =
            self.changes.into_iter().map(|change| (change.cut, change.came)).collect();
        let those = |came| standing.iter().filter(|(_, stands)| **stands == came).map(|(cut, _)| *cut).collect();
        Delta {
            base: self.base,
            sequence: self.sequence,
            as_of: Seconds(as_of),
            epoch_number: self.epoch,
            cuts: those(true),
            dropped: those(false),
        }
        .render()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use super::*;

    const EPOCH: u64 = 9;

    fn held(sequence: u64) -> Held {
        Held { sequence, epoch: EPOCH, cuts: 0 }
    }

    fn cut(number: u64) -> CutDigest {
        CutDigest((u128::from(number)).to_be_bytes())
    }

    fn change(log: &mut Log, base: u64, sequence: u64, cuts: &[u64], dropped: &[u64]) {
        let digests = |numbers: &[u64]| numbers.iter().map(|number| cut(*number)).collect();
        let delta = Delta {
            base,
            sequence,
            as_of: Seconds(1),
            epoch_number: EPOCH,
            cuts: digests(cuts),
            dropped: digests(dropped),
        };
        log.extend(&delta.render(), held(sequence));
    }

    /// From 10 to 20: 1 came at 12, 2 at 15, 1 went at 20.
    fn log() -> Log {
        let mut log = Log::default();
        log.restart(held(10));
        change(&mut log, 10, 12, &[1], &[]);
        change(&mut log, 12, 15, &[2], &[]);
        change(&mut log, 15, 20, &[], &[1]);
        log
    }

    fn at(sequence: u64) -> Holding {
        Holding { sequence, epoch: Some(EPOCH) }
    }

    fn told(log: &Log, sequence: u64) -> Delta {
        let document = log.since(at(sequence)).unwrap().render(77);
        let Ok(Written::Delta(delta)) = Written::parse(&document) else { unreachable!("it renders changes") };
        assert_eq!((delta.as_of, delta.epoch_number), (Seconds(77), EPOCH));
        delta
    }

    #[test]
    fn an_edge_is_told_what_it_lacks_as_it_stands_now() {
        let log = log();
        for (holds, cuts, dropped) in
            [(10, &[2][..], &[1][..]), (12, &[2], &[1]), (13, &[2], &[1]), (15, &[], &[1]), (17, &[], &[1])]
        {
            let told = told(&log, holds);
            assert_eq!((told.base, told.sequence), (holds, 20));
            let digests = |numbers: &[u64]| numbers.iter().map(|number| cut(*number)).collect::<Vec<_>>();
            assert_eq!((told.cuts, told.dropped), (digests(cuts), digests(dropped)), "from {holds}");
        }
    }

    #[test]
    fn who_holds_everything_is_told_that_nothing_is_missing() {
        let log = log();
        assert!(log.since(at(20)).unwrap().is_nothing());
        assert!(!log.since(at(19)).unwrap().is_nothing());
        let told = told(&log, 20);
        assert_eq!((told.base, told.sequence, told.cuts.len(), told.dropped.len()), (20, 20, 0, 0));
    }

    #[test]
    fn a_whole_set_that_is_newer_than_the_last_change_is_gone_on_from() {
        let mut log = log();
        assert_eq!(log.since(at(25)), None);
        log.hand_out(25);
        let nothing = log.since(at(25)).unwrap();
        assert!(nothing.is_nothing());
        assert_eq!((nothing.base, nothing.sequence), (25, 25));
        change(&mut log, 20, 30, &[3], &[]);
        assert_eq!(told(&log, 25).cuts, [cut(3)]);
    }

    #[test]
    fn another_epoch_the_past_and_the_future_take_the_whole_set() {
        let log = log();
        assert_eq!(log.since(Holding { sequence: 20, epoch: Some(EPOCH + 1) }), None);
        assert_eq!(log.since(Holding { sequence: 20, epoch: Some(EPOCH - 1) }), None);
        assert!(log.since(Holding { sequence: 20, epoch: None }).is_some());
        assert_eq!(log.since(at(9)), None);
        assert_eq!(log.since(at(21)), None);
        assert_eq!(log.since(at(u64::MAX)), None);
    }

    #[test]
    fn a_set_that_begins_anew_forgets_what_led_to_it() {
        let mut log = log();
        log.restart(held(40));
        assert_eq!(log.since(at(20)), None);
        assert!(log.since(at(40)).unwrap().is_nothing());
    }

    #[test]
    fn a_set_that_goes_on_without_a_change_keeps_what_led_to_it() {
        let mut log = log();
        log.advance(40);
        assert_eq!(told(&log, 15).sequence, 40);
        assert!(log.since(at(40)).unwrap().is_nothing());
    }

    #[test]
    fn the_oldest_changes_go_and_those_of_one_sequence_together() {
        let mut log = Log::default();
        log.restart(held(0));
        let most = u64::try_from(MAX_CHANGES).unwrap();
        change(&mut log, 0, 5, &[most + 1, most + 2], &[]);
        for number in 1..most {
            change(&mut log, number + 4, number + 5, &[number], &[]);
        }
        assert!(log.changes.len() <= MAX_CHANGES);
        assert_eq!(log.since(at(4)), None);
        assert_eq!(told(&log, 5).cuts.len(), MAX_CHANGES - 1);
    }

    #[test]
    fn a_document_that_is_not_of_this_form_is_taken_whole() {
        let mut log = log();
        log.extend(b"a document of another policy", held(30));
        assert_eq!(log.since(at(20)), None);
        assert!(log.since(at(30)).unwrap().is_nothing());
    }
}
