//! The component as the host runs it: every export of the authority's and of the verifier's world.
//!
//! An input is a story: calls with members of any kind, most of them broken, some of them taken from answers before. A trap is a
//! finding, and so is a secret, token, id or cursor that is taken and was never given out.

mod authority;
mod calls;
mod story;
mod verifier;

use crate::{Target, choices::Choices, reached::Reached};

pub(super) const TARGET: Target = Target {
    name: "component",
    about: "stories of calls of every export of both worlds of the component, each member hostile or taken from answers before",
    words: &["jtn_rt_", "jeton:admin", "alice", "192.0.2.0/24", "https://api.example", "\u{0}", "never"],
    run,
    short_pass: 600,
};

fn run(data: &[u8], reached: &mut Reached) {
    let story = authority::tell(data, reached);
    verifier::judge(&mut Choices::new(data), &story, reached);
}
