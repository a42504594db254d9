//! Histories of calls that many clients made at the same time, and what was answered.
//!
//! A history is right if the calls can be put into one order in which each answer is what the model gives: an order that respects
//! real time, in which whatever was answered before another call began also comes before it (Herlihy and Wing, linearizability).
//! [`judge`] finds such an order or says that there is none; nothing is sampled, and a history it gives up on is never called right.
//!
//! Tokens, secrets and access tokens have names here: short ones that whoever recorded the history gave to what came back. No
//! secret is in a history.
//!
//! What is not compared: moments closer than [`TOLERANCE`], since the clock of a real server moves while the model's stands at the
//! beginning of a round; which of several ends within one round is told as the first; and what is told by
//! another than the record that a call writes: in its answer how many exchanges are left, what the settings say, and whether something
//! above it is disabled; and for how long a use that is counted mints, where the setting says that.

mod act;
mod answer;
mod book;
mod likeness;
mod order;
mod script;
#[cfg(test)]
mod tests;

pub use act::{Act, Call};
pub use answer::{Answer, Record};
pub use book::Book;
pub use order::{Contradiction, Judged, judge, shortest};

/// What a token, a secret or an access token is called in a history.
pub type Name = String;

/// Seconds by which a moment of the real server may differ from the model's: longer than a round takes, and far shorter than what
/// histories set lifetimes apart by.
pub const TOLERANCE: u64 = 120;
