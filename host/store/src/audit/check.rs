//! Whether a log is what was written: line by line, in memory that does not grow with it.

use data_encoding::HEXLOWER;
use jeton_policy::digest::Digest;
use serde_json::{Map, Value};

use super::{PRUNED, canonical, chain::Head, chain::digest};

/// Findings that are told one by one: a log in pieces is known to be so long before.
const MAX_FINDINGS: usize = 100;

/// Something that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Not a line of a log, or not as one is written.
    #[error("line {line} is no line of an audit log; entry {seq} should be there")]
    Unreadable {
        /// Counted from 1.
        line: u64,
        /// What should be there.
        seq: u64,
    },
    /// Its own hash does not fit.
    #[error("entry {seq} (line {line}) was changed")]
    Changed {
        /// Counted from 1.
        line: u64,
        /// What should be there.
        seq: u64,
    },
    /// It does not go on from the one before, although both have the hash of what they say.
    #[error("entry {seq} (line {line}) does not follow from entry {}: one of the two was replaced", .seq.saturating_sub(1))]
    Replaced {
        /// Counted from 1.
        line: u64,
        /// Its number.
        seq: u64,
    },
    /// They are nowhere.
    #[error("{}", missing(*.from, *.through))]
    Missing {
        /// The first.
        from: u64,
        /// The last.
        through: u64,
    },
    /// It stands behind later ones, or stood there before.
    #[error("entry {seq} (line {line}) is out of order or there twice")]
    OutOfOrder {
        /// Counted from 1.
        line: u64,
        /// Its number.
        seq: u64,
    },
    /// The log begins later than it did, and nothing in it seals what came before.
    #[error("the log begins with entry {seq}, and nothing seals what came before")]
    Unsealed {
        /// The first there is.
        seq: u64,
    },
}

fn missing(from: u64, through: u64) -> String {
    if from == through {
        format!("entry {from} is missing")
    } else {
        format!("entries {from} to {through} are missing")
    }
}

/// Where a log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the first entry of all.
    First,
    /// Behind entries that were pruned, of which a later entry keeps number and hash.
    Sealed,
    /// Behind entries of which it tells nothing: part of a log.
    Part,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The number of the first line, and how it begins. `None`: there is no line.
    pub start: Option<(u64, Start)>,
    /// The last good line.
    pub head: Option<Head>,
    /// Lines that were looked at.
    pub lines: u64,
    /// The first hundred things that are wrong, in the order of the log.
    pub findings: Vec<Finding>,
}

/// Checks a log. Give it every line in order, then [`Checker::finish`].
#[derive(Debug, Default)]
pub struct Checker {
    lines: u64,
    start: Option<(u64, [u8; 32])>,
    /// The last number, and its hash where that is known.
    last: Option<(u64, Option<[u8; 32]>)>,
    head: Option<Head>,
    /// Whether an entry seals what came before the start.
    is_sealed: bool,
    /// Whether the first lines were bad.
    is_blind: bool,
    /// Numbers that did not come where they should: from, through.
    holes: Vec<(u64, u64)>,
    findings: Vec<Finding>,
}

impl Checker {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the next line, without its end of line.
    pub fn line(&mut self, text: &[u8]) {
        self.lines = self.lines.saturating_add(1);
        let line = self.lines;
        let expected = self.last.map_or(1, |(seq, _)| seq.saturating_add(1));
        let read = read(text);
        let Some(Read { seq, prev, hash, is_whole: true, seal }) = read else {
            self.find(if read.is_some() {
                Finding::Changed { line, seq: expected }
            } else {
                Finding::Unreadable { line, seq: expected }
            });
            return self.passed_over(expected);
        };
        match self.last {
            None => self.start = Some((seq, prev)),
            Some(_) if seq < expected => {
                self.fill(seq);
                return self.find(Finding::OutOfOrder { line, seq });
            }
            Some(_) if seq > expected => self.holes.push((expected, seq.saturating_sub(1))),
            Some((_, Some(hash))) if hash != prev => self.find(Finding::Replaced { line, seq }),
            Some(_) => {}
        }
        let sealed = seal.zip(self.start).is_some_and(|(seal, (seq, prev))| is_before(seal, seq, prev));
        self.is_sealed = self.is_sealed || sealed;
        self.head = Some(Head { seq, hash });
        self.last = Some((seq, Some(hash)));
    }

