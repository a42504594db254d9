//! Every engine against one suite and one model, and what SQLite alone must do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

mod audit;
mod broken;
mod conformance;
mod damage;
mod disk;
mod faulty;
mod fuse;
mod group_commit;
mod model;
mod observing;
mod opening;
mod support;
