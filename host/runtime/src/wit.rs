//! The types of the contract, one module for each interface in `wit/`.

/// Words that more than one interface uses.
pub mod types {
    pub use crate::bindings::jeton::policy::types::{ActingToken, Actor, Ending, IpAddress, Reason, Seconds};
}

pub use crate::bindings::exports::jeton::policy::{
    configuration, epochs, exchange, explanations, live, refresh_tokens, transfer, upkeep, verification,
};

/// What the system calls things, in the words of the contract.
mod conversions {
    use std::net::IpAddr;

    use super::types::IpAddress;

    impl From<IpAddr> for IpAddress {
        fn from(address: IpAddr) -> Self {
            match address {
                IpAddr::V4(address) => Self::V4(address.to_bits()),
                IpAddr::V6(address) => {
                    let [a, b, c, d, e, f, g, h] = address.segments().map(u64::from);
                    Self::V6((a << 48 | b << 32 | c << 16 | d, e << 48 | f << 32 | g << 16 | h))
                }
            }
        }
    }
}

/// The requests that say nothing: what callers begin with.
mod defaults {
    use super::configuration::SettingsChange;
    use super::refresh_tokens::{Bindings, Change, Expiry, IssueRequest, Query, Span};

    impl Default for Bindings {
        /// Bound to nothing.
        fn default() -> Self {
            Self {
                not_before: None,
                networks: Vec::new(),
                networks_in_access_tokens: false,
                audiences: Vec::new(),
                max_exchanges: None,
            }
        }
    }

    impl IssueRequest {
        /// A refresh token of this name, good for nothing yet, that expires by the setting.
        #[must_use]
        pub fn named(name: &str) -> Self {
            Self {
                name: name.to_owned(),
                expiry: Expiry::BySetting,
                scopes: Vec::new(),
                parent: None,
                owner: None,
                access_ttl: None,
                bindings: Bindings::default(),
                may_delegate: false,
                rotates_on_use: false,
                idempotency_key: None,
            }
        }
    }

    impl Query {
        /// The first `limit` tokens, newest first.
        #[must_use]
        pub fn first(limit: u32) -> Self {
            let any = || Span { from: None, until: None };
            Self {
                state: None,
                name: None,
                name_contains: None,
                owner: None,
                parent: None,
                created: any(),
                expires: any(),
                last_used: any(),
                never_used: false,
                sort: None,
                descending: false,
                limit,
                cursor: None,
            }
        }
    }

    impl Default for Change {
        /// Leaves everything as it is.
        fn default() -> Self {
            Self {
                name: None,
                expiry: None,
                enabled: None,
                scopes: None,
                access_ttl: None,
                not_before: None,
                networks: None,
                networks_in_access_tokens: None,
                audiences: None,
                max_exchanges: None,
                may_delegate: None,
                rotates_on_use: None,
                note: None,
            }
        }
    }

    impl Default for SettingsChange {
        /// Leaves everything as it is.
        fn default() -> Self {
            Self {
                access_token_expiration: None,
                access_token_minimum: None,
                access_token_maximum: None,
                refresh_token_expiration: None,
                refresh_token_maximum: None,
                never_allowed: None,
                unique_names: None,
                scopes: None,
                delegation_levels: None,
                holder_delegation: None,
                tombstone_retention: None,
            }
        }
    }
}
