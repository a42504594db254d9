//! The keys beside a record by which it is found: written in the same commit as the record, so that no list ever misses a token.

use crate::{keys, record::Record, store::Write, token_id::TokenId};

/// The writes that make a new record findable.
pub(super) fn entered(id: TokenId, record: &Record) -> Vec<Write> {
    let mut keys = vec![keys::name(&record.name, id), keys::unused(id), keys::expires(record.expires_at, id)];
    keys.extend(record.owner.as_ref().map(|owner| keys::owned(owner, id)));
    keys.extend(record.ancestors.first().map(|parent| keys::child(*parent, id)));
    keys.extend(record.ending.as_ref().map(|ending| keys::ended(ending.at, id)));
    keys.extend(holder(id, record));
    keys.into_iter().map(|key| Write { key, value: Some(Vec::new()) }).collect()
}

/// The writes that a change of a record takes: what it is found by no more, and what it is found by from now on.
pub(super) fn moved(id: TokenId, before: &Record, after: &Record) -> Vec<Write> {
    let places = |record: &Record| {
        [
            Some(keys::name(&record.name, id)),
            Some(keys::expires(record.expires_at, id)),
            record.ending.as_ref().map(|ending| keys::ended(ending.at, id)),
            holder(id, record),
        ]
    };
    let mut writes = Vec::new();
    for (before, after) in places(before).into_iter().zip(places(after)) {
        if before == after {
            continue;
        }
        writes.extend(before.map(|key| Write { key, value: None }));
        writes.extend(after.map(|key| Write { key, value: Some(Vec::new()) }));
    }
    writes
}

/// Where a record is found as the holder of its name: a tombstone holds none, nor does what people sign in with. It is kept whatever the settings say, so that it is
/// whole when they begin to want unique names.
fn holder(id: TokenId, record: &Record) -> Option<Vec<u8>> {
    (record.ending.is_none() && !record.is_of_console()).then(|| keys::holder(&record.name, id))
}
