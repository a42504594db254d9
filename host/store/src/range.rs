//! Which keys a scan goes through, as one half-open range.

use jeton_policy::store::Direction;

/// The keys from `from` on that are less than `to`.
pub(crate) struct Range {
    pub(crate) from: Vec<u8>,
    /// `None`: to the greatest key of all.
    pub(crate) to: Option<Vec<u8>>,
}

impl Range {
    /// What [`scan`](jeton_policy::store::Store::scan) promises for a prefix, a cursor and a direction.
    pub(crate) fn of(prefix: &[u8], after: Option<&[u8]>, direction: Direction) -> Self {
        let (start, end) = (prefix.to_vec(), end_of(prefix));
        match (after, direction) {
            (None, _) => Self { from: start, to: end },
            (Some(after), Direction::Ascending) => Self { from: start.max(successor(after)), to: end },
            (Some(after), Direction::Descending) => {
                let after = after.to_vec();
                let to = match end {
                    Some(end) => end.min(after),
                    None => after,
                };
                Self { from: start, to: Some(to) }
            }
        }
    }

    /// Whether no key can lie in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.to.as_ref().is_some_and(|to| *to <= self.from)
    }
}

/// The least key that is greater than `key`.
fn successor(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The least key that is greater than all that begin with `prefix`; `None` when there is no such key.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