    /// What was found. `head`: the number of the last line of a log that is known to be whole, and to begin with the first line or a
    /// sealed one; without it, the lines may be a part of one.
    #[must_use]
    pub fn finish(mut self, head: Option<u64>) -> Report {
        if let Some(head) = head {
            let next = self.last.map_or(1, |(seq, _)| seq.saturating_add(1));
            if next <= head {
                self.holes.push((next, head));
            }
        }
        let start = self.start.map(|(seq, prev)| match seq {
            1 if prev == [0; 32] => (seq, Start::First),
            _ if self.is_sealed => (seq, Start::Sealed),
            _ => (seq, Start::Part),
        });
        if let Some((seq, Start::Part)) = start
            && (head.is_some() || seq <= 1)
            && !self.is_blind
        {
            self.find(Finding::Unsealed { seq });
        }
        for (from, through) in std::mem::take(&mut self.holes) {
            self.find(Finding::Missing { from, through });
        }
        Report { start, head: self.head, lines: self.lines, findings: self.findings }
    }

    /// A bad line stands where `seq` should. Before the first good one nobody knows what that is.
    fn passed_over(&mut self, seq: u64) {
        if self.last.is_some() {
            self.last = Some((seq, None));
        } else {
            self.is_blind = true;
        }
    }

    /// A number that is out of order is not missing.
    fn fill(&mut self, seq: u64) {
        let Some(index) = self.holes.iter().position(|(from, through)| (*from..=*through).contains(&seq)) else {
            return;
        };
        let (from, through) = self.holes.swap_remove(index);
        self.holes.extend(
            [(from, seq.saturating_sub(1)), (seq.saturating_add(1), through)]
                .into_iter()
                .filter(|(from, through)| from <= through),
        );
        self.holes.sort_unstable();
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

fn is_before(seal: Head, seq: u64, prev: [u8; 32]) -> bool {
    seal.seq.saturating_add(1) == seq && seal.hash == prev
}

/// What a line says of the chain.
struct Read {
    seq: u64,
    prev: [u8; 32],
    hash: [u8; 32],
    /// Whether it is what its hash says.
    is_whole: bool,
    /// What it seals.
    seal: Option<Head>,
}

fn read(text: &[u8]) -> Option<Read> {
    let text = std::str::from_utf8(text).ok()?;
    let mut members: Map<String, Value> = serde_json::from_str(text).ok()?;
    // As it was written, byte for byte: a change that means the same is one too.
    if canonical::text(&members) != text {
        return None;
    }
    let hash = digest(members.get("hash"))?;
    let (seq, prev) = (members.get("seq")?.as_u64()?, digest(members.get("prev"))?);
    members.remove("hash");
    let is_whole = Digest::of(canonical::text(&members).as_bytes()).0 == hash;
    let seals = members.get("act").and_then(Value::as_str) == Some(PRUNED);
    let seal = if seals { sealed(&members) } else { None };
    Some(Read { seq, prev, hash, is_whole, seal })
}

fn sealed(members: &Map<String, Value>) -> Option<Head> {
    Some(Head { seq: members.get("through")?.as_u64()?, hash: digest(members.get("through_hash"))? })
}

impl std::fmt::Display for Head {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.seq, HEXLOWER.encode(&self.hash))
    }
}

impl std::str::FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (seq, hash) = text.split_once(':').ok_or(HeadError)?;
        let hash = HEXLOWER.decode(hash.as_bytes()).map_err(|_| HeadError)?;
        Ok(Self { seq: seq.parse().map_err(|_| HeadError)?, hash: hash.try_into().map_err(|_| HeadError)? })
    }
}

