//! The interface `configuration`.

use jeton_policy::{
    authority::{self as rules, ConfigureError, SettingsError},
    record,
    seconds::Seconds,
};

use crate::{
    Component, authority,
    bindings::{
        exports::jeton::policy::configuration::{ConfigureRefusal, Guest, Settings, SettingsChange, SettingsRefusal},
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

    fn set(_actor: Actor, change: SettingsChange) -> Result<Settings, SettingsRefusal> {
        let change = rules::SettingsChange {
            access_token_expiration: change.access_token_expiration.map(Seconds),
            refresh_token_expiration: change.refresh_token_expiration.map(Seconds),
        };
        Ok(settings(authority::with(|authority| authority.set_settings(change))?))
    }
}

fn settings(settings: record::Settings) -> Settings {
    Settings {
        access_token_expiration: settings.access_token_expiration.0,
        refresh_token_expiration: settings.refresh_token_expiration.0,
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
