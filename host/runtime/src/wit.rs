//! The types of the contract, one module for each interface in `wit/`.

/// Words that more than one interface uses.
pub mod types {
    pub use crate::bindings::jeton::policy::types::{ActingToken, Actor, Ending, Reason, Seconds};
}

pub use crate::bindings::exports::jeton::policy::{
    configuration, epochs, exchange, live, refresh_tokens, upkeep, verification,
};
