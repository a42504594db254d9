//! Random histories of everything that the policy can be asked, held against the model after every step: a policy that says
//! otherwise is wrong, or the model is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]
#![allow(
    clippy::print_stdout,
    clippy::arc_with_non_send_sync,
    reason = "a long run tells how far it came; the policy is single-threaded and its ports are shared within one thread"
)]

mod act;
mod book;
mod compare;
mod explain;
mod ground;
mod random;
mod run;
mod step;
mod transfer;
mod words;
