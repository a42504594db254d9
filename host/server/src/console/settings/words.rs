//! The settings in words: what each is called here and in DPA, and what it does.

use jeton_runtime::wit::configuration::Settings;

use crate::console::span;

/// A setting, as people know it.
#[derive(Debug)]
pub(super) struct Setting {
    /// Under `/v1`, and for `jeton settings`.
    pub(super) name: &'static str,
    /// On the page.
    pub(super) label: &'static str,
    /// DPA's option.
    pub(super) in_dpa: Option<&'static str>,
    pub(super) hint: &'static str,
    pub(super) kind: Kind,
}

/// What a setting is made of, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Span(fn(&Settings) -> u64),
    /// None is a value too.
    MaybeSpan(fn(&Settings) -> Option<u64>),
    Number(fn(&Settings) -> u32),
    Truth(fn(&Settings) -> bool),
    /// `None`: any.
    Scopes(fn(&Settings) -> Option<&[String]>),
}

/// Every setting, in the order of the page.
pub(super) const ALL: &[Setting] = &[
    Setting {
        name: "access_token_expiration",
        label: "Access tokens live",
        in_dpa: Some("API_ACCESS_TOKEN_EXPIRATION"),
        hint: "Unless their refresh token says otherwise. 1 second to 24 hours.",
        kind: Kind::Span(|settings| settings.access_token_expiration),
    },
    Setting {
        name: "access_token_minimum",
        label: "Access tokens live at least",
        in_dpa: None,
        hint: "The least that a refresh token may set for its own.",
        kind: Kind::Span(|settings| settings.access_token_minimum),
    },
    Setting {
        name: "access_token_maximum",
        label: "Access tokens live at most",
        in_dpa: None,
        hint: "The most that a refresh token may set for its own. 24 hours at most.",
        kind: Kind::Span(|settings| settings.access_token_maximum),
    },
    Setting {
        name: "refresh_token_expiration",
        label: "Refresh tokens live",
        in_dpa: Some("API_REFRESH_TOKEN_EXPIRATION"),
        hint: "Where whoever creates one chooses nothing else.",
        kind: Kind::Span(|settings| settings.refresh_token_expiration),
    },
    Setting {
        name: "refresh_token_maximum",
        label: "Refresh tokens live at most",
        in_dpa: None,
        hint: "From their making; those that are there are capped as well. Empty: no maximum.",
        kind: Kind::MaybeSpan(|settings| settings.refresh_token_maximum),
    },
    Setting {
        name: "never_allowed",
        label: "Tokens that never expire may be created",
        in_dpa: None,
        hint: "Those that are there stay as they are.",
        kind: Kind::Truth(|settings| settings.never_allowed),
    },
    Setting {
        name: "unique_names",
        label: "Names are unique",
        in_dpa: None,
        hint: "Among refresh tokens that have not ended.",
        kind: Kind::Truth(|settings| settings.unique_names),
    },
    Setting {
        name: "scopes",
        label: "Scopes that exist",
        in_dpa: None,
        hint: "What is not among them is granted to nobody any more. Separated by spaces or lines; those that begin with jeton: always exist.",
        kind: Kind::Scopes(|settings| settings.scopes.as_deref()),
    },
    Setting {
        name: "delegation_levels",
        label: "Levels of refresh tokens below each other",
        in_dpa: None,
        hint: "0 to 8.",
        kind: Kind::Number(|settings| settings.delegation_levels),
    },
    Setting {
        name: "holder_delegation",
        label: "Holders may create refresh tokens below theirs",
        in_dpa: None,
        hint: "Where the token itself says so as well.",
        kind: Kind::Truth(|settings| settings.holder_delegation),
    },
    Setting {
        name: "tombstone_retention",
        label: "Deleted and expired tokens are remembered for",
        in_dpa: None,
        hint: "So that it can be said why a script stopped working. 1 day to 3650 days.",
        kind: Kind::Span(|settings| settings.tombstone_retention),
    },
];

impl Kind {
    /// As the template knows it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Span(_) | Self::MaybeSpan(_) => "span",
            Self::Number(_) => "number",
            Self::Truth(_) => "truth",
            Self::Scopes(_) => "scopes",
        }
    }
}

impl Setting {
    /// The value in words.
    pub(super) fn told(&self, settings: &Settings) -> String {
        match self.kind {
            Kind::Span(get) => span::told(get(settings)),
            Kind::MaybeSpan(get) => get(settings).map_or_else(|| "no maximum".to_owned(), span::told),
            Kind::Number(get) => get(settings).to_string(),
            Kind::Truth(get) => if get(settings) { "yes" } else { "no" }.to_owned(),
            Kind::Scopes(get) => match get(settings) {
                None => "any".to_owned(),
                Some([]) => "none".to_owned(),
                Some(scopes) => scopes.join(" "),
            },
        }
    }
}
