//! Jeton at Envoy's door: the verifier of `jeton-policy` behind proxy-wasm 0.2.
//!
//! One module has two parts to play, told apart by its configuration. The *feed* runs once for all of Envoy (a singleton under
//! `bootstrap_extensions`): it asks the authority for the live set and puts what it hears on a [`board`]. The *filter* runs on
//! every worker: it reads the board, and judges requests by the one rule. No rule is written here: what a token is, and whether
//! it is alive, is the policy's.
//!
//! Everything but `host` is computation, and knows nothing of Envoy: what time it is and what stands on the board come in.
//!
//! | to change | go to |
//! | --- | --- |
//! | what may be configured | [`config`] |
//! | which paths are open, and which demand scopes | [`paths`], [`routes`] |
//! | how a request is judged, and what a refused one is told | [`gate`], [`denial`] |
//! | how the live set is asked for | [`feed`] |
//! | how it travels from the feed to the workers | [`board`], [`publisher`], [`edge`] |

pub mod bearer;
pub mod board;
pub mod config;
pub mod denial;
pub mod edge;
pub mod feed;
pub mod gate;
pub mod paths;
pub mod publisher;
pub mod routes;
pub mod time;

#[cfg(target_family = "wasm")]
mod host;
