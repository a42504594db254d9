//! Numbering and chaining.

use data_encoding::HEXLOWER;
use jeton_policy::digest::Digest;
use serde_json::{Map, Value};

use super::{
    canonical::{self, HASH},
    entry::Entry,
};

/// The number of a line and its hash: who keeps the last one can tell that a log still has all that it had then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the line.
    pub seq: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub seq: u64,
    /// When its act was, in Unix seconds.
    pub at: u64,
    /// The line, as it stands in an export, without an end of line.
    pub text: String,
}

/// Where a log goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) seq: u64,
    pub(crate) hash: [u8; 32],
}

impl Tip {
    /// Before the first line.
    pub(crate) const START: Self = Self { seq: 0, hash: [0; 32] };

    /// The tip of a log whose last line is `text`. One that cannot be read gives zeros, which whoever checks the log will find.
    pub(crate) fn of(seq: u64, text: Option<&str>) -> Self {
        Self { seq, hash: text.and_then(hash_of).unwrap_or_default() }
    }

    /// The next line, which becomes the tip.
    pub(crate) fn seal(&mut self, entry: Entry) -> Line {
        let Entry { at, mut members } = entry;
        let seq = self.seq.saturating_add(1);
        members.insert("seq".to_owned(), seq.into());
        members.insert("prev".to_owned(), HEXLOWER.encode(&self.hash).into());
        let (mut text, place) = canonical::text_without_hash(&members);
        let hash = Digest::of(text.as_bytes()).0;
        text.insert_str(place, &format!("\"{HASH}\":\"{}\",", HEXLOWER.encode(&hash)));
        *self = Self { seq, hash };
        Line { seq, at, text }
    }

    /// What is said of lines that are taken away: the entry `seal`, with the last of them.
    pub(crate) fn sealing(self, seal: Entry) -> Entry {
        seal.with("through", self.seq).with("through_hash", HEXLOWER.encode(&self.hash))
    }
}

/// The hash that a line says it has.
fn hash_of(text: &str) -> Option<[u8; 32]> {
    let members: Map<String, Value> = serde_json::from_str(text).ok()?;
    digest(members.get("hash"))
}

/// A digest as lines write it.
pub(super) fn digest(member: Option<&Value>) -> Option<[u8; 32]> {
    HEXLOWER.decode(member?.as_str()?.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use super::*;

    #[test]
    fn a_line_is_the_canonical_text_of_its_members_and_its_hash_that_of_the_others() {
        let bare = Entry::new(7, "machine", "test.act", "done");
        let named = |name: &str| bare.clone().with(name, "\u{1b}[31m {\"}");
        let entries = ["", "gone", "hash", "hashes", "has", "prev", "seq", "zebra", "\"{"].map(named);
        let mut tip = Tip::START;
        for entry in entries {
            let before = tip;
            let line = tip.seal(entry);
            let mut members: Map<String, Value> = serde_json::from_str(&line.text).unwrap();
            assert_eq!(canonical::text(&members), line.text);
            assert_eq!(digest(members.get("prev")), Some(before.hash));
            assert_eq!((members.get("seq"), line.seq), (Some(&tip.seq.into()), tip.seq));
            assert_eq!(digest(members.remove(HASH).as_ref()), Some(tip.hash));
            assert_eq!(Digest::of(canonical::text(&members).as_bytes()).0, tip.hash);
        }
    }
}
