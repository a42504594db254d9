//! Verifies Jeton's access tokens in your own process.
//!
//! A [`Verifier`] follows the live feed of an authority and judges tokens by the rules that the authority itself goes by: without a call
//! home, and so that what is deleted there is refused here within a second. Cut off from the authority it goes on for five seconds, and then
//! refuses everything until it hears from it again.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = jeton_verifier::Verifier::builder("https://tokens.example")
//!     .credential("jtn_rt_...") // a refresh token with the scope `jeton:live`
//!     .start()?;
//! verifier.ready().await;
//! match verifier.verify("eyJ0eXAi...", None) {
//!     Ok(claims) => println!("{} may {}", claims.subject(), claims.scope()),
//!     Err(refusal) => println!("refused: {}", refusal.code()),
//! }
//! # Ok(()) }
//! ```
//!
//! | to change | go to |
//! | --- | --- |
//! | what is configured | [`Builder`] |
//! | how a token is judged, and by what | `shards`, `judge` |
//! | how the authority is followed | `feed` |
//! | what HTTP callers are told | [`JetonLayer`], `answers` |

mod answers;
mod builder;
mod claims;
mod event;
mod feed;
mod judge;
mod layer;
mod refusal;
mod shards;
mod verifier;

pub use builder::{BuildError, Builder};
pub use claims::Claims;
pub use event::{Event, FeedError};
pub use layer::{Guarded, GuardedFuture, JetonLayer};
pub use refusal::Refusal;
pub use verifier::Verifier;
