//! How much memory the guest of a store may have.
//!
//! The allocator bounds each memory by itself. A component may have several, one for each language that it is made of, so
//! what they have together is counted here.

use wasmtime::ResourceLimiter;

use crate::engine_config::MAX_MEMORY;

/// Bytes at which an instance is replaced before its next call. Languages that collect what is no longer used do so rarely: theirs
/// would grow to the bound, in the midst of a call, while most of it is of no use. Half of the bound is then left for every call.
const WORN_AT: usize = MAX_MEMORY / 2;

/// The memories of one instance together: never more than [`MAX_MEMORY`] bytes.
#[derive(Default)]
pub(crate) struct MemoryCap(usize);

impl MemoryCap {
    /// The bytes that they have. A memory never shrinks, so it is the most that they had.
    pub(crate) fn held(&self) -> usize {
        self.0
    }

    /// Whether the instance is to be replaced before its next call.
    pub(crate) fn is_worn(&self) -> bool {
        self.0 >= WORN_AT
    }
}

/// The state of a store whose guest has a bound on its memory.
pub(crate) trait Capped {
    /// What its memories have together.
    fn memory(&mut self) -> &mut MemoryCap;
}

impl ResourceLimiter for MemoryCap {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let held = self.0.saturating_add(desired.saturating_sub(current));
        let allowed = maximum.is_none_or(|maximum| desired <= maximum) && held <= MAX_MEMORY;
        if allowed {
            self.0 = held;
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

    use super::*;

    #[test]
    fn two_memories_have_together_what_one_may_have() {
        let mut cap = MemoryCap::default();
        assert!(cap.memory_growing(0, MAX_MEMORY / 2, None).unwrap());
        assert!(cap.memory_growing(0, MAX_MEMORY / 4, None).unwrap());
        assert!(!cap.memory_growing(MAX_MEMORY / 4, MAX_MEMORY / 2 + 1, None).unwrap());
        assert!(cap.memory_growing(MAX_MEMORY / 4, MAX_MEMORY / 2, None).unwrap());
        assert!(!cap.memory_growing(MAX_MEMORY / 2, MAX_MEMORY / 2 + 1, None).unwrap());
        assert_eq!(cap.held(), MAX_MEMORY);
    }

    #[test]
    fn a_memory_never_has_more_than_it_says_itself() {
        let mut cap = MemoryCap::default();
        assert!(!cap.memory_growing(0, 2 << 16, Some(1 << 16)).unwrap());
        assert_eq!(cap.held(), 0);
    }
}
