//! Names, where they are unique: among all that have not ended, one has a name.
//!
//! Who holds a name, an index of its own tells, that every record is entered into. Two who take the same name at once meet at one
//! key, which each of them writes and whose version each of them checks.

use super::{Authority, IssueError, decoded, show::Token, standing::Standing};
use crate::{
    keys,
    record::Stored as _,
    store::{Check, Direction, Unavailable, Write},
    token_id::TokenId,
};

/// Holders of a name that are looked at in one step. As a rule there is one at most.
const HOLDER_PAGE: u32 = 100;
/// Steps until it is not known whether a name is free: as many holders as one page of a list may examine.
const MAX_HOLDER_PAGES: u32 = 50;

impl Authority {
    /// Takes a name, where names are unique. The commit checks that the settings are still those that were read: once they want
    /// unique names, nobody takes a second one by those of before.
    pub(super) fn claim(
        &self,
        standing: &Standing,
        name: &str,
        id: TokenId,
        checks: &mut Vec<Check>,
        writes: &mut Vec<Write>,
    ) -> Result<(), IssueError> {
        checks.push(Check { key: keys::SETTINGS.to_vec(), version: standing.settings_version });
        if standing.settings.unique_names() {
            let (check, write) = taking(name, id, self.free_name(name)?);
            checks.push(check);
            writes.push(write);
        }
        Ok(())
    }

    /// The version of what says who took a name last, where nobody who has not ended has it.
    ///
    /// Tombstones are not among those that are looked at, however many there are. What ended with something that it descends from,
    /// and is no tombstone yet, is: of these the sweeper makes tombstones, and until then more than a few pages of them are waited for.
    pub(super) fn free_name(&self, name: &str) -> Result<Option<u64>, IssueError> {
        let [taken] = self.read([keys::named(name)])?;
        let taken = decoded::<TokenId>(taken.as_ref()).map_err(Unavailable::from)?;
        let (prefix, mut after) = (keys::holders_prefix(name), None);
        for _ in 0..MAX_HOLDER_PAGES {
            let found = self.store.scan(&prefix, after.as_deref(), Direction::Ascending, HOLDER_PAGE)?.items;
            let ids: Vec<TokenId> = found.iter().filter_map(|item| keys::id_at_end(&item.key)).collect();
            let holds = |token: &Token| token.ending.is_none() && token.name == name;
            if !ids.is_empty() && self.tokens(&ids)?.iter().flatten().any(holds) {
                return Err(IssueError::NameTaken);
            }
            if u32::try_from(found.len()).is_ok_and(|count| count < HOLDER_PAGE) {
                return Ok(taken.map(|(_, version)| version));
            }
            after = found.into_iter().next_back().map(|item| item.key);
        }
        Err(IssueError::Unavailable)
    }
}

/// The check that nobody took the name meanwhile, and the write that takes it. `taken`: the version of what says who took it last.
pub(super) fn taking(name: &str, id: TokenId, taken: Option<u64>) -> (Check, Write) {
    let key = keys::named(name);
    (Check { key: key.clone(), version: taken }, Write { key, value: Some(id.to_stored()) })
}
