//! Preview: whom a change of settings would hit, before it is made.

use super::{
    Authority, SettingsChange, SettingsError, cursor,
    show::{State, Token},
    standing::earlier,
    surroundings::Surroundings,
};
use crate::{
    keys,
    record::{Record, Settings, Stored as _},
    scope::Scopes,
    seconds::Seconds,
    store::{Direction, MAX_SCAN},
    token_id::TokenId,
};

/// The most refresh tokens that one step looks at, so that it never holds up anybody for long.
pub const MAX_PREVIEWED: u32 = 5000;
/// How many of the affected ones are shown.
pub const MAX_FIRST: usize = 100;

/// What a change would do, as far as one step could see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The settings after it.
    pub settings: Settings,
    /// How many living refresh tokens of this step would live shorter, or be granted less.
    pub affected: u32,
    /// The first [`MAX_FIRST`] of them as they stand now, newest first.
    pub first: Vec<Token>,
    /// How many were looked at.
    pub examined: u32,
    /// Where the next step begins. `None`: this was the last.
    pub next: Option<String>,
}

/// What a refresh token reaches under some settings.
struct Reach {
    expires_at: Option<Seconds>,
    access_ttl: Seconds,
    scopes: usize,
}

impl Authority {
    /// What [`Authority::set_settings`] would do; changes nothing. Each step shows its refresh tokens as of its own moment, and
    /// all steps of a preview begin from the same settings: a cursor is invalid once they have changed.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn preview(&self, change: &SettingsChange, cursor: Option<&str>) -> Result<Preview, SettingsError> {
        let head = self.head()?;
        let settings = change.applied_to(&head.settings)?;
        let identity = settings.to_stored();
        let mut after = match cursor {
            None => None,
            Some(cursor) => {
                Some(cursor::read_key(&identity, cursor, keys::TOKENS).ok_or(SettingsError::CursorInvalid)?)
            }
        };
        let mut preview = Preview { settings, affected: 0, first: Vec::new(), examined: 0, next: None };
        while preview.examined < MAX_PREVIEWED {
            let found = self.store.scan(keys::TOKENS, after.as_deref(), Direction::Ascending, MAX_SCAN)?.items;
            let ids: Vec<TokenId> = found.iter().filter_map(|item| keys::id_at_end(&item.key)).collect();
            let around = self.surroundings(&head, &ids)?;
            let hit: Vec<TokenId> = ids.into_iter().filter(|id| is_affected(*id, &around, &preview.settings)).collect();
            let room = MAX_FIRST.saturating_sub(preview.first.len());
            let shown = hit.get(..room).unwrap_or(&hit);
            preview.first.extend(self.tokens_in(&around, shown)?.into_iter().flatten());
            preview.affected = preview.affected.saturating_add(u32::try_from(hit.len()).unwrap_or(u32::MAX));
            let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
            preview.examined = preview.examined.saturating_add(count);
            if count < MAX_SCAN {
                return Ok(preview);
            }
            after = found.into_iter().next_back().map(|item| item.key);
        }
        preview.next = after.map(|after| cursor::write(&identity, &after));
        Ok(preview)
    }
}

/// Whether a living token would live shorter, or be granted less, under the settings `after`.
fn is_affected(id: TokenId, around: &Surroundings, after: &Settings) -> bool {
    let Some(record) = around.records.get(&id) else { return false };
    if !matches!(around.state(id, record), State::Active | State::Disabled) {
        return false;
    }
    let (before, after) = (around.reach(record, &around.head.settings), around.reach(record, after));
    earlier(before.expires_at, after.expires_at) != before.expires_at
        || after.access_ttl < before.access_ttl
        || after.scopes < before.scopes
}

impl Surroundings {
    /// What `record` reaches under `settings`, over its whole chain.
    fn reach(&self, record: &Record, settings: &Settings) -> Reach {
        let scopes = |record: &Record| Scopes::parse(&record.scope).unwrap_or_default();
        let (mut expires_at, mut granted) = (record.expiry(settings), scopes(record));
        for ancestor in record.ancestors.iter().filter_map(|id| self.records.get(id)) {
            expires_at = earlier(expires_at, ancestor.expiry(settings));
            granted = granted.within(&scopes(ancestor));
        }
        if let Some(catalogue) = &settings.scopes {
            granted = granted.in_catalogue(catalogue);
        }
        Reach { expires_at, access_ttl: settings.access_ttl(record.access_ttl), scopes: granted.as_slice().len() }
    }
}
