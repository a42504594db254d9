//! Hostile input for every parser of Jeton and for every export of its component.
//!
//! A [`Target`] takes bytes and panics where a promise does not hold; nothing else counts as a finding. The same function is
//! run by three drivers: a replay of the seeds and a short random pass in `cargo test`, the long random runs of the binary
//! `jeton-fuzz`, and libFuzzer's search by coverage in `jeton-fuzz-guided`.
//!
//! | to change | go to |
//! | --- | --- |
//! | what is promised about a parser | [`targets`], a file for each |
//! | how bytes become structure, and how it is damaged | [`choices`], [`mutation`] |
//! | what the rules stand on meanwhile | [`world`] |
//! | how inputs are made and counted | [`driver`], [`reached`], [`seeds`] |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a target says what it found by panicking"
)]

pub mod choices;
pub mod driver;
pub mod json;
pub mod mutation;
pub mod reached;
pub mod seeds;
pub mod targets;
pub mod world;

use reached::Reached;

/// A parser, or something else that takes what anybody may send, and the promises about it.
#[derive(Clone, Copy)]
pub struct Target {
    /// As it is asked for, and as the folder of its seeds is called.
    pub name: &'static str,
    /// What is thrown at what.
    pub about: &'static str,
    /// Words that its inputs are made of: what a random search would take long to find.
    pub words: &'static [&'static str],
    /// Takes one input.
    pub run: fn(&[u8], &mut Reached),
    /// Inputs of the random pass in `cargo test`: what takes about two seconds.
    pub short_pass: u64,
}

impl core::fmt::Debug for Target {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.name)
    }
}
