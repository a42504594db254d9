//! Notices: what somebody should know before it hurts, told once, in the console and wherever the operator wants it.
//!
//! | to change | go to |
//! | --- | --- |
//! | what is told, and in which words | [`notice`], [`looking`] |
//! | how often: what was told already | `marks` |
//! | where notices stand, and for how long | [`kept`] |
//! | where they go | [`options`], [`webhook`] (signed by [`signature`], to [`addresses`]), [`mail`] |
//! | what happens where nobody takes them | [`sending`] |
//! | when all this is done | [`running`] |

pub mod addresses;
pub mod kept;
pub mod looking;
pub mod mail;
mod marks;
pub mod notice;
pub mod options;
pub mod running;
pub mod sending;
pub mod signature;
pub mod webhook;

pub use marks::Marks;
