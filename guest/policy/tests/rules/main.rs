//! What the rules promise, over a store in memory, a clock that is set and entropy that is known.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

mod accounts;
mod bindings;
mod bounds;
mod cascade;
mod checked;
mod clock;
mod clock_accepted;
mod delete;
mod edit;
mod edit_members;
mod edit_races;
mod epochs;
mod exchange;
mod explain;
mod explain_jti;
mod explain_members;
mod faults;
mod feed;
mod found_races;
mod histories;
mod idempotency;
mod issue;
mod life;
mod list;
mod list_model;
mod live_sets;
mod names;
mod networks;
mod owners;
mod pair_races;
mod preview;
mod races;
mod revoke;
mod rotate;
mod rotation_on_use;
mod settings;
mod single_cuts;
mod stage;
mod token_exchange;
mod tombstones;
mod transfer;
mod transfer_members;
mod upkeep;
mod use_races;
mod uses;
mod world;
