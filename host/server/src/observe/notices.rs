//! Counts of notices. One thread alone counts them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::notices::{kept::Channel, notice::Kind, sending::Outcome};

/// What became of messages, by name.
const RESULTS: [&str; 3] = ["delivered", "failed", "given_up"];

/// What there was to be told, and where it went.
#[derive(Debug, Default)]
pub struct NoticeCounts {
    told: [AtomicU64; Kind::ALL.len()],
    deliveries: [[AtomicU64; RESULTS.len()]; Channel::ALL.len()],
}

impl NoticeCounts {
    /// Counts a notice.
    pub fn tell(&self, kind: Kind) {
        if let Some(count) = self.told.get(kind.place()) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Counts what became of sending.
    pub fn count(&self, channel: Channel, outcome: &Outcome) {
        let counts = [outcome.delivered, outcome.failed, outcome.given_up];
        for (count, more) in self.deliveries.get(channel.place()).into_iter().flatten().zip(counts) {
            count.fetch_add(more, Relaxed);
        }
    }

    /// How many of each kind.
    pub(super) fn told(&self) -> impl Iterator<Item = ([(&'static str, &'static str); 1], u64)> {
        Kind::ALL.into_iter().zip(&self.told).map(|(kind, count)| ([("kind", kind.word())], count.load(Relaxed)))
    }

    /// How many messages of each channel came out how.
    pub(super) fn deliveries(&self) -> impl Iterator<Item = ([(&'static str, &'static str); 2], u64)> {
        Channel::ALL.into_iter().zip(&self.deliveries).flat_map(|(channel, counts)| {
            let labels = move |result| [("channel", channel.word()), ("result", result)];
            RESULTS.into_iter().zip(counts).map(move |(result, count)| (labels(result), count.load(Relaxed)))
        })
    }
}
