//! The runtime with the real policy, and with hostile ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

mod costs;
mod hostile;
mod live;
mod pools;
mod scaffold;
mod verdicts;
mod worlds;