/// Why a text is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a head is the number of an entry, a colon and its hash")]
pub struct HeadError;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]

    use proptest::prelude::*;

    use super::*;
    use crate::audit::{Entry, Tip};

    fn log(entries: u64) -> Vec<String> {
        let mut tip = Tip::START;
        let entry =
            |number: u64| Entry::new(number, "machine", "test.act", "done").with("name", format!("job\n{number}"));
        (1..=entries).map(|number| tip.seal(entry(number)).text).collect()
    }

    /// A log of which the first `pruned` lines are gone.
    fn pruned(pruned: u64, entries: u64) -> Vec<String> {
        let mut tip = Tip::START;
        let mut lines = Vec::new();
        let mut gone = tip;
        for number in 1..=entries {
            let line = tip.seal(Entry::new(number, "machine", "test.act", "done"));
            if number <= pruned { gone = tip } else { lines.push(line.text) }
        }
        lines.push(tip.seal(gone.sealing(Entry::new(entries, "machine", PRUNED, "done"))).text);
        lines
    }

    fn checked(lines: &[String], head: Option<u64>) -> Report {
        let mut checker = Checker::new();
        lines.iter().for_each(|line| checker.line(line.as_bytes()));
        checker.finish(head)
    }

    #[test]
    fn what_was_written_is_whole_and_its_head_is_told() {
        let lines = log(5);
        let report = checked(&lines, Some(5));
        assert_eq!((report.findings, report.lines, report.start), (vec![], 5, Some((1, Start::First))));
        let head = report.head.unwrap();
        assert_eq!(head.to_string().parse(), Ok(head));
        assert!(lines[4].contains(&head.to_string()[2..]));
        assert_eq!(checked(&[], Some(0)).findings, []);
    }

    #[test]
    fn a_part_is_told_to_be_one_and_a_whole_log_may_begin_behind_a_seal_alone() {
        let lines = log(9);
        assert_eq!(checked(&lines[3..], None).start, Some((4, Start::Part)));
        assert_eq!(checked(&lines[3..], None).findings, []);
        assert_eq!(checked(&lines[3..], Some(9)).findings, [Finding::Unsealed { seq: 4 }]);
        let sealed = pruned(4, 7);
        assert_eq!(checked(&sealed, Some(8)).findings, []);
        assert_eq!(checked(&sealed, Some(8)).start, Some((5, Start::Sealed)));
        assert_eq!(checked(&sealed[1..], Some(8)).findings, [Finding::Unsealed { seq: 6 }]);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_number() {
        let lines = log(6);
        let mut changed = lines.clone();
        changed[2] = changed[2].replace("test.act", "test.bad");
        assert_eq!(checked(&changed, Some(6)).findings, [Finding::Changed { line: 3, seq: 3 }]);
        let mut dropped = lines.clone();
        dropped.drain(1..3);
        assert_eq!(checked(&dropped, Some(6)).findings, [Finding::Missing { from: 2, through: 3 }]);
        assert_eq!(checked(&lines[..4], Some(6)).findings, [Finding::Missing { from: 5, through: 6 }]);
        let mut swapped = lines.clone();
        swapped.swap(1, 2);
        assert_eq!(checked(&swapped, Some(6)).findings, [Finding::OutOfOrder { line: 3, seq: 2 }]);
        let mut twice = lines.clone();
        twice.insert(3, lines[1].clone());
        assert_eq!(checked(&twice, Some(6)).findings, [Finding::OutOfOrder { line: 4, seq: 2 }]);
        let mut replaced = lines.clone();
        replaced[2] = {
            let mut tip = Tip { seq: 2, hash: digest(Some(&Value::String(member(&lines[2], "prev")))).unwrap() };
            tip.seal(Entry::new(3, "somebody else", "test.act", "done")).text
        };
        assert_eq!(checked(&replaced, Some(6)).findings, [Finding::Replaced { line: 4, seq: 4 }]);
        let mut unreadable = lines;
        unreadable[0] = "x".to_owned();
        assert_eq!(checked(&unreadable, Some(6)).findings, [Finding::Unreadable { line: 1, seq: 1 }]);
    }

    fn member(line: &str, name: &str) -> String {
        serde_json::from_str::<Value>(line).unwrap()[name].as_str().unwrap().to_owned()
    }

    proptest! {
        #[test]
        fn any_bit_that_changes_is_found(entries in 1_u64..8, place in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut bytes = log(entries).join("\n").into_bytes();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            let mut checker = Checker::new();
            bytes.split(|byte| *byte == b'\n').for_each(|line| checker.line(line));
            prop_assert!(!checker.finish(Some(entries)).findings.is_empty());
        }

        #[test]
        fn any_line_that_is_dropped_or_moved_is_found(
            entries in 2_u64..12, from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(),
        ) {
            let lines = log(entries);
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            let mut dropped = lines.clone();
            let gone = dropped.remove(from);
            let seq = u64::try_from(from).unwrap() + 1;
            prop_assert!(!checked(&dropped, Some(entries)).findings.is_empty());
            if seq > 1 {
                prop_assert_eq!(
                    checked(&dropped, Some(entries)).findings,
                    vec![Finding::Missing { from: seq, through: seq }]
                );
            }
            dropped.insert(to, gone);
            prop_assert_eq!(checked(&dropped, Some(entries)).findings.is_empty(), from == to);
        }
    }
}
