//! Jeton's rules: issue, exchange, verify, revoke, cascade and epoch.
//!
//! Everything here is computation. What the rules remember, what time it is, what is random and what is secret come in
//! through [`store::Store`], [`ports::Clock`], [`ports::Entropy`] and [`ports::RootKey`]; nothing else comes in at all.
//!
//! Whether an access token is alive is decided by [`life::judge`] and nowhere else.
//!
//! | to change | go to |
//! | --- | --- |
//! | when a token is alive | [`life`] |
//! | what an access token looks like | [`access_token`] |
//! | what verifying holds in memory | [`live`], [`verifier`] |
//! | where a token may be used from | [`network`] |
//! | issuing, exchanging, ending | [`authority`] |
//! | what lies in the store | [`record`], [`keys`] |

pub mod access_token;
pub mod digest;
pub mod life;
pub mod live;
pub mod network;
mod object;
pub mod scope;
pub mod seconds;
pub mod verifier;

#[cfg(feature = "authority")]
pub mod authority;
#[cfg(feature = "authority")]
#[allow(dead_code, reason = "the operations that use them follow")]
pub mod keys;
#[cfg(feature = "authority")]
pub mod ports;
#[cfg(feature = "authority")]
pub mod record;
#[cfg(feature = "authority")]
pub mod refresh_token;
#[cfg(feature = "authority")]
pub mod store;
#[cfg(feature = "authority")]
pub mod token_id;
