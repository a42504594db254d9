//! The board: where the feed puts what it heard, and every worker reads it. In Envoy it is the shared data of the `vm_id`.
//!
//! | key | holds |
//! | --- | --- |
//! | `jeton.head` | how far the board leads, and when the authority was asked for that |
//! | `jeton.whole` | a whole live document |
//! | `jeton.change.N` | the change that starts from a sequence that leaves the remainder `N` |
//!
//! INVARIANT: documents are written before the head that they lead to, so whoever read a head finds a way to it: the changes
//! from where they are or, where they missed one, the whole document and the changes from there.
//!
//! Shared data has no put-if-absent, so nothing is decided here: which document may follow which is judged by the policy, in each
//! worker anew, and the worst that a second writer can do is to make workers deny.

use core::time::Duration;

use jeton_policy::live::LiveSet;

use crate::time::Now;

/// The key of the head.
pub const HEAD: &str = "jeton.head";
/// The key of the whole document.
pub const WHOLE: &str = "jeton.whole";
/// Changes on the board. A worker that has seen no request for so many of them loads the whole document.
pub const SLOTS: u64 = 128;

/// The key of the change that starts from `base`.
#[must_use]
pub fn change(base: u64) -> String {
    format!("jeton.change.{}", base % SLOTS)
}

/// What is read from the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes.
    pub value: Vec<u8>,
    /// What [`Board::replace`] compares.
    pub version: u32,
}

/// Somebody wrote the entry since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed;

/// A place that all workers share.
pub trait Board {
    /// What stands under a key.
    fn read(&self, key: &str) -> Option<Entry>;
    /// Writes, whatever stood there.
    fn write(&self, key: &str, value: &[u8]);
    /// Writes over what was read with this version.
    ///
    /// # Errors
    /// [`Changed`]: something else stands there by now.
    fn replace(&self, key: &str, value: &[u8], version: u32) -> Result<(), Changed>;
}

/// How far the board leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The epoch's number.
    pub epoch: u64,
    /// The sequence within it.
    pub sequence: u64,
    /// When the request was sent that was answered so: the lease counts from there. All threads of a process share both clocks.
    pub asked: Now,
}

impl Head {
    /// The head that leads to `live`.
    #[must_use]
    pub fn of(live: &LiveSet, asked: Now) -> Self {
        Self { epoch: live.epoch().number(), sequence: live.sequence(), asked }
    }

    /// Where it leads, in the order of live sets.
    #[must_use]
    pub fn place(&self) -> (u64, u64) {
        (self.epoch, self.sequence)
    }

    /// As it stands on the board: four numbers, least significant byte first; the clocks in nanoseconds.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        let nanoseconds = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let mut bytes = [0; 32];
        let numbers = [self.epoch, self.sequence, nanoseconds(self.asked.monotonic), nanoseconds(self.asked.wall)];
        for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *place = number.to_le_bytes();
        }
        bytes
    }

    /// Reads it; `None` when it is nothing of the kind.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.as_chunks::<8>() else { return None };
        let [epoch, sequence, monotonic, wall] = <[[u8; 8]; 4]>::try_from(numbers).ok()?.map(u64::from_le_bytes);
        let asked = Now { monotonic: Duration::from_nanos(monotonic), wall: Duration::from_nanos(wall) };
        Some(Self { epoch, sequence, asked })
    }
}

/// A board in memory, with the versions of Envoy's shared data.
#[cfg(test)]
pub(crate) mod in_memory {
    use std::{cell::RefCell, collections::BTreeMap};

    use super::{Board, Changed, Entry};

    #[derive(Default)]
    pub(crate) struct InMemory {
        entries: RefCell<BTreeMap<String, Entry>>,
        version: RefCell<u32>,
    }

    impl Board for InMemory {
        fn read(&self, key: &str) -> Option<Entry> {
            self.entries.borrow().get(key).cloned()
        }

        fn write(&self, key: &str, value: &[u8]) {
            *self.version.borrow_mut() += 1;
            let entry = Entry { value: value.to_vec(), version: *self.version.borrow() };
            self.entries.borrow_mut().insert(key.to_owned(), entry);
        }

        fn replace(&self, key: &str, value: &[u8], version: u32) -> Result<(), Changed> {
            if self.read(key).is_none_or(|entry| entry.version != version) {
                return Err(Changed);
            }
            self.write(key, value);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_anything_else_is_none() {
        let asked = Now { monotonic: Duration::from_nanos(3), wall: Duration::from_nanos(u64::MAX) };
        let head = Head { epoch: 1, sequence: u64::MAX, asked };
        assert_eq!(Head::from_bytes(&head.to_bytes()), Some(head));
        for bytes in [&[][..], &[0; 31], &[0; 33], &[0; 40]] {
            assert_eq!(Head::from_bytes(bytes), None);
        }
    }
}
