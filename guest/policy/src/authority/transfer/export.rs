//! Export: pages of everything, oldest first, so that parents come before their children.

use super::{
    super::{AskedBindings, Authority, LastUse, MAX_PAGE, cursor, decoded, ending::inherited_tombstone},
    ExportedToken,
};
use crate::{
    keys,
    record::{Exchanges, Record, Rotation, Used},
    scope::Scopes,
    store::{Direction, Freshness, MAX_READ, Unavailable},
    token_id::TokenId,
};

/// What cursors of exports are sealed to: no cursor of a list is one of an export.
const QUERY: &[u8] = b"export";
/// Keys that are read of each token: one read takes a whole page.
const KEYS_EACH: usize = 4;
const _: () = assert!(MAX_PAGE as usize * KEYS_EACH <= MAX_READ, "a page is read at once");

/// Some of the tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedPage {
    /// The tokens, oldest first.
    pub items: Vec<ExportedToken>,
    /// Where the next page begins. `None`: this was the last.
    pub next: Option<String>,
}

/// Why nothing is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Outside 1 to [`MAX_PAGE`].
    #[error("the limit is out of range")]
    LimitOutOfRange,
    /// Not a cursor of an export.
    #[error("the cursor is not one of an export")]
    CursorInvalid,
    /// The store cannot be had.
    #[error("the store is unavailable")]
    Unavailable,
}

impl From<Unavailable> for ExportError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl Authority {
    /// A page of all tokens, dead ones too. What is made while one goes through the pages comes at the end.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn export(&self, limit: u32, cursor: Option<&str>) -> Result<ExportedPage, ExportError> {
        if limit == 0 || limit > MAX_PAGE {
            return Err(ExportError::LimitOutOfRange);
        }
        let after = cursor
            .map(|cursor| cursor::read_key(QUERY, cursor, keys::TOKENS).ok_or(ExportError::CursorInvalid))
            .transpose()?;
        // Ids begin with the inverted time: the last keys are the oldest tokens.
        let found = self.store.scan(keys::TOKENS, after.as_deref(), Direction::Descending, limit)?.items;
        let is_full = u32::try_from(found.len()).is_ok_and(|count| count == limit);
        let next = found.last().filter(|_| is_full).map(|last| cursor::write(QUERY, &last.key));
        let ids: Vec<TokenId> = found.iter().filter_map(|item| keys::id_at_end(&item.key)).collect();
        Ok(ExportedPage { items: self.exported(&ids)?, next })
    }

    /// Those of these tokens that are there. A record and what is kept beside it are of one moment: the secret in force is told by
    /// both.
    pub(super) fn exported(&self, ids: &[TokenId]) -> Result<Vec<ExportedToken>, Unavailable> {
        let of_one = |id: &TokenId| [keys::token(*id), keys::rotation(*id), keys::exchanges(*id), keys::used(*id)];
        let wanted: Vec<_> = ids.iter().flat_map(of_one).collect();
        let mut exported = Vec::with_capacity(ids.len());
        let entries = if wanted.is_empty() { Vec::new() } else { self.store.read(&wanted, Freshness::Latest)?.entries };
        // What has ended never comes back, so how they stand may be read after the records.
        let standing = self.tokens(ids)?;
        for ((id, entries), token) in ids.iter().zip(entries.chunks(KEYS_EACH)).zip(standing) {
            let [record, rotation, exchanges, used] = entries else { return Err(Unavailable) };
            let Some((record, _)) = decoded::<Record>(record.as_ref())? else { continue };
            // Accounts are their host's: without them, what people sign in with is good for nothing anywhere else.
            if record.is_of_console() {
                continue;
            }
            // What ended with its owner, or with what it descends from, is a tombstone wherever it comes, whether the sweeper has
            // written that down or not: its owner may live there.
            let record = match token.and_then(|token| token.ending).filter(|_| record.ending.is_none()) {
                Some(ending) => inherited_tombstone(&record, ending),
                None => record,
            };
            let rotation = decoded::<Rotation>(rotation.as_ref())?.map(|(rotation, _)| rotation);
            let exchanges = decoded::<Exchanges>(exchanges.as_ref())?.map(|(exchanges, _)| exchanges);
            let used = decoded::<Used>(used.as_ref())?.map(|(used, _)| used);
            exported.push(one(*id, record, rotation, exchanges, used));
        }
        Ok(exported)
    }
}

fn one(
    id: TokenId,
    record: Record,
    rotation: Option<Rotation>,
    exchanges: Option<Exchanges>,
    used: Option<Used>,
) -> ExportedToken {
    let (bindings, conduct) = (record.bindings(), record.conduct());
    let secret = record.secret.map(|secret| rotation.map_or(secret, |rotation| rotation.current));
    // What was counted goes with the secret.
    let left =
        |limit: u64| if secret.is_some() { limit.saturating_sub(exchanges.unwrap_or_default().count) } else { 0 };
    ExportedToken {
        id: id.to_string(),
        parent: record.ancestors.first().map(ToString::to_string),
        scopes: Scopes::parse(&record.scope).unwrap_or_default().as_slice().to_vec(),
        created_at: record.created_at,
        expires_at: record.expires_at,
        access_ttl: record.access_ttl,
        exchanges_left: bindings.max_exchanges.map(left),
        bindings: AskedBindings {
            not_before: bindings.not_before,
            networks: bindings.networks.texts(),
            networks_in_access_tokens: bindings.networks_in_access_tokens,
            audiences: bindings.audiences,
            max_exchanges: bindings.max_exchanges,
        },
        conduct,
        secret_sha256: secret.map(|secret| secret.to_vec()),
        last_use: used.map(|used| LastUse { at: used.at, address: used.address, count: used.count }),
        disabled: record.disabled,
        ending: record.ending,
        name: record.name,
        owner: record.owner,
        created_by: record.created_by,
    }
}
