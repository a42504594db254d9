//! The interface `configuration`.

use jeton_policy::{
    authority::{self as rules, ConfigureError, SettingsError},
    record,
    seconds::Seconds,
};

use super::refresh_tokens::refresh_token;
use crate::{
    Component, authority,
    bindings::{
        exports::jeton::policy::configuration::{
            ConfigureRefusal, Guest, Previewed, Settings, SettingsChange, SettingsRefusal,
        },
        jeton::policy::types::Actor,
    },
};

impl Guest for Component {
    fn configure(requested: Option<String>, fallback: String) -> Result<String, ConfigureRefusal> {
        Ok(authority::with(|authority| authority.configure(requested.as_deref(), &fallback))?)
    }

    fn get() -> Result<Settings, SettingsRefusal> {
        Ok(settings(authority::with(|authority| authority.settings())?))
    }

    fn set(
        actor: Actor,
        change: SettingsChange,
        generation: Option<u64>,
        at_once: bool,
    ) -> Result<Settings, SettingsRefusal> {
        let actor = authority::actor(&actor).map_err(|_| SettingsRefusal::Unavailable)?;
        let change = change.into();
        Ok(settings(authority::with(|authority| authority.set_settings(&actor, &change, generation, at_once))?))
    }

    fn preview(change: SettingsChange, cursor: Option<String>) -> Result<Previewed, SettingsRefusal> {
        let change = change.into();
        let preview = authority::with(|authority| authority.preview(&change, cursor.as_deref()))?;
        Ok(Previewed {
            settings: settings(preview.settings),
            affected: preview.affected,
            first: preview.first.into_iter().map(refresh_token).collect(),
            examined: preview.examined,
            next: preview.next,
        })
    }
}

impl From<SettingsChange> for rules::SettingsChange {
    fn from(change: SettingsChange) -> Self {
        Self {
            access_token_expiration: change.access_token_expiration.map(Seconds),
            access_token_minimum: change.access_token_minimum.map(Seconds),
            access_token_maximum: change.access_token_maximum.map(Seconds),
            refresh_token_expiration: change.refresh_token_expiration.map(Seconds),
            refresh_token_maximum: change.refresh_token_maximum.map(|maximum| maximum.map(Seconds)),
            never_allowed: change.never_allowed,
            unique_names: change.unique_names,
            scopes: change.scopes,
            delegation_levels: change.delegation_levels,
            holder_delegation: change.holder_delegation,
            tombstone_retention: change.tombstone_retention.map(Seconds),
        }
    }
}

fn settings(settings: record::Settings) -> Settings {
    Settings {
        access_token_expiration: settings.access_token_expiration.0,
        access_token_minimum: settings.access_token_minimum().0,
        access_token_maximum: settings.access_token_maximum().0,
        refresh_token_expiration: settings.refresh_token_expiration.0,
        refresh_token_maximum: settings.refresh_token_maximum.map(|maximum| maximum.0),
        never_allowed: settings.never_allowed(),
        unique_names: settings.unique_names(),
        delegation_levels: settings.delegation_levels(),
        holder_delegation: settings.holder_delegation(),
        tombstone_retention: settings.tombstone_retention().0,
        generation: settings.generation(),
        scopes: settings.scopes,
    }
}

impl From<ConfigureError> for ConfigureRefusal {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::IssuerMalformed => Self::IssuerMalformed,
            ConfigureError::AnotherIssuer => Self::AnotherIssuer,
            ConfigureError::Unavailable => Self::Unavailable,
        }
    }
}

same!(SettingsError => SettingsRefusal {
    AccessTokenExpirationOutOfRange AccessTokenMinimumOutOfRange AccessTokenMaximumOutOfRange
    AccessTokenBoundsContradict RefreshTokenExpirationOutOfRange RefreshTokenMaximumOutOfRange
    RefreshTokenExpirationBeyondMaximum ScopesMalformed DelegationLevelsOutOfRange
    TombstoneRetentionOutOfRange GenerationDiffers CursorInvalid Unavailable
});
