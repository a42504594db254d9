//! The live set: the epoch and the cuts that can still matter. All that verifying needs.

mod document;
mod set;

pub use document::{Delta, DocumentError, EpochMember, LEASE, MAX_CUTS, MAX_DOCUMENT, Whole, Written};
pub use set::{LiveEpoch, LiveSet, LoadError};
