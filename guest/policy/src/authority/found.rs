//! Ending one token as it was found: what a presented secret is to its token decides the end, so the end is committed upon the
//! very versions that this was judged by.
//!
//! An administrator may rotate the token in between: then the secret is of a chain that is over, its bearer holds nothing, and a
//! copy of it tells of nothing.

use super::{
    Authority,
    ending::{Act, Entombing, cut_of, tombstone},
    standing::Standing,
};
use crate::{
    keys,
    record::Reason,
    store::{Check, CommitError},
    token_id::TokenId,
};

impl Authority {
    /// Ends the token on behalf of its bearer; gives whether it ended now.
    ///
    /// # Errors
    /// `Conflict`: the token, or the secret that is in force, is not what it was found to be: judge anew.
    pub(super) fn give_back(&self, id: TokenId, found: &Standing) -> Result<bool, CommitError> {
        // Two uses make of the secret in force a spent one, which is no possession.
        let rotation = found
            .conduct()
            .rotates_on_use
            .then(|| Check { key: keys::rotation(id), version: found.kept.rotation.map(|(_, version)| version) });
        self.end_as_found(id, found, rotation, &Act::of_holder())
    }

    /// Ends the token of which a spent secret was presented, and all that descends from it; gives whether it ended now.
    ///
    /// # Errors
    /// `Conflict`: the token is not what it was found to be: judge anew.
    pub(super) fn end_family(&self, id: TokenId, found: &Standing) -> Result<bool, CommitError> {
        // What is spent stays so whoever uses the token meanwhile. Only a new chain makes it a wrong one, and that changes the record.
        self.end_as_found(id, found, None, &Act::of_policy(Reason::ReuseDetected))
    }

    fn end_as_found(
        &self,
        id: TokenId,
        found: &Standing,
        check: Option<Check>,
        act: &Act<'_>,
    ) -> Result<bool, CommitError> {
        let Some((record, version)) = &found.token else { return Ok(false) };
        if found.obstacles(id).any(|obstacle| !obstacle.may_pass()) {
            return Ok(false);
        }
        let now = found.time.now;
        let mut entombing = Entombing::default();
        entombing.add(id, record, *version, tombstone(record, act.ending(now)));
        entombing.checks.extend(found.unchanged(id));
        entombing.checks.extend(check);
        self.end_by(act, (found.time, found.epoch.as_ref()), entombing, cut_of(record, now).into_iter().collect())?;
        Ok(true)
    }
}
