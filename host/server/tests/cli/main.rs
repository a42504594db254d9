//! The commands as people and scripts run them: exit status, what stands on which stream, standard input, options of every source.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

mod administration;
mod bearer;
mod changes;
mod connection;
mod local;
mod options;
mod policy;
mod runner;
mod scripted;
mod session;
#[path = "../../../../tests/support/mod.rs"]
#[allow(dead_code, reason = "the end-to-end tests share more than is needed here")]
mod support;
mod users;
mod whole;
