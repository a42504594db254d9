//! The interface `live`.

use jeton_policy::authority::{self as rules, FeedError, TakeSnapshot};

use crate::{
    Component, authority,
    bindings::exports::jeton::policy::live::{Change, DeltaRefusal, Guest, LiveRefusal},
};

impl Guest for Component {
    fn snapshot() -> Result<Vec<u8>, LiveRefusal> {
        Ok(authority::with(|authority| authority.snapshot())?)
    }

    fn delta(base: u64, sequence: u64, changes: Vec<Change>) -> Result<Vec<u8>, DeltaRefusal> {
        let changes: Vec<_> =
            changes.into_iter().map(|change| rules::Change { key: change.key, value: change.value }).collect();
        Ok(authority::with(|authority| authority.delta(base, sequence, &changes))?)
    }

    fn key_set() -> Result<Vec<u8>, LiveRefusal> {
        Ok(authority::with(|authority| authority.key_set())?)
    }
}

impl From<FeedError> for LiveRefusal {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::NotBegun => Self::NotBegun,
            FeedError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<TakeSnapshot> for DeltaRefusal {
    fn from(TakeSnapshot: TakeSnapshot) -> Self {
        Self::TakeSnapshot
    }
}
