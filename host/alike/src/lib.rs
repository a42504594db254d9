//! Nothing of its own: what stands in the manifest is the whole of it.
//!
//! The host and its build script both depend on this crate, and so on the same features of what they have in common.
