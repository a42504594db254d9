//! What only the real binary can show: each module is a topic, each test a sentence about it.
//!
//! The servers that are started here listen on loopback, in directories of their own, and end with the test. Whatever a test sends
//! or receives as a secret must never be found in the server's output: [`support::server::Server`] looks for it when it goes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

mod api_document;
mod askers;
mod audit;
mod backups;
mod bad_input;
mod bad_json;
mod bad_tokens;
mod bad_wire;
mod browser;
mod changes;
mod clients;
mod clock;
mod concurrent;
mod console_pages;
mod console_security;
mod console_tokens;
mod crashes;
mod differential;
mod documents;
mod durability;
mod edges;
mod envoy;
mod envoy_load;
mod envoy_strain;
mod envoy_vectors;
mod explanations;
mod failing_disk;
mod gateways;
mod hostile_policies;
mod last_use;
mod layers;
mod live_feed;
mod lying_feed;
mod networks;
mod notices;
mod observing;
mod people;
mod policies;
mod races;
mod reasons;
mod restarts;
mod rust_edge;
mod security_officer;
mod single_sign_on;
mod stores;
mod story;
mod support;
