//! The interface `configuration`.

use jeton_policy::{
    authority::{self as rules, ConfigureError, SettingsError},
    record,
    seconds::Seconds,
};

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
        _actor: Actor,
        change: SettingsChange,
        _generation: Option<u64>,
        _at_once: bool,
    ) -> Result<Settings, SettingsRefusal> {
        let change = rules::SettingsChange {
            access_token_expiration: change.access_token_expiration.map(Seconds),
            refresh_token_expiration: change.refresh_token_expiration.map(Seconds),
        };
        Ok(settings(authority::with(|authority| authority.set_settings(change))?))
    }

    fn preview(_change: SettingsChange, _cursor: Option<String>) -> Result<Previewed, SettingsRefusal> {
        Err(SettingsRefusal::Unavailable)
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

impl From<SettingsError> for SettingsRefusal {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::AccessTokenExpirationOutOfRange => Self::AccessTokenExpirationOutOfRange,
            SettingsError::RefreshTokenExpirationOutOfRange => Self::RefreshTokenExpirationOutOfRange,
            SettingsError::Unavailable => Self::Unavailable,
        }
    }
}
