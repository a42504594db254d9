//! Own: what belongs to somebody who may act on nothing else.

use super::{Actor, Authority, IssueError, IssueRequest, decoded};
use crate::{keys, record::Record, store::Unavailable, token_id::TokenId};

impl Authority {
    /// Whether the actor may act on this token, as far as that depends on whose it is. Who is confined to what is her own acts on
    /// tokens that have her as their owner and descend from her account: what others gave her elsewhere is not bound by that.
    pub(super) fn may_act_on(&self, actor: &Actor, record: &Record) -> Result<bool, Unavailable> {
        let Some(subject) = actor.confined_to() else { return Ok(true) };
        match record.ancestors.last() {
            Some(root) if record.owner.as_deref() == Some(subject) => self.is_account(*root, subject),
            _ => Ok(false),
        }
    }

    /// Sees that who is confined to what is her own issues to herself, and under what is hers: bounded by her account, and dead
    /// with it.
    pub(super) fn check_own(
        &self,
        actor: &Actor,
        request: &IssueRequest,
        parent: Option<TokenId>,
    ) -> Result<(), IssueError> {
        let Some(subject) = actor.confined_to() else { return Ok(()) };
        let (Some(parent), true) = (parent, request.owner.as_deref() == Some(subject)) else {
            return Err(IssueError::ScopeBeyondActor);
        };
        if self.is_account(parent, subject)? {
            return Ok(());
        }
        let [record] = self.read([keys::token(parent)])?;
        let (record, _) =
            decoded::<Record>(record.as_ref()).map_err(Unavailable::from)?.ok_or(IssueError::ParentNotFound)?;
        if self.may_act_on(actor, &record)? { Ok(()) } else { Err(IssueError::ParentNotFound) }
    }

    /// Whether `id` is the token of the account `name`. An owner is for good and so is the mark, so it is read apart from the rest.
    fn is_account(&self, id: TokenId, name: &str) -> Result<bool, Unavailable> {
        let [record] = self.read([keys::token(id)])?;
        let record = decoded::<Record>(record.as_ref())?;
        Ok(record.is_some_and(|(record, _)| {
            record.ancestors.is_empty() && record.is_of_console() && record.owner.as_deref() == Some(name)
        }))
    }
}
